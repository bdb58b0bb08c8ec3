#!/usr/bin/env python3
"""A second opinion on SEV-SNP: every recorded report with its certificates, and some hundred changed at random (a bit of report,
certificate or certificate table, another machine's certificate, another product's authorities, other report data, bytes cut off),
by vouchsafe and by go-sev-guest's `check` of one pinned version, built by hack/go-tool into a cache of its own. Neither uses the network.

Both see the same bytes: the report, and a certificate table as a host gives it. Both must say the same, accepted or refused; where they
may differ is STRICTER_THERE, each with its reason; a difference that isn't there fails the run.

usage: make differential-snp [COUNT=400 SEED=1]
"""
import argparse
import collections
import json
import pathlib
import random
import re
import ssl
import struct
import subprocess
import sys
import tempfile
import uuid

CHECK = "github.com/google/go-sev-guest/tools/check@v0.15.0"
VECTORS = pathlib.Path("tests/vectors/snp")
VCEK = "63da758d-e664-4564-adc5-f4b93be8accd"
VLEK = "a8074bc2-a25a-483e-aae6-39c045a0b8a1"
ASK = "4ab7b379-bbac-4fe4-a02f-05aef327c782"
ARK = "c0b406a4-a803-4952-9743-3fb6014cd0ae"
# name: certificate, its place in the table, product
RECORDED = {
    "milan-v2": ("vcek.der", VCEK, "milan"),
    "milan-v2-debug": ("vcek.der", VCEK, "milan"),
    "milan-v3": ("vcek.pem", VCEK, "milan"),
    "milan-v3-vlek": ("vlek.der", VLEK, "milan"),
    "genoa-v3-auxblob": (None, VCEK, "genoa"),
    "siena-bergamo-v3-coco": ("vcek.der", VCEK, "genoa"),
    "turin-v5": ("vcek.pem", VCEK, "turin"),
}
CHANGED = ["milan-v2", "milan-v3", "genoa-v3-auxblob"]  # those that both accept as they are
# SMT and CXL allowed, debug and migration not, any ABI version: what vouchsafe asks without a policy
POLICY = str(1 << 16 | 1 << 17 | 1 << 21)

# What go-sev-guest refuses and vouchsafe takes, by its words.
STRICTER_THERE = {
    "no embedded roots available for product line: \"Unknown\"": "siena: it does not know model A0h, which Genoa's authorities certify",
    "not an AMD KDS OID: 1.3.6.1.4.1.3704.1.3.9": "turin: it does not know the extension of Turin's first component",
    "x509: malformed certificate": "pem: hosts put PEM into the table; it reads DER alone",
}


class Case:
    def __init__(self, name, report, table, what="recorded", report_data=None):
        self.name, self.report, self.table, self.what, self.report_data = name, report, table, what, report_data


class Verdict:
    def __init__(self, accepted, why):
        self.accepted, self.why = accepted, why

    def __str__(self):
        return "accepted" if self.accepted else f"refused: {self.why}"


# ---- certificates and their table ----

def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.decode()) if certificate.startswith(b"-----") else certificate


def authorities(product):
    """ASK and ARK."""
    text = (VECTORS / "roots" / f"{product}_ask_ark_asvk.pem").read_text()
    found = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n", text, re.DOTALL)
    return [(ASK, der(found[0].encode())), (ARK, der(found[1].encode()))]


def make_table(entries):
    rows, data, offset = b"", b"", 24 * (len(entries) + 1)
    for guid, content in entries:
        rows += uuid.UUID(guid).bytes + struct.pack("<II", offset + len(data), len(content))
        data += content
    return rows + bytes(24) + data


def read_table(table):
    entries, at = [], 0
    while any(table[at:at + 16]):
        offset, length = struct.unpack("<II", table[at + 16:at + 24])
        entries.append((str(uuid.UUID(bytes=table[at:at + 16])), table[offset:offset + length]))
        at += 24
    return entries


def entries_of(name):
    certificate, guid, product = RECORDED[name]
    if certificate is None:
        return [(g, der(c)) for g, c in read_table((VECTORS / name / "auxblob.bin").read_bytes())]
    return [(guid, der((VECTORS / name / certificate).read_bytes())), *authorities(product)]


# ---- cases ----

def recorded():
    for name in RECORDED:
        yield Case(name, (VECTORS / name / "report.bin").read_bytes(), make_table(entries_of(name)))
    folder = VECTORS / "genoa-v3-auxblob"
    yield Case("genoa-v3-auxblob, its own table", (folder / "report.bin").read_bytes(), (folder / "auxblob.bin").read_bytes())
    leaf = (VECTORS / "turin-v5" / "vcek-other-chip.der").read_bytes()
    yield Case("turin-v5 with another chip's", (VECTORS / "turin-v5" / "report.bin").read_bytes(),
               make_table([(VCEK, leaf), *authorities("turin")]))
    leaf = (VECTORS / "bad" / "vcek-hwid-octetstring-badsig.der").read_bytes()
    yield Case("an altered certificate", (VECTORS / "milan-v2" / "report.bin").read_bytes(), make_table([(VCEK, leaf), *authorities("milan")]))


