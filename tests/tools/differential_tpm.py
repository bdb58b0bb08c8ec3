#!/usr/bin/env python3
"""TPM evidence beside a second opinion: tpm2-tools. Usage: differential_tpm.py VOUCHSAFE [MUTATIONS]

Logs: tpm2_eventlog replays each recorded log; `vouchsafe appraise --kind eventlog` must accept its registers, and none with a bit
changed. Quotes: recorded quotes, whole and with a random bit of quote, signature or values changed, go to tpm2_checkquote and to
`vouchsafe appraise --kind tpm`; the verdicts must be the same. Prints what was compared and every difference; exit 1 when there is one."""
import json
import pathlib
import random
import subprocess
import sys
import tempfile

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
# name, log; a legacy log is refused by us on purpose
LOGS = ["eventlog/arch-workstation", "eventlog/cos101-sev-gcp", "eventlog/gdc-host-sha256only", "eventlog/rhel8-gcp",
        "eventlog/ubuntu2404-sevsnp-gcp", "tpm/gce-cos85-nonce9009/eventlog"]
LEGACY = ["eventlog/debian10-sha1only", "eventlog/ebs-missing"]
# tpm2_eventlog 5.4 begins PCR 0 at zero, whatever StartupLocality says
TOOL_WRONG = {"eventlog/gdc-host-sha256only": [("sha256", "0")]}
TOOL_PCRS_MAX = 8  # bare values of more registers are more than tpm2_checkquote 5.4 can read: then it sees the quote alone
GCE = VECTORS / "tpm/gce-cos85-nonce9009"
KEYLIME = VECTORS / "tpm/keylime-sim"
PARSEC = VECTORS / "tpm/parsec-certify"
# attest, sig, pcrs (None: not recorded), public key, bank, nonce
QUOTES = {
    "gce-sha256": (GCE / "quote-sha256.attest", GCE / "quote-sha256.sig", GCE / "pcrs-sha256.json", GCE / "ak.pub.pem", "sha256", "9009"),
    "gce-sha384": (GCE / "quote-sha384.attest", GCE / "quote-sha384.sig", GCE / "pcrs-sha384.json", GCE / "ak.pub.pem", "sha384", "9009"),
    "gce-sha1": (GCE / "quote-sha1.attest", GCE / "quote-sha1.sig", GCE / "pcrs-sha1.json", GCE / "ak.pub.pem", "sha1", "9009"),
    "parsec": (PARSEC / "quote.attest", PARSEC / "quote.sig", None, PARSEC / "ak.pub.pem", None, "deadbeefdeadbeef"),
    "keylime": (KEYLIME / "quote.attest", KEYLIME / "quote.sig", KEYLIME / "pcrs.json", KEYLIME / "ak.pub.pem", "sha256",
                "db1db298db6d60e6385b7231743e9c3056a18003"),
}
# Refused by us alone, with our check: registers in SHA-1 prove nothing any more
STRICTER_HERE = {"gce-sha1": "tpm.hash"}


class Sides:
    def __init__(self, vouchsafe, folder):
        self.vouchsafe, self.folder = vouchsafe, pathlib.Path(folder)

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return str(path)

    def ours(self, kind, evidence, **parts):
        args = [self.vouchsafe, "appraise", "--output", "json", "--kind", kind, "--evidence", evidence]
        nonce = parts.pop("nonce", None)
        for name, path in parts.items():
            args += ["--part", f"{name}={path}"]
        if nonce is not None:
            args += ["--nonce", nonce]
        p = subprocess.run(args, capture_output=True, text=True)
        verdict = json.loads(p.stdout)
        return verdict["accepted"], [r["check"] for r in verdict["reasons"]]

    def theirs_quote(self, attest, sig, pcrs, key, bank, nonce):
        values = pcrs[bank] if pcrs else {}
        order = sorted(values, key=int)
        raw = self.file("pcrs.bin", b"".join(bytes.fromhex(values[i]) for i in order))
        registers = ["-f", raw, "-l", f"{bank}:{','.join(order)}"] if 0 < len(order) <= TOOL_PCRS_MAX else []
        p = subprocess.run(["tpm2_checkquote", "-u", str(key), "-m", attest, "-s", sig, "-q", nonce, *registers],
                           capture_output=True, text=True)
        return p.returncode == 0

    def theirs_log(self, path):
        """The registers, {"sha256": {"0": hex}}; None: refused."""
        p = subprocess.run(["tpm2_eventlog", str(path)], capture_output=True, text=True, errors="replace")
        if p.returncode != 0:
            return None
        banks, bank, inside = {}, None, False
        for line in p.stdout.splitlines():
            if line.startswith("pcrs:"):
                inside = True
            elif inside and line.startswith("  sha"):
                bank = banks.setdefault(line.strip().rstrip(":"), {})
            elif inside and bank is not None and " : 0x" in line:
                index, value = line.split(":")
                bank[index.strip()] = value.strip()[2:].lower()
        return banks


