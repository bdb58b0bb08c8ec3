"""The node among things that go wrong around it: its disk, its memory, its clock, its TPM, an attester or an issuer that hangs at each step, calls without
end. What holds in all of them: live volumes stay as they are, calls end with a code that kubelet retries, quick calls stay quick, what a failed call
began is gone, and when the trouble is over things go on by themselves."""
import os
import signal
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from conftest import WORKLOADS, make_world
from harness.hostile import FaultyDisk, FrameRelay, IssuerRelay, WrongClock, world_is_instrumented
from harness.kubelet import Kubelet, Pod, csi
from harness.policy import policy
from harness.volume import is_mounted, mounts_below
from harness.world import AUDIENCE, NODE, World, wait_until

FILES = ["ca.crt", "credential-bundle.pem", "status.json", "tls.crt", "tls.key", "trust-bundle.json"]
TRANSIENT = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED", "RESOURCE_EXHAUSTED", "INTERNAL", "CANCELLED")
LIMIT_S = 2  # of a publish, in these worlds
GENEROUS = {"rate": {"per-second": 1000, "burst": 10000}}


def app(index=0):
    return Pod(f"app-{index}", "payroll", "app")


def outcome(call, *args, **kwargs):
    """("OK", seconds) or (code, seconds, details)."""
    began = time.monotonic()
    try:
        call(*args, **kwargs)
    except grpc.RpcError as error:
        return error.code().name, time.monotonic() - began, error.details()
    return "OK", time.monotonic() - began, ""


def quick_calls_answer(world):
    """What must never wait for an attestation: kubelet's probes and questions, and the health socket."""
    began = time.monotonic()
    assert world.kubelet.probe().ready.value
    assert world.kubelet.node_info().node_id == NODE
    assert "vouchsafe_csi" in world.metrics()
    assert time.monotonic() - began < 1.5


def nothing_of(world, pod):
    assert not is_mounted(world.kubelet.target(pod)) and world.describe(pod) is None
    assert not os.path.exists(os.path.join(world.path("csi-state"), "volumes", pod.handle + ".json"))


def whole(world, pod):
    volume = world.volume(pod)
    return volume.files() == FILES and volume.pair_matches(volume.read("credential-bundle.pem"))


def publish_until_ok(world, pod, timeout=20):
    """As kubelet does it, without its pauses."""
    wait_until(lambda: outcome(world.kubelet.publish, pod)[0] == "OK", timeout, "a publish")
    assert whole(world, pod)


def counts(program):
    with open(f"/proc/{program.process.pid}/status") as f:
        rows = dict(line.split(":", 1) for line in f)
    return {"fds": len(os.listdir(f"/proc/{program.process.pid}/fd")), "threads": int(rows["Threads"]), "rss_kib": int(rows["VmRSS"].split()[0])}


# ---- an attester that hangs, lies or dies at each step of an answer ----

@pytest.fixture(scope="module")
def relayed():
    world = make_world(ttl="1h", start=False, prepare={"issuer": GENEROUS})
    world.relay = FrameRelay(world.path("relay.sock"), world.path("run/attester/attester.sock"))
    world.csi_config({"attester": {"socket": world.relay.path, "uid": 0}, "publish-timeout": f"{LIMIT_S}s"})
    try:
        world.start()
        world.living = app(99)
        publish_until_ok(world, world.living)
        yield world
    finally:
        world.relay.close()
        world.close()


ATTESTER_MISBEHAVES = [
    ("silent", {"DEADLINE_EXCEEDED"}),  # takes the connection, and nothing more
    ("closes", {"UNAVAILABLE"}),
    ("deaf", {"DEADLINE_EXCEEDED"}),  # does not even read
    ("mute", {"DEADLINE_EXCEEDED"}),  # reads, never answers
    ("late", {"DEADLINE_EXCEEDED"}),  # answers when nobody waits any more
    ("half", {"DEADLINE_EXCEEDED"}),
    ("dies mid-answer", {"UNAVAILABLE"}),
    ("garbage", {"UNAVAILABLE"}),
    ("oversized", {"UNAVAILABLE"}),
    ("empty", {"UNAVAILABLE"}),
]


