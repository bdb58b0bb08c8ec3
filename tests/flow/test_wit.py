"""Workload Identity Tokens in a pod's volume: beside certificates, from one quote, each with a key of its own; verified here by jwcrypto and the
keys of trust-bundle.json alone."""
import base64
import json
import os
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwcrypto import jwk, jws

from harness.kubelet import Pod
from harness.policy import policy
from harness.world import World, wait_until

IDENTITY = "spiffe://demo.example/ns/payroll/sa/app"
TOKENS = """
---
apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: tokens, owner: cluster-admins}
spec:
  slots:
    - {name: x509, type: x509, algorithms: [p256], ttl: TTL}
    - {name: wit, type: wit, algorithms: [p256], ttl: TTL}
    - {name: internal, type: wit, algorithms: [p256], ttl: TTL}
---
apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: kinds, owner: cluster-admins}
spec:
  slots:
    - {name: big, type: x509, algorithms: [p384], ttl: TTL}
    - {name: rsa, type: x509, algorithms: [rsa3072], ttl: TTL}
"""
INTERNAL = "spiffe://demo.example/internal/payroll"
OTHER_IDENTITY = f"  credentials: {{internal: {{identity: {INTERNAL}}}}}\n"
CLAIMS = "  claims: {app: payroll, tier: 2, regions: [de, fr]}\n"


def token_policy(world, ttl, profiles="default, tokens, kinds"):
    text = policy([world.tpm], [("payroll", "payroll", "app")], ttl)
    return text.replace("profiles: [default]", f"profiles: [{profiles}]") + CLAIMS + (OTHER_IDENTITY if "tokens" in profiles else "") + TOKENS.replace("TTL", ttl)


@pytest.fixture
def worlds():
    made = []

    def make(ttl="1h", **config):
        world = World()
        made.append(world)
        world.tpm.manufacture().start()
        world.prepare(token_policy(world, ttl), **config)
        return world.start()
    yield make
    for world in made:
        world.close()


def publish(world, profile="tokens", name="app-0"):
    pod = Pod(name, "payroll", "app")
    world.kubelet.publish(pod, attributes={"profile": profile})
    return world.volume(pod)


def part(token, index):
    text = token.split(".")[index]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def published(volume):
    """By kid, as trust-bundle.json has them."""
    bundle = json.loads(volume.read("trust-bundle.json"))
    return {key["kid"]: key for key in bundle["keys"] if key["use"] == "wit-svid"}, bundle


def verified(volume, name="wit.jwt"):
    """As a relying party: the key by its kid from the bundle, nothing from the token's word."""
    text = volume.read(name).decode()
    header = part(text, 0)
    assert sorted(header) == ["alg", "kid", "typ"] and header["typ"] == "wit+jwt" and header["alg"] == "ES256"
    token = jws.JWS()
    token.allowed_algs = ["ES256"]
    key = dict(published(volume)[0][header["kid"]])
    del key["use"]  # this library takes no other use than "sig"
    token.deserialize(text, jwk.JWK(**key))
    return json.loads(token.payload), header["kid"]


def public_numbers(key):
    numbers = key.public_key().public_numbers()
    return numbers.x, numbers.y


def number(text):
    return int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def record_of(world, serial):
    run = world.cli("record", serial, "--socket", world.path("run/admin.sock"), "--output", "json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)["record"]


def quotes(world):
    rows = world.metrics("attester/health.sock").splitlines()
    return int(next(r.split()[1] for r in rows if r.startswith("vouchsafe_attester_quotes_total ")))


def test_certificate_and_tokens_from_one_quote(worlds):
    world = worlds()
    publish(world, "default", "warm-up")
    before = quotes(world)
    volume = publish(world)
    assert quotes(world) == before + 1
    assert volume.files() == sorted(["tls.crt", "tls.key", "credential-bundle.pem", "wit.jwt", "wit.key.pem", "wit.key.jwk", "internal.wit.jwt",
                                     "internal.wit.key.pem", "internal.wit.key.jwk", "ca.crt", "trust-bundle.json", "status.json"])
    modes = {os.stat(volume.file(name)).st_mode & 0o777 for name in ("tls.key", "wit.key.pem", "wit.key.jwk", "wit.jwt")}
    assert len(modes) == 1

    spkis = {volume.leaf().public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)}
    for name in ("", "internal."):
        claims, _ = verified(volume, f"{name}wit.jwt")
        assert claims["sub"] == (INTERNAL if name else IDENTITY) and claims["iss"] == "spiffe://demo.example" and "aud" not in claims
        assert claims["nbf"] <= claims["iat"] < claims["exp"] <= claims["iat"] + 3600
        assert {n: v for n, v in claims.items() if "/" in n} == {"demo.example/app": "payroll", "demo.example/tier": 2, "demo.example/regions": ["de", "fr"]}
        assert sorted(n for n in claims if "/" not in n) == ["cnf", "exp", "iat", "iss", "jti", "nbf", "sub"]
        key = serialization.load_pem_private_key(volume.read(f"{name}wit.key.pem"), None)
        cnf, own = claims["cnf"]["jwk"], json.loads(volume.read(f"{name}wit.key.jwk"))
        assert cnf["alg"] == "ES256" and "d" not in cnf
        assert public_numbers(key) == (number(cnf["x"]), number(cnf["y"])) == (number(own["x"]), number(own["y"]))
        assert number(own["d"]) == key.private_numbers().private_value
        spkis.add(key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))

        record = record_of(world, claims["jti"])
        assert record["decision"] == "issued" and record["identity"] == IDENTITY
        assert [c["type"] for c in record["credentials"]] == ["x509", "wit", "wit"]
        assert claims["jti"] in [c["serial"] for c in volume.status()["credentials"]]
    assert len(spkis) == 3, "a key of its own for each"
    assert volume.openssl_verify()[0]
    inspected = world.cli("inspect", volume.path)
    assert inspected.returncode == 0 and INTERNAL in inspected.stdout, inspected.stdout + inspected.stderr
    copy = world.make("copy", 0o700)
    for name in volume.files():
        with open(os.path.join(copy, name), "wb") as f:
            f.write(volume.read(name.replace("internal.wit.key.pem", "wit.key.pem")))
    inspected = world.cli("inspect", copy, "--output", "json")
    failed = [c["name"] for c in json.loads(inspected.stdout)["checks"] if not c["ok"] and c["name"] != "inspect"]
    assert inspected.returncode == 1 and failed == ["internal.token-key"], failed

    listed = volume.status()["credentials"]
    assert [(c["slot"], c["identity"]) for c in listed] == [("x509", IDENTITY), ("wit", IDENTITY), ("internal", INTERNAL)]
    assert record["credentials"][2]["identity"] == INTERNAL


