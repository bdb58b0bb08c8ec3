"""A pod's volume on a guest with two roots of trust: an SEV-SNP report with the quote of the machine's TPM, and its boot log, bound into it."""
import json
import os
import re
import subprocess

import grpc
import pytest

from harness.boot_log import BootLog
from harness.guest import GuestWorld, refused
from harness.kubelet import Pod
from harness.policy import PROFILE
from harness.tsm import Tsm
from harness.world import ATTESTER_UID, binary, wait_until

POLICY = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-machines, owner: platform-team}}
spec:
  platform: true
  entries:
    - {{name: machine-0, values: {{tpm.ek: "{ek}"}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require:
    all:
      - {{evidence.kind: sev-snp}}
      - {{snp.tcb.ucode: {{gte: 1}}}}
      - {{tpm.pcr.sha256.0: "{pcr0}"}}
      - {{eventlog.secure-boot: {secure}}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
  match:
    all:
      - {{in_set: our-machines}}
      - {{snp.product: Milan}}
      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""


class CompositeWorld(GuestWorld):
    """SEV-SNP reports and the boot log are root's, whose reader reads them; the TPM is read by the reader, or by the attester itself."""

    def build(self, kind="sev-snp", secondary=("tpm",), tpm_by_reader=True, secure_boot=True, ttl="20s", log=True):
        self.tpm.manufacture().start()
        self.log = BootLog().boot(secure_boot).extend(self.tpm)
        self.tsm = Tsm(self.folder).start()
        # securityfs: the reader alone may read it
        self.log_path = self.path("binary_bios_measurements")
        self.write_log(self.log.bytes if log else b"")
        self.ek, self.pcr0 = self.tpm.ek_digest(), self.tpm.pcrs()[0]
        self.reader_socket = os.path.join(self.run, "reader.sock")
        evidence = {"kind": kind, "tsm": self.tsm.base}
        tpm = {"tcti": self.tpm.tcti, "pcrs": "sha256:0,1,2,3,4,5,6,7", "eventlog": self.log_path}
        reads = dict(evidence, secondary=["tpm"] if secondary and tpm_by_reader else [])
        issuer = {"evidence": {"anchors": [{"kind": "sev-snp", "file": self.write("anchors.pem", self.tsm.anchor())}]}}
        self.prepare(self.policy(ttl=ttl), issuer=issuer, attester={
            "evidence": dict(evidence, secondary=list(secondary)), "tpm": tpm, "reader": {"socket": self.reader_socket, "uid": 0}})
        self.attester_config({"evidence": reads, "tpm": tpm, "reader": {"socket": self.reader_socket, "uid": ATTESTER_UID}}, name="reader")
        self.reader = self.program("vouchsafe-attester", "reader.yaml", words=["reader"])
        return self

    def write_log(self, content):
        with open(self.log_path, "wb") as f:
            f.write(content)
        os.chmod(self.log_path, 0o400)

    def policy(self, pcr0=None, secure=True, ttl="20s", revision=1):
        text = POLICY.format(ek=self.ek, pcr0=pcr0 or self.pcr0, secure=json.dumps(secure))
        return PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + text


@pytest.fixture
def guest():
    made = []

    def make(start=True, **how):
        made.append(CompositeWorld())
        made[-1].build(**how)
        return made[-1].start() if start else made[-1]
    yield make
    for world in made:
        world.close()


def says(world, *words):
    """Events of either program that have all of these words."""
    return [e for e in world.csi.events() + world.attester.events() if all(w in json.dumps(e) for w in words)]


def test_a_volume_on_two_roots_of_trust(guest):
    world = guest(ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    assert volume.openssl_verify()[0]
    assert json.loads(volume.read("status.json"))["evidence"] == "sev-snp"
    record = world.record(volume.serial())
    assert record.returncode == 0 and "our-machines" in record.stdout and "eventlog.replay" in record.stdout, record.stdout
    assert "snp.report_data" in record.stdout and "tpm.extra_data" in record.stdout, "the checks of both are recorded"
    assert [(e["primary"], e["secondary"]) for e in world.attester.events("evidence_composed")] == [("sev-snp", "tpm")]
    assert world.attester.events("attestation_key_enrolled"), "the TPM's key was enrolled, through the reader"
    assert world.tsm.instances() == []
    status = open(f"/proc/{world.reader.process.pid}/status").read()
    assert re.search(r"^Seccomp:\t2$", status, re.M) and re.search(r"^NoNewPrivs:\t1$", status, re.M), "the reader is in its sandbox"


def test_a_tpm_that_the_attester_reads_itself(guest):
    world = guest(ttl="1h", tpm_by_reader=False)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "eventlog.secure-boot" in text, text
    assert says(world, "boot_log_left_out", world.log_path), "the log is root's: the attester can't bring it"
    os.chown(world.log_path, ATTESTER_UID, ATTESTER_UID)
    world.kubelet.publish(Pod("app-0", "payroll", "app"))


def test_a_renewal_from_another_boot_state_is_denied(guest):
    world = guest()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    assert world.reload_policy(world.policy(pcr0="00" * 32, revision=2))[0] == 200
    wait_until(lambda: says(world, "tpm.pcr.sha256.0"), 25, "a denied renewal")
    assert world.volume(pod).serial() == serial, "a failed renewal touches nothing"
    assert world.reload_policy(world.policy(secure=False, revision=3))[0] == 200
    wait_until(lambda: says(world, "eventlog.secure-boot"), 40, "a denied renewal for the log")
    assert world.volume(pod).serial() == serial
    assert world.reload_policy(world.policy(revision=4))[0] == 200
    wait_until(lambda: world.volume(pod).serial() != serial, 40, "a renewal")


def test_a_log_that_leads_elsewhere_is_refused(guest):
    world = guest(ttl="1h", secure_boot=False)
    world.write_log(BootLog().boot(True).bytes)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "register 7 differs" in text, text
    world.write_log(world.log.bytes[:-1])
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.INVALID_ARGUMENT or "log" in text, (code, text)


def test_without_its_log_the_machine_is_denied_by_name(guest):
    world = guest(ttl="1h", log=False)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "eventlog.secure-boot" in text, text
    world.write_log(world.log.bytes + b"\x55" * 200000)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "eventlog.secure-boot" in text, text
    assert [e["why_token"] for e in world.reader.events("boot_log_left_out")] == ["EMPTY_FILE"], "it is said once"
    world.write_log(world.log.bytes)
    world.kubelet.publish(Pod("app-0", "payroll", "app"))


def test_without_the_tpm_the_machine_is_denied_by_name(guest):
    world = guest(ttl="1h", secondary=())
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "tpm." in text, text


def test_a_tpm_that_goes_away_is_waited_for(guest):
    world = guest(ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.tpm.stop()
    code, text = refused(world, Pod("app-1", "payroll", "app"), timeout=20)
    assert code == grpc.StatusCode.UNAVAILABLE and "tpm evidence" in text, text
    world.tpm.start()
    world.log.extend(world.tpm)
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_auto_is_the_readers_choice(guest):
    world = guest(kind="auto", ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    assert [e["kind"] for e in world.reader.events("evidence_kind_chosen")] == ["sev-snp"]
    assert [e["primary"] for e in world.attester.events("evidence_composed")] == ["sev-snp"]


def test_an_attester_sees_what_its_reader_reads(guest):
    world = guest(ttl="1h")

    def probe():
        run = subprocess.run(["setpriv", f"--reuid={ATTESTER_UID}", f"--regid={ATTESTER_UID}", "--clear-groups", "--", binary("vouchsafe-attester"),
                              "probe", "--config", world.path("attester.yaml")], capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout)
    found = probe()
    assert found["auto"] == "sev-snp" and [row["kind"] for row in found["kinds"] if row.get("by") == "reader"] == ["sev-snp", "tpm"]
    world.reader.stop()
    found = probe()
    assert found["reader"]["check"] == "tee.gone" and found["auto"] == "tpm", "what it can read itself"


def test_what_does_not_fit_together_does_not_start(guest):
    world = guest(start=False, kind="tpm")
    for name, program in (("reader.yaml", world.reader), ("attester.yaml", world.attester)):
        program.start()
        assert program.process.wait(30) == 1
        assert "evidence.secondary" in program.log_text() or "tee.gone" in program.log_text(), (name, program.log_text())
        program.process = None