@pytest.mark.parametrize("mode,codes", ATTESTER_MISBEHAVES)
def test_attester_that_hangs_or_lies_fails_calls_in_time_and_is_got_over(relayed, mode, codes):
    world, pod = relayed, app()
    serial = world.volume(world.living).serial()
    world.relay.mode = mode
    if mode in ("silent", "closes"):
        world.relay.drop()  # it is how a connection begins that goes wrong
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(outcome, world.kubelet.publish, pod)
        quick_calls_answer(world)
        assert outcome(world.kubelet.publish, world.living)[0] == "OK"
        code, seconds, _ = call.result()
    world.relay.mode = "honest"
    assert code in codes and seconds < LIMIT_S + 1.5
    nothing_of(world, pod)
    if mode in ("deaf", "mute", "half", "silent"):
        world.relay.drop()  # such an attester is killed by its own probe
    publish_until_ok(world, pod)
    world.kubelet.unpublish(pod)
    nothing_of(world, pod)
    assert whole(world, world.living) and world.volume(world.living).serial() == serial


def test_answers_that_come_twice_are_taken_once(relayed):
    world, pods = relayed, [app(i) for i in range(4)]
    world.relay.mode = "twice"
    for pod in pods:
        publish_until_ok(world, pod)
    world.relay.mode = "honest"
    assert len({world.volume(pod).serial() for pod in pods}) == 4 and all(whole(world, pod) for pod in pods)
    for pod in pods:
        world.kubelet.unpublish(pod)


# ---- an issuer that hangs at each step, as the attester sees it ----

@pytest.fixture(scope="module")
def far():
    """The issuer behind a network that can fail; the attester gives it two seconds, kubelet's call has five."""
    world = make_world(ttl="1h", start=False, prepare={"issuer": GENEROUS})
    world.network = IssuerRelay(world.issuer_port)
    world.attester_config({"issuer": {"url": f"https://127.0.0.1:{world.network.port}", "audience": AUDIENCE, "ca-file": world.path("issuer-ca.pem"),
                                      "server-name": "issuer.demo.example", "timeout": "2s"}})
    world.csi_config({"publish-timeout": "5s"})
    try:
        world.start()
        world.living = app(99)
        publish_until_ok(world, world.living)
        yield world
    finally:
        world.network.close()
        world.close()


ISSUER_MISBEHAVES = [
    ("closes", True),  # what listens takes the connection and ends it
    ("silent", True),  # no handshake
    ("half an answer", True),  # within the handshake
    ("stalls", False),  # an idle connection, warm, then no answer
    ("half an answer", False),
    ("half an answer, then closes", False),
    ("half an answer, then resets", False),
    ("drips", False),
]


@pytest.mark.parametrize("mode,anew", ISSUER_MISBEHAVES, ids=lambda v: v if isinstance(v, str) else "connecting" if v else "connected")
def test_issuer_that_hangs_at_each_step_is_unavailable_in_time_and_is_got_over(far, mode, anew):
    world, pod = far, app()
    serial = world.volume(world.living).serial()
    world.network.mode = mode
    if anew:
        world.network.drop()
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(outcome, world.kubelet.publish, pod)
        quick_calls_answer(world)
        assert outcome(world.kubelet.publish, world.living)[0] == "OK"
        code, seconds, details = call.result()
    world.network.mode = "honest"
    world.network.drop()
    assert code in ("UNAVAILABLE", "DEADLINE_EXCEEDED") and seconds < 6, details
    assert "issuer" in details, "whoever reads the pod's events learns who did not answer"
    nothing_of(world, pod)
    publish_until_ok(world, pod)
    world.kubelet.unpublish(pod)
    assert whole(world, world.living) and world.volume(world.living).serial() == serial


# ---- more calls than there is room for ----

