"""A history that answers with what it was given, and remembers what it was asked."""

from collections.abc import Sequence

from gpufleet_collector.store.history import HistoryBucket, HistoryQuery, HistorySample


class FakeHistory:
    def __init__(self) -> None:
        self.found_samples: Sequence[HistorySample] = ()
        self.found_buckets: Sequence[HistoryBucket] = ()
        self.asked: list[HistoryQuery] = []
        self.failure: Exception | None = None

    def _ask(self, query: HistoryQuery) -> None:
        self.asked.append(query)
        if self.failure is not None:
            raise self.failure

    async def samples(self, query: HistoryQuery) -> Sequence[HistorySample]:
        self._ask(query)
        return self.found_samples[: query.limit]

    async def buckets(self, query: HistoryQuery) -> Sequence[HistoryBucket]:
        self._ask(query)
        return self.found_buckets[: query.limit]
