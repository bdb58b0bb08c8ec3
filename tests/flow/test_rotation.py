"""Time passing: renewals, bundle changes, outages, restarts. Lives are 20 s, so that a few go by in a test."""
import json
import os
import threading
import time

import grpc
import pytest

from harness.kubelet import Pod
from harness.policy import policy
from harness.volume import is_mounted
from harness.world import unix_get, wait_until
from conftest import WORKLOADS


def renewed(world, pod, serial, timeout=25):
    volume = world.volume(pod)
    return wait_until(lambda: volume.serial() != serial and volume.serial(), timeout, "a renewal")


def test_renewal_changes_key_and_certificate_together(fresh):
    world = fresh()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    seen, mismatches, stop = set(), [], threading.Event()

    def reader():
        while not stop.is_set():
            bundle = volume.read("credential-bundle.pem")
            seen.add(bundle)
            if not volume.pair_matches(bundle):
                mismatches.append(bundle)
    thread = threading.Thread(target=reader)
    thread.start()
    serial = volume.serial()
    for generation in range(1, 4):  # the reader compares each, however slow the machine is
        wait_until(lambda: len(seen) >= generation, 5, "the reader to see what is there")
        serial = renewed(world, pod, serial) if generation < 3 else serial
    stop.set()
    thread.join()
    assert not mismatches and len(seen) >= 3
    assert volume.openssl_verify()[0]
    wait_until(lambda: len([n for n in os.listdir(volume.path) if n.startswith("..") and n != "..data"]) == 1, 5, "old generations to go")


def test_killed_plugin_keeps_mounts_and_schedule(fresh):
    world = fresh()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial, issued = world.volume(pod).serial(), records(world)
    world.csi.kill()
    assert is_mounted(world.kubelet.target(pod)) and world.volume(pod).serial() == serial
    world.start_csi()
    world.kubelet.publish(pod)  # kubelet's republish brings the token back
    assert world.volume(pod).serial() == serial and records(world) == issued, "nothing is re-issued at a restart"
    renewed(world, pod, serial)
    world.kubelet.unpublish(pod)
    assert not is_mounted(world.kubelet.target(pod))


def records(world):
    return int(next(line.split()[1] for line in world.metrics("issuer-health.sock").splitlines() if line.startswith("vouchsafe_issuer_records")))


