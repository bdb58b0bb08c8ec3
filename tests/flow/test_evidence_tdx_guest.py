"""A pod's volume on a TDX guest whose kernel makes no quotes: TDREPORTs of /dev/tdx_guest, quotes of the host's service over vsock."""
import json
import os
import subprocess

import grpc
import pytest

from harness.guest import TDX_FIELD, published, refused, tdx_policy
from harness.kubelet import Pod
from harness.world import binary, wait_until


@pytest.fixture
def tdx(guests):
    return lambda **how: guests(tdx_policy(**how), name="tdx", provider="tdx_guest", has_configfs=False, has_makers=True)


def test_a_volume_by_the_hosts_service(tdx):
    world = tdx()
    pod = Pod("app-0", "payroll", "app")
    wait_until(lambda: published(world, pod), 30, "Intel's collateral")
    volume = world.volume(pod)
    assert volume.openssl_verify()[0] and json.loads(volume.read("status.json"))["evidence"] == "tdx"
    assert world.qgs.asked > 0 and world.tsm.instances() == []
    serial = volume.serial()
    assert world.reload_policy(tdx_policy(least=60000, revision=2))[0] == 200
    wait_until(lambda: any("tdx." + TDX_FIELD in json.dumps(e) for e in world.csi.events() + world.attester.events()), 25, "a denied renewal")
    assert volume.serial() == serial
    assert world.reload_policy(tdx_policy(revision=3))[0] == 200
    wait_until(lambda: volume.serial() != serial, 40, "a renewal")
    world.tsm.say(no_provider=1, debug=1)
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "debug" in text, text
    world.tsm.say(no_provider=1, quote_version=5)
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_what_the_host_may_do(tdx):
    world = tdx(ttl="1h")
    wait_until(lambda: published(world, Pod("app-0", "payroll", "app")), 30, "Intel's collateral")
    for number, (deed, code, said) in enumerate((
            (0x12001, grpc.StatusCode.UNAVAILABLE, "0x12001"), (0x12002, grpc.StatusCode.UNAVAILABLE, "memory"),
            (0x12004, grpc.StatusCode.INTERNAL, "version"), ("hang-up", grpc.StatusCode.UNAVAILABLE, "hung up"),
            ("cut", grpc.StatusCode.UNAVAILABLE, "hung up"), ("version", grpc.StatusCode.UNAVAILABLE, "another version"),
            ("other", grpc.StatusCode.INTERNAL, "something else"))):
        world.qgs.deed = deed
        got, text = refused(world, Pod(f"app-{number + 1}", "payroll", "app"), timeout=20)
        assert got == code and said in text, (deed, got, text)
    world.qgs.deed = "silence"
    got, text = refused(world, Pod("app-9", "payroll", "app"), timeout=5)
    assert got in (grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE), text
    world.qgs.deed = None
    wait_until(lambda: published(world, Pod("app-9", "payroll", "app")), 30, "the service's return")


def test_what_the_device_may_say(tdx):
    world = tdx(ttl="1h")
    wait_until(lambda: published(world, Pod("app-0", "payroll", "app")), 30, "Intel's collateral")
    for number, (word, code, said) in enumerate((
            ("ebusy", grpc.StatusCode.UNAVAILABLE, "tdx_guest"), ("eio", grpc.StatusCode.UNAVAILABLE, "tdx_guest"),
            ("enotty", grpc.StatusCode.FAILED_PRECONDITION, "driver"), ("type", grpc.StatusCode.UNAVAILABLE, "not a TDREPORT"),
            ("other", grpc.StatusCode.INTERNAL, "something else"))):
        world.host_says(word)
        got, text = refused(world, Pod(f"app-{number + 1}", "payroll", "app"), timeout=20)
        assert got == code and said in text, (word, got, text)
    world.host_says("")
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_why_not(tdx):
    world = tdx()

    def asks(*words):
        run = subprocess.run([binary("vouchsafe"), "evidence", "--kind", "tdx", "--config", world.path("reader.yaml"), *words], capture_output=True, text=True,
                             env={**os.environ, **world.older_kernel()})
        return run.returncode, run.stdout + run.stderr
    assert asks()[0] == 0
    world.qgs.stop()
    code, text = asks()
    assert code == 1 and "quote generation service" in text and "4050" in text, text
    config = world.path("reader.yaml")
    with open(config) as f:
        without = "\n".join(line for line in f.read().splitlines() if "qgs-port" not in line)
    world.write("reader.yaml", without)
    code, text = asks()
    assert code == 1 and "/etc/tdx-attest.conf" in text, text
    world.qgs = None
