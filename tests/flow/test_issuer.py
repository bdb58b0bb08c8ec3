"""The issuer when its surroundings fail: a full disk, a signer that is stopped, an end in the middle of work; and what it says of itself."""
import json
import os
import signal
import subprocess
import threading
import time

import grpc
import pytest

from conftest import WORKLOADS
from harness.kubelet import Pod
from harness.policy import policy
from harness.world import World, unix_get, wait_until


PODS = [Pod(f"app-{index}", "payroll", "app") for index in range(60)]


def app(index):
    return PODS[index]


def number(world, name):
    return float(next(line.split()[-1] for line in world.metrics("issuer-health.sock").splitlines() if line.startswith(name + " ")))


def signer_of(world):
    return int(subprocess.run(["pgrep", "-P", str(world.issuer.process.pid)], capture_output=True, text=True, check=True).stdout.split()[0])


@pytest.fixture
def small_disk():
    """A world whose issuer keeps its state on a disk of its own, of few megabytes."""
    world = World()
    disk = world.make("disk", 0o755)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    try:
        world.tpm.manufacture().start()
        world.make("disk/state", 0o700)
        world.prepare(policy([world.tpm], WORKLOADS, "1h"), issuer={"state-dir": os.path.join(disk, "state")})
        world.start()
        yield world, disk
    finally:
        world.close()
        subprocess.run(["umount", "-l", disk], check=False, capture_output=True)


def test_a_full_disk_refuses_and_loses_nothing(small_disk):
    world, disk = small_disk
    world.kubelet.publish(app(0))
    serial = world.volume(app(0)).serial()
    before = number(world, "vouchsafe_issuer_records")
    filler = os.path.join(disk, "filler")
    with open(filler, "wb", buffering=0) as f:
        with pytest.raises(OSError):
            while True:
                f.write(bytes(4096))
    refused = None
    for i in range(1, 40):  # the log's file has some room of its own
        try:
            world.kubelet.publish(app(i), timeout=8)
        except grpc.RpcError as error:
            refused = error
            break
    assert refused is not None and refused.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert not os.path.exists(os.path.join(world.kubelet.target(app(i)), "tls.crt"))
    assert world.issuer.alive() and "full" in world.issuer.log_text()
    status, body = unix_get(world.path("run/issuer-health.sock"), "/readyz")
    assert status == 503 and json.loads(body)["check"] == "STORE_FULL"
    assert number(world, "vouchsafe_issuer_ledger_room_bytes") < 1 << 20
    assert unix_get(world.path("run/issuer-health.sock"), "/healthz")[0] == 200
    issued = i  # app-0 to the one before
    os.unlink(filler)
    assert unix_get(world.path("run/issuer-health.sock"), "/readyz")[0] == 200
    world.kubelet.publish(app(50))
    assert world.record(serial)
    assert number(world, "vouchsafe_issuer_records") == before + issued - 1 + 1
    world.issuer.stop()
    world.start_issuer()
    assert world.record(world.volume(app(50)).serial())


def test_a_read_only_disk_refuses_and_recovers(small_disk):
    world, disk = small_disk
    world.kubelet.publish(app(0))
    world.issuer.stop()
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    world.issuer.start()
    assert world.issuer.process.wait(10) != 0
    assert "STORE" in world.issuer.log_text()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    world.start_issuer()
    world.kubelet.publish(app(1))


