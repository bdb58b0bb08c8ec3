"""One folder with everything in it: a TPM, a cluster's keys, issuer, attester and node plugin with their configuration. `World` starts
and stops the real programs and knows where each leaves its word (log, sockets, metrics)."""
import http.client
import importlib.machinery
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from harness.cluster import Cluster
from harness.kubelet import Kubelet
from harness.tpm import Tpm
from harness.volume import Volume

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
AUDIENCE = "https://issuer.demo.example"
TRUST_DOMAIN = "demo.example"
ATTESTER_UID = 64100
NODE = "node-1"
SLOWER = 10 if os.environ.get("MEMCHECK") else 1  # how much longer programs may take


def binary(name):
    return os.path.join(BUILD, name)


def memcheck():
    """tests/tools/memcheck as a module: what runs a program under valgrind, and reads what it found."""
    path = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools", "memcheck")
    loader = importlib.machinery.SourceFileLoader("memcheck", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("memcheck", loader))
    loader.exec_module(module)
    return module


def yaml_text(value, indent=0):
    """Just enough YAML for configuration: mappings, lists, scalars."""
    pad = "  " * indent
    if isinstance(value, dict):
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines.append(f"{pad}{key}:\n{yaml_text(item, indent + 1)}")
            else:
                lines.append(f"{pad}{key}: {json.dumps(item)}\n")
        return "".join(lines)
    return "".join(f"{pad}- {json.dumps(item)}\n" if not isinstance(item, dict)
                   else f"{pad}-\n{yaml_text(item, indent + 1)}" for item in value)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def unix_get(path, url, method="GET"):
    connection = UnixConnection(path)
    connection.request(method, url)
    reply = connection.getresponse()
    body = reply.read().decode()
    connection.close()
    return reply.status, body


def wait_until(condition, timeout=15, what="condition"):
    deadline = time.monotonic() + timeout * SLOWER
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(0.02)


class Program:
    """A program of ours as a process: its log is kept, and read by tests as JSON lines."""

    def __init__(self, name, config_path, log_path, words=(), uid=None, env=None):
        self.name, self.config_path, self.log_path, self.words, self.uid = name, config_path, log_path, list(words), uid
        self.env = env
        self.process = self.findings = None
        self.pids = set()

    def start(self):
        log = open(self.log_path, "ab")
        command = [binary(self.name), *self.words, "--config", self.config_path]
        env = dict(os.environ, **(self.env or {}))
        if os.environ.get("MEMCHECK"):
            command, env = self.under_valgrind(command, env)
        if self.uid is not None:
            command = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", "--no-new-privs", "--"] + command
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        self.pids.add(self.process.pid)
        log.close()
        return self

    def under_valgrind(self, command, env):
        """make memcheck-flow: what valgrind finds goes to a folder beside the program's log (tests/tools/memcheck)."""
        self.findings = self.log_path + ".memcheck"
        os.makedirs(self.findings, exist_ok=True)
        os.chmod(self.findings, 0o777)
        preload = ":".join(filter(None, [binary("tests/memcheck_calls.so"), env.get("LD_PRELOAD")]))
        return memcheck().arguments(self.findings) + command, dict(env, LD_PRELOAD=preload)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, how=signal.SIGTERM, timeout=30):
        if self.process is None:
            return None
        self.process.send_signal(how)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise RuntimeError(f"{self.name} did not stop: {self.log_path}")
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def log_text(self):
        if not os.path.exists(self.log_path):
            return ""
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def events(self, name=None):
        found = []
        for line in self.log_text().splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if name is None or event.get("event") == name:
                found.append(event)
        return found


