"""Between csi-sanity and the node plugin: what the suite does differently from kubelet is put right here, so that the plugin is tested
as it ships. Calls pass as bytes, and so do answers and errors; three things are changed, all of them named below:
- a target path of the suite becomes kubelet's path of the same volume (and a link at the suite's path shows it what is there);
- GetPluginCapabilities gets CONTROLLER_SERVICE added to the plugin's own answer, or the suite would publish nothing;
- calls to the controller go to the stand-in (controller.py)."""
import concurrent.futures
import os
import threading

import grpc

from proto import csi_pb2 as csi
from controller import Refusal

KUBELET_TIMEOUT = 120  # seconds: what kubelet gives a call; the suite has no deadlines


class Proxy(grpc.GenericRpcHandler):
    def __init__(self, socket, kubelet, controller, mount_dir, published):
        """`mount_dir` is csi-sanity's --csi.mountdir: its targets are <mount_dir>/target. `published` is told the real path of each."""
        self.kubelet, self.controller, self.published = kubelet, controller, published
        self.target = os.path.join(mount_dir, "target")
        self.calls = {}  # method -> how often it reached the plugin
        self.lock = threading.Lock()
        self.rewrites = {"/csi.v1.Node/NodePublishVolume": (csi.NodePublishVolumeRequest, "target_path"),
                         "/csi.v1.Node/NodeUnpublishVolume": (csi.NodeUnpublishVolumeRequest, "target_path"),
                         "/csi.v1.Node/NodeGetVolumeStats": (csi.NodeGetVolumeStatsRequest, "volume_path")}
        self.server = grpc.server(concurrent.futures.ThreadPoolExecutor(16))
        self.server.add_generic_rpc_handlers((self,))
        self.server.add_insecure_port("unix://" + socket)
        self.server.start()

    def close(self):
        self.server.stop(2).wait()

    def service(self, details):
        method = details.method
        return grpc.unary_unary_rpc_method_handler(lambda data, context: self.answer(method, data, context))

    def answer(self, method, data, context):
        try:
            stand_in = self.controller.methods().get(method)
            if stand_in is not None:
                return stand_in(data).SerializeToString()
            return self.forward(method, data, min(KUBELET_TIMEOUT, context.time_remaining() or KUBELET_TIMEOUT))
        except Refusal as refusal:
            context.abort(refusal.code, refusal.text)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())

    def forward(self, method, data, seconds):
        with self.lock:
            self.calls[method] = self.calls.get(method, 0) + 1
        if method == "/csi.v1.Identity/GetPluginCapabilities":
            reply = csi.GetPluginCapabilitiesResponse.FromString(self.kubelet.raw(method, data))
            reply.capabilities.add().service.type = csi.PluginCapability.Service.CONTROLLER_SERVICE
            return reply.SerializeToString()
        if method not in self.rewrites:
            return self.kubelet.raw(method, data, seconds)
        kind, field = self.rewrites[method]
        request = kind.FromString(data)
        if getattr(request, field) != self.target:
            return self.kubelet.raw(method, data, seconds)
        return self.forward_of_volume(method, request, field, seconds)

    def forward_of_volume(self, method, request, field, seconds):
        known = self.controller.volumes.get(request.volume_id)
        volume = known[0] if known else self.controller.volume_of(request.volume_id)
        real = self.kubelet.target(volume)
        setattr(request, field, real)
        os.makedirs(os.path.dirname(real), mode=0o750, exist_ok=True)  # kubelet's duty
        try:
            reply = self.kubelet.raw(method, request.SerializeToString(), seconds)
            if method == "/csi.v1.Node/NodePublishVolume":
                self.published(real)
            return reply
        finally:
            self.mirror(real)

    def mirror(self, real):
        """Kubelet sees the real path; the suite looks at its own."""
        with self.lock:
            if os.path.lexists(self.target):
                os.unlink(self.target)
            if os.path.lexists(real):
                os.symlink(real, self.target)
