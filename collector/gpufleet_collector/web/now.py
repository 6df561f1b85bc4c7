"""GET /api/system/gpu-stats: what every GPU does now."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.views import GpuKey, GpuNow
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.web import instants
from gpufleet_collector.web.answers import listing
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, LIMIT, PAGES
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import GPU_FILTERS, GpuFilter

GPU_PARAMETERS = (*GPU_FILTERS, *PAGES)
AT_ONCE = 500
"""After so many GPUs of a large answer everything else gets its turn."""


def gpu_object(view: GpuNow) -> dict[str, object]:
    """The REST object of one GPU: who, where and how it is, then every metric of the catalogue."""
    gpu = view.gpu
    return {
        "host": view.host,
        "host_state": view.host_state,
        "gpu_uuid": gpu.uuid,
        "gpu_index": gpu.index,
        "gpu_name": gpu.name,
        "state": gpu.state,
        "simulated": view.simulated,
        "parent_uuid": gpu.parent_uuid,
        "mig_profile": gpu.mig_profile,
        "mig_instance": gpu.mig_instance,
        "recorded_at": instants.write_optional(view.recorded_at),
        **dict(zip(METRIC_NAMES, view.values, strict=True)),
    }


async def gpu_page(live: Live, request: Request, convert: Callable[[GpuNow], Mapping[str, object]]) -> Response:
    """One page of GPUs, ordered by host, index and UUID."""
    asked = parameters(request, GPU_PARAMETERS)
    wanted, limit = GpuFilter.read(asked), LIMIT.read(asked)
    cursors = Cursors(request.url.path, asked, (str, int, str))
    key = cast("GpuKey | None", cursors.read(CURSOR.read(asked)))
    items: list[Mapping[str, object]] = []
    while views := live.gpus(wanted.selection, key, min(AT_ONCE, limit - len(items)), indexes=wanted.indexes):
        items += map(convert, views)
        key = views[-1].key
        await asyncio.sleep(0)
    is_last = key is None or not live.gpus(wanted.selection, key, 1, indexes=wanted.indexes)
    return listing("gpus", items, None if key is None or is_last else cursors.write(key))


@dataclass(frozen=True, slots=True)
class GpuStatsNow:
    live: Live

    async def __call__(self, request: Request) -> Response:
        return await gpu_page(self.live, request, gpu_object)
