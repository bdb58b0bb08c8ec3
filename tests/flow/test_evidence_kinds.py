"""A pod's volume on other machines than those with a TPM: csi, attester, evidence reader and issuer as they run, the guest's kernel emulated."""
import json
import os
import signal
import subprocess

import grpc
import pytest

from harness.guest import CHIP, TDX_FIELD, published, refused, snp_policy, tdx_policy
from harness.kubelet import Pod
from harness.volume import is_mounted
from harness.world import binary, wait_until


@pytest.fixture
def snp(guests):
    return lambda has_configfs=True, has_makers=False, **how: guests(snp_policy(**how), has_configfs=has_configfs, has_makers=has_makers)


@pytest.fixture
def tdx(guests):
    return lambda **how: guests(tdx_policy(**how), name="tdx", provider="tdx_guest", has_makers=True)


def test_a_volume_on_sev_snp(snp):
    world = snp(ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    assert is_mounted(world.kubelet.target(pod)) and volume.openssl_verify()[0]
    assert json.loads(volume.read("status.json"))["evidence"] == "sev-snp"
    record = world.record(volume.serial())
    assert record.returncode == 0 and "our-chips" in record.stdout, record.stdout
    assert world.tsm.instances() == [], "no instance outlives its call"


def test_a_chip_that_is_not_ours(snp):
    world = snp(chip="00" + CHIP[2:])
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "guardrail" in text, text
    assert CHIP not in text, "a machine's identifier is nobody's in an event"


def test_a_debug_guest_is_denied(snp):
    world = snp()
    world.tsm.say(debug=1)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "debug" in text, text


def test_a_report_over_something_else_never_leaves(snp):
    world = snp()
    world.tsm.say(other_report=1)
    code, text = refused(world, Pod("app-0", "payroll", "app"))
    assert code == grpc.StatusCode.INTERNAL and "something else" in text, text
    assert world.tsm.instances() == []


def test_races_and_a_busy_host_are_lived_with(snp):
    world = snp(ttl="1h")
    for number, orders in enumerate(({"read_error": "EBUSY*2"}, {"other_write": "1*1"}, {"late_write": "1*1"}, {"drop_write": "1*1"})):
        world.tsm.say(**orders)
        world.kubelet.publish(Pod(f"app-{number}", "payroll", "app"))
    world.tsm.say(read_error="ETIMEDOUT")
    code, text = refused(world, Pod("app-9", "payroll", "app"))
    assert code == grpc.StatusCode.UNAVAILABLE, text
    world.tsm.say()
    world.kubelet.publish(Pod("app-9", "payroll", "app"))


def test_a_raised_tcb_denies_the_next_renewal(snp):
    world = snp()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    assert world.reload_policy(snp_policy(ucode=250, revision=2))[0] == 200
    denied = wait_until(lambda: [e for e in world.csi.events() + world.attester.events() if "snp.tcb.ucode" in json.dumps(e)], 25, "a denied renewal")
    assert any("250" in json.dumps(e) for e in denied), "what was wanted is named"
    assert world.volume(pod).serial() == serial, "a failed renewal touches nothing"
    assert world.reload_policy(snp_policy(ucode=1, revision=3))[0] == 200
    wait_until(lambda: world.volume(pod).serial() != serial, 40, "a renewal")


def test_the_reader_sweeps_and_comes_back(snp):
    world = snp(ttl="1h")
    world.reader.kill()
    os.mkdir(os.path.join(world.tsm.base, "vouchsafe-1-dead"))
    os.mkdir(os.path.join(world.tsm.base, "of-somebody-else"))
    code, text = refused(world, Pod("app-0", "payroll", "app"), timeout=9)
    assert code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED), text
    world.start_reader()
    wait_until(lambda: world.tsm.instances() == ["of-somebody-else"], what="the sweep")
    wait_until(lambda: published(world, Pod("app-0", "payroll", "app")), 30, "the reader's return")
    assert world.reader.stop(signal.SIGTERM) == 0


def test_an_older_kernel_has_a_device(snp):
    world = snp(has_configfs=False, ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    assert world.tsm.instances() == []
    for number, (word, code, said) in enumerate((
            ("busy", grpc.StatusCode.UNAVAILABLE, "busy"), ("status", grpc.StatusCode.INTERNAL, "0x16"),
            ("size", grpc.StatusCode.UNAVAILABLE, "1183"), ("length", grpc.StatusCode.UNAVAILABLE, "4097"),
            ("eio", grpc.StatusCode.UNAVAILABLE, "sev-guest"), ("enotty", grpc.StatusCode.FAILED_PRECONDITION, "sev-guest"))):
        world.host_says(word)
        got, text = refused(world, Pod(f"app-{number + 1}", "payroll", "app"), timeout=20)
        assert got == code and said in text, (word, got, text)
    world.host_says("")
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_a_machine_says_what_it_has(snp):
    world = snp()

    def asks(*words, env=None):
        run = subprocess.run([*words, "--config", world.path("reader.yaml")], capture_output=True, text=True, env={**os.environ, **(env or {})})
        return run.returncode, run.stdout
    code, text = asks(binary("vouchsafe-attester"), "probe")
    found = {row["kind"]: row for row in json.loads(text)["kinds"]}
    assert code == 0 and json.loads(text)["auto"] == "sev-snp" and found["sev-snp"]["available"]
    assert found["tdx"]["check"] == "tee.missing" and "sev_guest" in found["tdx"]["reason"]
    assert asks(binary("vouchsafe"), "evidence")[0] == 0
    assert asks(binary("vouchsafe"), "evidence", "--kind", "tdx")[0] == 1
    world.tsm.say(no_provider=1)
    assert asks(binary("vouchsafe"), "evidence", "--kind", "sev-snp")[0] == 1
    assert asks(binary("vouchsafe"), "evidence", env=world.older_kernel())[0] == 0
    assert asks(binary("vouchsafe"), "evidence", "--kind", "none")[0] == 2
    assert world.tsm.instances() == []


def test_without_a_table_the_issuer_asks_the_maker(snp):
    world = snp(has_makers=True)
    world.tsm.say(aux="none")
    pod = Pod("app-0", "payroll", "app")
    wait_until(lambda: published(world, pod), 30, "the certificate of the chip")
    serial = world.volume(pod).serial()
    world.server.stop()
    wait_until(lambda: world.volume(pod).serial() != serial, 25, "a renewal while the maker is out")


def test_a_volume_on_tdx(tdx):
    world = tdx()
    pod = Pod("app-0", "payroll", "app")
    wait_until(lambda: published(world, pod), 30, "Intel's collateral")
    volume = world.volume(pod)
    assert volume.openssl_verify()[0] and json.loads(volume.read("status.json"))["evidence"] == "tdx"
    serial = volume.serial()
    assert world.reload_policy(tdx_policy(least=60000, revision=2))[0] == 200
    wait_until(lambda: any("tdx." + TDX_FIELD in json.dumps(e) for e in world.csi.events() + world.attester.events()), 25, "a denied renewal")
    assert volume.serial() == serial
    assert world.reload_policy(tdx_policy(revision=3))[0] == 200
    wait_until(lambda: volume.serial() != serial, 40, "a renewal")
    world.tsm.say(debug=1)
    code, text = refused(world, Pod("app-1", "payroll", "app"))
    assert code == grpc.StatusCode.PERMISSION_DENIED and "debug" in text, text
    world.tsm.say(quote_version=5)
    world.kubelet.publish(Pod("app-1", "payroll", "app"))