def compare_logs(s):
    differences = 0
    for name in LOGS + LEGACY:
        path = VECTORS / f"{name}.bin"
        registers = s.theirs_log(path)
        is_legacy = name in LEGACY
        for bank, index in TOOL_WRONG.get(name, []) if registers else []:
            del registers[bank][index]
        if registers is None:
            print(f"log {name}: tpm2_eventlog refuses it")
            differences += not is_legacy
            continue
        if is_legacy:  # it replays them; we don't, and say why
            given = json.loads((VECTORS / "eventlog/rhel8-gcp.pcrs.json").read_text())
            accepted, reasons = s.ours("eventlog", str(path), pcrs=s.file("r.json", json.dumps(given).encode()))
            fine = not accepted and reasons == ["eventlog.sha1_only"]
        else:
            accepted, reasons = s.ours("eventlog", str(path), pcrs=s.file("r.json", json.dumps(registers).encode()))
            fine = accepted
            for bank in registers:
                for index in registers[bank]:
                    wrong = json.loads(json.dumps(registers))
                    wrong[bank][index] = f"{int(wrong[bank][index][0], 16) ^ 1:x}" + wrong[bank][index][1:]
                    if s.ours("eventlog", str(path), pcrs=s.file("r.json", json.dumps(wrong).encode()))[0]:
                        print(f"log {name}: {bank}:{index} does not count")
                        differences += 1
        count = sum(len(v) for v in registers.values())
        print(f"log {name}: {count} registers by tpm2_eventlog, {'as expected' if fine else 'DIFFERENT ' + str(reasons)}")
        differences += not fine
    return differences


def compare_quotes(s, mutations):
    chance, differences, agreed, stricter = random.Random(1), 0, {True: 0, False: 0}, 0
    for name, (attest, sig, pcrs, key, bank, nonce) in QUOTES.items():
        for i in range(mutations + 1):
            a, g, p, n = bytearray(attest.read_bytes()), bytearray(sig.read_bytes()), json.loads(pcrs.read_text()) if pcrs else None, nonce
            parts = ["attest", "sig", "nonce"] + (["pcrs"] if p and len(p[bank]) <= TOOL_PCRS_MAX else [])
            what = chance.choice(parts) if i else "nothing"
            if what in ("attest", "sig"):
                target = a if what == "attest" else g
                bit = chance.randrange(len(target) * 8)
                target[bit // 8] ^= 1 << bit % 8
            elif what == "pcrs":
                index = chance.choice(list(p[bank]))
                p[bank][index] = f"{int(p[bank][index][0], 16) ^ 1:x}" + p[bank][index][1:]
            elif what == "nonce":
                n = f"{int(n[0], 16) ^ 1:x}" + n[1:]
            a, g = s.file("a", bytes(a)), s.file("s", bytes(g))
            theirs = s.theirs_quote(a, g, p, key, bank, n)
            given = {"pcrs": s.file("p.json", json.dumps(p).encode())} if p else {}
            ours, reasons = s.ours("tpm", a, sig=g, ak=key, anchors=key, nonce=n, **given)
            if theirs and name in STRICTER_HERE and reasons[-1:] == [STRICTER_HERE[name]]:
                stricter += 1
                continue
            agreed[ours] += theirs == ours
            if theirs != ours:
                print(f"quote {name}, {what} changed: tpm2_checkquote {'accepts' if theirs else 'refuses'}, we {'accept' if ours else reasons}")
                differences += 1
    print(f"quotes: the same verdict on {agreed[True]} good and {agreed[False]} bad ones; {stricter} refused by us alone, in SHA-1")
    return differences


def main():
    mutations = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    with tempfile.TemporaryDirectory() as folder:
        s = Sides(sys.argv[1], folder)
        differences = compare_logs(s) + compare_quotes(s, mutations)
    print(f"{differences} differences")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
