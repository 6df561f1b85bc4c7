"""GET /api/v1/gpus: who every GPU is, where it sits, and why a metric of it is absent."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.views import GpuNow
from gpufleet_collector.web.now import gpu_page


def identity_object(view: GpuNow) -> dict[str, object]:
    gpu = view.gpu
    return {
        "host": view.host,
        "host_state": view.host_state,
        "gpu_uuid": gpu.uuid,
        "gpu_index": gpu.index,
        "gpu_name": gpu.name,
        "state": gpu.state,
        "simulated": view.simulated,
        "pci_bus_id": gpu.pci_bus_id,
        "serial": gpu.serial,
        "vbios": gpu.vbios,
        "parent_uuid": gpu.parent_uuid,
        "mig_profile": gpu.mig_profile,
        "mig_instance": gpu.mig_instance,
        "absent": dict(gpu.absent),
    }


@dataclass(frozen=True, slots=True)
class Gpus:
    live: Live

    async def __call__(self, request: Request) -> Response:
        return await gpu_page(self.live, request, identity_object)
