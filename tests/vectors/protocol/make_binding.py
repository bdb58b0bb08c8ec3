#!/usr/bin/env python3
"""Writes binding.json: test vectors of the binding transcript and of proofs of possession.

An implementation of its own, of the standard library alone: nothing here shares code with lib/crypt/binding.c, which must
reproduce every byte. Signatures are deterministic (RFC 6979), so that running this twice gives the same file.
usage: make_binding.py > binding.json
"""
import hashlib
import hmac
import json
import struct


def seq(seed, length):
    """`length` bytes that look random and aren't."""
    out = b""
    while len(out) < length:
        out += hashlib.sha256(b"vouchsafe test vector %s %d" % (seed.encode(), len(out))).digest()
    return out[:length]


def field(number, content):
    return struct.pack(">HI", number, len(content)) + content


def transcript(b):
    t = b"vouchsafe-bind-v1\0" + bytes([b["purpose"]])
    t += field(1, bytes.fromhex(b["nonce"]))
    t += field(2, b["audience"].encode())
    t += field(3, bytes.fromhex(b["request_digest"]))
    t += field(4, bytes.fromhex(b["client_spki_digest"]))
    t += field(5, bytes.fromhex(b["exporter"]))
    if b["secondary"]:
        t += field(6, b"".join(bytes([s["kind"]]) + bytes.fromhex(s["digest"]) for s in b["secondary"]))
    return t


def binding(name, purpose, nonce_len, audience, kinds):
    b = {
        "name": name,
        "purpose": purpose,
        "nonce": seq(name + " nonce", nonce_len).hex(),
        "audience": audience,
        "request_digest": seq(name + " request", 32).hex(),
        "client_spki_digest": seq(name + " client", 32).hex(),
        "exporter": seq(name + " exporter", 32).hex(),
        "secondary": [{"kind": k, "digest": seq("%s %d" % (name, k), 32).hex()} for k in kinds],
    }
    t = transcript(b)
    b["t"] = t.hex()
    b["report_data"] = hashlib.sha512(t).hexdigest()
    b["extra_data"] = hashlib.sha256(t).hexdigest()
    return b


# ---- ECDSA (FIPS 186-5; curves of SP 800-186) ----------------------------------------------------------------------
class Curve:
    def __init__(self, p, b, n, gx, gy, digest, head):
        self.p, self.b, self.n, self.g, self.digest = p, b, n, (gx, gy), digest
        self.size = (p.bit_length() + 7) // 8
        self.head = bytes.fromhex(head)

    def add(self, a, b):
        if a is None or b is None:
            return a or b
        if a[0] == b[0]:
            if (a[1] + b[1]) % self.p == 0:
                return None
            m = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, self.p)
        else:
            m = (b[1] - a[1]) * pow(b[0] - a[0], -1, self.p)
        x = (m * m - a[0] - b[0]) % self.p
        return x, (m * (a[0] - x) - a[1]) % self.p

    def times(self, k):
        result, at = None, self.g
        while k:
            if k & 1:
                result = self.add(result, at)
            at, k = self.add(at, at), k >> 1
        return result

    def spki(self, d):
        x, y = self.times(d)
        return self.head + x.to_bytes(self.size, "big") + y.to_bytes(self.size, "big")

    def nonce(self, d, h):
        """RFC 6979, 3.2 (the order is as long as the digest on both curves)."""
        data = d.to_bytes(self.size, "big") + (int.from_bytes(h, "big") % self.n).to_bytes(self.size, "big")
        k, v = b"\0" * len(h), b"\1" * len(h)
        for last in (b"\0", b"\1"):
            k = hmac.new(k, v + last + data, self.digest).digest()
            v = hmac.new(k, v, self.digest).digest()
        while True:
            v = hmac.new(k, v, self.digest).digest()
            candidate = int.from_bytes(v, "big")
            if 0 < candidate < self.n:
                return candidate
            k = hmac.new(k, v + b"\0", self.digest).digest()
            v = hmac.new(k, v, self.digest).digest()

    def sign(self, d, message):
        h = hashlib.new(self.digest, message).digest()
        k = self.nonce(d, h)
        r = self.times(k)[0] % self.n
        s = pow(k, -1, self.n) * (int.from_bytes(h, "big") + r * d) % self.n
        return r.to_bytes(self.size, "big") + s.to_bytes(self.size, "big")


P256 = Curve(
    0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    "sha256",
    "3059301306072a8648ce3d020106082a8648ce3d03010703420004",
)
P384 = Curve(
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF,
    0xB3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF,
    0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    0xAA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7,
    0x3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F,
    "sha384",
    "3076301006072a8648ce3d020106052b8104002203620004",
)


def pop(name, curve, nonce_len, audience):
    d = int.from_bytes(seq(name + " key", curve.size), "big") % (curve.n - 1) + 1
    spki, nonce, aud = curve.spki(d), seq(name + " nonce", nonce_len), audience.encode()
    message = b"vouchsafe-pop-v1\0" + struct.pack(">H", len(nonce)) + nonce + struct.pack(">H", len(aud)) + aud
    message += struct.pack(">I", len(spki)) + spki
    return {
        "name": name,
        "nonce": nonce.hex(),
        "audience": audience,
        "spki": spki.hex(),
        "message": message.hex(),
        "pop": curve.sign(d, message).hex(),
    }


if __name__ == "__main__":
    vectors = {
        "bindings": [
            binding("issue", 2, 64, "https://issuer.example/", []),
            binding("enrol", 1, 32, "spiffe://td.example/vouchsafe/issuer", []),
            binding("results with two secondaries", 3, 48, "https://verifier.example/", [1, 7]),
            binding("release, shortest", 4, 1, "a", [0]),
            binding("everything at its largest", 2, 256, "https://" + "x" * 504, [0, 1, 2, 3, 64, 128, 254, 255]),
        ],
        "proofs": [
            pop("P-256", P256, 64, "https://issuer.example/"),
            pop("P-384", P384, 32, "spiffe://td.example/vouchsafe/issuer"),
        ],
    }
    print(json.dumps(vectors, indent=1))
