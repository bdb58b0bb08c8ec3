"""A pod's volume on Azure's confidential VMs: csi, attester, evidence reader and issuer as they run, with an emulated paravisor and metadata service."""
import json
import os
import subprocess

import grpc
import pytest

from harness.azure import AzureWorld
from harness.boot_log import BootLog
from harness.guest import CHIP, published, refused
from harness.kubelet import Pod
from harness.policy import PROFILE
from harness.volume import is_mounted
from harness.world import binary, wait_until

POLICY = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-machines, owner: platform-team}}
spec:
  platform: true
  entries:
    - {{name: machine-0, values: {machine}}}
---
apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require:
    all:
      - {{az.secure-boot: true}}
      - {{tpm.pcr.sha256.0: "{pcr0}"}}
{more}---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
{genuine}  match:
    all:
      - {{evidence.kind: {kind}}}
{ours}      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""

SNP = {"kind": "az-sev-snp", "machine": f'{{snp.chip-id: "{CHIP}"}}', "ours": "      - {in_set: our-machines}\n", "genuine": ""}
TDX = {"kind": "az-tdx", "machine": f'{{snp.chip-id: "{CHIP}"}}', "ours": "      - {tdx.tcb-status: UpToDate}\n", "genuine": "  any-genuine: true\n"}


def policy(hardware, ttl="20s", more=""):
    """Of the value that register 0 must have."""
    return lambda pcr0, revision=1: PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + POLICY.format(pcr0=pcr0, more=more, **hardware)


@pytest.fixture
def azure():
    made = []

    def make(hardware, ttl="20s", more="", start=True, **how):
        made.append(AzureWorld())
        made[-1].policy = policy(hardware, ttl, more)
        made[-1].build(hardware["kind"], made[-1].policy, **how)
        return made[-1].start() if start else made[-1]
    yield make
    for world in made:
        world.close()


@pytest.mark.parametrize("has_reader", [False, True], ids=["by the attester", "by the reader"])
def test_a_volume_on_az_sev_snp(azure, has_reader):
    world = azure(SNP, ttl="1h", auto=True, has_reader=has_reader)
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    assert is_mounted(world.kubelet.target(pod)) and volume.openssl_verify()[0]
    assert json.loads(volume.read("status.json"))["evidence"] == "az-sev-snp"
    record = world.record(volume.serial())
    assert record.returncode == 0 and "our-machines" in record.stdout, record.stdout
    assert "snp.report_data" in record.stdout and "tpm.extra_data" in record.stdout, "both hops are recorded"
    chosen = [e["kind"] for e in (world.reader or world.attester).events("evidence_kind_chosen")]
    assert chosen == ["az-sev-snp"], "the first that this machine has"
    assert not world.attester.events("attestation_key_enrolled"), "the hardware vouches for the key"


@pytest.mark.parametrize("has_reader", [False, True], ids=["by the attester", "by the reader"])
def test_a_volume_on_az_tdx(azure, has_reader):
    world = azure(TDX, ttl="1h", has_makers=True, has_reader=has_reader)
    pod = Pod("app-0", "payroll", "app")
    wait_until(lambda: published(world, pod), 30, "Intel's collateral")
    volume = world.volume(pod)
    assert volume.openssl_verify()[0] and json.loads(volume.read("status.json"))["evidence"] == "az-tdx"
    record = world.record(volume.serial())
    assert "az.tdreport" in record.stdout and "tdx.report_data" in record.stdout and "tpm.extra_data" in record.stdout, record.stdout


def test_a_register_that_is_not_allowed(azure):
    world = azure(SNP)
    pod = Pod("app-0", "payroll", "app")
    pcr0 = world.tpm.pcrs()[0]
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.tpm.extend(0, "11" * 32)
    wait_until(lambda: any("tpm.pcr.sha256.0" in json.dumps(e) for e in world.csi.events() + world.attester.events()), 25, "a denied renewal")
    assert world.volume(pod).serial() == serial, "a failed renewal touches nothing"
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "guardrail" in text, text
    changed = world.tpm.pcrs()[0]
    assert changed != pcr0 and world.reload_policy(world.policy(changed, 2))[0] == 200
    wait_until(lambda: world.volume(pod).serial() != serial, 40, "a renewal")


def test_a_debug_machine_is_denied(azure):
    for hardware, how in ((SNP, {}), (TDX, {"has_makers": True})):
        world = azure(hardware, debug=True, **how)

        def denied(world=world):
            code, text = refused(world, Pod("app-0", "payroll", "app"))
            assert code in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAVAILABLE), text
            return code == grpc.StatusCode.PERMISSION_DENIED and "debug" in text
        wait_until(denied, 30, "a denial")


def test_without_the_metadata_service_the_issuer_asks_the_maker(azure):
    world = azure(SNP, ttl="1h", has_makers=True)
    for number, word in enumerate(("failing", "missing", "rubbish", "huge")):
        world.imds.say(imds=word)
        pod = Pod(f"app-{number}", "payroll", "app")
        wait_until(lambda pod=pod: published(world, pod), 30, "the certificate of the chip")
    left_out = world.attester.events("azure_certificates_left_out")
    assert [e["why_token"] for e in left_out] == ["az.imds"], "asked again after a minute, and said once until then"


def test_certificates_of_the_chip_are_kept(azure):
    world = azure(SNP, ttl="1h")  # nobody else has them
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.imds.say(imds="failing")
    world.kubelet.publish(Pod("app-1", "payroll", "app"))
    assert not world.attester.events("azure_certificates_left_out")


def test_a_td_waits_for_the_metadata_service(azure):
    world = azure(TDX, ttl="1h", has_makers=True)
    world.imds.say(imds="failing")
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.UNAVAILABLE and "metadata service" in text and "500" in text, text
    for word, said in (("missing", "404"), ("rubbish", "tdquote"), ("huge", "65536")):
        world.imds.say(imds=word)
        code, text = refused(world, Pod("app-0", "payroll", "app"))
        assert code == grpc.StatusCode.INTERNAL and said in text, (word, text)
    world.imds.say(imds="busy*2", retry_after=1)
    wait_until(lambda: published(world, Pod("app-0", "payroll", "app")), 40, "the quote")
    world.imds.say(imds="failing")
    world.kubelet.publish(Pod("app-1", "payroll", "app"))  # the quote is kept


def test_its_boot_log_goes_along(azure):
    secure = "      - {eventlog.secure-boot: true}\n"
    world = azure(SNP, ttl="1h", more=secure, log=BootLog().boot(True))
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    assert "eventlog.replay" in world.record(world.volume(pod).serial()).stdout
    with open(world.path("boot-log"), "wb") as f:
        f.write(BootLog().boot(False).bytes)
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "register 7 differs" in text, text
    os.unlink(world.path("boot-log"))
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "eventlog.secure-boot" in text, text


def test_a_machine_says_what_it_has(azure):
    world = azure(SNP, start=False)

    def asks(*words):
        run = subprocess.run([*words, "--config", world.path("attester.yaml")], capture_output=True, text=True)
        return run.returncode, run.stdout + run.stderr
    code, text = asks(binary("vouchsafe-attester"), "probe")
    found = {row["kind"]: row for row in json.loads(text[:text.rindex("}") + 1])["kinds"]}
    assert code == 0 and found["az-sev-snp"]["available"] and found["az-tdx"]["check"] == "tee.missing", text
    assert asks(binary("vouchsafe"), "evidence", "--kind", "az-sev-snp")[0] == 0
    code, text = asks(binary("vouchsafe"), "evidence", "--kind", "az-tdx")
    assert code == 1 and "SEV-SNP" in text, text
