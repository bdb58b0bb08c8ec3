import pytest

from harness.guest import GuestWorld
from harness.policy import policy
from harness.world import World

WORKLOADS = [("payroll", "payroll", "app"), ("web", "web", "front")]


def make_world(ttl="20s", prepare=None, start=True):
    world = World()
    try:
        world.tpm.manufacture().start()
        world.prepare(policy([world.tpm], WORKLOADS, ttl), **(prepare or {}))
        if start:
            world.start()
    except BaseException:
        world.close()
        raise
    return world


@pytest.fixture(scope="module")
def world():
    """A running chain with credentials of an hour, shared by the tests of a file: they leave it as they found it."""
    made = make_world(ttl="1h")
    yield made
    made.close()


@pytest.fixture
def fresh():
    """Makes running chains for tests that break theirs: fresh(ttl="20s")."""
    made = []

    def make(**how):
        made.append(make_world(**how))
        return made[-1]
    yield make
    for one in made:
        one.close()


@pytest.fixture
def guests():
    """Makes running chains on confidential guests: guests(policy, name="tdx", provider="tdx_guest", has_configfs=False)."""
    made = []

    def make(policy, has_configfs=True, **how):
        made.append(GuestWorld())
        made[-1].has_configfs = has_configfs
        return made[-1].build(policy, **how).start()
    yield make
    for world in made:
        world.close()
