"""What a pod sees in its volume."""
import json
import os
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization


class Volume:
    def __init__(self, path):
        self.path = path

    def file(self, name):
        return os.path.join(self.path, name)

    def read(self, name):
        with open(self.file(name), "rb") as f:
            return f.read()

    def files(self):
        return sorted(n for n in os.listdir(self.path) if not n.startswith(".."))

    def status(self):
        return json.loads(self.read("status.json"))

    def leaf(self):
        return x509.load_pem_x509_certificate(self.read("tls.crt"))

    def identity(self):
        names = self.leaf().extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        return names.get_values_for_type(x509.UniformResourceIdentifier)[0]

    def serial(self):
        return f"{self.leaf().serial_number:032x}"

    @staticmethod
    def pair_matches(bundle_pem):
        """One open of credential-bundle.pem is one generation: its key must be its certificate's."""
        key = serialization.load_pem_private_key(bundle_pem, None)
        leaf = x509.load_pem_x509_certificate(bundle_pem[bundle_pem.index(b"-----BEGIN CERTIFICATE"):])
        form = (serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return key.public_key().public_bytes(*form) == leaf.public_key().public_bytes(*form)

    def openssl_verify(self):
        run = subprocess.run(["openssl", "verify", "-purpose", "sslclient", "-CAfile", self.file("ca.crt"), "-untrusted", self.file("tls.crt"), self.file("tls.crt")],
                             capture_output=True, text=True)
        return run.returncode == 0, (run.stdout + run.stderr).strip()


def is_mounted(path):
    with open("/proc/self/mountinfo") as f:
        return any(line.split()[4] == path for line in f)


def mounts_below(path):
    with open("/proc/self/mountinfo") as f:
        return [line.split()[4] for line in f if line.split()[4].startswith(path + "/")]
