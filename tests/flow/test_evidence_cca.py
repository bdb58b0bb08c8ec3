"""A pod's volume in an Arm CCA realm: csi, attester, evidence reader and issuer as they run, the guest's kernel and its platform emulated."""
import json
import os

import grpc
import pytest

from harness.guest import refused
from harness.kubelet import Pod
from harness.policy import PROFILE
from harness.volume import is_mounted
from harness.world import wait_until

INITIAL = "0102030405060708" + "00" * 56  # the emulated realm's initial measurement
INSTANCE = "0102030405060708" + "00" * 25
UNKNOWN = "a platform whose key is known"

CCA = """apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-platforms, owner: platform-team}}
spec:
  platform: true
  entries:
    - {{name: platform-0, values: {{cca.platform.instance-id: "{instance}"}}}}
---
apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {{name: our-realms, owner: platform-team}}
spec:
  entries:
    - {{name: release-1, values: {{cca.realm.initial: "{initial}"}}}}
---
apiVersion: vouchsafe.dev/v1
kind: Guardrail
metadata: {{name: floor, owner: cluster-admins}}
spec:
  require: {{in_set: our-platforms}}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {{name: payroll, owner: team-payroll}}
spec:
  profiles: [default]
  k8s-grants: true
  match:
    all:
      - {{evidence.kind: cca}}
      - {{in_set: our-realms}}
      - {{k8s.namespace: payroll}}
      - {{k8s.service-account: app}}
  identity: spiffe://demo.example/ns/payroll/sa/app
"""


def cca_policy(initial=INITIAL, instance=INSTANCE, ttl="20s", revision=1):
    return PROFILE.format(name="default", ttl=ttl, revision=revision) + "---\n" + CCA.format(initial=initial, instance=instance)


@pytest.fixture
def realm(guests):
    return lambda keys="file", **how: guests(cca_policy(**how), name="cca", provider="arm_cca_guest", keys=keys)


def denied(world, said, pod="app-9"):
    code, text = refused(world, Pod(pod, "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and said in text, text
    return text


def test_a_volume_in_a_realm(realm):
    world = realm(ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    assert is_mounted(world.kubelet.target(pod)) and volume.openssl_verify()[0]
    assert json.loads(volume.read("status.json"))["evidence"] == "cca"
    record = world.record(volume.serial())
    assert record.returncode == 0 and "our-platforms" in record.stdout and "our-realms" in record.stdout, record.stdout
    assert world.tsm.instances() == []


def test_another_measurement_is_denied_at_the_next_renewal(realm):
    world = realm()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.tsm.say(image="other")
    wait_until(lambda: any("cca.realm.initial" in json.dumps(e) for e in world.csi.events() + world.attester.events()), 25, "a denied renewal")
    assert world.volume(pod).serial() == serial, "a failed renewal touches nothing"
    world.tsm.say()
    wait_until(lambda: world.volume(pod).serial() != serial, 40, "a renewal")


def test_platforms_that_are_not_known(realm):
    world = realm(ttl="1h")
    world.tsm.say(instance="other")
    text = denied(world, UNKNOWN)
    assert INSTANCE not in text
    world.tsm.say(cpak="other")
    denied(world, "a key of that platform")
    world.tsm.say(debug=1)
    denied(world, "cca.lifecycle")
    world.tsm.say()
    world.kubelet.publish(Pod("app-9", "payroll", "app"))


def test_a_folder_of_platforms_is_read_again(realm):
    world = realm(keys="folder", ttl="1h")
    again = cca_policy(ttl="1h")
    denied(world, UNKNOWN)  # it is empty: nobody is known
    world.write("platforms/rack-1.json", world.tsm.anchor())
    assert world.reload_policy(again)[0] == 200
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.write("platforms/rack-2.json", world.tsm.anchor())  # the same instance twice
    status, text = world.reload_policy(again)
    assert status != 200 and "cca.cpak_format" in str(text), text
    world.kubelet.publish(Pod("app-1", "payroll", "app"))  # by the keys from before
    for name in ("rack-1.json", "rack-2.json"):
        os.unlink(world.path("platforms", name))
    assert world.reload_policy(again)[0] == 200
    denied(world, UNKNOWN)
