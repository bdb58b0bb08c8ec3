"""A cluster's word: bound service-account tokens, signed as kube-apiserver signs them, and the key set that verifies them."""
import base64
import json
import time
import uuid

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Cluster:
    def __init__(self, issuer="https://kubernetes.demo.example", kid="demo-1"):
        self.issuer = issuer
        self.kid = kid
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def jwks(self):
        numbers = self.key.public_key().public_numbers()
        size = (numbers.n.bit_length() + 7) // 8
        return json.dumps({"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
                                     "n": b64url(numbers.n.to_bytes(size, "big")), "e": b64url(b"\x01\x00\x01")}]})

    def sign(self, claims, header=None):
        header = header or {"alg": "RS256", "kid": self.kid}
        signed = b64url(json.dumps(header).encode()) + "." + b64url(json.dumps(claims).encode())
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return signed + "." + b64url(signature)

    def token(self, audience, namespace, service_account, pod=None, pod_uid=None, node=None, life_s=3600, **changes):
        now = int(time.time())
        bound = {"namespace": namespace, "serviceaccount": {"name": service_account, "uid": str(uuid.uuid4())}}
        if pod:
            bound["pod"] = {"name": pod, "uid": pod_uid}
        if node:
            bound["node"] = {"name": node, "uid": str(uuid.uuid5(uuid.NAMESPACE_DNS, node))}
        claims = {"iss": self.issuer, "aud": [audience], "sub": f"system:serviceaccount:{namespace}:{service_account}",
                  "iat": now, "nbf": now, "exp": now + life_s, "jti": str(uuid.uuid4()), "kubernetes.io": bound}
        claims.update(changes)
        return self.sign(claims)