def test_a_thousand_stuck_calls_leave_the_rest_working(fresh):
    """Kubelet calls for 1,000 pods while the attester hangs: a bounded number waits and the rest is sent away at once; nothing else is disturbed."""
    world = fresh(ttl="1h", prepare={"issuer": GENEROUS, "csi": {"publish-timeout": "6s"}})
    living = app(2000)
    publish_until_ok(world, living)
    doomed = app(2001)
    publish_until_ok(world, doomed)
    idle = counts(world.csi)
    # kubelet makes a connection for each call; here 20 have 50 each, for the test's own memory
    kubelets = [Kubelet(world.csi_socket, world.kubelet_dir, world.cluster, AUDIENCE, NODE) for _ in range(20)]
    stubs = [kubelet.channel.unary_unary("/csi.v1.Node/NodePublishVolume") for kubelet in kubelets]
    pods = [app(i) for i in range(1000)]
    for pod in pods:
        os.makedirs(os.path.dirname(world.kubelet.target(pod)), mode=0o750, exist_ok=True)
    requests = [world.kubelet.publish_request(pod).SerializeToString() for pod in pods]
    os.kill(world.attester.process.pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        calls = [stubs[i % len(stubs)].future(request, timeout=30, wait_for_ready=True) for i, request in enumerate(requests)]
        wait_until(lambda: sum(call.done() for call in calls) >= 1000 - 64 - 512, 5, "those without room to be sent away")
        away = [call for call in calls if call.done()]
        assert {call.exception().code().name for call in away} == {"RESOURCE_EXHAUSTED"}
        quick_calls_answer(world)
        assert outcome(world.kubelet.publish, living)[:1] == ("OK",)
        code, seconds, _ = outcome(world.kubelet.unpublish, doomed)
        assert code == "OK" and seconds < 1 and not is_mounted(world.kubelet.target(doomed))
        waiting = next(pod for pod, call in zip(pods, calls) if not call.done())
        assert outcome(world.kubelet.unpublish, waiting)[0] == "OK"
        busy = counts(world.csi)
        answers = [call.exception().code().name for call in calls]  # waits for the last one
        assert set(answers) <= {"RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED", "ABORTED"} and answers.count("DEADLINE_EXCEEDED") >= 500
        assert time.monotonic() - began < 12
    finally:
        os.kill(world.attester.process.pid, signal.SIGCONT)
        for kubelet in kubelets:
            kubelet.channel.close()
    # lanes have the threads that they were given, a publish its target and one descriptor more, a connection one; a call waiting is some kB (request, token, stack pages of 64 threads)
    assert busy["threads"] <= idle["threads"] + 64 + 8 + 2 and busy["fds"] <= idle["fds"] + 20 + 2 * 64
    assert busy["rss_kib"] < idle["rss_kib"] + 24 * 1024 or world_is_instrumented()
    wait_until(lambda: [m for m in mounts_below(world.kubelet_dir)] == [world.kubelet.target(living)], 10, "what was begun to be gone")
    for pod in pods[:20]:
        publish_until_ok(world, pod)
    assert os.listdir(os.path.join(world.path("csi-state"), "volumes")).__len__() == 22  # with the quarantine


# ---- killed in the middle ----

def test_plugin_killed_with_fifty_publishes_in_flight_leaves_nothing_half(fresh):
    world = fresh(ttl="1h", prepare={"issuer": GENEROUS})
    living = app(99)
    publish_until_ok(world, living)
    before = world.volume(living).serial()
    pods = [app(i) for i in range(50)]
    with ThreadPoolExecutor(50) as pool:
        calls = [pool.submit(outcome, world.kubelet.publish, pod, timeout=3) for pod in pods]
        wait_until(lambda: len(mounts_below(world.kubelet_dir)) > 5, 10, "some of them to be done")
        world.csi.kill()
        codes = {call.result()[0] for call in calls}
    assert codes <= {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED"}
    for target in mounts_below(world.kubelet_dir):
        assert os.path.exists(os.path.join(target, "credential-bundle.pem")), "mounted means complete"
    world.kubelet.connect()
    world.start_csi()
    with ThreadPoolExecutor(50) as pool:
        assert {o[0] for o in pool.map(lambda pod: outcome(world.kubelet.publish, pod), pods)} == {"OK"}
    assert all(whole(world, pod) for pod in pods) and sorted(mounts_below(world.kubelet_dir)) == sorted(world.kubelet.target(p) for p in [*pods, living])
    assert world.volume(living).serial() == before
    with ThreadPoolExecutor(20) as pool:
        list(pool.map(world.kubelet.unpublish, [*pods, living]))
    assert not mounts_below(world.kubelet_dir) and os.listdir(os.path.join(world.path("csi-state"), "volumes")) == ["quarantine"]


def test_tpm_killed_and_restarted_under_load_loses_no_pod(fresh):
    world = fresh(ttl="1h", prepare={"issuer": GENEROUS})
    living = app(99)
    publish_until_ok(world, living)
    pods = [app(i) for i in range(40)]
    stop, codes = threading.Event(), set()

    def life(pod):
        while not stop.is_set():
            code = outcome(world.kubelet.publish, pod)[0]
            codes.add(code)
            if code == "OK":
                return whole(world, pod)
            time.sleep(0.05)
        return False
    with ThreadPoolExecutor(40) as pool:
        lives = [pool.submit(life, pod) for pod in pods]
        try:
            for _ in range(3):
                time.sleep(0.1)
                world.tpm.process.kill()
                world.tpm.process.wait()
                time.sleep(0.2)
                world.tpm.start()
            wait_until(lambda: all(one.done() for one in lives), 30, "all pods to have their volume")
        finally:
            stop.set()
    assert all(one.result() for one in lives) and codes <= {"OK", "UNAVAILABLE", "DEADLINE_EXCEEDED", "FAILED_PRECONDITION"}, codes
    assert whole(world, living)


# ---- the disk ----

@pytest.fixture
def disk():
    """A world whose journal is on a disk that can fail, with one live volume of short life."""
    world = make_world(start=False, ttl="10s")
    made = FaultyDisk(world.folder, "disk")
    try:
        world.csi_config({"state-dir": os.path.join(made.path, "state")})
        world.start()
        world.disk, world.living = made, app(99)
        world.kubelet.publish(world.living)
        yield world
    finally:
        made.say("")
        if world.csi.alive():
            world.csi.stop()
        made.close()
        world.close()


DISK_ERRORS = [("ENOSPC", "No space left"), ("EIO", "Input/output"), ("EDQUOT", "quota"), ("EROFS", "Read-only")]


def test_a_journal_that_cannot_be_written_refuses_new_volumes_and_nothing_else(disk):
    world, pod = disk, app()
    for error, says in DISK_ERRORS:
        world.disk.say(f"error={error}")
        code, seconds, details = outcome(world.kubelet.publish, pod)
        assert code in TRANSIENT and "journal" in details and says in details and seconds < 5, error
        assert not is_mounted(world.kubelet.target(pod)) and world.describe(pod) is None, error
        quick_calls_answer(world)
        assert outcome(world.kubelet.publish, world.living)[0] == "OK", error
    serial = world.volume(world.living).serial()
    wait_until(lambda: world.volume(world.living).serial() != serial, 15, "a renewal, which needs no journal")
    world.kubelet.unpublish(world.living)  # a pod that ends is never held up; its record is dropped at the next start
    assert not os.path.lexists(world.kubelet.target(world.living))
    world.disk.say("")
    world.csi.kill()
    world.start_csi()
    assert world.describe(world.living) is None
    publish_until_ok(world, pod)


def test_a_slow_journal_slows_publishes_and_nothing_else(disk):
    world, pods = disk, [app(i) for i in range(10)]
    serial = world.volume(world.living).serial()
    world.disk.say("delay=700")
    with ThreadPoolExecutor(10) as pool:
        calls = [pool.submit(outcome, world.kubelet.publish, pod) for pod in pods]
        for _ in range(5):
            quick_calls_answer(world)
            code, seconds, _ = outcome(world.kubelet.publish, world.living)
            assert code == "OK" and seconds < 0.5
        assert {call.result()[0] for call in calls} == {"OK"}
    world.disk.say("")
    assert all(whole(world, pod) for pod in pods)
    wait_until(lambda: world.volume(world.living).serial() != serial, 15, "a renewal")


def test_a_volume_that_somebody_filled_keeps_its_credential_until_there_is_room(fresh):
    world = fresh(ttl="10s")
    pod = app()
    world.kubelet.publish(pod)
    target, serial = world.kubelet.target(pod), world.volume(pod).serial()
    subprocess.run(["mount", "-o", "remount,rw", target], check=False)
    ballast = os.path.join(target, "ballast")
    try:
        with open(ballast, "wb", buffering=0) as f:
            while f.write(b"x" * 4096):
                pass
    except OSError:
        pass
    wait_until(lambda: "VOLUME_FULL" in world.csi.log_text(), 15, "a renewal without room")
    assert world.volume(pod).serial() == serial and whole_but(world, pod, "ballast")
    assert outcome(world.kubelet.publish, pod)[0] == "OK"
    assert "VOLUME_FULL" in world.kubelet.stats(pod).volume_condition.message
    wait_until(lambda: world.kubelet.stats(pod).volume_condition.abnormal, 10, "the condition to tell that it is overdue")
    os.unlink(ballast)
    wait_until(lambda: world.volume(pod).serial() != serial, 25, "the renewal")
    wait_until(lambda: not world.kubelet.stats(pod).volume_condition.abnormal, 10, "a healthy condition")


def whole_but(world, pod, name):
    volume = world.volume(pod)
    return sorted([*FILES, name]) == volume.files() and volume.pair_matches(volume.read("credential-bundle.pem"))


# ---- memory ----

class MemoryGroup:
    """A control group with a limit on memory, version 1 or 2, whichever this machine has."""

    def __init__(self, name, limit):
        self.path = None
        for folder, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"), ("/sys/fs/cgroup/unified", "memory.max")):
            path = os.path.join(folder, name)
            try:
                os.makedirs(path, exist_ok=True)
                if os.path.exists(os.path.join(path, file)):
                    self.path, self.file = path, os.path.join(path, file)
                    break
                os.rmdir(path)
            except OSError:
                continue
        if self.path is None:
            pytest.skip("no control group of memory can be made here")
        with open(self.file, "w") as f:
            f.write(str(limit))

    def add(self, program):
        with open(os.path.join(self.path, "cgroup.procs"), "w") as f:
            f.write(str(program.process.pid))

    def close(self):
        try:
            os.rmdir(self.path)
        except OSError:
            pass  # it is emptied with its last process; what is left has no effect


@pytest.fixture
def limited():
    if world_is_instrumented():
        pytest.skip("a sanitizer's own memory is many times the program's")
    world = make_world(ttl="1h", prepare={"issuer": GENEROUS})
    group = MemoryGroup(f"vouchsafe-test-{os.getpid()}", 48 << 20)
    try:
        group.add(world.csi)
        world.group = group
        yield world
    finally:
        world.close()
        group.close()


def publish_all(world, pods, timeout=60):
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda pod: outcome(world.kubelet.publish, pod, timeout=timeout)[0], pods))


