"""One identity over updates: machines in several states at once, as the windows of a ReferenceSet have them; what a window does when it closes."""
import json

import pytest

from harness.kubelet import Pod
from harness.policy import policy
from harness.world import World, wait_until
from test_wit import CLAIMS, TOKENS, part

WORKLOADS = [("payroll", "payroll", "app")]


def state_of(tpm):
    values = tpm.pcrs()
    return ", ".join(f'tpm.pcr.sha256.{n}: "{values[n]}"' for n in range(8))


def rules(world, states, floor=None):
    """`states`: (name, values, rest of the entry)."""
    text = policy([world.tpm], WORKLOADS, "20s").replace("profiles: [default]", "profiles: [default, tokens]") + CLAIMS
    head, tail = text.split("metadata: {name: boot-states, owner: platform-team}\nspec:\n  entries:\n")
    entries = "".join(f"    - {{name: {name}{rest}, values: {{{values}}}}}\n" for name, values, rest in states)
    floor = f"  floor-svn: {floor}\n" if floor is not None else ""
    return f"{head}metadata: {{name: boot-states, owner: platform-team}}\nspec:\n{floor}  entries:\n{entries}---\n{tail.split('---', 1)[1].lstrip()}" + TOKENS.replace("TTL", "20s")


@pytest.fixture
def world():
    made = World()
    made.tpm.manufacture().start()
    yield made
    made.close()


def said(volume):
    """What a relying party decides by."""
    claims = part(volume.read("wit.jwt").decode(), 1)
    return volume.identity(), claims["sub"], json.dumps({n: v for n, v in claims.items() if "/" in n}, sort_keys=True)


def jti(volume):
    return part(volume.read("wit.jwt").decode(), 1)["jti"]


def reload(world, *states, floor=None):
    status, answer = world.reload_policy(rules(world, states, floor))
    assert status == 200, answer


def renewed(volume):
    before = jti(volume)
    wait_until(lambda: jti(volume) != before, timeout=60, what="a renewal")


def denied(volume):
    wait_until(lambda: volume.status().get("lastProblem"), timeout=60, what="a refusal")
    assert "boot-states" in volume.status()["lastProblem"]["detail"], volume.status()["lastProblem"]


def test_an_update_and_what_follows(world):
    old = state_of(world.tpm)
    world.prepare(rules(world, [("v1", old, ", svn: 1")]))
    world.start()
    pod = Pod("app-0", "payroll", "app")
    world.kubelet.publish(pod, attributes={"profile": "tokens"})
    volume = world.volume(pod)
    first = said(volume)
    assert first[0] == first[1] == "spiffe://demo.example/ns/payroll/sa/app"

    world.tpm.extend(7, "ab" * 32)  # version 2, which nobody has allowed
    denied(volume)
    new = state_of(world.tpm)
    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2, state: candidate"))  # reviewed, not in force
    assert volume.status()["lastProblem"]
    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2"))  # both, as in a canary
    renewed(volume)
    assert said(volume) == first, "the update is of no interest to relying parties"

    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2, state: deprecated, until: 2099-01-01"))  # rolled back, with time to go
    renewed(volume)
    assert said(volume) == first
    last = jti(volume)
    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2, state: deprecated, until: 2026-01-01"))  # the window has closed
    denied(volume)
    assert jti(volume) == last
    wait_until(lambda: volume.status()["state"] == "expired", timeout=60, what="the last credential's end")

    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2"))
    renewed(volume)
    assert said(volume) == first
    last = jti(volume)
    reload(world, ("v1", old, ", svn: 1"), ("v2", new, ", svn: 2"), ("v3", new.replace(new[-5:-1], "0000"), ", svn: 3"), floor=3)
    denied(volume)
    assert jti(volume) == last, "below the floor"
