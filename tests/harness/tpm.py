"""A real TPM 2.0 in software (swtpm), manufactured with an endorsement key certificate chain."""
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization


class Tpm:
    def __init__(self, folder, name="tpm"):
        self.folder = os.path.join(folder, name)
        self.state = os.path.join(self.folder, "state")
        self.socket = os.path.join(self.folder, "sock")
        self.control = self.socket + ".ctrl"  # where the swtpm TCTI looks for it
        self.process = None
        os.makedirs(self.state, mode=0o755, exist_ok=True)

    @property
    def tcti(self):
        return f"swtpm:path={self.socket}"

    @property
    def ca_folder(self):
        return os.path.join(os.path.dirname(self.folder), "tpm-vendor")

    def manufacture(self):
        """Makes a new TPM: new seeds, new EK, its certificate signed by the vendor CA of this world."""
        ca = self.ca_folder
        os.makedirs(ca, exist_ok=True)
        with open(os.path.join(ca, "localca.conf"), "w") as f:
            f.write(f"statedir = {ca}\nsigningkey = {ca}/signkey.pem\nissuercert = {ca}/issuercert.pem\ncertserial = {ca}/certserial\n")
        with open(os.path.join(ca, "localca.options"), "w") as f:
            f.write("--platform-manufacturer vouchsafe\n--platform-version 1\n--platform-model tests\n")
        with open(os.path.join(ca, "setup.conf"), "w") as f:
            f.write("create_certs_tool = /usr/bin/swtpm_localca\n"
                    f"create_certs_tool_config = {ca}/localca.conf\n"
                    f"create_certs_tool_options = {ca}/localca.options\n")
        shutil.rmtree(self.state)
        os.makedirs(self.state, mode=0o755)
        run = subprocess.run(["swtpm_setup", "--tpm2", "--tpmstate", self.state, "--create-ek-cert", "--overwrite",
                              "--config", os.path.join(ca, "setup.conf")], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"swtpm_setup failed: {run.stdout}{run.stderr}")
        return self

    def vendor_roots(self):
        """PEM of the vendor CA: root and issuing certificate."""
        text = ""
        for name in ("swtpm-localca-rootca-cert.pem", "issuercert.pem"):
            with open(os.path.join(self.ca_folder, name)) as f:
                text += f.read().rstrip() + "\n"
        return text

    def ek_certificate(self):
        nv = subprocess.run(["tpm2_nvread", "-T", self.tcti, "0x01C00002"], capture_output=True, timeout=20, check=True).stdout
        return nv[:4 + int.from_bytes(nv[2:4], "big")]  # it ends where DER says, not where NV does

    def ek_digest(self):
        """SHA-256 of the endorsement key (SPKI, DER): the name by which a platform set lists this TPM."""
        key = x509.load_der_x509_certificate(self.ek_certificate()).public_key()
        spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(spki).hexdigest()

    def listens(self):
        """Its control socket takes a connection: the TPM's own was made before."""
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.control)
            except OSError:
                return False
        return os.path.exists(self.socket)

    def start(self):
        for path in (self.socket, self.control):
            if os.path.exists(path):
                os.unlink(path)
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.state}", "--server", f"type=unixio,path={self.socket},mode=0666",
             "--ctrl", f"type=unixio,path={self.control}", "--flags", "not-need-init,startup-clear"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self.listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("swtpm did not start")
            time.sleep(0.01)
        os.chmod(self.socket, 0o666)
        return self

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def reset(self):
        """A power cycle: same seeds, resetCount goes up, PCRs are zero again."""
        self.stop()
        self.start()

    def clear(self):
        """TPM2_Clear: the same endorsement key, counters from zero. Retries as extend does."""
        deadline = time.monotonic() + 15
        while True:
            run = subprocess.run(["tpm2_clear", "-T", self.tcti, "-c", "p"], capture_output=True, text=True, timeout=20)
            if run.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"tpm2_clear: {run.stderr}")
            time.sleep(0.2)

    def extend(self, pcr, digest_hex, bank="sha256"):
        """Measures something. swtpm serves one connection at a time, so this retries until the attester lets go."""
        deadline = time.monotonic() + 15
        while True:
            run = subprocess.run(["tpm2_pcrextend", "-T", self.tcti, f"{pcr}:{bank}={digest_hex}"], capture_output=True, text=True, timeout=20)
            if run.returncode == 0:
                return
            if time.monotonic() > deadline:
                raise RuntimeError(f"tpm2_pcrextend: {run.stderr}")
            time.sleep(0.2)

    def pcrs(self, bank="sha256"):
        run = subprocess.run(["tpm2_pcrread", "-T", self.tcti, bank], capture_output=True, text=True, timeout=20, check=True)
        values = {}
        for line in run.stdout.splitlines():
            if " : 0x" in line:
                index, value = line.split(" : 0x")
                values[int(index)] = value.strip().lower()
        return values