def test_a_stopped_signer_fails_requests_and_holds_no_exit(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(app(0))
    signer = signer_of(world)
    os.kill(signer, signal.SIGSTOP)
    outcome = []

    def publish():
        try:
            world.kubelet.publish(app(1), timeout=30)
        except grpc.RpcError as error:
            outcome.append(error)
    waiting = threading.Thread(target=publish)
    waiting.start()
    time.sleep(0.5)
    for path in ("/metrics", "/healthz", "/readyz"):
        assert unix_get(os.path.join(world.run, "issuer-health.sock"), path)[0] in (200, 503)
    assert world.issuer.stop(timeout=30) == 0
    waiting.join()
    assert outcome and not os.path.exists(os.path.join(world.kubelet.target(app(1)), "tls.crt"))
    with pytest.raises(ProcessLookupError):
        os.kill(signer, 0)


def test_sigterm_among_requests_answers_what_it_began(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(app(0))
    done = []

    def publish(index):
        try:
            world.kubelet.publish(app(index), timeout=20)
            done.append(index)
        except grpc.RpcError:
            pass
    threads = [threading.Thread(target=publish, args=(index,)) for index in range(1, 17)]
    for thread in threads:
        thread.start()
    wait_until(lambda: done, 15, "a first volume")
    assert world.issuer.stop() == 0
    world.start_issuer()
    for thread in threads:
        thread.join()
    for index in done:  # no credential without its record
        assert world.record(world.volume(app(index)).serial())


def test_metrics_are_whole_while_many_ask(world):
    world.kubelet.publish(app(0))
    failures = []

    def ask():
        for _ in range(25):
            for path in ("/metrics", "/healthz", "/readyz"):
                status, body = unix_get(os.path.join(world.run, "issuer-health.sock"), path)
                if status != 200 or (path == "/metrics" and "vouchsafe_issuer_credentials_total" not in body):
                    failures.append((path, status, body))
    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures and world.issuer.alive()
    for line in world.metrics("issuer-health.sock").splitlines():
        assert line.startswith("#") or len(line.rsplit(" ", 1)) == 2 and float(line.rsplit(" ", 1)[1]) >= 0


def test_an_older_policy_is_not_taken_back(world):
    world.reload_policy(policy([world.tpm], WORKLOADS, "1h", revision=9))
    assert number(world, "vouchsafe_issuer_policy_revision") == 9
    failures = number(world, "vouchsafe_issuer_policy_reload_failures_total")
    world.set_policy(policy([world.tpm], WORKLOADS, "1h", revision=8))
    world.issuer.process.send_signal(signal.SIGHUP)
    wait_until(lambda: number(world, "vouchsafe_issuer_policy_reload_failures_total") == failures + 1, 10, "the refusal")
    assert number(world, "vouchsafe_issuer_policy_revision") == 9
    assert world.issuer.events("policy_reload_failed")[-1]["problem_token"] == "POLICY_ROLLBACK"


def test_a_cleared_tpm_is_refused_until_its_key_is_forgotten(fresh):
    world = fresh(ttl="1h")

    def keys(*words):
        return world.cli("attestation-keys", *words, "--socket", world.path("run/admin.sock"), "--output", "json")
    world.kubelet.publish(app(0))
    listed = json.loads(keys("list").stdout)["attestation_keys"]
    assert len(listed) == 1 and listed[0]["ek"] == world.tpm.ek_digest() and listed[0]["node"]
    name = listed[0]["name"]
    assert keys("forget", "000b00").returncode == 1 and len(json.loads(keys("list").stdout)["attestation_keys"]) == 1

    world.tpm.clear()
    with pytest.raises(grpc.RpcError) as refused:
        world.kubelet.publish(app(1), timeout=10)
    assert refused.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "tpm.reset_count" in unix_get(world.path("run/admin.sock"), "/v1/refusals")[1]

    assert keys("forget", name).returncode == 0
    assert [event["ak"] for event in world.issuer.events("attestation_key_forgotten")] == [name]
    assert json.loads(keys("list").stdout)["attestation_keys"] == []
    world.kubelet.publish(app(1))
    assert world.record(world.volume(app(1)).serial()).returncode == 0
    assert [event["ak"] for event in world.issuer.events("attestation_key_enrolled")] == [name, name]
    assert [key["name"] for key in json.loads(keys("list").stdout)["attestation_keys"]] == [name]