def test_reboot_publishes_from_scratch(fresh):
    world = fresh(ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.csi.kill()
    os.system(f"umount {world.kubelet.target(pod)}")  # what a reboot does: journal there, mount gone
    world.start_csi()
    world.kubelet.publish(pod)
    assert world.volume(pod).serial() != serial and is_mounted(world.kubelet.target(pod))


def test_torn_journal_record_is_quarantined(fresh):
    world = fresh(ttl="1h")
    pods = [Pod("app-0", "payroll", "app"), Pod("app-1", "payroll", "app")]
    for pod in pods:
        world.kubelet.publish(pod)
    world.csi.kill()
    state = world.path("csi-state")
    records_found = [os.path.join(folder, name) for folder, _, files in os.walk(state) for name in files if pods[0].handle in name]
    assert records_found
    with open(records_found[0], "r+b") as f:
        f.truncate(20)
    world.start_csi()
    assert world.describe(pods[1]) is not None
    assert any("quarantin" in event["event"] for event in world.csi.events())
    for pod in pods:
        world.kubelet.publish(pod)
        assert is_mounted(world.kubelet.target(pod))
        world.kubelet.unpublish(pod)
        assert not is_mounted(world.kubelet.target(pod))


def test_issuer_down_keeps_the_credential_and_recovers(fresh):
    world = fresh()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.issuer.stop()
    wait_until(lambda: world.describe(pod).get("state") == "overdue", 25, "an overdue volume")
    assert world.volume(pod).serial() == serial and world.volume(pod).openssl_verify()[0]
    world.kubelet.publish(pod)  # a republish is OK whatever renewal does
    assert world.kubelet.stats(pod).volume_condition.abnormal
    world.start_issuer()
    renewed(world, pod, serial, 40)
    wait_until(lambda: world.describe(pod).get("state") == "fresh", 10, "a fresh volume")


def test_first_publish_with_issuer_down_is_unavailable(fresh):
    world = fresh(start=False)
    world.attester.start()
    world.start_csi()
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(Pod("app-0", "payroll", "app"), timeout=8)
    assert caught.value.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert not os.path.exists(world.kubelet.target(Pod("app-0", "payroll", "app")))


def test_changed_boot_state_denies_renewal_and_keeps_the_old_credential(fresh):
    world = fresh()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    serial = world.volume(pod).serial()
    world.tpm.extend(7, "ab" * 32)
    wait_until(lambda: (world.describe(pod) or {}).get("state") == "overdue", 25, "a denied renewal")
    volume = world.volume(pod)
    assert volume.serial() == serial
    assert "tpm.pcr.sha256.7" in json.dumps(world.describe(pod)) or "boot-states" in json.dumps(world.describe(pod))
    wait_until(lambda: volume.status()["state"] == "expired", 25, "expiry")
    assert volume.serial() == serial, "files stay after expiry"
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(Pod("app-1", "payroll", "app"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_policy_reload_is_all_or_nothing(fresh):
    world = fresh(ttl="1h")
    status, said = world.reload_policy("apiVersion: vouchsafe.dev/v1\nkind: Nonsense\n")
    assert status >= 400 and ":2:" in said
    world.kubelet.publish(Pod("app-0", "payroll", "app"))  # the last good one stays
    status, said = world.reload_policy(policy([world.tpm], WORKLOADS[1:], "1h", revision=2))
    assert status == 200, said
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(Pod("app-1", "payroll", "app"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED


def test_tpm_reset_goes_on(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.tpm.reset()
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_tpm_gone_is_unavailable_then_recovers(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.tpm.stop()
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(Pod("app-1", "payroll", "app"), timeout=15)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "TPM" in caught.value.details()
    world.tpm.start()
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_wiped_tpm_is_another_machine(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.tpm.stop()
    world.tpm.manufacture().start()
    with pytest.raises(grpc.RpcError) as caught:
        world.kubelet.publish(Pod("app-1", "payroll", "app"))
    assert caught.value.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION)


def test_attester_restart_is_invisible(fresh):
    world = fresh(ttl="1h")
    world.kubelet.publish(Pod("app-0", "payroll", "app"))
    world.attester.kill()
    world.attester.start()
    world.kubelet.publish(Pod("app-1", "payroll", "app"))


def test_bundle_change_keeps_key_and_certificate(fresh):
    world = fresh(ttl="1h", prepare={"issuer": {"bundle-refresh": "1s"}})
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    volume = world.volume(pod)
    key, certificate, bundle = volume.read("tls.key"), volume.read("tls.crt"), volume.read("trust-bundle.json")
    world.issuer.stop()
    add_root(world)
    world.start_issuer()
    wait_until(lambda: volume.read("trust-bundle.json") != bundle, 40, "the new bundle")
    assert (volume.read("tls.key"), volume.read("tls.crt")) == (key, certificate)
    assert volume.read("ca.crt").count(b"BEGIN CERTIFICATE") == 2


def add_root(world):
    """A second root, published before its first use: one more certificate in the root file."""
    import subprocess
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", world.path("next.key"),
                    "-out", world.path("next.pem"), "-days", "30", "-subj", "/CN=next root", "-addext", "basicConstraints=critical,CA:TRUE",
                    "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-addext", "subjectAltName=URI:spiffe://demo.example"],
                   check=True, capture_output=True)
    with open(world.path("issuer/root.pem"), "a") as f, open(world.path("next.pem")) as extra:
        f.write(extra.read())


def test_sigterm_leaves_mounts_and_exits_zero(fresh):
    world = fresh(ttl="1h")
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    for program in (world.csi, world.attester, world.issuer):
        assert program.stop() == 0, program.name
    assert is_mounted(world.kubelet.target(pod))


def test_dead_signer_stops_the_issuer(fresh):
    world = fresh(ttl="1h")
    import signal
    import subprocess
    children = subprocess.run(["pgrep", "-P", str(world.issuer.process.pid)], capture_output=True, text=True).stdout.split()
    assert children
    os.kill(int(children[0]), signal.SIGKILL)
    assert world.issuer.process.wait(10) != 0
    world.issuer.process = None
