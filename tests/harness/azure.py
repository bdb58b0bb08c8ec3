"""An emulated confidential VM of Azure's: a virtual TPM with what the paravisor leaves in it, under the test PKIs, and the host's metadata service."""
import os
import subprocess

from harness.control import Control
from harness.guest import GuestWorld
from harness.tsm import Tsm
from harness.world import ATTESTER_UID, binary, wait_until

HARDWARE = {"az-sev-snp": ("snp", "sev_guest"), "az-tdx": ("tdx", "tdx_guest")}


class Imds(Control):
    """say(imds="busy*2", retry_after=1): tests/fakes/imds.h has the words."""

    def __init__(self, folder):
        super().__init__(os.path.join(folder, "imds-control"))
        self.port_file, self.process = os.path.join(folder, "imds-port"), None

    def start(self):
        self.process = subprocess.Popen([binary("tests/azure"), "serve", self.port_file, self.control], stdin=subprocess.DEVNULL)
        self.url = "http://127.0.0.1:" + wait_until(self.port, what="the metadata service")
        return self

    def port(self):
        if not os.path.exists(self.port_file):
            return ""
        with open(self.port_file) as f:
            return f.read().strip()

    def stop(self):
        self.process.kill()
        self.process.wait()


class AzureWorld(GuestWorld):
    """The attester reads the TPM itself, as on a node whose users of TPMs it is one of; `has_reader`: root's reader does."""

    reader = imds = None

    def boot(self, *words):
        """Retries as Tpm.extend does."""
        command = [binary("tests/azure"), "boot", self.tpm.tcti, HARDWARE[self.kind][0], *words]
        wait_until(lambda: subprocess.run(command, timeout=20).returncode == 0, what="the paravisor")

    def build(self, kind, policy, auto=False, has_reader=False, has_makers=False, log=None, debug=False):
        self.kind = kind
        self.tpm.manufacture().start()
        self.tsm = Tsm(self.folder, HARDWARE[kind][1])  # never mounted: it knows the root
        self.boot(*(["debug"] if debug else []))
        if log is not None:
            log.extend(self.tpm)
            with open(self.path("boot-log"), "wb") as f:
                f.write(log.bytes)
        self.imds = Imds(self.folder).start()
        issuer = {"evidence": {"anchors": [{"kind": kind, "file": self.write("anchors.pem", self.tsm.anchor())}]}}
        if has_makers:
            issuer["endorsements"] = self.makers()
        config = {"evidence": {"kind": "auto" if auto else kind, "imds-url": self.imds.url},
                  "tpm": {"tcti": self.tpm.tcti, "pcrs": "sha256:0,1,2,3,4,5,6,7", "eventlog": self.path("boot-log") if log else ""}}
        socket = os.path.join(self.run, "reader.sock")
        self.prepare(policy(self.tpm.pcrs()[0]), tpm=False, issuer=issuer,
                     attester={**config, **({"reader": {"socket": socket, "uid": 0}} if has_reader else {})})
        if has_reader:
            self.attester_config({**config, "reader": {"socket": socket, "uid": ATTESTER_UID}}, name="reader")
            self.reader = self.program("vouchsafe-attester", "reader.yaml", words=["reader"])
        return self

    def start_reader(self):
        if self.reader is not None:
            super().start_reader()

    def clean_up(self):
        if self.imds is not None:
            self.imds.stop()
        super().clean_up()
