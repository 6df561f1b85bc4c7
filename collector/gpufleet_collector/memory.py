"""What a collector remembers when it starts: the fleet as the database knows it, marked as not heard yet."""

import asyncio
import logging

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import QueryTooLong
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import ProcessList
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.known import known_fleet
from gpufleet_collector.store.newest import AHEAD_US, newest_samples
from gpufleet_collector.store.process_history import ProcessHistory, ProcessSpan, SpanQuery
from gpufleet_collector.store.times import DAY_US

RECALL_SECONDS = 10.0
"""For the newest readings and processes, for which agents wait; of 80,000 GPUs the readings took three. What is not
read by then stays unknown until it comes."""

PROCESS_US = 90_000_000
"""A process that still runs was noted as seen within a minute, and half of one may pass until that is stored."""

MOST_PROCESSES = 20_000
"""Those that have been there longest; the others are told by their agents within seconds."""

_logger = logging.getLogger(__name__)


class Memory:
    """Reads it once. Hosts that nobody has heard of for `days` are forgotten, as their samples are."""

    def __init__(self, database: Database, live: Live, clock: Clock, days: float) -> None:
        self._database = database
        self._live = live
        self._clock = clock
        self._days = days

    async def recall(self) -> None:
        """Raises as `Database.connect`. Safe to do again: what was heard meanwhile counts."""
        seen_since = self._clock.now().wall_us - round(self._days * DAY_US)
        known = await known_fleet(self._database, max(0, seen_since))
        self._live.restore(known)
        gpu_uuids = [gpu.uuid for host in known for gpu in host.inventory.gpus]
        if not gpu_uuids:
            return
        last_seen = max(host.last_seen or 0 for host in known)
        try:
            async with asyncio.timeout(RECALL_SECONDS):
                await self._recall_readings(gpu_uuids, last_seen)
                await self._recall_processes(last_seen)
        except (TimeoutError, QueryTooLong):
            _logger.warning("the database did not say in time when every GPU was last read: starting without that")

    async def _recall_readings(self, gpu_uuids: list[str], last_seen: int) -> None:
        async for samples in newest_samples(self._database, gpu_uuids, last_seen):
            self._live.recall(samples)

    async def _recall_processes(self, last_seen: int) -> None:
        query = SpanQuery(since=last_seen - PROCESS_US, until=last_seen + AHEAD_US, limit=MOST_PROCESSES)
        by_host: dict[str, list[ProcessSpan]] = {}
        for span in await ProcessHistory(self._database).spans(query):
            by_host.setdefault(span.host, []).append(span)
        for host, spans in by_host.items():
            seen = min(span.last_seen for span in spans)
            self._live.recall_processes(ProcessList(host, seen, tuple(span.process for span in spans)))
