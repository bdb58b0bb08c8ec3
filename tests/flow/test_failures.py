"""Failures that drivers of this kind have had, tried on this one. docs/failure-modes.md lists them all, with the tests elsewhere."""
import json
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from harness.kubelet import Pod
from harness.volume import is_mounted, mounts_below
from harness.world import binary, unix_get, wait_until

FILES = ["ca.crt", "credential-bundle.pem", "status.json", "tls.crt", "tls.key", "trust-bundle.json"]
PERMANENT = (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.ALREADY_EXISTS)


def app(index=0):
    return Pod(f"app-{index}", "payroll", "app")


def refused(call, *args, **kwargs):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **kwargs)
    return caught.value


def fingerprint(world, pod):
    """Changes when anything in the volume is written, or another mount stands there."""
    path = world.kubelet.target(pod)
    with open("/proc/self/mountinfo") as f:
        mounts = [line.split()[0] for line in f if line.split()[4] == path]
    files = [(name, os.stat(os.path.join(path, name)).st_ino) for name in sorted(os.listdir(path))]
    return mounts, os.readlink(os.path.join(path, "..data")), files


def records(world):
    return int(next(line.split()[1] for line in world.metrics("issuer-health.sock").splitlines() if line.startswith("vouchsafe_issuer_records")))


def test_a_refused_republish_leaves_the_live_volume(world):
    pod = app()
    world.kubelet.publish(pod)
    before = fingerprint(world, pod)
    other = json.dumps({"https://other.example": {"token": "a.b.c", "expirationTimestamp": "2026-01-01T00:00:00Z"}})
    for changes in ({"attributes": {"mode": "0400"}}, {"attributes": {"profile": "nosuch"}}, {"attributes": {"unknown": "x"}}, {"group": 4000},
                    {"read_only": False}, {"tokens": "{"}, {"tokens": other}):
        assert refused(world.kubelet.publish, pod, **changes).code() in PERMANENT, changes
        assert fingerprint(world, pod) == before, changes
    world.kubelet.publish(pod)
    world.kubelet.unpublish(pod)


