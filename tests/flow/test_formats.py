"""Tokens, proofs, sealed keys and stores, in the hands of software that was not written here: Python's jwcrypto, JavaScript's jose, OpenSSL,
Java's keytool, and the examples of docs/examples/proofs."""
import base64
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from jwcrypto import jwe, jwk, jws

from harness.world import BUILD

EXAMPLES = "docs/examples/proofs"
ISSUER, NONCE = b"https://issuer.corp.example", b"0123456789abcdef"


def run(*command, **how):
    done = subprocess.run(command, capture_output=True, timeout=120, check=False, **how)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout.decode()


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    path = tmp_path_factory.mktemp("formats")
    run(f"{BUILD}/tests/formats", "make", str(path), str(int(time.time())))
    return path


def text(volume, name):
    return (volume / name).read_text().strip()


def by_jwcrypto(token, key_set, typ):
    keys = jwk.JWKSet()
    for key in json.loads(key_set)["keys"]:
        del key["use"]  # this library takes no other use than "sig", and a SPIFFE bundle says "wit-svid"
        keys.add(jwk.JWK(**key))
    read = jws.JWS()
    read.deserialize(token)
    header = read.jose_header
    assert header["typ"] == typ and set(header) == {"alg", "kid", "typ"}
    read.verify(keys.get_key(header["kid"]), alg="ES256")
    return json.loads(read.payload)


def test_python_library(volume):
    wit = by_jwcrypto(text(volume, "wit.jwt"), text(volume, "wit.jwks.json"), "wit+jwt")
    assert wit["sub"] == "spiffe://corp.example/payroll/app" and "aud" not in wit
    assert wit["corp.example/app"] == "Payroll" and wit["corp.example/tier"] == 1
    own = jwk.JWK.from_json(text(volume, "wit.key.jwk"))
    assert own.thumbprint() == jwk.JWK(**wit["cnf"]["jwk"]).thumbprint()
    assert own.thumbprint() == jwk.JWK.from_pem((volume / "wit.key.pem").read_bytes()).thumbprint()

    ear = by_jwcrypto(text(volume, "attestation-result.jwt"), text(volume, "ear.jwks.json"), "eat+jwt")
    assert ear["eat_profile"] == "tag:ietf.org,2026:rats/ear#03"
    assert {name: s["ear_status"] for name, s in ear["submods"].items()} == {"sev-snp": "affirming", "tpm": "affirming"}

    wrap = jwk.JWK.from_json(text(volume, "wrap.key.jwk"))
    sealed = jwe.JWE()
    sealed.allowed_algs = ["ECDH-ES+A256KW", "A256GCM"]
    sealed.deserialize(text(volume, "key.jwe"), wrap)
    assert sealed.payload == b"a released key"
    assert sealed.jose_header["apu"] == b64url(ISSUER) and sealed.jose_header["apv"] == b64url(NONCE)


def seal(volume, **changes):
    """Sealed by jwcrypto, for us to open."""
    header = {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "apu": b64url(ISSUER), "apv": b64url(NONCE), **changes}
    made = jwe.JWE(b"from Python", protected=json.dumps({n: v for n, v in header.items() if v is not None}))
    made.add_recipient(jwk.JWK.from_json(jwk.JWK.from_json(text(volume, "wrap.key.jwk")).export_public()))
    (volume / "other.jwe").write_text(made.serialize(compact=True))
    return subprocess.run([f"{BUILD}/tests/formats", "open", str(volume)], capture_output=True, text=True, timeout=30, check=False)


def test_opens_what_python_sealed(volume):
    assert seal(volume).stdout == "from Python"
    for changes, token in (({"alg": "ECDH-ES+A128KW"}, "jwe.algorithm"), ({"alg": "ECDH-ES"}, "jwe.algorithm"), ({"enc": "A128GCM"}, "jwe.encryption"),
                           ({"enc": "A256CBC-HS512"}, "jwe.encryption"), ({"zip": "DEF"}, "jwe.zip"), ({"apv": b64url(b"another")}, "jwe.party"),
                           ({"apu": None}, "jwe.party")):
        done = seal(volume, **changes)
        assert done.returncode == 1 and token in done.stderr, (changes, done.stderr)


def sign(volume, *arguments):
    return run(f"{BUILD}/vouchsafe-sign", *arguments, env={"VOUCHSAFE_DIR": str(volume)})


def test_javascript_library(volume):
    wpt = sign(volume, "wpt", "--token", "https://pay.example/charge?x").strip()
    read = json.loads(run("node", "tests/tools/jose.mjs", str(volume), wpt))
    assert read["wit"]["sub"] == "spiffe://corp.example/payroll/app" and read["opened"] == "a released key" and read["keyFits"]
    assert read["ear"]["jti"] == "rec-1"
    assert read["wpt"]["aud"] == "https://pay.example/charge"
    assert read["wpt"]["wth"] == b64url(hashlib.sha256(text(volume, "wit.jwt").encode()).digest())
    assert run(f"{BUILD}/tests/formats", "open", str(volume)) == "from JavaScript"


