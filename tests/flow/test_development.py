"""The software (development) kind: off unless configuration and policy both say so, and loud about it when it is on."""
import json
import subprocess

import grpc
import pytest

from conftest import WORKLOADS
from harness.kubelet import Pod
from harness.policy import policy
from harness.world import ATTESTER_UID, World, binary

DEVELOPMENT = """apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: default, owner: me}
spec:
  mechanism: background-check
  slots:
    - {name: x509, type: x509, algorithms: [p256], ttl: 10m}
---
apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {name: laptops, owner: me}
spec:
  platform: true
  entries:
    - {name: mine, values: {software.instance: my-laptop}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {name: anything, owner: me}
spec:
  profiles: [default]
  insecure-development: true
  match: {in_set: laptops}
  identity: spiffe://demo.example/anything
"""
SOFTWARE = {"evidence": {"kind": "software", "insecure-development": True, "software-claims": "instance=my-laptop"}}


def make(text, issuer):
    world = World()
    world.prepare(text, tpm=False, clusters=False, issuer=issuer, attester=SOFTWARE)
    return world


@pytest.fixture
def worlds():
    made = []

    def add(*how):
        made.append(make(*how))
        return made[-1]
    yield add
    for world in made:
        world.close()


def test_both_say_so_and_everything_tells(worlds):
    world = worlds(DEVELOPMENT, {"insecure-development": True}).start()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod, tokens="")
    volume = world.volume(pod)
    assert volume.identity() == "spiffe://demo.example/anything"
    extensions = {e.oid.dotted_string: e.critical for e in volume.leaf().extensions}
    assert extensions.get("1.2.840.113556.1.8000.2554.57757.17141.35246.23197.45767.15656255.726218") is False, "the certificate itself says so"
    status = volume.status()
    assert status["insecureDevelopment"] is True and status["evidence"] == "software"
    assert any(e["event"] == "insecure_development" for e in world.attester.events())
    assert any("insecure_development" in json.dumps(e) and e["level"] == "warn" for e in world.issuer.events())
    assert "insecure_development 1" in world.metrics("attester/health.sock")
    assert "insecure_development 1" in world.metrics("issuer-health.sock")
    record = world.cli("record", volume.serial(), "--socket", world.path("run/admin.sock"), "--output", "json")
    assert json.loads(record.stdout)["record"]["evidence"]["insecure_development"] is True
    world.kubelet.unpublish(pod)


def test_an_issuer_that_is_not_configured_refuses_the_policy(worlds):
    world = worlds(DEVELOPMENT, {})
    run = subprocess.run([binary("vouchsafe-issuer"), "--config", world.path("issuer.yaml")], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "insecure-development" in run.stderr


def test_a_production_policy_never_admits_it(worlds):
    world = World()
    world.tpm.manufacture().start()
    text = policy([world.tpm], WORKLOADS, "1h")
    world.prepare(text, tpm=False, clusters=False, issuer={"insecure-development": True}, attester=SOFTWARE)
    try:
        world.start()
        with pytest.raises(grpc.RpcError) as caught:
            world.kubelet.publish(Pod("app-0", "payroll", "app"), tokens="")
        assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    finally:
        world.close()


def test_an_attester_that_is_not_configured_does_not_start(worlds):
    world = worlds(DEVELOPMENT, {"insecure-development": True})
    world.attester_config({"evidence": {"kind": "software"}})
    run = subprocess.run(["setpriv", f"--reuid={ATTESTER_UID}", f"--regid={ATTESTER_UID}", "--clear-groups", "--",
                          binary("vouchsafe-attester"), "--config", world.path("attester.yaml")], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "insecure-development" in run.stderr