def test_an_ok_always_means_complete_files(world):
    """Overlapping publishes of one volume while the first waits for its credential: none says OK about an empty mount."""
    pod = app()
    outcomes = []

    def publish(_):
        try:
            world.kubelet.publish(pod)
            outcomes.append(("OK", world.volume(pod).files(), world.volume(pod).openssl_verify()[0]))
        except grpc.RpcError as error:
            outcomes.append((error.code().name, None, None))
    os.kill(world.attester.process.pid, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(8) as pool:
            work = pool.map(publish, range(8))
            wait_until(lambda: len(outcomes) == 7, 10, "the overlapping calls to be refused")
            assert {outcome[0] for outcome in outcomes} == {"ABORTED"} and not is_mounted(world.kubelet.target(pod))
            os.kill(world.attester.process.pid, signal.SIGCONT)
            list(work)
    finally:
        os.kill(world.attester.process.pid, signal.SIGCONT)
    assert outcomes[7:] == [("OK", FILES, True)]
    assert mounts_below(world.kubelet_dir) == [world.kubelet.target(pod)]
    world.kubelet.unpublish(pod)


def unmounted(world, pod):
    subprocess.run(["umount", world.kubelet.target(pod)], check=True)


def target_removed(world, pod):
    unmounted(world, pod)
    os.rmdir(world.kubelet.target(pod))


def pod_removed(world, pod):
    target_removed(world, pod)
    os.removedirs(os.path.dirname(world.kubelet.target(pod)))
    world.make("kubelet/pods", 0o750)


def plugin_killed(world, pod):
    world.csi.kill()
    world.start_csi()


def plugin_killed_and_unmounted(world, pod):
    world.csi.kill()
    unmounted(world, pod)
    world.start_csi()


@pytest.mark.parametrize("happens", [unmounted, target_removed, pod_removed, plugin_killed, plugin_killed_and_unmounted])
def test_unpublish_ends_whatever_happened(world, happens):
    pod = app()
    world.kubelet.publish(pod)
    happens(world, pod)
    for _ in range(2):
        world.kubelet.unpublish(pod)
        assert not os.path.lexists(world.kubelet.target(pod)) and world.describe(pod) is None
    assert not mounts_below(world.kubelet_dir)


def test_unpublish_says_when_it_could_not_remove_the_target(world):
    pod = app()
    world.kubelet.publish(pod)
    unmounted(world, pod)
    stray = os.path.join(world.kubelet.target(pod), "stray")
    with open(stray, "w"):
        pass
    refused(world.kubelet.unpublish, pod)
    assert os.path.exists(stray), "what is not ours stays"
    os.unlink(stray)
    world.kubelet.unpublish(pod)
    assert not os.path.exists(world.kubelet.target(pod))


def test_state_and_sockets_are_not_in_tmp_by_default():
    said = subprocess.run([binary("vouchsafe-csi"), "--help"], capture_output=True, text=True, check=True).stdout
    assert "/run/vouchsafe-csi" in said
    assert "/tmp" not in said and "/var/tmp" not in said


def test_republishes_renewals_and_bundles_do_not_lose_one_another(fresh):
    """Three writers at once: kubelet's republishes with new tokens, renewals (two in this time), a new trust bundle."""
    world = fresh(prepare={"issuer": {"bundle-refresh": "1s"}})
    pods = [app(i) for i in range(3)]
    for pod in pods:
        world.kubelet.publish(pod)
    first = {pod.name: world.volume(pod).serial() for pod in pods}
    bundles = {pod.name: world.volume(pod).read("trust-bundle.json") for pod in pods}
    stop, wrong = threading.Event(), []

    def hammer(pod):
        volume = world.volume(pod)
        while not stop.is_set():
            try:
                world.kubelet.publish(pod)
            except grpc.RpcError as error:
                wrong.append(f"{error.code()}: {error.details()}")
            if not volume.pair_matches(volume.read("credential-bundle.pem")):
                wrong.append("key and certificate differ")
            folder = os.open(volume.file("..data"), os.O_PATH | os.O_DIRECTORY)  # one open of the folder is one generation as well
            with os.fdopen(os.open("tls.key", os.O_RDONLY, dir_fd=folder), "rb") as key, os.fdopen(os.open("tls.crt", os.O_RDONLY, dir_fd=folder), "rb") as chain:
                if not volume.pair_matches(key.read() + chain.read()):
                    wrong.append("tls.key and tls.crt of one generation differ")
            os.close(folder)
            if volume.files() != FILES:
                wrong.append(f"files: {volume.files()}")
            time.sleep(0.02)
    threads = [threading.Thread(target=hammer, args=(pod,)) for pod in pods]
    for thread in threads:
        thread.start()
    try:
        from test_rotation import add_root
        world.issuer.stop()
        add_root(world)
        world.start_issuer()
        for pod in pods:
            volume = world.volume(pod)
            wait_until(lambda: volume.read("trust-bundle.json") != bundles[pod.name] and volume.serial() != first[pod.name], 30, "renewal and bundle")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[:5]
    for pod in pods:
        assert world.volume(pod).read("ca.crt").count(b"BEGIN CERTIFICATE") == 2, "a renewal brought the old bundle back"
    assert sorted(mounts_below(world.kubelet_dir)) == sorted(world.kubelet.target(pod) for pod in pods)


def test_looking_disturbs_nothing(world):
    """Scrapes, listings and statistics while volumes come and go."""
    stop, wrong = threading.Event(), []

    def look():
        while not stop.is_set():
            for url in ("/metrics", "/volumes", "/healthz"):
                status, _ = unix_get(world.path("run/csi-health.sock"), url)
                if status != 200:
                    wrong.append((url, status))
    thread = threading.Thread(target=look)
    thread.start()

    def life(index):
        pod = app(index)
        for _ in range(3):
            world.kubelet.publish(pod)
            assert world.volume(pod).files() == FILES
            assert not world.kubelet.stats(pod).volume_condition.abnormal
            world.kubelet.unpublish(pod)
    try:
        with ThreadPoolExecutor(10) as pool:
            list(pool.map(life, range(10)))
    finally:
        stop.set()
        thread.join()
    assert not wrong
    assert not mounts_below(world.kubelet_dir)


def test_metrics_do_not_grow_with_volumes(world):
    def series():
        text = world.metrics() + world.metrics("attester/health.sock") + world.metrics("issuer-health.sock")
        return text, {line.rsplit(" ", 1)[0] for line in text.splitlines() if line and not line.startswith("#")}
    first = app()
    world.kubelet.publish(first)  # whatever appears with a first use is there
    before = series()[1]
    pods = [app(i) for i in range(1, 21)]
    for pod in pods:
        world.kubelet.publish(pod)
    text, after = series()
    assert after == before
    for pod in pods:
        for name in (pod.handle, pod.uid, pod.name + '"'):
            assert name not in text
        world.kubelet.unpublish(pod)
    world.kubelet.unpublish(first)


def test_a_leftover_directory_is_no_volume(world):
    """An answer comes from what is mounted, not from a directory's being there or its age."""
    pod = app()
    os.makedirs(world.kubelet.target(pod))
    world.kubelet.publish(pod)
    assert is_mounted(world.kubelet.target(pod)) and world.volume(pod).files() == FILES
    unmounted(world, pod)
    serial_less = os.listdir(world.kubelet.target(pod))
    world.kubelet.publish(pod)
    assert serial_less == [] and is_mounted(world.kubelet.target(pod)) and world.volume(pod).files() == FILES
    world.kubelet.unpublish(pod)


def test_nothing_is_written_without_a_reason(fresh):
    """Applications reload, or are restarted, when files change: only a renewal or a new bundle may do that."""
    world = fresh(ttl="1h", prepare={"issuer": {"bundle-refresh": "1s"}})
    pod = app()
    world.kubelet.publish(pod)
    before, issued = fingerprint(world, pod), records(world)
    for _ in range(30):
        world.kubelet.publish(pod)  # each with a token of its own
    for program in (world.attester, world.csi):
        program.stop()
    world.attester.start()
    world.start_csi()
    world.issuer.stop()
    world.start_issuer()
    world.kubelet.publish(pod)
    time.sleep(4)  # a few refreshes of the same bundle
    assert fingerprint(world, pod) == before and records(world) == issued


def test_the_pods_group_reads_the_key_and_nobody_else(world):
    pod = app()
    world.kubelet.publish(pod, group=3000)

    def reads(uid, gid):
        return subprocess.run(["cat", "tls.key"], cwd=world.kubelet.target(pod), user=uid, group=gid, extra_groups=[], capture_output=True).returncode == 0
    assert reads(1000, 3000)
    assert not reads(1000, 3001)
    world.kubelet.unpublish(pod)


def test_a_volume_that_went_is_not_renewed(fresh):
    world = fresh()
    ghost, living = app(0), app(1)
    world.kubelet.publish(ghost)
    world.kubelet.publish(living)
    serial = world.volume(living).serial()
    unmounted(world, ghost)
    wait_until(lambda: world.volume(living).serial() != serial and world.describe(ghost) is None, 30, "a renewal, and the ghost to be dropped")
    assert not [e for e in world.csi.events("credential_renewed") if e["volume"] == ghost.handle]
    assert [e for e in world.csi.events("volume_mount_gone") if e["volume"] == ghost.handle]
    assert records(world) == 3


def sockets(process, kinds):
    """Local addresses of a process's sockets in these tables of /proc/net."""
    owned = set()
    for fd in os.listdir(f"/proc/{process.pid}/fd"):
        try:
            owned.add(os.readlink(f"/proc/{process.pid}/fd/{fd}"))
        except OSError:
            continue
    found = []
    for kind in kinds:
        with open(f"/proc/{process.pid}/net/{kind}") as f:
            rows = [line.split() for line in f.readlines()[1:]]
        found += [(kind, row[1], row[3]) for row in rows if f"socket:[{row[9]}]" in owned]
    return found


def test_no_port_of_the_node_is_taken(world):
    """Health and metrics have sockets in the file system: the driver never fights for a host port."""
    inet = ("tcp", "tcp6", "udp", "udp6", "raw", "raw6")
    pod = app()
    world.kubelet.publish(pod)
    assert sockets(world.csi.process, inet) == []
    listening = "0A"
    assert [s for s in sockets(world.attester.process, inet) if s[2] == listening] == []
    world.kubelet.unpublish(pod)


def test_refusals_do_not_quote_tokens(world):
    marker = "c2VjcmV0LW1hcmtlcg"
    pod = app()
    good = json.loads(world.kubelet.tokens(pod))
    audience, entry = next(iter(good.items()))
    said = []
    for tokens in (marker, '{"x": "' + marker, json.dumps({audience: marker}), json.dumps({audience: {"token": marker}}),
                   json.dumps({audience: {"token": f"{marker}.{marker}.{marker}"}}), json.dumps({"https://other.example": {"token": marker}}),
                   json.dumps({audience: {"token": entry["token"] + marker}})):
        for place in ("secrets", "context"):
            said.append(refused(world.kubelet.publish, pod, tokens=tokens, token_in=place).details())
    for program in world.programs:
        said.append(program.log_text())
    said.append(unix_get(world.path("run/csi-health.sock"), "/volumes")[1])
    assert not [text for text in said if marker in text]
    assert not is_mounted(world.kubelet.target(pod))


SHADOW = 1 << 32  # larger mappings are a sanitizer's books about memory, not memory


def memory_has(process, secrets):
    """Which of `secrets` a process has in memory that it can write."""
    found = set()
    with open(f"/proc/{process.pid}/maps") as maps, open(f"/proc/{process.pid}/mem", "rb") as memory:
        for line in maps:
            where, modes = line.split()[:2]
            if "r" not in modes or "w" not in modes:
                continue
            start, end = (int(x, 16) for x in where.split("-"))
            if end - start > SHADOW:
                continue
            try:
                memory.seek(start)
                text = memory.read(end - start)
            except (OSError, ValueError, OverflowError):
                continue
            found |= {name for name, secret in secrets.items() if secret in text}
    return found


def test_a_key_is_not_kept_in_memory(world):
    from cryptography.hazmat.primitives import serialization
    pod = app(7)
    tokens = world.kubelet.tokens(pod)
    world.kubelet.publish(pod, tokens=tokens)
    pem = world.volume(pod).read("tls.key")
    scalar = serialization.load_pem_private_key(pem, None).private_numbers().private_value
    secrets = {"pem": pem.splitlines()[2], "raw": scalar.to_bytes(32, "big"), "raw, other order": scalar.to_bytes(32, "little")}
    assert memory_has(world.csi.process, {"handle": pod.handle.encode()}) == {"handle"}, "what is there is found"
    assert memory_has(world.csi.process, secrets) == set(), "the node plugin, once the file is written"
    assert memory_has(world.attester.process, secrets) == set(), "the attester, once the key is handed over"
    world.kubelet.unpublish(pod)
    signature = next(iter(json.loads(tokens).values()))["token"].rsplit(".", 1)[1].encode()
    assert memory_has(world.csi.process, {"token": signature}) == set(), "the token, once the volume is gone"


def fnv32(text):
    value = 0x811C9DC5
    for byte in text.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def test_ids_that_hash_alike_are_two_volumes(world):
    seen, pair, index = {}, None, 0
    while pair is None:
        pod = Pod("app-0", "payroll", "app", uid=f"00000000-0000-4000-8000-{index:012d}")
        digest = fnv32(pod.handle)
        pair = (seen[digest], pod) if digest in seen else None
        seen[digest] = pod
        index += 1
    a, b = pair
    world.kubelet.publish(a)
    world.kubelet.publish(b)
    assert world.volume(a).serial() != world.volume(b).serial()
    world.kubelet.unpublish(a)
    assert is_mounted(world.kubelet.target(b)) and world.volume(b).files() == FILES and world.describe(b)
    world.kubelet.unpublish(b)
