"""Mechanism passport: evidence to a verifier, its signed result to the authority: in one process, and in two that know each other by a pinned key alone."""
import json
import ssl
import subprocess
import urllib.error
import urllib.request

import grpc
import pytest

from conftest import WORKLOADS
from harness.kubelet import Pod
from harness.policy import policy
from harness.world import AUDIENCE, NODE, ATTESTER_UID, TRUST_DOMAIN, World, binary, free_port, unix_get, wait_until, yaml_text

IDENTITY = "spiffe://demo.example/ns/payroll/sa/app"
VERIFIER = "https://verifier.demo.example"
CARRIED = """
---
apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: carried, owner: cluster-admins}
spec:
  mechanism: passport
  slots:
    - {name: x509, type: x509, algorithms: [p256], ttl: 1h}
    - {name: wit, type: wit, algorithms: [p256], ttl: 1h}
"""


def carried_policy(world):
    text = policy([world.tpm], WORKLOADS, "1h").replace("profiles: [default]", "profiles: [default, carried]")
    return text.replace("  identity: spiffe", "  claims: {app: Payroll, tier: 2}\n  identity: spiffe") + CARRIED


class TwoProcesses(World):
    """The issuer of this world is an authority alone; the verifier beside it has its own folder, keys, TLS CA and audience."""

    def build(self, **changes):
        self.verifier_port = free_port()
        self.tpm.manufacture().start()
        self.write("ek-roots.pem", self.tpm.vendor_roots())
        self.write("jwks.json", self.cluster.jwks())
        self.start_verifier()
        token = self.cluster.token(VERIFIER, "vouchsafe", "vouchsafe-node", f"vouchsafe-{NODE}", "11111111-2222-3333-4444-555555555555", NODE)
        self.prepare(carried_policy(self), tpm=False, issuer={
            "roles": ["authority"],
            "authority": {"verifiers": [{"id": changes.get("trusted", VERIFIER), "jwks-file": self.path("verifier/verifier.key.jwks")}]},
        }, attester={"verifier": {
            "url": f"https://127.0.0.1:{self.verifier_port}", "audience": VERIFIER, "ca-file": self.path("verifier-ca.pem"),
            "server-name": "verifier.demo.example", "node-token-file": self.write("verifier-token", token, 0o400, ATTESTER_UID)}})
        return self.start()

    def start_verifier(self):
        self.write("verifier.yaml", yaml_text({
            "listen": f"127.0.0.1:{self.verifier_port}", "audience": VERIFIER, "trust-domain": TRUST_DOMAIN, "roles": ["verifier"],
            "state-dir": self.make("verifier", 0o700),
            "tls": {"ca-certificate": self.path("verifier-ca.pem"), "names": ["verifier.demo.example"]},
            "admin-socket": self.path("run/verifier-admin.sock"), "health-socket": self.path("run/verifier-health.sock"),
            "tpm": {"ek-roots": [self.path("ek-roots.pem")]},
            "clusters": [{"name": "demo", "issuer": self.cluster.issuer, "jwks-file": self.path("jwks.json"), "attester": "vouchsafe/vouchsafe-node"}],
        }))
        run = subprocess.run([binary("vouchsafe-issuer"), "init", "--config", self.path("verifier.yaml")], capture_output=True, text=True)
        assert run.returncode == 0, run.stdout + run.stderr
        self.verifier = self.program("vouchsafe-issuer", "verifier.yaml").start()

        def ready():
            assert self.verifier.alive(), self.verifier.log_text()[-4000:]
            try:
                return unix_get(self.path("run/verifier-health.sock"), "/readyz")[0] == 200
            except OSError:
                return False
        wait_until(ready, what="the verifier")


@pytest.fixture
def worlds():
    made = []

    def make(cls):
        made.append(cls())
        return made[-1]
    yield make
    for world in made:
        world.close()


def publish(world, profile, name):
    pod = Pod(name, "payroll", "app")
    world.kubelet.publish(pod, attributes={"profile": profile})
    return world.volume(pod)


def record_of(world, volume, socket="run/admin.sock"):
    status = json.loads(volume.read("status.json"))
    return found(world, status["credentials"][0]["record"] if "credentials" in status else status["record"], socket)


def found(world, name, socket):
    run = world.cli("record", name, "--socket", world.path(socket), "--output", "json")
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)["record"]


def requests(world, health="issuer-health.sock"):
    """By path, of what attesters asked with success."""
    rows = [row for row in world.metrics(health).splitlines() if row.startswith("vouchsafe_issuer_requests_total")]
    return {row.split()[0]: int(row.split()[1]) for row in rows if int(row.split()[1]) > 0}


def test_one_process_the_same_claims_and_two_round_trips(worlds):
    world = worlds(World)
    world.tpm.manufacture().start()
    world.prepare(carried_policy(world)).start()
    by_c = record_of(world, publish(world, "default", "app-0"))
    by_b = record_of(world, publish(world, "carried", "app-1"))
    assert by_b["mechanism"] == "passport" and by_b["verifier"]["id"] == AUDIENCE
    for member in ("claims", "identity", "references", "policy", "verifier", "any_genuine"):
        assert json.dumps(by_b[member], sort_keys=True) == json.dumps(by_c[member], sort_keys=True)
    appraisal = found(world, by_b["result"]["jti"], "run/admin.sock")
    assert appraisal["decision"] == "appraised" and appraisal["evidence"]["digest"] == by_b["evidence"]["digest"]

    before = requests(world)
    volume = publish(world, "carried", "app-2")
    after = requests(world)
    asked = {path: count - before.get(path, 0) for path, count in after.items() if count > before.get(path, 0)}
    assert sum(asked.values()) == 2 and all("results" in path or "credentials" in path for path in asked), asked
    assert {"tls.crt", "wit.jwt"} <= set(volume.files())


def test_verifier_and_authority_apart(worlds):
    world = worlds(TwoProcesses)
    world.build()
    volume = publish(world, "carried", "app-0")
    record = record_of(world, volume)
    assert record["identity"] == IDENTITY and record["verifier"]["id"] == VERIFIER and record["pod"]["node"] == NODE
    assert found(world, record["result"]["jti"], "run/verifier-admin.sock")["result"]["audience"] == AUDIENCE

    # a role that is not there has no path, and the answer says so
    def ask(port, ca, path):
        context = ssl.create_default_context(cafile=ca)
        context.check_hostname = False
        try:
            urllib.request.urlopen(urllib.request.Request(f"https://127.0.0.1:{port}{path}", data=b"{}"), context=context)
        except urllib.error.HTTPError as e:
            return e.code, json.load(e)["check"]
        raise AssertionError(path)
    for path in ("/v1/credentials", "/v1/keys/a/release"):
        assert ask(world.verifier_port, world.path("verifier-ca.pem"), path) == (404, "role.absent")
    for path in ("/v1/results", "/v1/attestation-keys"):
        assert ask(world.issuer_port, world.path("issuer-ca.pem"), path) == (404, "role.absent")

    # and an authority appraises nothing
    with pytest.raises(grpc.RpcError) as refused:
        publish(world, "default", "app-1")
    assert "takes attestation results, not evidence" in refused.value.details()


def test_a_verifier_that_is_not_pinned(worlds):
    world = worlds(TwoProcesses)
    world.build(trusted="https://somebody.else.example")
    with pytest.raises(grpc.RpcError) as refused:
        publish(world, "carried", "app-0")
    assert "of a verifier that is not trusted here" in refused.value.details()
