"""`vouchsafe appraise` over recorded evidence (tests/vectors/README.md): each vector gets the verdict that stands there, with exactly
the claims and reasons of tests/vectors/verdicts (written anew with WRITE_VERDICTS=1, to be read in the diff)."""
import json
import os
import subprocess

import pytest

from harness.world import BUILD

VECTORS = "tests/vectors"
VERDICTS = f"{VECTORS}/verdicts"


def snp(name, cert="vcek=vcek.der", at="2026-06-01T00:00:00Z", more=()):
    return ["--kind", "sev-snp", "--evidence", f"snp/{name}/report.bin", "--part", cert.replace("=", f"=snp/{name}/"), "--at", at, *more]


def tdx(name, at, collateral=None):
    return ["--kind", "tdx", "--evidence", f"tdx/{name}/quote.bin", "--at", at, "--collateral", f"tdx/{collateral or name}/collateral"]


def tpm(name, quote, nonce, parts, at="2026-06-01T00:00:00Z"):
    args = ["--kind", "tpm", "--evidence", f"tpm/{name}/{quote}.attest", "--nonce", nonce, "--at", at]
    for part in (f"sig=tpm/{name}/{quote}.sig", *parts):
        args += ["--part", part]
    return args


def gce(bank, nonce="9009"):
    d = "tpm/gce-cos85-nonce9009"
    return tpm("gce-cos85-nonce9009", f"quote-{bank}", nonce,
               [f"pcrs={d}/pcrs-{bank}.json", f"ak={d}/ak.cert.der", "chain=tpm/roots/tpm_ek_intermediate_2.crt",
                "anchors=tpm/roots/tpm_ek_root_1.cer", f"eventlog={d}/eventlog.bin"])


def keylime(nonce="db1db298db6d60e6385b7231743e9c3056a18003", anchors=True):
    d = "tpm/keylime-sim"
    parts = [f"pcrs={d}/pcrs.json", f"ak={d}/ak.pub.pem"] + ([f"anchors={d}/ak.pub.pem"] if anchors else [])
    return tpm("keylime-sim", "quote", nonce, parts)


def azure(kind, name, nonce, parts, at="2026-06-01T00:00:00Z"):
    d = f"azure/{name}"
    args = ["--kind", kind, "--evidence", f"{d}/hcl-report.bin", "--nonce", nonce, "--at", at]
    for part in ("quote=quote.attest", "sig=quote.sig", "pcrs=pcrs.json", *parts):
        args += ["--part", part.replace("=", f"={d}/")]
    return args


def log(path, registers, part="pcrs"):
    return ["--kind", "eventlog", "--evidence", path, "--part", f"{part}={registers}"]


AZ_NONCE = "982f5c6e45df0ed3f10b6f60b02f0c8390e281300f3805e2279c16168cd6ae9aa398f647caa2338748cd0fd9f5f819ef"
ZEROS, ONES = "00" * 64, "11" * 64

