"""The emulated configfs-tsm (tests/emulators/tsm): a confidential guest's reports, under a PKI of the tests, that misbehave on command."""
import os
import subprocess
import time

from harness.control import Control

FUSE = 0x65735546


def binary():
    return os.path.join(os.path.abspath(os.environ.get("BUILD", "build")), "tests", "tsm")


class Tsm(Control):
    def __init__(self, folder, provider="sev_guest"):
        self.provider = provider
        self.base, self.process = os.path.join(folder, "tsm"), None
        os.makedirs(self.base, exist_ok=True)
        super().__init__(os.path.join(folder, "tsm-control"))

    def start(self):
        self.process = subprocess.Popen([binary(), self.base, self.control, self.provider], stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not os.path.ismount(self.base):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the emulated configfs-tsm does not mount")
            time.sleep(0.01)
        return self

    def anchor(self):
        return subprocess.run([binary(), "anchor", self.control, self.provider], capture_output=True, text=True, check=True).stdout

    def instances(self):
        return os.listdir(self.base)

    def stop(self):
        if self.process is None:
            return
        subprocess.run(["umount", "-l", self.base], check=False)
        self.process.terminate()
        self.process.wait()
        self.process = None
