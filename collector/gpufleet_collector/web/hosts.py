"""GET /api/v1/hosts: every host, its state, and the agent on it."""

from dataclasses import asdict, dataclass
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.views import HostNow
from gpufleet_collector.web import instants
from gpufleet_collector.web.answers import listing
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, LIMIT, PAGES
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import HOST

HOST_PARAMETERS = (HOST, *PAGES)


def host_object(view: HostNow) -> dict[str, object]:
    return {
        "host": view.host,
        "state": view.state,
        "host_state": view.state,
        "since": instants.write(view.since),
        "last_seen": instants.write_optional(view.last_seen),
        "labels": dict(view.agent.labels),
        "simulated": view.inventory.simulated,
        "backend": view.inventory.backend,
        "driver_version": view.inventory.driver_version,
        "nvml_version": view.inventory.nvml_version,
        "note": view.inventory.note,
        "gpu_count": view.gpu_count,
        "agent": {
            "version": view.agent.version,
            "agent_id": view.agent.agent_id,
            "boot_id": view.agent.boot_id,
            "platform": view.agent.platform,
            "skew_seconds": view.skew_seconds,
            "interval_seconds": view.interval_seconds,
            "cost": None if view.cost is None else asdict(view.cost),
        },
    }


@dataclass(frozen=True, slots=True)
class Hosts:
    live: Live

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, HOST_PARAMETERS)
        wanted, limit = HOST.read(asked), LIMIT.read(asked)
        cursors = Cursors(request.url.path, asked, (str,))
        after = cast("tuple[str] | None", cursors.read(CURSOR.read(asked)))
        views = self.live.hosts(wanted, None if after is None else after[0], limit + 1)
        next_cursor = cursors.write([views[limit - 1].host]) if len(views) > limit else None
        return listing("hosts", [host_object(view) for view in views[:limit]], next_cursor)
