"""The figures we hold ourselves to, measured in one run on one machine: a table for people on stderr, one JSON document on stdout.

Latencies come from csi_load (C), so that the client's own cost is small; the TPM is swtpm behind slow_tpm, which notes how long each
command took, so that what the TPM and the issuer took can be told from what the driver took. Short form below four minutes."""
import argparse
import concurrent.futures
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

from bench_world import BenchWorld, binary, development_world
from table import table

PUBLISH, UNPUBLISH = "/csi.v1.Node/NodePublishVolume", "/csi.v1.Node/NodeUnpublishVolume"
SLOW_QUOTE_MS = 100


def tool(name, *words):
    run = subprocess.run([binary(os.path.join("bench", name)), *map(str, words)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"{name} {words}: {run.stdout}{run.stderr}")
    return json.loads(run.stdout)


class Load:
    """Volumes of one world, published and unpublished in several ways."""

    def __init__(self, world):
        self.world = world

    def call(self, method, requests, *mode):
        with tempfile.NamedTemporaryFile(dir=self.world.folder) as f:
            for request in requests:
                data = request.SerializeToString()
                f.write(len(data).to_bytes(4, "big") + data)
            f.flush()
            return tool("csi_load", self.world.csi_socket, method, f.name, *mode)

    def publish(self, pods, *mode):
        for pod in pods:
            os.makedirs(os.path.dirname(self.world.kubelet.target(pod)), mode=0o750, exist_ok=True)
        return self.call(PUBLISH, [self.world.kubelet.publish_request(pod) for pod in pods], *mode)

    def unpublish(self, pods, *mode):
        return self.call(UNPUBLISH, [self.world.unpublish_request(pod) for pod in pods], *mode)


def ready_times(world, rounds):
    """Start of each program to its first answer."""
    took = {"csi": [], "attester": [], "issuer": []}
    for _ in range(rounds):
        for name in took:
            took[name].append(world.restart_ms(name))
    return {name: round(statistics.median(values), 1) for name, values in took.items()}


def memory(world):
    return {name: world.rss_kib(name) for name in ("csi", "attester", "issuer", "signer")} | {"node": world.node_kib()}


def mounts(world, load, scale):
    """The three shapes, and what of a serial publish is neither TPM nor issuer."""
    result = {}
    shapes = {"serial": (60 * scale, ["serial"]), "paced": (50 * scale, ["paced", 10]), "at_once": (50, ["at-once", 50])}
    load.publish(world.pods(5), "serial")  # warm: enrolled, connected, bundle known
    for shape, (count, mode) in shapes.items():
        pods = world.pods(count)
        before = world.marks()
        publish = load.publish(pods, *mode)
        spent = world.since(before)
        publish["cpu_ms"] = {name: round(used / count, 3) for name, used in spent["cpu_ms"].items()}
        publish["quotes_per_publish"] = round(spent["quotes"] / count, 3)
        publish["tpm_ms_per_quote"] = round(spent["tpm_ms"] / max(1, spent["quotes"]), 3)
        if shape == "serial":
            publish["overhead_ms"] = round(publish["p50_ms"] - (spent["tpm_ms"] + spent["issuer_ms"]) / count, 3)
            publish["round_trips"] = round(spent["issuer_requests"] / count, 3)
        # kubelet's republish: same volumes, newer tokens
        many = [pods[i % count] for i in range(500)] if shape != "paced" else pods
        result[shape] = {"publish": publish, "republish": load.publish(many, *mode), "unpublish": load.unpublish(pods, *mode)}
    return result


def republish_under_load(world, load):
    """Kubelet asks for volumes that stand, while others are being made, 50 at once."""
    standing, coming = world.pods(20), world.pods(200)
    load.publish(standing, "serial")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        burst = pool.submit(load.publish, coming, "at-once", 50)
        result = load.publish([standing[i % 20] for i in range(100)], "paced", 200)
        burst.result()
    load.unpublish(standing + coming, "at-once", 50)
    return result


def overhead(world, load, count):
    """What of a mount is neither the TPM's time nor the issuer's, mount by mount: both are known of each one."""
    samples = []
    for pod in world.pods(count):
        before = world.marks()
        took = load.publish([pod], "serial")["p50_ms"]
        spent = world.since(before)
        samples.append((took, spent["tpm_ms"], spent["issuer_ms"], took - spent["tpm_ms"] - spent["issuer_ms"]))
    return {name: round(statistics.median(s[i] for s in samples), 3) for i, name in enumerate(("publish_p50_ms", "tpm_p50_ms", "issuer_p50_ms", "overhead_p50_ms"))}


def growth(world, load, idle_s):
    """Memory with 0, 50, 250 volumes, idle processor time with 100."""
    result, pods = {"rss_kib": {}}, []
    for count in (0, 50, 100, 250):
        more = world.pods(count - len(pods))
        if more:
            load.publish(more, "at-once", 50)
        pods += more
        if count == 100:
            time.sleep(6)  # old generations are reaped five seconds after they were left
            result["idle_100"] = world.idle(idle_s)
        else:
            time.sleep(6)  # as above; threads and memory of the burst have gone by then as well
            result["rss_kib"][str(count)] = memory(world)
    load.unpublish(pods, "at-once", 50)
    return result


def slow_tpm(world, load):
    """A TPM that takes 100 ms a quote: many pods ride on each."""
    world.slow(SLOW_QUOTE_MS)
    load.publish(world.pods(2), "serial")
    result = {"quote_ms": SLOW_QUOTE_MS}
    for name, count, mode in (("publish_250_at_once", 250, ["at-once", 250]), ("publish_100_at_20_per_s", 100, ["paced", 20])):
        pods, before = world.pods(count), world.marks()
        result[name] = load.publish(pods, *mode)
        result[name]["quotes_per_publish"] = round(world.since(before)["quotes"] / count, 3)
        load.unpublish(pods, "at-once", 50)
    return result


def issuer(scale):
    """What a credential costs, beside what it has to cost: its quote, its proof, its pod's token, its signature."""
    r = tool("issuer_rate", 300 * scale, 40 * scale, 10240)
    bare = r["bare"]
    batched = bare["p256_verify_us"] * (2 + 1 / 32) + bare["p256_sign_us"]
    batched_rs256 = batched - bare["p256_verify_us"] + bare["rsa2048_verify_us"]
    single = bare["p256_verify_us"] * 3 + bare["p256_sign_us"]
    r["crypto_share_single"] = round(single / r["single"]["cpu_us"], 3)
    r["crypto_share_batch32"] = round(batched / r["batch32"]["cpu_us"], 3)
    r["crypto_share_batch32_rs256"] = round(batched_rs256 / r["batch32_rs256"]["cpu_us"], 3)
    if scale > 1:
        r["soak"] = tool("issuer_soak", 1000000)
    return r


def overload(world, seconds):
    """An issuer at its capacity, and with five times as many clients, which wait as they are told, or don't: what accepted requests take, and what the rest hears. The clients
    share the machine with it, and those that don't wait take most of it."""
    def flood(clients, how="for"):
        run = subprocess.run([binary("tests/flood"), how, str(seconds), str(clients), "--config", world.path("attester.yaml")], capture_output=True, text=True, check=True)
        return json.loads(run.stdout)
    flood(4)  # warm
    return {"full": flood(8), "five_times": flood(40), "five_times_rudely": flood(40, "rudely")}


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load_1m": round(os.getloadavg()[0], 2)}


def run(options):
    scale, started = (10 if options.long else 1), time.monotonic()
    result = {"machine": machine(), "long": options.long, "issuer": issuer(scale), "verifier": tool("verifier_rate", 200 * scale), "renewal": tool("renewals")}
    world = BenchWorld()
    try:
        world.begin()
        load = Load(world)
        result["ready_ms"] = ready_times(world, 3)
        result["volumes"] = growth(world, load, 60 if options.long else 10)
        result["mounts"] = mounts(world, load, scale)
        result["republish_under_load"] = republish_under_load(world, load)
        result["overhead"] = overhead(world, load, 40 * scale)
        result["slow_tpm"] = slow_tpm(world, load)
    finally:
        world.close()
    world = development_world()
    try:
        result["overload"] = overload(world, 3 * scale)
    finally:
        world.close()
    result["took_s"] = round(time.monotonic() - started, 1)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json")
    options = parser.parse_args()
    result = run(options)
    print(table(result), file=sys.stderr)
    text = json.dumps(result, indent=1)
    if options.json:
        with open(options.json, "w") as f:
            f.write(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