def test_pkcs12_stores(volume):
    password = text(volume, "store.password")
    shown = subprocess.run(["openssl", "pkcs12", "-in", volume / "keystore.p12", "-passin", f"pass:{password}", "-info", "-nodes"],
                           capture_output=True, text=True, timeout=30, check=True)
    assert "MAC: sha256" in shown.stderr and "AES-256-CBC" in shown.stderr and "hmacWithSHA256" in shown.stderr
    assert "RC2" not in shown.stderr and "3DES" not in shown.stderr
    assert "BEGIN PRIVATE KEY" in shown.stdout and shown.stdout.count("BEGIN CERTIFICATE") == 2
    for store, kind, alias in (("keystore.p12", "PrivateKeyEntry", "workload"), ("truststore.p12", "trustedCertEntry", "root-1")):
        listed = run("keytool", "-list", "-keystore", str(volume / store), "-storetype", "PKCS12", "-storepass", password)
        assert "contains 1 entry" in listed and kind in listed and alias in listed
    wrong = subprocess.run(["keytool", "-list", "-keystore", volume / "keystore.p12", "-storepass", "something else"], capture_output=True,
                           timeout=60, check=False)
    assert wrong.returncode != 0


def load_relying_party():
    spec = importlib.util.spec_from_file_location("relying_party", f"{EXAMPLES}/relying_party.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Service:
    """The example, serving."""

    def __init__(self, volume, tmp_path):
        self.log = tmp_path / "decisions.jsonl"
        self.process = subprocess.Popen([sys.executable, f"{EXAMPLES}/relying_party.py", "--bundle", volume / "trust-bundle.json", "--trust-domain",
                                         "corp.example", "--audience", "urn:example:pay", "--audience", "http://127.0.0.1/charge", "--log", self.log],
                                        stdout=subprocess.PIPE, text=True)
        self.url = f"http://127.0.0.1:{self.process.stdout.readline().split()[-1]}/charge"

    def decisions(self):
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def call(self, lines, query="", method="GET", body=None):
        """Header lines as vouchsafe-sign prints them; the status and what was answered."""
        request = urllib.request.Request(self.url + query, data=body, method=method)
        for line in lines.splitlines():
            request.add_header(*line.split(": ", 1))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)

    def close(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def service(volume, tmp_path):
    made = Service(volume, tmp_path)
    yield made
    made.close()


def proof(volume, service, command, *arguments):
    return sign(volume, command, "--audience", "urn:example:pay", *arguments, service.url + "?amount=1")


def test_relying_party(volume, service):
    wpt = proof(volume, service, "wpt")
    assert service.call(wpt, "?amount=1") == (200, {"sub": "spiffe://corp.example/payroll/app",
                                                    "claims": {"corp.example/app": "Payroll", "corp.example/tier": 1}})
    assert service.call(wpt, "?amount=1")[1]["check"] == "proof.replay"
    assert service.call(proof(volume, service, "wpt", "--authorization"), "?amount=1")[0] == 200
    assert service.call(wpt.splitlines()[0])[1]["check"] == "proof.missing"
    assert service.call(wpt.splitlines()[1])[1]["check"] == "wit.missing"
    other = sign(volume, "wpt", "--audience", "urn:example:other", service.url)
    assert service.call(other)[1]["check"] == "wpt.aud"

    body = volume / "body"
    body.write_bytes(b"amount=1")
    kind = ("--field", "Content-Type: text/plain")
    for extra in ((), ("--by-path",)):
        signed = proof(volume, service, "http", *extra, *kind, "--body", str(body), "POST")
        assert service.call(signed, "?amount=2", "POST", b"amount=1")[1]["check"] == "http_signature.signature"
        assert service.call(signed, "?amount=1", "PUT", b"amount=1")[1]["check"] == "http_signature.signature"
        assert service.call(signed, "?amount=1", "POST", b"amount=2")[1]["check"] == "http_signature.digest"
        assert service.call(signed, "?amount=1", "POST", b"amount=1")[0] == 200
        assert service.call(signed, "?amount=1", "POST", b"amount=1")[1]["check"] == "proof.replay"

    # who evaluates has a history too: a line a decision, with the credential that the issuer's ledger knows
    log = service.decisions()
    assert [d["allowed"] for d in log] == [True, False, True, False, False, False] + [False, False, False, True, False] * 2
    allowed = [d for d in log if d["allowed"]]
    assert all(d["jti"] == "0190-wit" and d["sub"] == "spiffe://corp.example/payroll/app" and d["proof_id"] for d in allowed)
    assert [d["proof"] for d in allowed] == ["wpt", "wpt", "http-signature", "http-signature"]
    assert all(d["check"] and d["reason"] for d in log if not d["allowed"])


def test_examples_of_clients(volume, tmp_path):
    """Each makes its own proof, which the relying party takes: called by the URL that they go by."""
    party = load_relying_party().RelyingParty(str(volume / "trust-bundle.json"), "corp.example", ["https://pay.example/charge"])
    url, where = "https://pay.example/charge?amount=1", {**os.environ, "VOUCHSAFE_DIR": str(volume)}
    run("gcc", "-Wall", "-Wextra", "-Werror", "-O2", "-o", str(tmp_path / "client"), f"{EXAMPLES}/client.c", "-lcrypto")
    printed = run(str(tmp_path / "client"), url, env=where)
    decision = party.decide("GET", "/charge?amount=1", [line.split(": ", 1) for line in printed.splitlines()], b"")
    assert decision["allowed"], decision

    spec = importlib.util.spec_from_file_location("client", f"{EXAMPLES}/client.py")
    client = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(client)
    decision = party.decide("GET", "/charge?amount=1", client.proof(str(volume), url).items(), b"")
    assert decision["allowed"], decision


def named_service(volume, tmp_path):
    """A service whose audience is its own URL, for clients that know no other name of it."""
    service = Service(volume, tmp_path)
    service.close()
    port = service.url.split(":")[2].split("/")[0]
    service.process = subprocess.Popen([sys.executable, f"{EXAMPLES}/relying_party.py", "--bundle", volume / "trust-bundle.json", "--trust-domain",
                                        "corp.example", "--audience", service.url, "--port", port, "--log", service.log],
                                       stdout=subprocess.PIPE, text=True)
    service.process.stdout.readline()
    return service


def test_examples_over_http(volume, tmp_path):
    service = named_service(volume, tmp_path)
    where = {**os.environ, "VOUCHSAFE_DIR": str(volume), "PATH": f"{os.path.abspath(BUILD)}:{os.environ['PATH']}"}
    body = tmp_path / "body"
    body.write_bytes(b"amount=1")
    try:
        commands = [(f"{EXAMPLES}/curl.sh", service.url), (f"{EXAMPLES}/curl.sh", service.url, str(body)),
                    (sys.executable, f"{EXAMPLES}/client.py", service.url)]
        if shutil.which("go"):
            commands.append(("go", "run", f"{EXAMPLES}/client.go", service.url))
        for command in commands:
            assert json.loads(run(*command, env={**where, "GOFLAGS": "-mod=mod"}))["sub"] == "spiffe://corp.example/payroll/app", command
        assert all(d["allowed"] for d in service.decisions()) and len(service.decisions()) == len(commands)
    finally:
        service.close()


def test_forged_tokens_are_refused(volume):
    """One thing wrong a run, through the example's eyes: what it is called."""
    party = load_relying_party().RelyingParty(str(volume / "trust-bundle.json"), "corp.example", ["https://pay.example/charge"])
    lines = dict(line.split(": ", 1) for line in sign(volume, "wpt", "https://pay.example/charge").splitlines())
    wit, wpt = lines["Workload-Identity-Token"], lines["Workload-Proof-Token"]

    def check(wit, wpt):
        return party.decide("GET", "/charge", [("Workload-Identity-Token", wit), ("Workload-Proof-Token", wpt)], b"").get("check")
    header, claims, signature = wit.split(".")
    none = b64url(b'{"alg":"none","kid":"wit-1","typ":"wit+jwt"}')
    assert check(f"{none}.{claims}.", wpt) == "wit.header"
    assert check(f"{header}.{b64url(json.dumps({'sub': 'x'}).encode())}.{signature}", wpt) == "wit.signature"
    assert check(wpt, wpt) == "wit.structure"
    assert check(wit, wit) == "wpt.structure"
    assert check(wit + "A", wpt) == "wit.signature"
    bare = load_relying_party().RelyingParty(str(volume / "trust-bundle.json"), "other.example", [])
    assert bare.decide("GET", "/", [("Workload-Identity-Token", wit)], b"")["check"] == "wit.sub"
    assert check(wit, wpt) is None


def test_the_program(volume, tmp_path):
    program = f"{BUILD}/vouchsafe-sign"
    assert "usage: vouchsafe-sign wpt" in run(program, "--help")
    for arguments, code, words in ((["wpt", "https://a/"], 2, "where is the volume"), (["sing"], 2, "there is no command"),
                                   (["wpt", "--dir", str(tmp_path), "https://a/"], 1, "wit.jwt"),
                                   (["wpt", "--dir", str(volume), "a/"], 2, "a URL begins with")):
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30, check=False, env={})
        assert (done.returncode, done.stdout) == (code, "") and words in done.stderr, done
    for name in ("wit.jwt", "wit.key.pem"):
        shutil.copy(volume / name, tmp_path / name)
    shutil.copy(volume / "wrap.key.pem", tmp_path / "wit.key.pem")
    done = subprocess.run([program, "wpt", "--dir", str(tmp_path), "https://a/"], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "is not the key that" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes its root")
def test_the_program_needs_nothing_around_it(volume, tmp_path):
    program = f"{BUILD}/vouchsafe-sign"
    if "statically linked" not in subprocess.run(["ldd", program], capture_output=True, text=True, timeout=30, check=False).stdout:
        pytest.skip("a sanitizer's build is not static")
    shutil.copy(program, tmp_path / "sign")
    for name in ("wit.jwt", "wit.key.pem"):
        shutil.copy(volume / name, tmp_path / name)
    assert "Workload-Proof-Token: ey" in run("chroot", str(tmp_path), "/sign", "wpt", "--dir", "/", "https://a/")
