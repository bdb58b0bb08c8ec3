"""A pod's volume, from kubelet's call to files that openssl verifies; and everything that is refused on the way."""
import json
import os
import stat
import subprocess

import grpc
import pytest

from harness.kubelet import Pod, csi
from harness.volume import is_mounted, mounts_below

FILES = ["ca.crt", "credential-bundle.pem", "status.json", "tls.crt", "tls.key", "trust-bundle.json"]


def refused(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value


def test_published_volume_has_verified_files(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod, group=3000)
    volume = world.volume(pod)
    assert volume.files() == FILES
    assert volume.identity() == "spiffe://demo.example/ns/payroll/sa/app"
    good, said = volume.openssl_verify()
    assert good, said
    assert volume.pair_matches(volume.read("credential-bundle.pem"))
    assert not any(e.oid.dotted_string.startswith("1.2.840.113556.1.8000.2554.") for e in volume.leaf().extensions), "nothing says insecure-development"
    assert volume.read("tls.key") in volume.read("credential-bundle.pem")
    status = volume.status()
    assert status["identity"] == volume.identity()
    assert status["serial"].zfill(32) == volume.serial()
    assert status["evidence"] == "tpm"
    assert json.loads(volume.read("trust-bundle.json"))["keys"]
    world.kubelet.unpublish(pod)


def test_modes_group_and_mount_flags(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod, group=3000)
    path = world.kubelet.target(pod)
    for folder, folders, files in os.walk(path):
        for name in folders:
            found = os.lstat(os.path.join(folder, name))
            if stat.S_ISDIR(found.st_mode):
                assert stat.S_IMODE(found.st_mode) == 0o550, name
        for name in files:
            found = os.lstat(os.path.join(folder, name))
            if stat.S_ISREG(found.st_mode):
                assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o440, 3000), name
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o550
    with open("/proc/self/mountinfo") as f:
        line = next(line for line in f if line.split()[4] == path)
    assert " - tmpfs " in line
    for flag in ("nosuid", "nodev", "noexec"):
        assert flag in line
    world.kubelet.unpublish(pod)


def test_two_pods_get_two_identities_and_keys(world):
    a, b = Pod("app-0", "payroll", "app"), Pod("front-0", "web", "front")
    world.kubelet.publish(a)
    world.kubelet.publish(b)
    assert world.volume(a).identity() == "spiffe://demo.example/ns/payroll/sa/app"
    assert world.volume(b).identity() == "spiffe://demo.example/ns/web/sa/front"
    assert world.volume(a).read("tls.key") != world.volume(b).read("tls.key")
    world.kubelet.unpublish(a)
    world.kubelet.unpublish(b)


def test_policy_refuses_with_a_reason_and_leaves_nothing(world):
    pod = Pod("other-0", "default", "other")
    error = refused(world.kubelet.publish, pod)
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "k8s." in error.details() and "other" in error.details()
    assert not os.path.exists(world.kubelet.target(pod))
    assert world.describe(pod) is None


def test_unknown_profile_is_named(world):
    error = refused(world.kubelet.publish, Pod("a", "payroll", "app"), attributes={"profile": "nosuch"})
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "nosuch" in error.details()


@pytest.mark.parametrize("changes,names", [
    ({"attributes": {"profil": "x"}}, "profil"),
    ({"attributes": {"mode": "0444"}}, "mode"),
    ({"attributes": {"profile": "../x"}}, "profile"),
    ({"read_only": False}, "readOnly"),
])
def test_bad_requests_are_named(world, changes, names):
    error = refused(world.kubelet.publish, Pod("a", "payroll", "app"), **changes)
    assert error.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert names in error.details()


