"""A pod's volume in a Nitro Enclave: csi, attester and issuer as they run, with an emulated security module."""
import json
import os
import subprocess

import grpc
import pytest

from harness.guest import refused
from harness.kubelet import Pod
from harness.nsm import EnclaveWorld
from harness.policy import PROFILE
from harness.volume import is_mounted
from harness.world import binary, wait_until

IMAGE, ROLE = "10" * 48, "13" * 48  # PCR 0 and PCR 3 of the emulated module

NITRO = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-roles, owner: platform-team}}
spec:
  platform: true
  entries:
    - {{name: payroll-nodes, values: {{nitro.parent-role: "{role}"}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require:
    all:
      - {{in_set: our-roles}}
      - {{nitro.pcr.0: "{image}"}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
  match:
    all:
      - {{evidence.kind: nitro}}
      - {{nitro.root: configured}}
      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""


def nitro_policy(image=IMAGE, role=ROLE, ttl="20s", revision=1):
    return PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + NITRO.format(image=image, role=role)


@pytest.fixture
def enclave():
    made = []

    def make(has_reader=False, has_anchor=True, **how):
        made.append(EnclaveWorld())
        return made[-1].build(nitro_policy(**how), has_reader, has_anchor).start()
    yield make
    for world in made:
        world.close()


@pytest.mark.parametrize("has_reader", [False, True], ids=["by the attester", "by the reader"])
def test_a_volume_in_an_enclave(enclave, has_reader):
    world = enclave(has_reader, ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    assert is_mounted(world.kubelet.target(pod)) and volume.openssl_verify()[0]
    assert json.loads(volume.read("status.json"))["evidence"] == "nitro"
    record = world.record(volume.serial())
    assert record.returncode == 0 and "our-roles" in record.stdout, record.stdout
    world.module.say(indefinite=1)
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_a_debug_enclave_is_denied(enclave):
    world = enclave(image="00" * 48)  # whatever the policy says of images
    world.module.say(debug=1)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "debug" in text, text


def test_a_role_that_is_not_ours(enclave):
    world = enclave(role="00" + ROLE[2:])
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "guardrail" in text, text
    assert ROLE not in text, "a machine's owner is nobody's in an event"


def test_another_image_is_denied_at_the_next_renewal(enclave):
    world = enclave()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.module.say(image="ee")
    wait_until(lambda: any("nitro.pcr.0" in json.dumps(e) for e in world.csi.events() + world.attester.events()), 25, "a denied renewal")
    assert world.volume(pod).serial() == serial, "a failed renewal touches nothing"
    world.module.say()
    wait_until(lambda: world.volume(pod).serial() != serial, 40, "a renewal")


def test_a_root_that_is_nobodys(enclave):
    world = enclave(has_anchor=False)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "root" in text, text


def test_a_document_over_something_else_never_leaves(enclave):
    world = enclave()
    world.module.say(other=1)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.INTERNAL and "something else" in text, text


def test_what_module_and_driver_say(enclave):
    world = enclave(ttl="1h")
    for number, orders in enumerate(({"errno": "EINTR*2"}, {"errno": "EBUSY*1"}, {"error": "InvalidResponse*1"})):
        world.module.say(**orders)
        world.kubelet.publish(Pod(f"app-{number}", "payroll", "app"))
    for number, (orders, code, said) in enumerate((
            ({"error": "InternalError"}, grpc.StatusCode.UNAVAILABLE, "InternalError"),
            ({"error": "InvalidArgument"}, grpc.StatusCode.INTERNAL, "InvalidArgument"),
            ({"error": "NeverHeard"}, grpc.StatusCode.INTERNAL, "new"),
            ({"errno": "EIO"}, grpc.StatusCode.UNAVAILABLE, "/dev/nsm"), ({"errno": "ETIMEDOUT"}, grpc.StatusCode.UNAVAILABLE, "/dev/nsm"),
            ({"response": "empty"}, grpc.StatusCode.UNAVAILABLE, "no response"), ({"response": "text"}, grpc.StatusCode.UNAVAILABLE, "no response"),
            ({"response": "long"}, grpc.StatusCode.UNAVAILABLE, "no response"), ({"response": "twice"}, grpc.StatusCode.UNAVAILABLE, "two documents"))):
        world.module.say(**orders)
        got, text = refused(world, Pod(f"app-{number + 10}", "payroll", "app"), timeout=20)
        assert got == code and said in text, (orders, got, text)
    world.module.say()
    world.kubelet.publish(Pod("app-10", "payroll", "app"))


def test_an_enclave_says_what_it_has(enclave):
    world = enclave()

    def asks(*words, env=None):
        run = subprocess.run([*words, "--config", world.path("attester.yaml")], capture_output=True, text=True, env={**os.environ, **(env or {})})
        return run.returncode, run.stdout + run.stderr
    code, text = asks(binary("vouchsafe-attester"), "probe", env=world.module.environment())
    assert code == 0 and json.loads(text)["auto"] == "nitro", text
    assert asks(binary("vouchsafe"), "evidence", "--kind", "nitro", env=world.module.environment())[0] == 0
    code, text = asks(binary("vouchsafe"), "evidence", "--kind", "nitro")
    assert code == 1 and "there is no /dev/nsm" in text, text
