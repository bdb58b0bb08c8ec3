"""A measured-boot log (TCG, crypto-agile, SHA-256) and the registers that it leads to: written event by event, extended into a TPM."""
import hashlib
import struct

SEPARATOR, EFI_VARIABLE, BOOT_APPLICATION = 0x4, 0x80000001, 0x80000003
GLOBAL = bytes.fromhex("61dfe48bca93d211aa0d00e098032b8c")  # EFI_GLOBAL_VARIABLE


class BootLog:
    def __init__(self):
        spec = b"Spec ID Event03\0" + struct.pack("<IBBBB", 0, 0, 2, 0, 2) + struct.pack("<IHH", 1, 0x000b, 32) + b"\0"
        self.bytes = struct.pack("<II20sI", 0, 3, b"", len(spec)) + spec
        self.extends = []

    def add(self, pcr, kind, data):
        digest = hashlib.sha256(data).digest()
        self.bytes += struct.pack("<IIIH", pcr, kind, 1, 0x000b) + digest + struct.pack("<I", len(data)) + data
        self.extends.append((pcr, digest.hex()))
        return self

    def variable(self, name, value):
        return self.add(7, EFI_VARIABLE, GLOBAL + struct.pack("<QQ", len(name), len(value)) + name.encode("utf-16-le") + value)

    def boot(self, secure):
        """Secure Boot's variables, and firmware's registers closed."""
        self.variable("SecureBoot", bytes([1 if secure else 0]))
        for name in ("PK", "KEK"):
            self.variable(name, b"")
        for pcr in range(8):
            self.add(pcr, SEPARATOR, bytes(4))
        return self

    def extend(self, tpm):
        """A TPM's registers as they are after this boot."""
        for pcr, digest in self.extends:
            tpm.extend(pcr, digest)
        return self
