"""What WebSocket clients are told, as text; the same event for the same view is encoded once."""

from typing import TypeAlias

import orjson

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.live import Live, Signature
from gpufleet_collector.live.views import GpuNow, HostNow
from gpufleet_collector.model import EIGHT_METRICS, METRIC_INDEX, PlacedEvent
from gpufleet_collector.web import instants
from gpufleet_collector.web.event_list import event_object

MAX_CACHED_EVENTS = 20_000
"""About 25 MB; when it is full it is emptied."""

View: TypeAlias = tuple[str, ...]
"""The metrics that a client wants, in the order of the catalogue."""


def gpu_event(view: GpuNow, metrics: View) -> dict[str, object]:
    """The state of one GPU; `timestamp` is the instant of its newest core tick, null if there was none."""
    gpu = view.gpu
    first = [name for name in metrics if name in EIGHT_METRICS]
    rest = [name for name in metrics if name not in EIGHT_METRICS]
    data: dict[str, object] = {"gpu_index": gpu.index, "gpu_name": gpu.name}
    data.update((name, view.values[METRIC_INDEX[name]]) for name in first)
    data.update(
        timestamp=instants.write_optional(view.recorded_at),
        host=view.host,
        gpu_uuid=gpu.uuid,
        state=gpu.state,
        host_state=view.host_state,
        simulated=view.simulated,
        parent_uuid=gpu.parent_uuid,
        mig_profile=gpu.mig_profile,
        mig_instance=gpu.mig_instance,
    )
    data.update((name, view.values[METRIC_INDEX[name]]) for name in rest)
    return {"type": "gpu_stats", "data": data}


def host_event(view: HostNow) -> dict[str, object]:
    data = {"host": view.host, "state": view.state, "since": instants.write(view.since)}
    return {"type": "host_state", "data": data}


def happened_event(placed: PlacedEvent) -> dict[str, object]:
    return {"type": "event", "data": event_object(placed)}


def error_event(title: str, error: BadRequest) -> dict[str, object]:
    return {"type": "error", "data": {"title": title, "detail": str(error), "parameter": error.parameter}}


def encode(event: dict[str, object]) -> str:
    return encode_bytes(event).decode()


def encode_bytes(event: dict[str, object]) -> bytes:
    return orjson.dumps(event)


class Encoder:
    """Events of the live state. Clients with the same view share one text for as long as the GPU looks the same."""

    def __init__(self, live: Live, max_cached: int = MAX_CACHED_EVENTS) -> None:
        self._live = live
        self._max_cached = max_cached
        self._cached: dict[tuple[str, View], tuple[Signature, str]] = {}
        self.encoded = 0
        """How many GPU events were encoded, rather than shared."""

    @property
    def cached(self) -> int:
        return len(self._cached)

    def gpu(self, gpu_uuid: str, metrics: View) -> str | None:
        """The event that shows the GPU as it is now; None when it is gone."""
        signature = self._live.signature(gpu_uuid)
        if signature is None:
            self._cached.pop((gpu_uuid, metrics), None)
            return None
        cached = self._cached.get((gpu_uuid, metrics))
        if cached is not None and cached[0] == signature:
            return cached[1]
        return self._encode(gpu_uuid, metrics, signature)

    def host(self, name: str) -> str | None:
        view = self._live.host(name)
        return None if view is None else encode(host_event(view))

    def _encode(self, gpu_uuid: str, metrics: View, signature: Signature) -> str | None:
        view = self._live.gpu(gpu_uuid)
        if view is None:
            return None
        if len(self._cached) >= self._max_cached:
            self._cached.clear()
        text = encode(gpu_event(view, metrics))
        self._cached[gpu_uuid, metrics] = (signature, text)
        self.encoded += 1
        return text