def test_republish_is_ok_and_keeps_the_credential(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    before = world.volume(pod).serial()
    for _ in range(3):
        world.kubelet.publish(pod)
    assert world.volume(pod).serial() == before
    assert len([m for m in mounts_below(world.kubelet_dir) if m == world.kubelet.target(pod)]) == 1
    world.kubelet.unpublish(pod)


def test_republish_with_other_arguments_is_refused(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    error = refused(world.kubelet.publish, pod, attributes={"mode": "0400"})
    assert error.code() == grpc.StatusCode.ALREADY_EXISTS
    assert is_mounted(world.kubelet.target(pod))
    world.kubelet.unpublish(pod)


def test_unpublish_is_idempotent_and_removes_the_target(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    for _ in range(3):
        world.kubelet.unpublish(pod)
        assert not os.path.exists(world.kubelet.target(pod))
    world.kubelet.unpublish(Pod("never-published"))


def test_token_in_volume_context_works_too(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod, token_in="context")
    assert world.volume(pod).identity().endswith("/ns/payroll/sa/app")
    world.kubelet.unpublish(pod)


@pytest.mark.parametrize("what,changes,check", [
    ("another pod", {"swap": "pod"}, "k8s.pod"),
    ("another node", {"node": "node-9"}, "k8s.node"),
    ("expired", {"life_s": -600}, "k8s.expired"),
    ("another cluster", {"iss": "https://evil.example"}, "k8s.issuer"),
])
def test_tokens_that_do_not_fit_are_refused_by_check(world, what, changes, check):
    pod = Pod("app-0", "payroll", "app")
    if changes.get("swap"):
        tokens = world.kubelet.tokens(Pod("app-1", "payroll", "app"))
    else:
        tokens = world.kubelet.tokens(pod, **changes)
    error = refused(world.kubelet.publish, pod, tokens=tokens)
    assert error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED), what
    assert any(check == event.get("check") or check in json.dumps(event) for event in world.issuer.events()) or check in error.details()
    assert not os.path.exists(world.kubelet.target(pod))


def test_corrupted_token_signature_is_refused(world):
    pod = Pod("app-0", "payroll", "app")
    tokens = json.loads(world.kubelet.tokens(pod))
    entry = next(iter(tokens.values()))
    head, body, signature = entry["token"].split(".")
    entry["token"] = ".".join([head, body, ("A" if signature[0] != "A" else "B") + signature[1:]])
    error = refused(world.kubelet.publish, pod, tokens=json.dumps(tokens))
    assert error.code() in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    assert "signature" in error.details()


def test_symlinked_target_is_refused(world):
    pod = Pod("app-0", "payroll", "app")
    target = world.kubelet.target(pod)
    os.makedirs(os.path.dirname(target))
    elsewhere = world.make("elsewhere", 0o755)
    os.symlink(elsewhere, target)
    error = refused(world.kubelet.publish, pod)
    assert error.code() in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION)
    assert os.listdir(elsewhere) == []
    os.unlink(target)


def test_stats_have_bytes_inodes_and_condition(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    reply = world.kubelet.stats(pod)
    units = {u.unit: u for u in reply.usage}
    assert units[csi.VolumeUsage.BYTES].total > 0 and units[csi.VolumeUsage.BYTES].used > 0
    assert units[csi.VolumeUsage.INODES].total > 0
    assert not reply.volume_condition.abnormal and reply.volume_condition.message
    assert refused(world.kubelet.stats, pod, path="/nowhere").code() == grpc.StatusCode.NOT_FOUND
    world.kubelet.unpublish(pod)
    assert refused(world.kubelet.stats, pod).code() == grpc.StatusCode.NOT_FOUND


def test_record_explains_the_serial(world):
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod)
    said = world.record(world.volume(pod).serial())
    assert said.returncode == 0, said.stderr
    for word in ("payroll", "spiffe://demo.example/ns/payroll/sa/app", "k8s.service-account", "our-machines"):
        assert word in said.stdout
    status = world.volume(pod).status()
    assert status["record"] in said.stdout
    world.kubelet.unpublish(pod)


def test_fifty_pods_at_once_share_quotes(world):
    from concurrent.futures import ThreadPoolExecutor
    pods = [Pod(f"app-{i}", "payroll", "app") for i in range(50)]

    def quotes():
        return int(next(line.split()[1] for line in world.metrics("attester/health.sock").splitlines() if line.startswith("vouchsafe_attester_quotes_total ")))
    before = quotes()
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(world.kubelet.publish, pods))
    made = quotes() - before
    assert len({world.volume(p).serial() for p in pods}) == 50
    assert made <= 25, f"{made} quotes for 50 pods"
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(world.kubelet.unpublish, pods))
    assert mounts_below(world.kubelet_dir) == []


def test_registration_as_kubelet_does_it(world):
    info = world.kubelet.register(world.registry)
    assert (info.type, info.name, list(info.supported_versions)) == ("CSIPlugin", "csi.vouchsafe.dev", ["1.0.0"])
    assert info.endpoint == world.csi_socket
    path = os.path.join(world.registry, "csi.vouchsafe.dev-reg.sock")
    os.unlink(path)
    world.kubelet.register(world.registry)  # made again


def test_probe_flag(world):
    world.kubelet.register(world.registry)
    run = subprocess.run([os.path.join(os.environ["BUILD"], "vouchsafe-csi"), "--probe", "--config", world.path("csi.yaml")], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_no_secret_in_logs(world):
    pod = Pod("app-0", "payroll", "app")
    tokens = world.kubelet.tokens(pod)
    world.kubelet.publish(pod, tokens=tokens)
    key = world.volume(pod).read("tls.key").decode().splitlines()[1]
    token = next(iter(json.loads(tokens).values()))["token"]
    world.kubelet.unpublish(pod)
    for program in world.programs:
        text = program.log_text()
        assert key not in text and token not in text and token.split(".")[2] not in text
    for folder, _, files in os.walk(world.path("csi-state")):
        for name in files:
            with open(os.path.join(folder, name), errors="replace") as f:
                assert token.split(".")[2] not in f.read()
