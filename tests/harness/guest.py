"""A confidential guest as it runs: the evidence reader is root and reads what the kernel has (emulated), the attester is nobody special and can't."""
import os
import subprocess
import sys

import grpc
import pytest

from harness.policy import PROFILE
from harness.qgs import Qgs
from harness.tsm import Tsm
from harness.world import ATTESTER_UID, World, binary, wait_until

sys.path.insert(0, "tests/emulators/endorsements")
from server import EndorsementServer  # noqa: E402

CHIP = "c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff00"

SNP = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-chips, owner: platform-team}}
spec:
  platform: true
  entries:
    - {{name: chip-0, values: {{snp.chip-id: "{chip}"}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require:
    all:
      - {{in_set: our-chips}}
      - {{snp.tcb.ucode: {{gte: {ucode}}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
  match:
    all:
      - {{snp.product: Milan}}
      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""


def snp_policy(chip=CHIP, ucode=1, ttl="20s", revision=1):
    return PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + SNP.format(chip=chip, ucode=ucode)


TDX_FIELD = "pcesvn"

TDX = """apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require:
    all:
      - {{tdx.tcb-status: UpToDate}}
      - {{tdx.{field}: {{gte: {least}}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
  any-genuine: true
  match:
    all:
      - {{evidence.kind: tdx}}
      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""


def tdx_policy(least=1, ttl="20s", revision=1):
    return PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + TDX.format(field=TDX_FIELD, least=least)


def preload(device, **variables):
    """The environment of a program that finds an emulated device. A sanitizer's run time is no longer first then."""
    return {"LD_PRELOAD": binary(f"tests/{device}.so"), "ASAN_OPTIONS": "verify_asan_link_order=0", **variables}


class GuestWorld(World):
    """The reader is root and reads the kernel's files; the attester is nobody special and can't."""

    has_configfs = True
    server = qgs = None

    def older_kernel(self):
        """The environment of a program on a kernel that has the device alone (tests/emulators/device.h)."""
        host_says = self.write("reader-state/host-says", "")  # where the reader may look
        if self.tsm.provider == "tdx_guest":
            return preload("tdx_guest", TDX_GUEST_SAYS=host_says, TDX_GUEST_QGS=self.qgs.path)
        return preload("sev_guest", SEV_GUEST_TSM=self.tsm.base, SEV_GUEST_SAYS=host_says)

    def host_says(self, word):
        self.write("reader-state/host-says", word)

    def makers(self):
        """AMD's and Intel's services, and where the issuer finds them."""
        folder = self.make("makers", 0o755)
        subprocess.run([binary("tests/guest"), "publish", folder], check=True, capture_output=True)
        self.server = EndorsementServer(folder).start()
        return {"online": True, "kds": self.server.url("kds"), "pcs": self.server.url("pcs"), "pcs-root": self.server.url("pcs-root"),
                "ca-file": self.server.certificate, "kds-interval": "10ms", "pcs-interval": "10ms"}

    def build(self, policy, name="sev-snp", provider="sev_guest", has_makers=False, keys="file"):
        """keys: where the issuer's anchors are; a "folder" is empty at first."""
        self.tsm = Tsm(self.folder, provider).start()
        anchors = self.make("platforms", 0o755) if keys == "folder" else self.write("anchors.pem", self.tsm.anchor())
        self.reader_socket = os.path.join(self.run, "reader.sock")
        kind = {"kind": name, "tsm": self.tsm.base}
        if provider == "tdx_guest" and not self.has_configfs:
            self.qgs = Qgs(self.path("qgs.sock"), self.tsm.base).start()
            kind["qgs-port"] = 4050
        issuer = {"evidence": {"anchors": [{"kind": name, "file": anchors}]}}
        if has_makers:
            issuer["endorsements"] = self.makers()
        self.prepare(policy, tpm=False, issuer=issuer,
                     attester={"evidence": kind, "reader": {"socket": self.reader_socket, "uid": 0}})
        self.attester_config({"evidence": kind, "reader": {"socket": self.reader_socket, "uid": ATTESTER_UID}}, name="reader")
        self.reader = self.program("vouchsafe-attester", "reader.yaml", words=["reader"])
        return self

    def start_reader(self):
        if not self.has_configfs:
            self.tsm.say(no_provider=1)
            self.reader.env = self.older_kernel()
        self.reader.start()
        wait_until(lambda: self.reader.events("reader_started"), what="the reader")

    def start(self):
        self.start_reader()
        return super().start()

    def clean_up(self):
        self.tsm.stop()
        for service in (self.server, self.qgs):
            if service is not None:
                service.stop()
        super().clean_up()


def refused(world, pod, timeout=30):
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(pod, timeout=timeout)
    return caught.value.code(), caught.value.details()


def published(world, pod):
    try:
        world.kubelet.publish(pod, timeout=9)
        return True
    except grpc.RpcError:
        return False