def test_a_memory_limit_holds_two_hundred_volumes_and_one_that_is_too_small_breaks_none(limited):
    """48 MiB, tmpfs pages of the volumes included, do for 200 volumes and more. Then the limit is drawn to what is used: publishes fail or the kernel kills the plugin,
    and nothing is half or lost."""
    world, pods = limited, [app(i) for i in range(200)]
    pid = world.csi.process.pid
    assert set(publish_all(world, pods)) == {"OK"} and set(publish_all(world, pods)) == {"OK"}
    assert world.csi.alive() and world.csi.process.pid == pid
    serial = world.volume(pods[0]).serial()
    for mib in range(8, 48):
        try:
            with open(world.group.file, "w") as f:
                f.write(str(mib << 20))
            break  # the least that it could be squeezed into
        except OSError:
            continue
    more = [app(i) for i in range(1000, 1100)]
    codes = publish_all(world, more, timeout=3)
    assert set(codes) <= {"OK", *TRANSIENT}
    with open(world.group.file, "w") as f:
        f.write(str(256 << 20))
    if not world.csi.alive():
        world.csi.process.wait()
        world.kubelet.connect()
        world.start_csi()
    assert world.volume(pods[0]).serial() == serial
    assert all(whole(world, pod) for pod in pods)
    assert all(os.path.exists(os.path.join(target, "credential-bundle.pem")) for target in mounts_below(world.kubelet_dir))
    assert set(publish_all(world, more)) == {"OK"} and all(whole(world, pod) for pod in more)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(world.kubelet.unpublish, [*pods, *more]))
    assert not mounts_below(world.kubelet_dir)