ROWS = {
    # name: (exit status, a check that must be among the reasons, arguments)
    "snp-milan-v2": (0, None, snp("milan-v2")),
    "snp-milan-v2-with-chain": (0, None, snp("milan-v2", more=["--part", "chain=snp/roots/milan_ask_ark_asvk.pem"])),
    "snp-milan-v2-other-chain": (1, "snp.chain", snp("milan-v2", more=["--part", "chain=snp/roots/genoa_ask_ark_asvk.pem"])),
    "snp-milan-v2-expired": (1, "snp.expired", snp("milan-v2", at="2030-04-04T00:00:00Z")),
    "snp-milan-v2-early": (1, "snp.not_yet_valid", snp("milan-v2", at="2023-04-01T00:00:00Z")),
    "snp-milan-v2-no-vcek": (1, None, ["--kind", "sev-snp", "--evidence", "snp/milan-v2/report.bin", "--offline"]),
    "snp-milan-v2-debug": (1, "snp.debug", snp("milan-v2-debug")),
    "snp-milan-v2-foreign-vcek": (1, None, ["--kind", "sev-snp", "--evidence", "snp/milan-v2/report.bin", "--part",
                                            "vcek=snp/milan-v2-debug/vcek.der", "--at", "2026-06-01T00:00:00Z"]),
    "snp-milan-v3": (0, None, snp("milan-v3", "vcek=vcek.pem")),
    "snp-milan-v3-fresh": (0, None, snp("milan-v3", "vcek=vcek.pem", more=["--report-data", ZEROS])),
    "snp-milan-v3-stale": (1, None, snp("milan-v3", "vcek=vcek.pem", more=["--report-data", ONES])),
    "snp-milan-v3-vlek": (0, None, snp("milan-v3-vlek", "vlek=vlek.der", at="2025-06-01T00:00:00Z")),
    "snp-milan-v3-vlek-expired": (1, "snp.expired", snp("milan-v3-vlek", "vlek=vlek.der", at="2025-12-11T00:00:00Z")),
    "snp-genoa-v3-auxblob": (0, None, snp("genoa-v3-auxblob", "auxblob=auxblob.bin")),
    "snp-siena-bergamo-v3": (0, None, snp("siena-bergamo-v3-coco")),
    "snp-turin-v5": (0, None, snp("turin-v5", "vcek=vcek.pem")),
    "snp-turin-v5-other-chip": (1, None, snp("turin-v5", "vcek=vcek-other-chip.der")),
    "snp-bad-vcek": (1, None, ["--kind", "sev-snp", "--evidence", "snp/milan-v2/report.bin", "--part",
                               "vcek=snp/bad/vcek-hwid-octetstring-badsig.der", "--at", "2026-06-01T00:00:00Z"]),
    "az-snp-milan-v3": (0, None, azure("az-sev-snp", "snp-milan-v3-userdata", AZ_NONCE, ["vcek=vcek.der"])),
    "az-snp-milan-v3-other-nonce": (1, None, azure("az-sev-snp", "snp-milan-v3-userdata", "00" * 48, ["vcek=vcek.der"])),
    "az-tdx-v4-no-collateral": (1, None, azure("az-tdx", "tdx-v4", b"challenge".hex(), ["td-quote=td-quote.bin"])),
    "tdx-v4": (0, None, tdx("v4-uptodate", "2025-06-19T10:32:27Z")),
    "tdx-v4-last-second": (0, None, tdx("v4-uptodate", "2025-07-19T10:00:34Z")),
    "tdx-v4-expired": (1, None, tdx("v4-uptodate", "2025-07-19T10:00:36Z")),
    "tdx-v4-early": (1, None, tdx("v4-uptodate", "2025-06-19T10:32:26Z")),
    "tdx-v5": (0, None, tdx("v5-uptodate", "2026-03-01T00:00:00Z")),
    "tdx-v5-expired": (1, None, tdx("v5-uptodate", "2026-03-20T10:41:16Z")),
    "tdx-v4-debug": (1, "tdx.debug", tdx("v4-debug", "2023-06-20T00:00:00Z")),
    "tdx-v4-gnr-no-collateral": (1, "tdx.collateral", ["--kind", "tdx", "--evidence", "tdx/v4-gnr-nocollateral/quote.bin",
                                                       "--at", "2025-09-01T00:00:00Z", "--offline"]),
    "tdx-sgx-v3": (1, None, ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--at", "2025-09-01T00:00:00Z", "--offline"]),
    "tdx-foreign-collateral": (1, None, tdx("v4-uptodate", "2026-03-01T00:00:00Z", collateral="v5-uptodate")),
    "tdx-cos113-no-collateral": (1, "tdx.collateral", ["--kind", "tdx", "--evidence", "ccel/cos113-tdx.quote.bin", "--part",
                                                       "ccel=ccel/cos113-tdx.bin", "--at", "2025-09-01T00:00:00Z", "--offline"]),
    "ccel-cos113": (0, None, log("ccel/cos113-tdx.bin", "ccel/cos113-tdx.rtmr.json", "rtmrs")),
    "ccel-cos113-dupe-separator": (0, None, log("ccel/cos113-dupe-separator.bin", "ccel/cos113-dupe-separator.rtmr.json", "rtmrs")),
    "ccel-ovmf-direct-boot": (0, None, log("ccel/ovmf-direct-boot.bin", "ccel/ovmf-direct-boot.rtmr.json", "rtmrs")),
    "ccel-gke-grub": (0, None, log("ccel/gke-grub-noaction.bin", "ccel/gke-grub-noaction.rtmr.json", "rtmrs")),
    "ccel-foreign-registers": (1, None, log("ccel/cos113-tdx.bin", "ccel/gke-grub-noaction.rtmr.json", "rtmrs")),
    "log-arch": (0, None, log("eventlog/arch-workstation.bin", "eventlog/arch-workstation.pcrs.json")),
    "log-cos101-sev": (0, None, log("eventlog/cos101-sev-gcp.bin", "eventlog/cos101-sev-gcp.pcrs.json")),
    "log-gdc-sha256only": (0, None, log("eventlog/gdc-host-sha256only.bin", "eventlog/gdc-host-sha256only.pcrs.json")),
    "log-rhel8": (0, None, log("eventlog/rhel8-gcp.bin", "eventlog/rhel8-gcp.pcrs.json")),
    "log-ubuntu2404-sevsnp": (0, None, log("eventlog/ubuntu2404-sevsnp-gcp.bin", "eventlog/ubuntu2404-sevsnp-gcp.pcrs.json")),
    "log-debian10-sha1only": (1, None, log("eventlog/debian10-sha1only.bin", "eventlog/debian10-sha1only.pcrs.json")),
    "log-foreign-registers": (1, None, log("eventlog/rhel8-gcp.bin", "eventlog/arch-workstation.pcrs.json")),
    "log-ebs-missing": (1, None, ["--kind", "eventlog", "--evidence", "eventlog/ebs-missing.bin"]),
    "log-bogus-truncated": (1, None, log("eventlog/bogus-truncated.bin", "eventlog/rhel8-gcp.pcrs.json")),
    "tpm-gce-sha256": (0, None, gce("sha256")),
    "tpm-gce-sha384": (0, None, gce("sha384")),
    "tpm-gce-sha1": (1, "tpm.hash", gce("sha1")),
    "tpm-gce-other-nonce": (1, "tpm.extra_data", gce("sha256", nonce="9008")),
    "tpm-keylime": (0, None, keylime()),
    "tpm-keylime-other-nonce": (1, "tpm.extra_data", keylime(nonce="00" * 20)),
    "tpm-keylime-untrusted-ak": (1, "tpm.ak_untrusted", keylime(anchors=False)),
    "tpm-parsec": (0, None, tpm("parsec-certify", "quote", "deadbeefdeadbeef",
                                ["ak=tpm/parsec-certify/ak.pub.pem", "anchors=tpm/parsec-certify/ak.pub.pem"])),
    "tpm-parsec-certify-is-no-quote": (1, "tpm.type", tpm("parsec-certify", "certify", "deadbeefdeadbeef",
                                                          ["ak=tpm/parsec-certify/ak.pub.pem", "anchors=tpm/parsec-certify/ak.pub.pem"])),
    "nitro-prod": (0, None, ["--kind", "nitro", "--evidence", "nitro/prod-2022.cbor", "--at", "2022-10-13T09:30:00Z"]),
    "nitro-prod-expired": (1, None, ["--kind", "nitro", "--evidence", "nitro/prod-2022.cbor", "--at", "2022-10-13T11:58:03Z"]),
    "nitro-debug": (1, "nitro.debug", ["--kind", "nitro", "--evidence", "nitro/debug-2022.cbor", "--at", "2022-10-12T14:00:00Z"]),
    "cca-example": (0, None, ["--kind", "cca", "--evidence", "cca/trustee-example.cbor", "--part", "cpak=cca/trustee-example.cpak.jwk"]),
    "cca-no-cpak": (1, None, ["--kind", "cca", "--evidence", "cca/trustee-example.cbor", "--offline"]),
}


def appraise(arguments):
    program = os.path.abspath(f"{BUILD}/vouchsafe")
    done = subprocess.run([program, "appraise", *arguments, "--output", "json"], cwd=VECTORS, capture_output=True, text=True, timeout=60)
    return done


@pytest.mark.parametrize("name", ROWS)
def test_recorded_evidence_gets_its_verdict(name):
    wanted, check, arguments = ROWS[name]
    done = appraise(arguments)
    assert done.returncode == wanted, done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["accepted"] == (wanted == 0)
    assert (wanted == 0) == (verdict["reasons"] == []), verdict["reasons"]
    assert check is None or check in [r["check"] for r in verdict["reasons"]], verdict["reasons"]
    path = f"{VERDICTS}/{name}.json"
    if os.environ.get("WRITE_VERDICTS"):
        os.makedirs(VERDICTS, exist_ok=True)
        with open(path, "w") as f:
            f.write(done.stdout)
    with open(path) as f:
        assert verdict == json.load(f)


@pytest.mark.parametrize("arguments", [
    [], ["--kind", "sgx", "--evidence", "x"], ["--kind", "tdx"], ["--kind", "tdx", "--evidence", "no-such-file"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--part", "vcek=snp/milan-v2/vcek.der"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--part", "ccel"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--report-data", "00"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--report-data", "zz"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--nonce", "00", "--report-data", ZEROS],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--at", "yesterday"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--collateral", "no-such-folder"],
    ["--kind", "tdx", "--evidence", "tdx/sgx-v3/quote.bin", "--output", "xml"],
])
def test_what_can_not_be_asked_is_trouble(arguments):
    done = subprocess.run([os.path.abspath(f"{BUILD}/vouchsafe"), "appraise", *arguments], cwd=VECTORS, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("vouchsafe: "), done
