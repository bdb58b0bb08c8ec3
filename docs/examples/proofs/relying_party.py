#!/usr/bin/python3
"""A relying party: takes requests whose sender shows a Workload Identity Token and a proof that it holds the token's key, and writes down
what it decided about each, and why.

    ./relying_party.py --bundle trust-bundle.json --trust-domain corp.example --audience https://127.0.0.1:8443/ --log decisions.jsonl

Both proofs are taken: a Workload Proof Token (`Workload-Proof-Token`, or `Authorization: WPT`) and an HTTP message signature (RFC 9421).
Needs Python 3.9 and python3-cryptography. What it checks is what every relying party should; how it is served is only an example: plain HTTP
on the loopback address, one worker, replays remembered in memory.
"""
import argparse
import base64
import hashlib
import hmac
import http.server
import json
import re
import sys
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ALGORITHMS = {"ES256": ("P-256", ec.SECP256R1(), hashes.SHA256(), 32), "ES384": ("P-384", ec.SECP384R1(), hashes.SHA384(), 48)}
LEEWAY_S = 5
PROOF_LIFE_MAX_S = 300
TAG = "wimse-workload-to-workload"
ALWAYS_COVERED = ("content-type", "content-digest", "authorization", "txn-token", "workload-identity-token")


class Refused(Exception):
    """`check` is a stable name for dashboards, the text is for people."""

    def __init__(self, check, text=""):
        super().__init__(text or check)
        self.check = check


def need(holds, check, text=""):
    if not holds:
        raise Refused(check, text)


def b64url(text, check):
    need(isinstance(text, str) and re.fullmatch(r"[A-Za-z0-9_-]*", text), check)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def strict_object(text, check):
    def no_duplicates(pairs):
        need(len({name for name, _ in pairs}) == len(pairs), check, "a member twice")
        return dict(pairs)
    try:
        value = json.loads(text, object_pairs_hook=no_duplicates)
    except (ValueError, RecursionError) as e:
        raise Refused(check, "no JSON") from e
    need(isinstance(value, dict), check)
    return value


def key_of(jwk, alg, check):
    need(alg in ALGORITHMS and jwk.get("kty") == "EC" and jwk.get("crv") == ALGORITHMS[alg][0] and "d" not in jwk, check)
    numbers = [int.from_bytes(b64url(jwk.get(name), check), "big") for name in ("x", "y")]
    try:
        return ec.EllipticCurvePublicNumbers(*numbers, ALGORITHMS[alg][1]).public_key()
    except ValueError as e:
        raise Refused(check, "no point on its curve") from e


def verify(key, alg, message, signature, check):
    width = ALGORITHMS[alg][3]
    need(len(signature) == 2 * width, check)
    r, s = (int.from_bytes(part, "big") for part in (signature[:width], signature[width:]))
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(ALGORITHMS[alg][2]))
    except (InvalidSignature, ValueError) as e:
        raise Refused(check, "the signature does not fit") from e


def read_jws(token, typ, check):
    parts = token.split(".")
    need(len(parts) == 3 and len(token) <= 8192, check, "no compact JWS")
    header, claims = (strict_object(b64url(part, check), check) for part in parts[:2])
    need(header.get("typ") == typ and not {"crit", "jwk", "jku", "x5u"} & set(header), check, "no " + typ)
    return header, claims, ".".join(parts[:2]).encode(), b64url(parts[2], check)


