"""`vouchsafe decode` tells the form of a file from its bytes and shows what it says."""
import base64
import json
import os
import subprocess

import pytest

from harness.world import BUILD

FORMS = {
    "snp/turin-v5/report.bin": ("sev-snp report", lambda j: j["product"] == "Turin" and j["version"] == 5),
    "snp/milan-v2-debug/report.bin": ("sev-snp report", lambda j: j["debug"]),
    "tdx/v5-uptodate/quote.bin": ("tdx quote", lambda j: j["version"] == 5 and len(j["rtmr0"]) == 96),
    "tdx/v4-debug/quote.bin": ("tdx quote", lambda j: j["debug"]),
    "azure/snp-milan-v3-userdata/hcl-report.bin": ("azure hcl report, sev-snp", lambda j: j["report"]["version"] == 3),
    "azure/tdx-v4/hcl-report.bin": ("azure hcl report, tdx", lambda j: "keys" in j["runtime_data"]),
    "tpm/keylime-sim/quote.attest": ("tpm quote (TPMS_ATTEST)", lambda j: j["selection"] == [{"bank": "sha256", "pcrs": [15, 16, 22]}]),
    "nitro/prod-2022.cbor": ("nitro attestation document", lambda j: j["module_id"].startswith("i-") and len(j["pcrs"]) == 16),
    "cca/trustee-example.cbor": ("arm cca token", lambda j: len(j["platform"]["components"]) == 13),
    "eventlog/rhel8-gcp.bin": ("boot log", lambda j: j["count"] == len(j["events"]) > 50),
    "ccel/cos113-tdx.bin": ("boot log", lambda j: j["count"] > 40),
    "snp/milan-v2/vcek.der": ("certificates", lambda j: "SEV-VCEK" in j["certificates"][0]["subject"]),
    "snp/roots/milan_ask_ark_asvk.pem": ("certificates", lambda j: len(j["certificates"]) == 3),
    "tpm/gce-cos85-nonce9009/pcrs-sha256.json": ("JSON", lambda j: "sha256" in j["content"]),
}


def decode(path):
    return subprocess.run([f"{BUILD}/vouchsafe", "decode", str(path), "--output", "json"], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("path", FORMS)
def test_recorded_files_are_told_apart(path):
    done = decode(os.path.join("tests/vectors", path))
    form, holds = FORMS[path]
    assert done.returncode == 0, done.stdout + done.stderr
    decoded = json.loads(done.stdout)
    assert decoded["form"] == form and holds(decoded)


def part(o):
    return base64.urlsafe_b64encode(json.dumps(o).encode()).decode().rstrip("=")


@pytest.mark.parametrize("header, claims, form", [
    ({"alg": "ES256", "typ": "wit+jwt"}, {"sub": "spiffe://a/b"}, "workload identity token"),
    ({"alg": "ES256"}, {"eat_profile": "x"}, "attestation result (EAR)"),
    ({"alg": "ES256"}, {"sub": "x"}, "token"),
])
def test_tokens_are_shown_unverified(tmp_path, header, claims, form):
    file = tmp_path / "token"
    file.write_text(f"{part(header)}.{part(claims)}.c2ln\n")
    done = decode(file)
    assert done.returncode == 0 and json.loads(done.stdout) == {"form": form, "header": header, "claims": claims}


@pytest.mark.parametrize("content", [b"", b"hello", b"\x84\x00", b"HCLA", b"\xff" * 1184, b"{", b"ey.x.y", b"\x30\x82\x00\x01\x00"])
def test_what_is_none_is_said_so(tmp_path, content):
    file = tmp_path / "file"
    file.write_bytes(content)
    done = decode(file)
    assert done.returncode == 1 and json.loads(done.stdout)["form"] == "unknown", done


def test_a_missing_file_is_trouble(tmp_path):
    assert decode(tmp_path / "none").returncode == 2
