"""The controller that csi-sanity wants before it publishes anything. vouchsafe has none: inline volumes are made by a pod's spec. This
one stands in for the pod: a volume's name becomes a volume of one pod, with the id and the context that kubelet would send."""
import hashlib

import grpc

from harness.kubelet import Pod
from proto import csi_pb2 as csi
import sanity_controller_pb2 as controller

POD_INFO = "csi.storage.k8s.io/"


class Refusal(Exception):
    def __init__(self, code, text):
        super().__init__(text)
        self.code, self.text = code, text


def need(value, name):
    if not value:
        raise Refusal(grpc.StatusCode.INVALID_ARGUMENT, f"{name} is missing")


class Controller:
    def __init__(self, pod, attributes=None):
        self.pod, self.attributes = pod, attributes or {}
        self.volumes = {}  # id -> (volume of the pod, capacity)

    def volume_of(self, name):
        """The same name is the same volume. Names of the suite are longer than Kubernetes' may be."""
        return Pod(self.pod.name, self.pod.namespace, self.pod.service_account, self.pod.uid, "v-" + hashlib.sha256(name.encode()).hexdigest()[:32])

    def context(self):
        return {**self.attributes, POD_INFO + "pod.name": self.pod.name, POD_INFO + "pod.namespace": self.pod.namespace,
                POD_INFO + "pod.uid": self.pod.uid, POD_INFO + "serviceAccount.name": self.pod.service_account, POD_INFO + "ephemeral": "true"}

    def get_capabilities(self, _):
        reply = controller.ControllerGetCapabilitiesResponse()
        reply.capabilities.add().rpc.type = controller.ControllerServiceCapability.RPC.CREATE_DELETE_VOLUME
        return reply

    def create(self, data):
        request = controller.CreateVolumeRequest.FromString(data)
        need(request.name, "name")
        need(request.volume_capabilities, "volume_capabilities")
        volume, capacity = self.volume_of(request.name), request.capacity_range.required_bytes
        if self.volumes.setdefault(volume.handle, (volume, capacity))[1] != capacity:
            raise Refusal(grpc.StatusCode.ALREADY_EXISTS, f"{request.name} exists with another capacity")
        made = controller.Volume(volume_id=volume.handle, capacity_bytes=capacity, volume_context=self.context())
        return controller.CreateVolumeResponse(volume=made)

    def delete(self, data):
        request = controller.DeleteVolumeRequest.FromString(data)
        need(request.volume_id, "volume_id")
        self.volumes.pop(request.volume_id, None)
        return csi.ProbeRequest()  # an empty message, as DeleteVolumeResponse is

    def validate(self, data):
        request = controller.ValidateVolumeCapabilitiesRequest.FromString(data)
        need(request.volume_id, "volume_id")
        need(request.volume_capabilities, "volume_capabilities")
        if request.volume_id not in self.volumes:
            raise Refusal(grpc.StatusCode.NOT_FOUND, f"no volume {request.volume_id}")
        reply = controller.ValidateVolumeCapabilitiesResponse()
        reply.confirmed.volume_capabilities.extend(request.volume_capabilities)
        reply.confirmed.volume_context.update(request.volume_context)
        return reply

    def methods(self):
        return {"/csi.v1.Controller/ControllerGetCapabilities": self.get_capabilities, "/csi.v1.Controller/CreateVolume": self.create,
                "/csi.v1.Controller/DeleteVolume": self.delete, "/csi.v1.Controller/ValidateVolumeCapabilities": self.validate}
