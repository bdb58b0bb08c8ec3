"""Publishes and unpublishes through the real programs and a TPM, among volumes that are renewed all the time, and watches what the programs hold.
usage: soak.py LOOPS

After a warm-up, descriptors of each program must be the same at the end, and threads no more than its configuration has (THREADS_MAX: lanes start and end
theirs with the load); memory may grow by GROWTH_KIB, which is what allocators' arenas and
gRPC's pools vary by from one idle moment to the next (measured: under 1 MiB); 10,000 loops with a leak of 100 bytes each would be 1 MiB over it. At the
end no mount, journal record or folder is left. With a sanitizer, its own word at the programs' end counts instead of memory."""
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from harness.kubelet import Pod
from harness.policy import policy
from harness.volume import mounts_below
from harness.world import World, binary, wait_until

STANDING, AT_ONCE = 20, 16
GROWTH_KIB = {"csi": 2048, "attester": 2048, "issuer": 4096, "signer": 1024}  # the issuer's: SQLite's cache of pages fills as the ledger grows; the signer's: its ring of the last 65,536 serials fills
THREADS_MAX = {"csi": 2 + 64 + 8 + 16 + 16, "attester": 16, "issuer": 24, "signer": 1}  # csi: quick, publish, unpublish, renewals, the rest with gRPC's own
WORKLOADS = [("payroll", "payroll", "app")]


def sample(world):
    pids = {"csi": world.csi.process.pid, "attester": world.attester.process.pid, "issuer": world.issuer.process.pid}
    with open(f"/proc/{pids['issuer']}/task/{pids['issuer']}/children") as f:
        pids["signer"] = int(f.read().split()[0])
    found = {}
    for name, pid in pids.items():
        with open(f"/proc/{pid}/status") as f:
            status = f.read()
        found[name] = {"fds": len(os.listdir(f"/proc/{pid}/fd")), "threads": int(re.search(r"Threads:\s+(\d+)", status).group(1)),
                       "rss_kib": int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), "anon_kib": int(re.search(r"RssAnon:\s+(\d+)", status).group(1))}
    return found


def settled(world):
    """A sample of an idle moment: renewals come and go, and with them what they hold."""
    samples = []
    for _ in range(20):
        samples.append(sample(world))
        time.sleep(0.1)
    return {name: {key: min(s[name][key] for s in samples) for key in samples[0][name]} for name in samples[0]}


def life(world, number):
    """A pod comes and goes. Ids come back, as those of a StatefulSet's pods don't, but volumes' state must not care."""
    pod = Pod(f"app-{number}", "payroll", "app")
    for attempt in range(50):
        try:
            world.kubelet.publish(pod)
            break
        except grpc.RpcError as error:
            if attempt == 49 or error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, grpc.StatusCode.ABORTED):
                raise
            time.sleep(0.05)
    volume = world.volume(pod)
    assert volume.pair_matches(volume.read("credential-bundle.pem"))
    world.kubelet.unpublish(pod)
    os.removedirs(os.path.dirname(world.kubelet.target(pod)))
    os.makedirs(os.path.join(world.kubelet_dir, "pods"), exist_ok=True)


def instrumented():
    with open(binary("vouchsafe-csi"), "rb") as f:
        text = f.read()
    return b"__asan_init" in text or b"__tsan_init" in text


def show(when, found):
    print(f"{when:>12}: " + "; ".join(f"{name} {row['fds']} fds {row['threads']} threads {row['rss_kib']} KiB" for name, row in found.items()), flush=True)


def compare(before, after):
    wrong = []
    for name, was in before.items():
        now = after[name]
        if now["fds"] != was["fds"]:
            wrong.append(f"{name}: descriptors {was['fds']} -> {now['fds']}")
        if now["threads"] > THREADS_MAX[name] and not instrumented():
            wrong.append(f"{name}: {now['threads']} threads")
        if not instrumented() and now["anon_kib"] - was["anon_kib"] > GROWTH_KIB[name]:
            wrong.append(f"{name}: memory {was['anon_kib']} -> {now['anon_kib']} KiB")
    return wrong


def main(loops):
    world = World(ttl="10s")
    wrong = ["it did not come to its end"]
    try:
        world.tpm.manufacture().start()
        world.prepare(policy([world.tpm], WORKLOADS, world.ttl), issuer={"rate": {"per-second": 1000, "burst": 10000}})
        world.start()
        standing = [Pod(f"standing-{n}", "payroll", "app") for n in range(STANDING)]
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(world.kubelet.publish, standing))
            list(pool.map(lambda n: life(world, n), range(max(200, loops // 10))))  # the warm-up: every thread, arena, pool and cache has been used
            before = settled(world)
            show("warm", before)
            done = 0
            while done < loops:
                part = min(1000, loops - done)
                list(pool.map(lambda n: life(world, n), range(done, done + part)))
                done += part
                show(f"{done}", sample(world))
                for pod in standing:
                    world.kubelet.publish(pod)  # kubelet's republish, with a new token
        after = settled(world)
        show("after", after)
        renewals = int(re.search(r'vouchsafe_csi_renewals_total{outcome="ok"} (\d+)', world.metrics()).group(1))
        wrong = compare(before, after)
        assert all(not world.kubelet.stats(pod).volume_condition.abnormal for pod in standing)
        assert sorted(mounts_below(world.kubelet_dir)) == sorted(world.kubelet.target(pod) for pod in standing)
        for pod in standing:
            world.kubelet.unpublish(pod)
        wait_until(lambda: not mounts_below(world.kubelet_dir), what="the last mounts to go")
        assert os.listdir(world.path("csi-state", "volumes")) == ["quarantine"] and not os.listdir(world.path("csi-state", "volumes", "quarantine"))
        print(f"{loops} publishes and unpublishes, {renewals} renewals, {time.monotonic() - began:.0f} s")
    finally:
        world.close()
    return wrong


if __name__ == "__main__":
    found = main(int(sys.argv[1]))
    print("\n".join(found) or "descriptors, threads and memory are flat; nothing is left")
    sys.exit(bool(found))