# ---- a wrong clock on one side ----

CLOCKS = [("four minutes ahead", 240, None), ("four minutes behind", -240, None), ("ten minutes ahead", 600, "FAILED_PRECONDITION"),
          ("ten minutes behind", -600, "FAILED_PRECONDITION"), ("two days ahead", 172800, "FAILED_PRECONDITION"),
          ("two days behind", -172800, "UNAVAILABLE")]  # the issuer's own certificate is not valid yet


@pytest.fixture(scope="module")
def clocked():
    world = make_world(ttl="1h", prepare={"issuer": GENEROUS})
    yield world
    world.close()


@pytest.mark.parametrize("name,seconds,code", CLOCKS)
def test_a_node_whose_clock_is_wrong_is_tolerated_or_told_so(clocked, name, seconds, code):
    """Node plugin and attester share the node's clock; the issuer's is right, as is that of the cluster that made the tokens."""
    world, pod = clocked, app()
    clock = WrongClock(world.path("clock"))
    clock.set(seconds)
    for program in (world.csi, world.attester):
        program.stop()
        program.env = clock.env
    world.attester.start()
    world.start_csi()
    got, _, details = outcome(world.kubelet.publish, pod)
    if code is None:
        assert got == "OK" and whole(world, pod), details
    else:
        assert got == code and "clock" in details, (got, details)
        nothing_of(world, pod)
    for program in (world.csi, world.attester):
        program.stop()
        program.env = None
    world.attester.start()
    world.start_csi()
    publish_until_ok(world, pod)
    world.kubelet.unpublish(pod)