class RelyingParty:
    def __init__(self, bundle, trust_domain, audiences, clock=time.time):
        self.bundle, self.trust_domain, self.audiences, self.clock = bundle, trust_domain, audiences, clock
        self.seen = {}  # proof id -> when it may be forgotten

    def signing_key(self, kid):
        """Of the trust domain's bundle, read anew so that a rotated key is known: never from anything in the token."""
        with open(self.bundle, encoding="utf-8") as f:
            keys = [k for k in json.load(f)["keys"] if k.get("use") == "wit-svid" and k.get("kid") == kid]
        need(len(keys) == 1, "wit.key", "no such key in the bundle")
        return key_of(keys[0], "ES256", "wit.key")

    def check_wit(self, token):
        header, claims, message, signature = read_jws(token, "wit+jwt", "wit.structure")
        need(header.get("alg") == "ES256" and set(header) == {"alg", "kid", "typ"}, "wit.header")
        verify(self.signing_key(header["kid"]), "ES256", message, signature, "wit.signature")
        now, sub = self.clock(), claims.get("sub", "")
        need(re.fullmatch(r"spiffe://" + re.escape(self.trust_domain) + r"(/[A-Za-z0-9._-]+)+", sub), "wit.sub", "of another trust domain")
        need("aud" not in claims, "wit.aud")
        need(isinstance(claims.get("jti"), str), "wit.jti")
        need(isinstance(claims.get("exp"), int) and now < claims["exp"] + LEEWAY_S, "wit.expired")
        need(all(claims.get(n, 0) <= now + LEEWAY_S for n in ("iat", "nbf")), "wit.not_yet_valid")
        need(set(claims.get("cnf", {})) == {"jwk"}, "wit.cnf", "a bearer token proves nothing")
        alg = claims["cnf"]["jwk"].get("alg")
        return claims, key_of(claims["cnf"]["jwk"], alg, "wit.cnf"), alg

    def once(self, proof_id, expires):
        now = self.clock()
        self.seen = {i: until for i, until in self.seen.items() if until > now}
        need(proof_id not in self.seen, "proof.replay", "this proof was seen before")
        self.seen[proof_id] = expires + LEEWAY_S

    def check_times(self, expires, check):
        now = self.clock()
        need(isinstance(expires, int) and now < expires + LEEWAY_S, check + ".expired")
        need(expires - now <= PROOF_LIFE_MAX_S + LEEWAY_S, check + ".life")

    def check_wpt(self, token, wit, key, alg, fields):
        header, claims, message, signature = read_jws(token, "wpt+jwt", "wpt.structure")
        need(header.get("alg") == alg, "wpt.algorithm")
        verify(key, alg, message, signature, "wpt.signature")
        need(claims.get("aud") in self.audiences, "wpt.aud", "it is for somebody else")
        self.check_times(claims.get("exp"), "wpt")
        need(isinstance(claims.get("jti"), str) and len(claims["jti"]) >= 22, "wpt.jti")
        need(hmac.compare_digest(b64url(claims.get("wth"), "wpt.wth"), hashlib.sha256(wit.encode()).digest()), "wpt.wth")
        # tokens that this service knows: a transaction token only
        need(("txn-token" in fields) == ("tth" in claims), "wpt.tth")
        if "tth" in claims:
            need(b64url(claims["tth"], "wpt.tth") == hashlib.sha256(fields["txn-token"].encode()).digest(), "wpt.tth")
        need("ath" not in claims and not claims.get("oth"), "wpt.oth", "hash of a token that is not known here")
        return claims["jti"], claims["exp"]

    def check_http_signature(self, method, target, fields, body, key, alg):
        found = re.fullmatch(r'([a-z*][a-z0-9_.*-]*)=(\(("[a-z0-9@-]+"( "[a-z0-9@-]+")*)\)((?:;[a-z-]+=(?:\d+|"[!#-\[\]-~]*"))*))',
                             fields["signature-input"])
        need(found, "http_signature.structure")
        label, params = found[1], found[2]
        components = [c.strip('"') for c in found[3].split(" ")]
        given = dict(p.split("=", 1) for p in found[5].split(";")[1:])
        need(set(given) == {"created", "expires", "nonce", "tag", "wimse-aud"} and given["tag"] == f'"{TAG}"', "http_signature.parameter")
        need(len(set(components)) == len(components), "http_signature.component")
        need("@method" in components and ("@request-target" in components or {"@path", "@query"} <= set(components)) and
             all(name in components for name in ALWAYS_COVERED if name in fields), "http_signature.coverage")
        if body or "content-digest" in fields:
            digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
            need(fields.get("content-digest") == digest, "http_signature.digest")
        path, _, query = target.partition("?")
        derived = {"@method": method, "@request-target": target, "@path": path, "@query": "?" + query}
        values = {**fields, **derived}
        need(all(c in values for c in components), "http_signature.component")
        base = "".join(f'"{c}": {values[c]}\n' for c in components) + f'"@signature-params": {params}'
        sig = re.fullmatch(re.escape(label) + r"=:([A-Za-z0-9+/]+=*):", fields.get("signature", ""))
        need(sig, "http_signature.structure")
        verify(key, alg, base.encode(), base64.b64decode(sig[1]), "http_signature.signature")
        need(given["wimse-aud"].strip('"') in self.audiences, "http_signature.audience", "it is for somebody else")
        need(int(given["created"]) <= self.clock() + LEEWAY_S, "http_signature.not_yet_valid")
        self.check_times(int(given["expires"]), "http_signature")
        need(len(given["nonce"]) >= 24, "http_signature.nonce")
        return given["nonce"].strip('"'), int(given["expires"])

    def decide(self, method, target, headers, body):
        """headers: (name, value) as they came. What was decided, for the caller and for the log."""
        decision = {"time": int(self.clock()), "method": method, "target": target.partition("?")[0], "allowed": False}
        try:
            fields = {}
            for name, value in headers:
                need(name.lower() not in fields or name.lower() not in (*ALWAYS_COVERED, "signature", "signature-input",
                                                                        "workload-proof-token"), "request.field", f"{name} twice")
                fields[name.lower()] = value.strip()
            wit = fields.get("workload-identity-token")
            need(wit, "wit.missing", "no Workload-Identity-Token")
            claims, key, alg = self.check_wit(wit)
            decision.update(sub=claims["sub"], jti=claims["jti"], iss=claims.get("iss"), exp=claims["exp"],
                            claims={n: v for n, v in claims.items() if "/" in n})
            wpt = fields.get("workload-proof-token")
            if wpt is None and fields.get("authorization", "").lower().startswith("wpt "):
                wpt = fields["authorization"][4:].strip()
            if wpt is not None:
                decision["proof"] = "wpt"
                decision["proof_id"], expires = self.check_wpt(wpt, wit, key, alg, fields)
            else:
                need("signature-input" in fields, "proof.missing", "a token without a proof")
                decision["proof"] = "http-signature"
                decision["proof_id"], expires = self.check_http_signature(method, target, fields, body, key, alg)
            self.once(decision["proof_id"], expires)
            decision["allowed"] = True
        except Refused as e:
            decision.update(check=e.check, reason=str(e))
        return decision