def test_no_technology_in_credentials(worlds):
    """T33: neither a measurement nor a machine's name, whatever form it is written in."""
    world = worlds()
    volume = publish(world)
    secrets = [bytes.fromhex(v) for v in world.tpm.pcrs().values() if set(v) != {"0"}] + [bytes.fromhex(world.tpm.ek_digest().split(":")[-1])]
    leaf = volume.leaf().public_bytes(serialization.Encoding.DER)
    token = b"".join(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in volume.read("wit.jwt").decode().split("."))
    assert secrets
    for value in secrets:
        forms = [value, value.hex().encode(), base64.b64encode(value).rstrip(b"="), base64.urlsafe_b64encode(value).rstrip(b"=")]
        assert not any(form in where for form in forms for where in (leaf, token))
    for word in (b"tpm", b"pcr", b"sev", b"tdx", b"firmware", b"machine-0", b"state-0"):
        assert word not in token.lower()


def test_other_kinds_of_keys(worlds):
    world = worlds()
    volume = publish(world, "kinds")
    big = serialization.load_pem_private_key(volume.read("tls.key"), None)
    other = serialization.load_pem_private_key(volume.read("rsa.tls.key"), None)
    assert isinstance(big, ec.EllipticCurvePrivateKey) and big.curve.name == "secp384r1"
    assert isinstance(other, rsa.RSAPrivateKey) and other.key_size == 3072
    for name in ("", "rsa."):
        assert volume.pair_matches(volume.read(f"{name}credential-bundle.pem"))
    assert volume.openssl_verify()[0]


def test_token_keys_rotate_and_were_published_before(worlds):
    """A relying party that looks at the bundle at its refresh hint meets no token whose key it doesn't have yet."""
    world = worlds(ttl="10s", issuer={"bundle-refresh": "1s", "max-leaf-life": "10s", "tokens": {"key-life": "10s"}})
    volume = publish(world)
    first_seen, used, sequences = {}, {}, set()
    end = time.monotonic() + 60
    while len(used) < 3 and time.monotonic() < end:
        now = time.monotonic()
        keys, bundle = published(volume)
        sequences.add(bundle["spiffe_sequence"])
        for kid in keys:
            first_seen.setdefault(kid, now)
        try:
            _, kid = verified(volume)
        except KeyError:  # token and bundle of two generations: read one after the other
            continue
        used.setdefault(kid, now)
        time.sleep(0.2)
    assert len(used) >= 3, f"{len(used)} token keys were used in a minute"
    for kid in list(used)[1:]:
        assert used[kid] - first_seen[kid] > 2, "published before its first use, by more than the refresh hint"
    assert len(sequences) >= 3 and max(len(published(volume)[0]), 0) == 3


def test_a_restart_has_the_same_keys(worlds):
    world = worlds()
    volume = publish(world)
    before = published(volume)[1]
    _, kid = verified(volume)
    world.issuer.stop()
    world.start_issuer()
    after = publish(world, name="app-1")
    assert published(after)[1] == before
    assert verified(after)[1] == kid
    mode = os.stat(world.path("issuer/token-key")).st_mode & 0o777
    assert mode == 0o600


def test_renewal_follows_the_policy(worlds):
    """Each renewal has a new token, a new key and a new id; none any more once the policy says so."""
    world = worlds(ttl="20s")
    volume = publish(world)
    first, _ = verified(volume)
    key = volume.read("wit.key.jwk")
    wait_until(lambda: part(volume.read("wit.jwt").decode(), 1)["jti"] != first["jti"], timeout=40, what="a renewal")
    second, _ = verified(volume)
    assert second["sub"] == first["sub"] and second["cnf"] != first["cnf"] and volume.read("wit.key.jwk") != key
    assert world.reload_policy(token_policy(world, "20s", profiles="default"))[0] == 200
    wait_until(lambda: volume.status().get("lastProblem"), timeout=60, what="a refusal")
    assert volume.status()["lastProblem"]["check"].startswith(("policy.", "workload/")), volume.status()["lastProblem"]
    assert world.record(second["jti"]).returncode == 0
