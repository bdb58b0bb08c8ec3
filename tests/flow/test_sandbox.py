"""The running programs have given up what their role does not need (docs/threat-model.md has the table; the forbidden calls themselves are tried
in csi/sandbox_test.c, attester/sandbox_test.c, issuer/sandbox_test.c and issuer/authority/signer_sandbox_test.c)."""
import ctypes
import os
import subprocess

import pytest

from harness.kubelet import Pod
from harness.world import ATTESTER_UID, binary

CHOWN, DAC_OVERRIDE, SYS_ADMIN = 1 << 0, 1 << 1, 1 << 21
LANDLOCK_CREATE_RULESET = 444  # the same number on every architecture
ROLES = ["csi", "attester", "issuer", "signer"]
KEPT = {"csi": CHOWN | DAC_OVERRIDE | SYS_ADMIN, "attester": 0, "issuer": 0, "signer": 0}


def pids(world):
    issuer = world.issuer.process.pid
    with open(f"/proc/{issuer}/task/{issuer}/children") as f:
        signer = int(f.read())
    return {"csi": world.csi.process.pid, "attester": world.attester.process.pid, "issuer": issuer, "signer": signer}


def status_of(path):
    with open(path) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def landlock_version():
    """-1 where the kernel has none."""
    return ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), 1)


@pytest.fixture(scope="module")
def busy(world):
    world.kubelet.publish(Pod("app-0", "payroll", "app"))  # every thread that there will be has been started
    return world


@pytest.mark.parametrize("role", ROLES)
def test_every_thread_has_given_up_what_it_does_not_need(busy, role):
    pid = pids(busy)[role]
    for thread in os.listdir(f"/proc/{pid}/task"):
        status = status_of(f"/proc/{pid}/task/{thread}/status")
        assert status["NoNewPrivs"] == "1", (role, thread)
        assert status["Seccomp"] == "2", (role, thread)
        for which in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(status[which], 16) & ~KEPT[role] == 0, (role, status["Name"], which)
        if role != "attester":  # started without the right to narrow it; it starts no program either
            assert int(status["CapBnd"], 16) & ~KEPT[role] == 0, (role, status["Name"])


@pytest.mark.parametrize("role", ROLES)
def test_no_core_dump(busy, role):
    with open(f"/proc/{pids(busy)[role]}/limits") as f:
        line = next(line for line in f if line.startswith("Max core file size"))
    assert line.split()[4:6] == ["0", "0"]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("what", ["mem", "environ", "maps"])
def test_memory_is_closed_to_others_of_the_same_user(busy, role, what):
    """Only the machine's own administrator gets in: whoever has CAP_SYS_PTRACE (newer kernels also let CAP_PERFMON read)."""
    uid = ATTESTER_UID if role == "attester" else 0
    run = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--",
                          "head", "-c", "1", f"/proc/{pids(busy)[role]}/{what}"], capture_output=True, text=True)
    assert run.returncode != 0 and "ermission denied" in run.stderr, run.stderr


def test_node_plugin_has_unix_sockets_only(busy):
    pid = pids(busy)["csi"]
    inodes = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
    for table in ("tcp", "tcp6", "udp", "udp6", "raw", "netlink", "packet"):
        path = f"/proc/{pid}/net/{table}"
        if not os.path.exists(path):
            continue
        with open(path) as f:
            head, *lines = f.read().splitlines()
        column = -1 if table in ("netlink", "packet") else 9
        assert not [line for line in lines if f"socket:[{line.split()[column]}]" in inodes], table


@pytest.mark.parametrize("name", ["csi", "attester", "issuer"])
def test_the_log_says_once_what_holds(busy, name):
    program = getattr(busy, name)
    event, = program.events("sandboxed")
    assert event["role"] == name
    weak = bool(program.events("sandbox_weakened"))
    assert event["files_bound"] == (event["landlock"] > 0)
    if name == "csi":
        assert event["mounts"] and event["landlock"] == 0
    elif not weak:
        assert event["landlock"] == max(landlock_version(), 0)


def test_attester_refuses_to_run_as_root(busy):
    run = subprocess.run([binary("vouchsafe-attester"), "--config", busy.path("attester.yaml")], capture_output=True, text=True, timeout=20)
    assert run.returncode == 1 and "RUN_AS_ROOT" in run.stderr and "root" in run.stderr.splitlines()[-1]
