#!/usr/bin/env python3
"""Writes the golden documents of the protocol (requests, replies, trust bundle): canonical JSON, one line each.

A second implementation of the shapes in lib/model, for whoever writes a third: the unit tests there must read these files, and
write the same bytes (without the newline at the end). Keys, proofs, certificates and evidence in requests and replies are filler of
a plausible length; the trust bundle is made of the real test roots beside this file.
usage: make_documents.py   (in this folder; needs python3-cryptography)
"""
import base64
import json

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, length):
    return b64url(value.to_bytes(length, "big"))


def put(name, document):
    with open(name, "w", encoding="utf-8") as out:
        out.write(json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n")


def fill(byte, count):
    return b64url(bytes([byte]) * count)


def root(name):
    with open(name, "rb") as pem:
        certificate = x509.load_pem_x509_certificate(pem.read())
    key = certificate.public_key()
    jwk = {"use": "x509-svid", "x5c": [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]}
    numbers = key.public_numbers()
    if isinstance(key, rsa.RSAPublicKey):
        return jwk | {"kty": "RSA", "n": number(numbers.n, key.key_size // 8), "e": number(numbers.e, 3)}
    assert isinstance(key, ec.EllipticCurvePublicKey)
    size = key.key_size // 8
    return jwk | {"kty": "EC", "crv": "P-%d" % key.key_size, "x": number(numbers.x, size), "y": number(numbers.y, size)}


NONCE, NEXT_NONCE = b64url(bytes(range(48))), b64url(bytes(range(48, 96)))
AUDIENCE = "https://issuer.example:8443"
POLICY = "sha256:" + "0123456789abcdef" * 4
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
IDENTITY = "spiffe://example.org/ns/payroll/sa/api"

put("request.json", {
    "v": 1, "purpose": "issue", "audience": AUDIENCE, "nonce": NONCE, "policy": POLICY,
    "pods": [
        {"volume": "csi-1111", "profile": "default", "token": TOKEN,
         "node": {"namespace": "payroll", "name": "api-0", "uid": "2f6c0a3e-0000-4000-8000-000000000001",
                  "serviceAccount": "api"},
         "credentials": [{"slot": "tls", "spki": fill(0x30, 91), "pop": fill(0x5A, 64)},
                         {"slot": "wit", "spki": fill(0x31, 91), "pop": fill(0x5B, 64)}]},
        {"volume": "csi-2222", "profile": "batch",
         "node": {"namespace": "jobs", "name": "night-7", "uid": "2f6c0a3e-0000-4000-8000-000000000002",
                  "serviceAccount": "default"},
         "credentials": [{"slot": "tls", "spki": fill(0x32, 120), "pop": fill(0x5C, 96)}]},
    ]})
put("release.json", {
    "v": 1, "purpose": "release", "audience": AUDIENCE, "nonce": NONCE, "policy": POLICY, "key": "payroll-api", "version": 3,
    "slot": "tls", "wrap": fill(0x30, 91), "pop": fill(0x5A, 64), "volume": "csi-1111", "profile": "stored", "token": TOKEN,
    "node": {"namespace": "payroll", "name": "api-0", "uid": "2f6c0a3e-0000-4000-8000-000000000001", "serviceAccount": "api"}})
put("release-reply.json", {
    "v": 1, "time": 1795456800, "nonce": NEXT_NONCE, "policy": POLICY, "bundle": 7, "key": "payroll-api", "version": 3,
    "jwe": ".".join([b64url(b'{"alg":"ECDH-ES+A256KW"}'), fill(0x60, 40), fill(0x61, 12), fill(0x62, 240), fill(0x63, 16)]),
    "credential": {"slot": "tls", "type": "x509", "identity": IDENTITY, "chain": [fill(0x40, 300), fill(0x41, 200)],
                   "not_before": 1795456770, "not_after": 1795460400, "record": "r-0000000000000002"}})
put("envelope.json", {
    "request": b64url(b'{"v":1}'),
    "evidence": ["application/vnd.vouchsafe.tpm-quote+json", b64url(b'{"attest":"_1RDRw"}'), 4]})
put("challenge.json", {
    "v": 1, "time": 1795456800, "nonce": NONCE, "audience": AUDIENCE, "policy": POLICY,
    "profiles": [
        {"name": "default", "mechanism": "background-check",
         "slots": [{"name": "tls", "type": "x509", "algorithms": ["p256", "p384"]},
                   {"name": "wit", "type": "wit", "algorithms": ["p256"]}]},
        {"name": "release", "mechanism": "key-release",
         "slots": [{"name": "tls", "type": "x509", "algorithms": ["p256"], "key": "payroll-api"}]},
    ]})
put("reply.json", {
    "v": 1, "time": 1795456800, "nonce": NEXT_NONCE, "policy": POLICY, "bundle": 7,
    "results": [
        {"volume": "csi-1111", "credentials": [
            {"slot": "tls", "type": "x509", "identity": IDENTITY, "chain": [fill(0x40, 300), fill(0x41, 200)],
             "not_before": 1795456770, "not_after": 1795460400, "record": "r-0000000000000001"},
            {"slot": "wit", "type": "wit", "identity": IDENTITY, "token": TOKEN,
             "not_before": 1795456770, "not_after": 1795458000, "record": "r-0000000000000001"}]},
        {"volume": "csi-2222", "problem": {
            "type": "https://vouchsafe.dev/problems/policy.no_match", "title": "The request was refused", "status": 403,
            "detail": "no workload matches", "check": "policy.no_match", "code": "PERMISSION_DENIED"}},
        {"volume": "csi-3333", "problem": {
            "type": "https://vouchsafe.dev/problems/QUEUE_FULL", "title": "Too many requests", "status": 429,
            "detail": "too many requests wait", "check": "QUEUE_FULL", "code": "RESOURCE_EXHAUSTED",
            "retry_after_s": 3}},
    ]})
put("enrol.json", {
    "v": 1, "purpose": "enrol", "audience": AUDIENCE, "nonce": NONCE, "token": TOKEN,
    "ek_certificates": [fill(0x42, 700), fill(0x43, 600)], "ek_public": fill(0x44, 314), "ak_public": fill(0x45, 88)})
put("enrol-reply.json", {
    "v": 1, "time": 1795456800, "nonce": NEXT_NONCE, "challenge": fill(0x46, 180), "credential_blob": fill(0x47, 68),
    "encrypted_secret": fill(0x48, 256)})
put("activate.json", {
    "v": 1, "purpose": "activate", "audience": AUDIENCE, "nonce": NEXT_NONCE, "challenge": fill(0x46, 180),
    "secret": fill(0x49, 32)})
put("activate-reply.json", {"v": 1, "time": 1795456800, "nonce": NONCE, "ak": "000b" + "ab" * 32})
put("bundle.json", {
    "spiffe_sequence": 7, "spiffe_refresh_hint": 300,
    "keys": [root("root-ec256.pem"), root("root-ec384.pem"), root("root-rsa.pem"),
             {"kty": "EC", "crv": "P-256", "use": "wit-svid", "kid": "wit-1", "alg": "ES256",
              "x": fill(0x11, 32), "y": fill(0x22, 32)}]})
