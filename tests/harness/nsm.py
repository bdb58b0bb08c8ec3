"""An emulated Nitro Enclave: the programs in it find /dev/nsm, with a security module of a PKI of the tests behind it."""
import os
import subprocess

from harness.control import Control
from harness.guest import preload
from harness.world import ATTESTER_UID, World, binary, wait_until


class Module(Control):
    def __init__(self, folder):
        super().__init__(os.path.join(folder, "nsm-control"))
        self.path, self.anchor = os.path.join(folder, "nsm.sock"), os.path.join(folder, "nsm-root.pem")

    def start(self):
        self.process = subprocess.Popen([binary("tests/nsm_module"), self.path, self.anchor, self.control], stdin=subprocess.DEVNULL)
        wait_until(lambda: os.path.exists(self.path) or self.process.poll() is not None, what="the security module")
        os.chmod(self.path, 0o666)  # as /dev/nsm is
        return self

    def environment(self):
        return preload("nsm", NSM_MODULE=self.path)

    def stop(self):
        self.process.kill()
        self.process.wait()


class EnclaveWorld(World):
    """The device is everybody's, so the attester reads it itself; `has_reader`: an image that has it otherwise."""

    def build(self, policy, has_reader=False, has_anchor=True):
        self.module = Module(self.folder).start()
        self.reader = None
        attester = {"evidence": {"kind": "nitro"}}
        issuer = {"evidence": {"anchors": [{"kind": "nitro", "file": self.module.anchor}]}} if has_anchor else {}
        if has_reader:
            attester["reader"] = {"socket": os.path.join(self.run, "reader.sock"), "uid": 0}
        self.prepare(policy, tpm=False, issuer=issuer, attester=attester)
        if has_reader:
            self.attester_config({**attester, "reader": {**attester["reader"], "uid": ATTESTER_UID}}, name="reader")
            self.reader = self.program("vouchsafe-attester", "reader.yaml", words=["reader"])
        (self.reader or self.attester).env = self.module.environment()
        return self

    def start(self):
        if self.reader is not None:
            self.reader.start()
            wait_until(lambda: self.reader.events("reader_started"), what="the reader")
        return super().start()

    def clean_up(self):
        self.module.stop()
        super().clean_up()