def flip(chance, data, begin=0, end=None):
    bit = chance.randrange(begin * 8, (end or len(data)) * 8)
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed), bit // 8


def changed(chance, count):
    for number in range(count):
        name = chance.choice(CHANGED)
        report, entries = (VECTORS / name / "report.bin").read_bytes(), entries_of(name)
        table, what, data = make_table(entries), chance.choice(["report", "leaf", "row", "swap", "chain", "data", "bare", "cut"]), None
        if what == "report":
            report, at = flip(chance, report)
            what = f"report, byte {at:#x}"
        elif what == "leaf":
            leaf, at = flip(chance, dict(entries)[VCEK])
            table, what = make_table([(g, leaf if g == VCEK else c) for g, c in entries]), f"VCEK, byte {at}"
        elif what == "row":
            table, at = flip(chance, table, 0, 24 * len(entries))
            what = f"table, byte {at}"
        elif what == "swap":
            other = chance.choice([n for n in RECORDED if n != name])
            guid, leaf = next((g, c) for g, c in entries_of(other) if g in (VCEK, VLEK))
            table, what = make_table([(guid, leaf), *[e for e in entries if e[0] != VCEK]]), f"leaf of {other}"
        elif what == "chain":
            product = chance.choice(["milan", "genoa", "turin"])
            table, what = make_table([(VCEK, dict(entries)[VCEK]), *authorities(product)]), f"authorities of {product}"
        elif what == "data":
            data = report[0x50:0x90] if chance.randrange(2) else flip(chance, report[0x50:0x90])[0]
            what = "report data asked for: " + ("its own" if data == report[0x50:0x90] else "other")
        elif what == "bare":
            table = make_table([(VCEK, dict(entries)[VCEK])])
            what = "authorities left to the verifier"
        else:
            table, what = table[:chance.randrange(len(table))], "table cut"
        yield Case(f"{number} {name}", report, table, what, data)


# ---- both ----

def ours(build, case, folder):
    command = [f"{build}/vouchsafe", "appraise", "--kind", "sev-snp", "--evidence", folder / "report", "--part", f"auxblob={folder}/table",
               "--offline", "--output", "json"]
    if case.report_data:
        command += ["--report-data", case.report_data.hex()]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise SystemExit(f"{case.name}: exit {run.returncode}: {run.stderr}")
    verdict = json.loads(run.stdout)
    return Verdict(verdict["accepted"], verdict["reasons"][-1]["check"] if verdict["reasons"] else "")


def theirs(check, case, folder):
    # what it infers of a stepping from a report of version 2 is a guess (its issue 115)
    command = [check, "-in", folder / "both", "-network=false", "-provisional=true", f"-guest_policy={POLICY}", "-workaround_kds_productname"]
    if case.report_data:
        command += ["-report_data", case.report_data.hex()]
    run = subprocess.run(command, capture_output=True, text=True)
    return Verdict(run.returncode == 0, " ".join(run.stderr.split())[:300])


def differs_knowingly(we, they):
    """The reason, or None."""
    return next((why for text, why in STRICTER_THERE.items() if text in they.why), None) if we.accepted else None


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default="build")
    options.add_argument("--count", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--verbose", action="store_true")
    o = options.parse_args()
    check = subprocess.run(["hack/go-tool", CHECK], stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
    counts, bad = collections.Counter(), 0
    with tempfile.TemporaryDirectory(prefix="snp-cases-") as made:
        folder = pathlib.Path(made)
        for case in [*recorded(), *changed(random.Random(o.seed), o.count)]:
            (folder / "report").write_bytes(case.report)
            (folder / "table").write_bytes(case.table)
            (folder / "both").write_bytes(case.report + case.table)
            we, they = ours(o.build, case, folder), theirs(check, case, folder)
            same = we.accepted == they.accepted
            reason = None if same else differs_knowingly(we, they)
            counts[f"same: {'accepted' if we.accepted else 'refused'}" if same else reason or "DIFFERENT"] += 1
            if o.verbose or not (same or reason):
                print(f"{case.name} [{case.what}]\n  ours   {we}\n  theirs {they}")
            bad += not (same or reason)
    for key, n in sorted(counts.items()):
        print(f"{n:5} {key}")
    return 1 if bad else 0


sys.exit(main())
