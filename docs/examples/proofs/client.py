#!/usr/bin/python3
"""Calls a service with the Workload Identity Token of a volume and a Workload Proof Token made here. Needs python3-cryptography.

    VOUCHSAFE_DIR=/var/run/identity ./client.py https://pay.example/charge
"""
import base64
import hashlib
import json
import os
import secrets
import sys
import time
import urllib.request

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def proof(directory, url):
    """The two header fields. Files are read for each request: the volume renews them."""
    with open(f"{directory}/wit.jwt", encoding="ascii") as f:
        wit = f.read().strip()
    with open(f"{directory}/wit.key.pem", "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    header = {"alg": "ES256", "typ": "wpt+jwt"}
    claims = {"aud": url.split("#")[0].split("?")[0], "exp": int(time.time()) + 60, "jti": secrets.token_urlsafe(16),
              "wth": b64url(hashlib.sha256(wit.encode()).digest())}
    message = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
    r, s = decode_dss_signature(key.sign(message.encode(), ec.ECDSA(hashes.SHA256())))
    signature = b64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
    return {"Workload-Identity-Token": wit, "Workload-Proof-Token": f"{message}.{signature}"}


if __name__ == "__main__":
    request = urllib.request.Request(sys.argv[1], headers=proof(os.environ["VOUCHSAFE_DIR"], sys.argv[1]))
    with urllib.request.urlopen(request, timeout=10) as answer:
        print(answer.read().decode())
