#!/usr/bin/env python3
"""A second opinion on TDX: every recorded quote with collateral, and some hundred quotes of a fake Intel changed at random
(tests/tools/tdx_cases.c), by vouchsafe and by dcap-qvl, whose wheel of one pinned version comes from PyPI into a cache of its own.

Both must say the same: refused, or the same TCB status with the same advisories. Where they may differ is DIFFERENCES, each with its
reason; a difference that isn't there fails the run.

usage: make differential-tdx [COUNT=400 SEED=1]
"""
import argparse
import collections
import datetime
import json
import os
import pathlib
import ssl
import subprocess
import sys
import tempfile
import venv

DCAP_QVL = "dcap-qvl==0.7.0"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME", pathlib.Path.home() / ".cache")) / "vouchsafe" / DCAP_QVL
VECTORS = pathlib.Path("tests/vectors/tdx")
RECORDED = {"v4-uptodate": 1751328000, "v5-uptodate": 1772323200, "v4-debug": 1688169600}


STATUSES = ["UpToDate", "SWHardeningNeeded", "ConfigurationNeeded", "ConfigurationAndSWHardeningNeeded", "OutOfDate",
            "OutOfDateConfigurationNeeded", "Revoked", "TDRelaunchAdvised", "TDRelaunchAdvisedConfigurationNeeded"]
# What vouchsafe refuses and dcap-qvl takes: our check, and why we keep it.
STRICTER_HERE = {
    "tdx.tcb_info": "shape: 16 components must be 16",
    "tdx.pceid": "pceId: not compared there",
    "tdx.xfam": "xfam: not looked at there",
    "tdx.cert_type": "sizes: the outer certification data's type is not looked at there",
    "tdx.structure": "sizes: bytes left inside the signature data are not looked at there",
}
# What dcap-qvl refuses and vouchsafe takes, by its words.
STRICTER_THERE = {
    "TCB status is invalid: Revoked": "revoked: refused there, here a concern that denies unless a policy tolerates it",
    "Debug mode is enabled": "debug: refused there, here a concern that denies unless a policy tolerates it",
    "SEPT_VE_DISABLE is not enabled": "attributes: SEPT_VE_DISABLE is a fact here, since paravisors run without it",
    "Reserved bits in TD attributes are set": "attributes: bits that a newer module may define are a fact here",
}


def differs_knowingly(case, ours, theirs):
    """The reason, or None."""
    if ours.refused and theirs.status:
        return STRICTER_HERE.get(ours.refused)
    if ours.status and theirs.refused:
        return next((why for text, why in STRICTER_THERE.items() if text in theirs.why), None)
    if ours.status == "OutOfDate" and theirs.status == "TDRelaunchAdvised":
        return "relaunch: Intel's library and we ask that the module's own level be out of date, dcap-qvl that anything be"
    if case.quote[0] == 5 and STATUSES.index(ours.status) > STATUSES.index(theirs.status):
        return "running: what runs now is worse than what the TD was launched under: that counts here, not there"
    return None


class Case:
    def __init__(self, name, folder, now, root, what):
        self.name, self.folder, self.now, self.root, self.what = name, folder, now, root, what
        self.quote = (folder / "quote.bin").read_bytes()
        at = 54 if self.quote[0:2] == b"\5\0" else 48
        self.body = self.quote[at:at + 648]

    def part(self, name):
        return (self.folder / "collateral" / name).read_bytes()


class Verdict:
    def __init__(self, status=None, advisories=(), refused=None, why="", concerns=()):
        self.status, self.advisories, self.refused, self.why, self.concerns = status, sorted(set(advisories)), refused, why, concerns

    def __str__(self):
        return f"{self.status} {','.join(self.advisories)}" if self.status else f"refused: {self.refused or ''} {self.why}".strip()


