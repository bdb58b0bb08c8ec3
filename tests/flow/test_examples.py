"""The ready-made guardrails of docs/examples, asked by the real `vouchsafe appraise --policy` about recorded evidence. What no single recorded item of evidence can
show (a report beside a TPM's quote, a name in place of another) is in issuer/policy/examples_test.c."""
import json
import os
import shutil
import subprocess

import pytest

from harness.world import BUILD
from test_appraise import AZ_NONCE, VECTORS, azure, gce, snp, tdx

EXAMPLES = "docs/examples"
NITRO = ["--kind", "nitro", "--evidence", "nitro/prod-2022.cbor", "--at", "2022-10-13T09:30:00Z"]
GENOA = snp("genoa-v3-auxblob", "auxblob=auxblob.bin")
VLEK = snp("milan-v3-vlek", "vlek=vlek.der", at="2025-06-01T00:00:00Z")

ROWS = {
    # name: (folder, without the demand for a revocation list, which nobody recorded; what the reasons name, None: accepted; arguments)
    "chip": ("bare-metal-sev-snp", True, None, GENOA),
    "chip-of-turin": ("bare-metal-sev-snp", True, None, snp("turin-v5", "vcek=vcek.pem")),
    "chip-without-list": ("bare-metal-sev-snp", False, "snp.crl", GENOA),
    "foreign-chip": ("bare-metal-sev-snp", True, "snp.chip-id", snp("milan-v3", "vcek=vcek.pem")),
    "chip-of-old": ("bare-metal-sev-snp", True, "snp.version", snp("milan-v2")),
    "platform": ("bare-metal-tdx", False, None, tdx("v4-uptodate", "2025-06-19T10:32:27Z")),
    "platform-by-ppid": ("bare-metal-tdx", False, None, tdx("v5-uptodate", "2026-03-01T00:00:00Z")),
    "debug": ("bare-metal-tdx", False, "tdx.debug", tdx("v4-debug", "2023-06-20T00:00:00Z")),
    "not-enrolled": ("bare-metal-tpm", False, "tpm.ak-trust", gce("sha256")),
    "tpm-alone": ("gke-sev-snp", True, "evidence.kind", gce("sha256")),
    "report-alone": ("gke-sev-snp", True, "tpm.gce-project-number", GENOA),
    "quote-alone": ("gke-tdx", False, "tpm.gce-project-number", tdx("v4-uptodate", "2025-06-19T10:32:27Z")),
    "azure": ("aks-sev-snp", True, None, azure("az-sev-snp", "snp-milan-v3-userdata", AZ_NONCE, ["vcek=vcek.der"])),
    "azure-without-list": ("aks-sev-snp", False, "snp.crl", azure("az-sev-snp", "snp-milan-v3-userdata", AZ_NONCE, ["vcek=vcek.der"])),
    "not-azure": ("aks-tdx", False, "evidence.kind", tdx("v5-uptodate", "2026-03-01T00:00:00Z")),
    "fleet": ("eks-sev-snp", True, None, VLEK),
    "fleet-without-list": ("eks-sev-snp", False, "snp.crl", VLEK),
    "no-fleet": ("eks-sev-snp", True, "snp.csp-id", GENOA),
    "enclave": ("eks-nitro", False, None, NITRO),
    "not-an-enclave": ("eks-nitro", False, "nitro.parent-role", GENOA),
}


def without_list(folder, tmp_path):
    copy = tmp_path / "policy"
    shutil.copytree(folder, copy)
    path = copy / "20-guardrails.yaml"
    lines = path.read_text().splitlines(keepends=True)
    left = [line for line in lines if "snp.crl" not in line]
    assert len(left) == len(lines) - 1
    path.write_text("".join(left))
    return copy


@pytest.mark.parametrize("name", ROWS)
def test_recorded_evidence_under_ready_made_guardrails(name, tmp_path):
    folder, no_list, field, arguments = ROWS[name]
    policy = os.path.abspath(f"{EXAMPLES}/{folder}")
    if no_list:
        policy = without_list(policy, tmp_path)
    done = subprocess.run([os.path.abspath(f"{BUILD}/vouchsafe"), "appraise", *arguments, "--policy", str(policy), "--output", "json"], cwd=VECTORS, capture_output=True, text=True, timeout=60)
    assert done.returncode == (0 if field is None else 1), done.stdout + done.stderr
    verdict = json.loads(done.stdout)
    assert verdict["accepted"] == (field is None)
    said = " ".join(f"{r['check']} {r['expected']} {r['got']}" for r in verdict["reasons"])
    assert field is None or field in said, verdict["reasons"]