class World:
    def __init__(self, folder=None, ttl="20s"):
        self.folder = folder or tempfile.mkdtemp(prefix="vouchsafe-")
        os.chmod(self.folder, 0o755)
        self.ttl = ttl
        self.cluster = Cluster()
        self.run = self.make("run", 0o755)
        self.kubelet_dir = self.make("kubelet", 0o755)
        self.make("kubelet/pods", 0o750)
        self.registry = self.make("kubelet/plugins_registry", 0o750)
        self.tpm = Tpm(self.folder)
        self.kubelet = None
        self.programs = []
        self.policy_path = os.path.join(self.make("policy", 0o755), "policy.yaml")

    # ---- files
    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def make(self, name, mode):
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        os.chmod(path, mode)
        return path

    def write(self, name, text, mode=0o644, uid=None):
        path = self.path(name)
        with open(path, "w") as f:
            f.write(text)
        os.chmod(path, mode)
        if uid is not None:
            os.chown(path, uid, uid)
        return path

    # ---- set-up
    def prepare(self, policy, tpm=True, clusters=True, issuer=None, attester=None, csi=None):
        if tpm:
            self.write("ek-roots.pem", self.tpm.vendor_roots())
        self.write("jwks.json", self.cluster.jwks())
        self.set_policy(policy)
        self.issuer_port = free_port()
        self.issuer_config(clusters, tpm, issuer or {})
        run = subprocess.run([binary("vouchsafe-issuer"), "init", "--config", self.path("issuer.yaml")], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(f"vouchsafe-issuer init: {run.stdout}{run.stderr}")
        self.attester_config(attester or {})
        self.csi_config(csi or {})
        self.issuer = self.program("vouchsafe-issuer", "issuer.yaml")
        self.attester = self.program("vouchsafe-attester", "attester.yaml", uid=ATTESTER_UID)
        self.csi = self.program("vouchsafe-csi", "csi.yaml")
        return self

    def program(self, name, config, **how):
        program = Program(name, self.path(config), self.path(f"{os.path.splitext(config)[0]}.log"), **how)
        self.programs.append(program)
        return program

    def set_policy(self, text):
        with open(self.policy_path, "w") as f:
            f.write(text)

    def issuer_config(self, clusters, tpm, changes):
        config = {
            "listen": f"127.0.0.1:{self.issuer_port}",
            "audience": AUDIENCE,
            "trust-domain": TRUST_DOMAIN,
            "state-dir": self.make("issuer", 0o700),
            "root": {"certificate": self.path("issuer/root.pem"), "key": self.path("issuer/root.key")},
            "tls": {"certificate": self.path("issuer/tls.pem"), "key": self.path("issuer/tls.key"),
                    "ca-certificate": self.path("issuer-ca.pem"), "ca-key": self.path("issuer/tls-ca.key"),
                    "names": ["issuer.demo.example"]},
            "admin-socket": os.path.join(self.run, "admin.sock"),
            "health-socket": os.path.join(self.run, "issuer-health.sock"),
            "policy": [os.path.dirname(self.policy_path)],
            "bundle-refresh": "2s",
        }
        if tpm:
            config["tpm"] = {"ek-roots": [self.path("ek-roots.pem")]}
        if clusters:
            config["clusters"] = [{"name": "demo", "issuer": self.cluster.issuer, "jwks-file": self.path("jwks.json"),
                                   "attester": "vouchsafe/vouchsafe-node"}]
        config.update(changes)
        self.write("issuer.yaml", yaml_text(config))

    def attester_config(self, changes, name="attester", tpm=None, node=NODE, uid=ATTESTER_UID):
        tpm = tpm or self.tpm
        state = self.make(f"{name}-state", 0o700)
        os.chown(state, uid, uid)
        run = self.make(f"run/{name}", 0o755)
        os.chown(run, uid, uid)
        token = self.cluster.token(AUDIENCE, "vouchsafe", "vouchsafe-node", f"vouchsafe-{node}", "11111111-2222-3333-4444-555555555555", node)
        config = {
            "socket": os.path.join(run, "attester.sock"),
            "csi-uid": 0,
            "issuer": {"url": f"https://127.0.0.1:{self.issuer_port}", "audience": AUDIENCE,
                       "ca-file": self.path("issuer-ca.pem"), "server-name": "issuer.demo.example"},
            "node-token-file": self.write(f"{name}-token", token, 0o400, uid),
            "evidence": {"kind": "tpm"},
            "tpm": {"tcti": tpm.tcti, "pcrs": "sha256:0,1,2,3,4,5,6,7"},
            "state-dir": state,
            "health-socket": os.path.join(run, "health.sock"),
        }
        config.update(changes)
        self.write(f"{name}.yaml", yaml_text(config))

    def csi_config(self, changes, name="csi", attester="attester", node=NODE):
        socket_dir = self.make(f"kubelet/plugins-{name}", 0o750)
        config = {
            "endpoint": f"unix://{socket_dir}/csi.sock",
            "node-id": node,
            "kubelet-dir": self.kubelet_dir,
            "registration-dir": self.registry,
            "state-dir": self.path(f"{name}-state"),
            "attester": {"socket": self.path("run", attester, "attester.sock"), "uid": ATTESTER_UID},
            "audience": AUDIENCE,
            "health-socket": os.path.join(self.run, f"{name}-health.sock"),
        }
        config.update(changes)
        self.write(f"{name}.yaml", yaml_text(config))
        self.csi_socket = f"{socket_dir}/csi.sock"

    # ---- running
    def start(self):
        self.start_issuer()
        self.attester.start()
        self.start_csi()
        return self

    def start_issuer(self):
        self.issuer.start()
        self.wait_issuer()

    def wait_issuer(self):
        def answers():
            if not self.issuer.alive():
                raise RuntimeError("the issuer is gone: " + self.issuer.log_text()[-6000:])
            try:
                return unix_get(self.path("run/issuer-health.sock"), "/readyz")[0] == 200
            except OSError:
                return False
        wait_until(answers, what="the issuer")

    def start_csi(self):
        self.csi.start()
        self.kubelet = self.kubelet or Kubelet(self.csi_socket, self.kubelet_dir, self.cluster, AUDIENCE, NODE)

        def answers():
            if not self.csi.alive():
                raise RuntimeError("the node plugin is gone: " + self.csi.log_text()[-6000:])
            try:
                return self.kubelet.probe().ready.value
            except Exception:
                return False
        wait_until(answers, what="the node plugin")

    def volume(self, pod):
        return Volume(self.kubelet.target(pod))

    def cli(self, *words):
        return subprocess.run([binary("vouchsafe"), *words], capture_output=True, text=True)

    def record(self, serial):
        return self.cli("record", serial, "--socket", self.path("run/admin.sock"))

    def reload_policy(self, text):
        self.set_policy(text)
        return unix_get(self.path("run/admin.sock"), "/v1/policy/reload", "POST")

    def describe(self, pod):
        """The plugin's own view of one volume."""
        volumes = json.loads(unix_get(self.path("run/csi-health.sock"), "/volumes")[1])
        rows = volumes["volumes"] if isinstance(volumes, dict) else volumes
        return next((row for row in rows if row.get("volume", row.get("id")) == pod.handle), None)

    def metrics(self, which="csi-health.sock"):
        return unix_get(self.path("run", which), "/metrics")[1]

    def sanitizer_findings(self):
        """What AddressSanitizer and its kin had to say, when the programs are built with them."""
        if os.environ.get("MEMCHECK"):
            return [finding for p in self.programs if p.findings for finding in memcheck().findings(p.findings, p.pids)]
        marks = ("AddressSanitizer", "LeakSanitizer", "ThreadSanitizer", "runtime error:", "Assertion")
        return [f"{p.name}: {line}" for p in self.programs for line in p.log_text().splitlines() if any(m in line for m in marks)]

    def close(self):
        for program in reversed(self.programs):
            if program.alive():
                program.stop()
        found = self.sanitizer_findings()
        self.clean_up()
        if found:
            raise AssertionError("\n".join(found[:20]))

    def clean_up(self):
        self.tpm.stop()
        if self.kubelet is not None:
            self.kubelet.channel.close()
        with open("/proc/self/mountinfo") as f:
            for target in [line.split()[4] for line in f if line.split()[4].startswith(self.folder + "/")]:
                subprocess.run(["umount", "-l", target], check=False)
        if os.environ.get("KEEP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]
