"""Two machines with a TPM each, one issuer: each attester vouches for the pods of its own node and no other's."""
import grpc
import pytest

from conftest import WORKLOADS
from harness.kubelet import Kubelet, Pod
from harness.policy import policy
from harness.tpm import Tpm
from harness.world import ATTESTER_UID, AUDIENCE, World, wait_until


@pytest.fixture(scope="module")
def two_nodes():
    world = World()
    other = Tpm(world.folder, "tpm-2")
    try:
        world.tpm.manufacture().start()
        other.manufacture().start()
        world.prepare(policy([world.tpm, other], WORKLOADS, "1h"))
        world.attester_config({}, name="attester-2", tpm=other, node="node-2")
        first_socket = world.csi_socket
        world.csi_config({"registration-dir": ""}, name="csi-2", attester="attester-2", node="node-2")
        second_socket, world.csi_socket = world.csi_socket, first_socket
        world.start()
        world.program("vouchsafe-attester", "attester-2.yaml", uid=ATTESTER_UID).start()
        world.program("vouchsafe-csi", "csi-2.yaml").start()
        world.second = Kubelet(second_socket, world.kubelet_dir, world.cluster, AUDIENCE, "node-2")
        wait_until(lambda: ready(world.second), what="the second node plugin")
        yield world
    finally:
        world.close()
        other.stop()


def ready(kubelet):
    try:
        return kubelet.probe().ready.value
    except grpc.RpcError:
        return False


def test_each_node_serves_its_own_pods(two_nodes):
    here, there = Pod("app-0", "payroll", "app"), Pod("app-1", "payroll", "app")
    two_nodes.kubelet.publish(here)
    two_nodes.second.publish(there)
    assert two_nodes.volume(here).identity() == two_nodes.volume(there).identity(), "one workload, one stable identity"
    assert two_nodes.volume(here).serial() != two_nodes.volume(there).serial()
    assert two_nodes.second.node_info().node_id == "node-2"
    two_nodes.kubelet.unpublish(here)
    two_nodes.second.unpublish(there)


def test_a_node_cannot_vouch_for_another_nodes_pod(two_nodes):
    pod = Pod("app-2", "payroll", "app")
    with pytest.raises(grpc.RpcError) as caught:
        two_nodes.second.publish(pod, tokens=two_nodes.kubelet.tokens(pod))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "node-1" in caught.value.details() and "node-2" in caught.value.details()


def test_an_unlisted_machine_is_genuine_but_not_ours(two_nodes):
    status, said = two_nodes.reload_policy(policy([two_nodes.tpm], WORKLOADS, "1h", revision=2))
    assert status == 200, said
    two_nodes.kubelet.publish(Pod("app-3", "payroll", "app"))
    with pytest.raises(grpc.RpcError) as caught:
        two_nodes.second.publish(Pod("app-4", "payroll", "app"))
    assert caught.value.code() == grpc.StatusCode.PERMISSION_DENIED
    assert "our-machines" in caught.value.details()
