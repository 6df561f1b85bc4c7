"""The collector's web side over a real store, served from a thread: hours that are packed, rows, a late sample, events,
processes, and a fleet that is live."""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager

from starlette.applications import Starlette

from fakes.apart import apart
from fakes.fleet import agent, event, inventory, sample
from fakes.storing import Store, store
from fakes.tokens import HeldTokens
from fakes.web import listening
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import METRIC_NAMES, AgentCost, Gpu, Process, ProcessList
from gpufleet_collector.store.condition import Condition, read_condition
from gpufleet_collector.store.event_history import EventHistory
from gpufleet_collector.store.history import History
from gpufleet_collector.store.history_stream import HistoryStream
from gpufleet_collector.store.packing import Packing
from gpufleet_collector.store.plan import Kept
from gpufleet_collector.store.process_history import ProcessHistory
from gpufleet_collector.store.records import HostRecord
from gpufleet_collector.store.series import SeriesHistory
from gpufleet_collector.web.app import create_app
from gpufleet_collector.web.settings import WebSettings
from gpufleet_collector.web.store import StoreCondition

HOST, LABEL = "alpha", "rack"
WHOLE = Gpu("GPU-a", 0, "NVIDIA H200", state="ok", absent={"fan_speed_percent": "NOT_SUPPORTED"})
PART = Gpu("MIG-b", 0, "NVIDIA H200", parent_uuid="GPU-a", mig_profile="1g.18gb", mig_instance=7, state="ok")
PACK_AFTER_HOURS = 2.0
NOW_SECONDS = 3.5 * 3600
"""After 2026-01-01T00:00:00Z, since when there are samples: the first hour is packed, the others are rows."""


def kept_site(dsn: str) -> AbstractContextManager[str]:
    """http://HOST:PORT of a server over the migrated database at `dsn`, which it fills."""
    return apart(lambda: _listening(dsn))


@asynccontextmanager
async def _listening(dsn: str) -> AsyncIterator[str]:
    async with _site(dsn) as app, listening(app) as address:
        yield address


@asynccontextmanager
async def _site(dsn: str) -> AsyncIterator[Starlette]:
    async with store(dsn) as made:
        await _fill(made)

        async def ready() -> bool:
            return True

        async def condition() -> Condition:
            return await read_condition(made.database)

        yield create_app(
            live=_live(made),
            history=History(made.database, clock=made.clock),
            series=SeriesHistory(made.database, clock=made.clock, kept=Kept(), rollup_labels=(LABEL,)),
            stream=HistoryStream(made.database, clock=made.clock),
            events=EventHistory(made.database),
            processes=ProcessHistory(made.database),
            bus_state=lambda: "none",
            database_ready=ready,
            store=StoreCondition(condition, PACK_AFTER_HOURS),
            metrics=made.metrics,
            settings=WebSettings(requests_per_second=1e9),
            tokens=HeldTokens(),
            clock=made.clock,
        )


async def _fill(made: Store) -> None:
    made.writer.declare(HostRecord(HOST, agent({LABEL: "r1"}), inventory(WHOLE, PART)))
    for gpu in (WHOLE, PART):
        every_minute = (sample(gpu.uuid, at, power_watts=300.5, energy_joules_total=at) for at in range(0, 12_000, 60))
        made.offer(HOST, *every_minute, sample(gpu.uuid, 12_001, **dict.fromkeys(METRIC_NAMES, 1)), replayed=True)
    made.tell_events(HOST, *(event(f"e{number}", 100 * number, host=HOST, gpu_uuid=WHOLE.uuid) for number in range(99)))
    made.tell_processes(HOST, 9_000, Process(WHOLE.uuid, 4711, None, "python train.py", 65_536, 97))
    await made.flush()
    made.clock.advance(NOW_SECONDS)
    packing = Packing(made.database, made.clock, PACK_AFTER_HOURS, (LABEL,))
    while await packing.step():
        pass
    made.offer(HOST, sample(WHOLE.uuid, 61.5, power_watts=400.0), replayed=True)
    await made.flush()


def _live(made: Store) -> Live:
    live = Live(made.clock, made.metrics)
    live.connected(HOST, agent({LABEL: "r1"}), inventory(WHOLE, PART), interval_seconds=5.0, skew_seconds=0.25)
    cost = AgentCost(supervisor_rss_bytes=40_000_000, tick_milliseconds={"core": 1.5})
    live.heartbeat(HOST, cost, 5.0, 0.25)
    live.samples(HOST, [sample(WHOLE.uuid, NOW_SECONDS, **dict.fromkeys(METRIC_NAMES, 1))])
    live.processes(ProcessList(HOST, made.clock.now().wall_us, (Process(WHOLE.uuid, 4711), Process(PART.uuid, 7))))
    live.connected("beta", agent(), inventory("GPU-c", simulated=True), interval_seconds=1.0, skew_seconds=0.0)
    live.disconnected("beta", clean=True)
    return live
