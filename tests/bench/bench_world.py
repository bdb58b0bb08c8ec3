"""The flow tests' world with instruments: a TPM that tells how long its commands take (and can be slow), counters, memory, processor time."""
import itertools
import os
import re
import shutil
import subprocess
import tempfile
import time

from harness.kubelet import Pod, csi
from harness.policy import policy
from harness.world import World, binary, unix_get

WORKLOADS = [("payroll", "payroll", "app")]
QUOTE = "158"  # TPM_CC_Quote
TICKS = os.sysconf("SC_CLK_TCK")


class ProxiedTpm:
    """What an attester's configuration wants of a TPM: where it is."""

    def __init__(self, path):
        self.tcti = f"swtpm:path={path}"


class BenchWorld(World):
    def __init__(self):
        super().__init__(ttl="1h")
        self.proxy, self.state, self.numbers = None, None, itertools.count()

    def begin(self):
        self.tpm.manufacture().start()
        limits = {"rate": {"per-second": 1000, "burst": 10000}}  # one client here stands for a cluster's
        self.prepare(policy([self.tpm], WORKLOADS, self.ttl), issuer=limits)
        self.attester_config({}, tpm=ProxiedTpm(self.path("proxy.sock")))
        self.state = tempfile.mkdtemp(prefix="vouchsafe-bench-", dir="/run")  # the default's file system
        self.csi_config({"state-dir": self.state})
        self.start_proxy(0)
        return self.start()

    def start_proxy(self, delay_ms):
        self.tpm_log = self.path(f"tpm-{delay_ms}.log")
        self.proxy = subprocess.Popen([binary("bench/slow_tpm"), self.path("proxy.sock"), self.tpm.socket, str(delay_ms), self.tpm_log])
        while not os.path.exists(self.path("proxy.sock")) or not os.path.exists(self.tpm_log):
            time.sleep(0.01)

    def stop_proxy(self):
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()
            self.proxy = None

    def slow(self, delay_ms):
        self.attester.stop()
        self.stop_proxy()
        os.unlink(self.path("proxy.sock"))
        self.start_proxy(delay_ms)
        self.attester.start()
        self.wait_attester()

    def close(self):
        super().close()
        self.stop_proxy()
        if self.state is not None:
            shutil.rmtree(self.state)

    def pods(self, count):
        return [Pod(f"app-{n}", "payroll", "app") for n in itertools.islice(self.numbers, count)]

    def unpublish_request(self, pod):
        return csi.NodeUnpublishVolumeRequest(volume_id=pod.handle, target_path=self.kubelet.target(pod))

    # ---- start
    def wait_attester(self):
        while True:
            try:
                return unix_get(self.path("run/attester/health.sock"), "/healthz")
            except OSError:
                time.sleep(0.0005)

    def wait_csi(self):
        """Both sockets: gRPC's first answer, and health."""
        while True:
            try:
                unix_get(self.path("run/csi-health.sock"), "/healthz")
                return self.kubelet.probe()
            except OSError:
                time.sleep(0.0005)

    def restart_ms(self, name):
        program = getattr(self, name)
        program.stop()
        stale = {"csi": self.path("run/csi-health.sock"), "attester": self.path("run/attester/health.sock"),
                 "issuer": self.path("run/issuer-health.sock")}[name]
        if os.path.exists(stale):
            os.unlink(stale)
        if name == "csi":
            self.kubelet.connect()
        began = time.monotonic()
        program.start()
        if name == "csi":
            while not os.path.exists(stale):
                time.sleep(0.0005)
            self.kubelet.connect()
        {"csi": self.wait_csi, "attester": self.wait_attester, "issuer": self.wait_issuer}[name]()
        return (time.monotonic() - began) * 1000

    # ---- what was used
    def pid(self, name):
        if name == "signer":
            pid = self.issuer.process.pid
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                return int(f.read().split()[0])
        return getattr(self, name).process.pid

    def rss_kib(self, name, which="VmRSS"):
        with open(f"/proc/{self.pid(name)}/status") as f:
            return int(re.search(rf"{which}:\s+(\d+)", f.read()).group(1))

    def files_kib(self, name):
        """Resident pages of each file, libraries above all: what several programs on a node share."""
        found, path = {}, None
        with open(f"/proc/{self.pid(name)}/smaps") as f:
            for line in f:
                head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ +(/\S+)?", line + " ")
                if head:
                    path = head.group(1)
                elif path and line.startswith("Rss:"):
                    found[path] = found.get(path, 0) + int(line.split()[1])
        return found

    def cpu_ms(self):
        return {name: time.clock_gettime((~self.pid(name) << 3) | 2) * 1000 for name in ("csi", "attester", "issuer", "signer")}

    def node_kib(self):
        """csi and attester: their own memory, and library pages counted once."""
        csi_files, attester_files = self.files_kib("csi"), self.files_kib("attester")
        own = self.rss_kib("csi", "RssAnon") + self.rss_kib("attester", "RssAnon")
        return {"own": own, "shared_once": own + sum(max(csi_files.get(f, 0), attester_files.get(f, 0)) for f in csi_files | attester_files)}

    def cpu_and_waits(self, name):
        """Processor time of all, and how often each thread has gone to sleep."""
        pid, waits = self.pid(name), {}
        with open(f"/proc/{pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/status") as f:
                waits[thread] = int(re.search(r"\nvoluntary_ctxt_switches:\s+(\d+)", f.read()).group(1))
        return (int(fields[11]) + int(fields[12])) * 1000 / TICKS, waits

    def idle(self, seconds):
        names = ("csi", "attester", "issuer")
        before = {name: self.cpu_and_waits(name) for name in names}
        time.sleep(seconds)
        after, result = {name: self.cpu_and_waits(name) for name in names}, {}
        for name in names:
            woken = sum(count - before[name][1].get(thread, 0) for thread, count in after[name][1].items())
            result[name] = {"cpu_percent": round((after[name][0] - before[name][0]) / seconds / 10, 3), "wakeups_per_s": round(woken / seconds, 2)}
        return result

    def metric(self, which, name):
        found = re.search(rf"^{name} ([0-9.e+-]+)$", self.metrics(which), re.M)
        return float(found.group(1)) if found else 0.0

    def tpm_commands(self):
        with open(self.tpm_log) as f:
            return [line.split() for line in f if line.endswith("\n")]

    def marks(self):
        return {"commands": len(self.tpm_commands()), "cpu_ms": self.cpu_ms(),
                "issuer_s": self.metric("issuer-health.sock", "vouchsafe_issuer_request_seconds_sum"),
                "issuer_requests": self.metric("issuer-health.sock", "vouchsafe_issuer_request_seconds_count")}

    def since(self, before):
        commands, now = self.tpm_commands()[before["commands"]:], self.marks()
        return {"quotes": sum(code == QUOTE for code, _ in commands), "tpm_ms": sum(int(us) for _, us in commands) / 1000,
                "cpu_ms": {name: now["cpu_ms"][name] - used for name, used in before["cpu_ms"].items()},
                "issuer_ms": (now["issuer_s"] - before["issuer_s"]) * 1000,
                "issuer_requests": now["issuer_requests"] - before["issuer_requests"]}


DEVELOPMENT = """apiVersion: vouchsafe.dev/v1
kind: Profile
metadata: {name: default, owner: bench}
spec: {slots: [{name: x509, type: x509, algorithms: [p256], ttl: 10m}]}
---
apiVersion: vouchsafe.dev/v1
kind: ReferenceSet
metadata: {name: clients, owner: bench}
spec: {platform: true, entries: [{name: all, values: {software.instance: bench}}]}
---
apiVersion: vouchsafe.dev/v1
kind: Workload
metadata: {name: any, owner: bench}
spec: {profiles: [default], insecure-development: true, match: {in_set: clients}, identity: spiffe://demo.example/any}
"""


def development_world():
    """An issuer alone, for clients whose evidence costs nothing; its queue is short, so that load is refused rather than kept waiting."""
    world = World()
    world.prepare(DEVELOPMENT, tpm=False, clusters=False,
                  issuer={"insecure-development": True, "workers": 4, "queue-max": 8, "rate": {"per-second": 100000, "burst": 1000000}, "log-level": "warn"},
                  attester={"evidence": {"kind": "software", "insecure-development": True, "software-claims": "instance=bench"}})
    world.start_issuer()
    return world