# ---- secrets, after all that ----

def test_canaries_stay_hidden_when_things_go_wrong():
    """The search of test_canary.py, over a world with debug logs whose disk failed, whose attester and issuer hung, whose plugin was killed, and whose
    programs then died of a fault that dumps core."""
    from test_canary import LOUD, Busy, files_below, processes, read
    world = make_world(ttl="1h", start=False, prepare={"issuer": LOUD})
    disk = FaultyDisk(world.folder, "disk")
    relay = FrameRelay(world.path("relay.sock"), world.path("run/attester/attester.sock"))
    network = IssuerRelay(world.issuer_port)
    world.attester_config({**LOUD, "issuer": {"url": f"https://127.0.0.1:{network.port}", "audience": AUDIENCE, "ca-file": world.path("issuer-ca.pem"),
                                              "server-name": "issuer.demo.example", "timeout": "1s"}})
    world.csi_config({**LOUD, "attester": {"socket": relay.path, "uid": 0}, "state-dir": os.path.join(disk.path, "state"), "publish-timeout": "4s"})
    try:
        world.start()
        publish_until_ok(world, app(98))
        busy = Busy(world)

        def goes_wrong(name):
            pod = app(len(busy.said))
            tokens = busy.note_tokens(name, pod)
            code, _, details = outcome(world.kubelet.publish, pod, tokens=tokens)
            assert code != "OK", name
            busy.said.append(details)
        for mode in ("garbage", "dies mid-answer", "late"):
            relay.mode = mode
            goes_wrong(f"attester: {mode}")
        relay.mode = "honest"
        relay.drop()
        network.mode = "half an answer, then closes"
        goes_wrong("issuer: half an answer")
        network.mode = "honest"
        for error in ("ENOSPC", "EIO"):
            disk.say(f"error={error}")
            goes_wrong(f"disk: {error}")
        disk.say("")
        pod = app(50)
        request = world.kubelet.publish_request(pod, tokens=busy.note_tokens("killed", pod))
        os.makedirs(os.path.dirname(world.kubelet.target(pod)), mode=0o750, exist_ok=True)
        relay.mode = "mute"
        call = world.kubelet.channel.unary_unary("/csi.v1.Node/NodePublishVolume").future(request.SerializeToString(), timeout=8)
        time.sleep(0.3)
        world.csi.kill()
        busy.said.append(call.exception().details())
        relay.mode = "honest"
        world.kubelet.connect()
        world.start_csi()
        for pid in processes(world):
            for what in ("cmdline", "environ"):
                assert busy.found_in(read(f"/proc/{pid}/{what}")) == []
        for program in (world.csi, world.attester, world.issuer):
            process = program.process
            process.send_signal(signal.SIGABRT)  # SIGSEGV would be a sanitizer's
            _, status = os.waitpid(process.pid, 0)
            process.returncode = -1
            program.process = None
            assert not os.WCOREDUMP(status), program.name
        assert busy.found_in("\n".join(busy.said)) == []
        for path in files_below(world.folder):
            if not path.startswith(world.path("kubelet", "pods") + "/") and path not in busy.own:
                assert busy.found_in(read(path)) == [], path
        assert any(path.startswith(disk.backing) and path.endswith(".json") for path in files_below(disk.backing))
    finally:
        relay.close()
        network.close()
        for program in world.programs:
            if program.alive():
                program.kill()
        disk.close()
        world.close()
