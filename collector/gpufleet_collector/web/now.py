"""GET /api/system/gpu-stats: what every GPU does now."""

import asyncio
from bisect import bisect_right
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
    after = cast("GpuKey | None", cursors.read(CURSOR.read(asked)))
    keys = live.gpu_keys(wanted.selection, wanted.indexes)
    begin = 0 if after is None else bisect_right(keys, after)
    end = min(begin + limit, len(keys))
    items: list[Mapping[str, object]] = []
    for at in range(begin, end, AT_ONCE):
        items += map(convert, live.gpus(keys[at : min(at + AT_ONCE, end)]))
        await asyncio.sleep(0)
    return listing("gpus", items, cursors.write(keys[end - 1]) if end < len(keys) else None)


@dataclass(frozen=True, slots=True)
class GpuStatsNow:
    live: Live

    async def __call__(self, request: Request) -> Response:
        return await gpu_page(self.live, request, gpu_object)