def ours(build, case):
    at = datetime.datetime.fromtimestamp(case.now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    command = [f"{build}/vouchsafe", "appraise", "--kind", "tdx", "--evidence", case.folder / "quote.bin", "--collateral",
               case.folder / "collateral", "--at", at, "--offline", "--output", "json"]
    if case.root:
        command += ["--part", f"anchors={case.root}"]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode not in (0, 1):
        raise SystemExit(f"{case.name}: exit {run.returncode}: {run.stderr}")
    verdict = json.loads(run.stdout)
    status = verdict["claims"].get("tdx.tcb-status")
    reasons = [r["check"] for r in verdict["reasons"]]
    if status is None:
        return Verdict(refused=reasons[-1], why=verdict["reasons"][-1]["got"])
    return Verdict(status, filter(None, verdict["claims"]["tdx.advisories"].split(",")), concerns=reasons)


# Runs inside the environment that has dcap-qvl: a JSON list of folders in, a JSON list of verdicts out.
THEIRS = r'''
import dcap_qvl, json, pathlib, sys
out = []
for case in json.load(sys.stdin):
    c = pathlib.Path(case["folder"]) / "collateral"
    def document(name, member):
        if (c / f"{name}.json").exists():
            return (c / f"{name}.json").read_text(), (c / f"{name}.sig").read_bytes()
        text = (c / f"{name}.response.json").read_text()
        end = text.rindex(',"signature"')
        return text[len('{"%s":' % member):end], bytes.fromhex(json.loads(text)["signature"])
    tcb, tcb_sig = document("tcb_info", "tcbInfo")
    qe, qe_sig = document("qe_identity", "enclaveIdentity")
    chain = (c / "tcb_signing_chain.pem").read_text()
    try:
        collateral = dcap_qvl.QuoteCollateralV3(
            pck_crl_issuer_chain=(c / "pck_crl_issuer_chain.pem").read_text(), root_ca_crl=(c / "root_crl.der").read_bytes(),
            pck_crl=(c / "pck_crl.der").read_bytes(), tcb_info_issuer_chain=chain, tcb_info=tcb, tcb_info_signature=tcb_sig,
            qe_identity_issuer_chain=chain, qe_identity=qe, qe_identity_signature=qe_sig)
        quote = (pathlib.Path(case["folder"]) / "quote.bin").read_bytes()
        if case["root"]:
            r = dcap_qvl.verify_with_root_ca(quote, collateral, bytes.fromhex(case["root"]), case["now"])
        else:
            r = dcap_qvl.verify(quote, collateral, case["now"])
        out.append({"status": r.status, "advisories": list(r.advisory_ids)})
    except Exception as e:
        out.append({"refused": " ".join(str(e).split())})
json.dump(out, sys.stdout)
'''


def theirs(python, cases):
    asked = [{"folder": str(c.folder), "now": c.now,
              "root": ssl.PEM_cert_to_DER_cert(c.root.read_text()).hex() if c.root else None} for c in cases]
    run = subprocess.run([python, "-c", THEIRS], input=json.dumps(asked), capture_output=True, text=True, check=True)
    return [Verdict(v.get("status"), v.get("advisories", ()), "dcap-qvl" if "refused" in v else None, v.get("refused", ""))
            for v in json.loads(run.stdout)]


def environment():
    python = CACHE / "bin" / "python"
    if not (CACHE / "done").exists():
        venv.create(CACHE, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", DCAP_QVL], check=True)
        (CACHE / "done").touch()
    return python


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", default="build")
    options.add_argument("--count", type=int, default=400)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--verbose", action="store_true")
    o = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="tdx-cases-") as made:
        subprocess.run([f"{o.build}/tests/tdx_cases", str(o.count), str(o.seed), made], check=True)
        cases = [Case(n, VECTORS / n, now, None, "recorded") for n, now in RECORDED.items()]
        cases += [Case(f.name, f, int((f / "now").read_text()), f / "root.pem", (f / "what").read_text().strip())
                  for f in sorted(pathlib.Path(made).iterdir())]
        second = theirs(environment(), cases)
        counts, bad = collections.Counter(), 0
        for case, they in zip(cases, second):
            we = ours(o.build, case)
            same = (we.status, we.advisories) == (they.status, they.advisories)
            reason = None if same else differs_knowingly(case, we, they)
            key = ("same: " + (we.status or "refused")) if same else reason or "DIFFERENT"
            counts[key] += 1
            if o.verbose or not (same or reason):
                print(f"{case.name} [{case.what}]\n  ours   {we}\n  theirs {they}")
            bad += not (same or reason)
    for key, n in sorted(counts.items()):
        print(f"{n:5} {key}")
    return 1 if bad else 0


sys.exit(main())