def serve(party, port, log):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            length = self.headers.get("Content-Length", "0")
            body = self.rfile.read(int(length)) if length.isdigit() and int(length) <= 1 << 20 else b""
            decision = party.decide(self.command, self.path, self.headers.items(), body)
            log.write(json.dumps(decision, sort_keys=True) + "\n")
            log.flush()  # written down before it is answered
            answer = {k: decision[k] for k in ("sub", "claims") if k in decision} if decision["allowed"] else \
                {"type": "about:blank", "status": 400, "title": "no valid proof", "check": decision["check"], "detail": decision["reason"]}
            text = json.dumps(answer).encode()
            self.send_response(200 if decision["allowed"] else 400)
            self.send_header("Content-Type", "application/json" if decision["allowed"] else "application/problem+json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)
        do_POST = do_PUT = do_DELETE = do_GET

        def log_message(self, *_):
            """The decision log says it."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bundle", required=True, help="the trust domain's SPIFFE bundle: trust-bundle.json of a volume")
    p.add_argument("--trust-domain", required=True)
    p.add_argument("--audience", required=True, action="append", help="what this service is called; may be given several times")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--log", help="decisions, a JSON object a line; standard output when not given")
    a = p.parse_args()
    with open(a.log, "a", encoding="utf-8") if a.log else sys.stdout as log:
        serve(RelyingParty(a.bundle, a.trust_domain, a.audience), a.port, log)


if __name__ == "__main__":
    main()
