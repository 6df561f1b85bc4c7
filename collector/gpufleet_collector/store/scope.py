"""Which GPUs a question about the past concerns, and where each of them was during which part of its span."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from gpufleet_collector.store.question import Question
from gpufleet_collector.store.times import to_datetime, to_us

_PLACES = """
SELECT placements.gpu_id, placements.gpu_index, placements.since, placements.until,
    gpus.uuid, gpus.name, gpus.parent_uuid, hosts.name, hosts.labels ->> CAST(:label AS text)
FROM placements JOIN gpus ON gpus.id = placements.gpu_id JOIN hosts ON hosts.id = placements.host_id
"""
_WITHIN = "placements.since < :until AND (placements.until IS NULL OR placements.until > :since)"


@dataclass(frozen=True, slots=True)
class Stay:
    """A GPU in one place from `since` until `until` (not included), microseconds. Host and index are None for a time in
    which no host declared it."""

    gpu_id: int
    gpu_uuid: str
    gpu_name: str | None
    host: str | None
    gpu_index: int | None
    since: int
    until: int
    parent_uuid: str | None = None
    label: str | None = None
    """The host's value of the label that was asked for."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Stays sorted by UUID and time, never two of one GPU at a time."""

    stays: Sequence[Stay]
    _ends: dict[str, int] = field(default_factory=dict, init=False, repr=False, compare=False)
    """As far as known: after which position the stays of a GPU end."""

    @property
    def gpus(self) -> int:
        return len({stay.gpu_id for stay in self.stays})

    def first_after(self, gpu_uuid: str) -> int:
        """The position of the first stay of a GPU that sorts after `gpu_uuid`."""
        return bisect_right(self.stays, gpu_uuid, key=lambda stay: stay.gpu_uuid)

    def whole(self, since: int, until: int) -> "Scope":
        """Each GPU once, over the whole of [since, until), as it was last."""
        last = {stay.gpu_id: stay for stay in self.stays}
        return Scope([replace(stay, since=since, until=until) for stay in last.values()])

    def last_place(self, gpu: Stay, span: tuple[int, int]) -> Stay:
        """The last stay of a GPU within a span that was in a host; any in the span when there is none."""
        end = self._ends.get(gpu.gpu_uuid)
        if end is None:
            end = self._ends[gpu.gpu_uuid] = self.first_after(gpu.gpu_uuid)
        found = gpu
        for at in range(end - 1, -1, -1):
            stay = self.stays[at]
            if stay.gpu_id != gpu.gpu_id or stay.until <= span[0]:
                break
            if stay.since < span[1]:
                if stay.host is not None:
                    return stay
                found = stay
        return found


async def find_scope(
    asked: Question,
    *,
    host_names: Sequence[str],
    gpu_uuids: Sequence[str],
    gpu_indexes: Sequence[int],
    since: int,
    until: int,
    gpu_names: Sequence[str] = (),
    label: str | None = None,
) -> Scope:
    """The stays within [since, until) of the GPUs asked for; empty filters ask for all. Asked by host or index, only
    times in such a place count; otherwise the times between places as well. Stays have the host's value of `label`."""
    placed = bool(host_names or gpu_indexes)
    conditions = [
        *(["gpus.uuid = ANY(CAST(:gpu_uuids AS text[]))"] if gpu_uuids else []),
        *(["gpus.name = ANY(CAST(:gpu_names AS text[]))"] if gpu_names else []),
        *(["hosts.name = ANY(CAST(:host_names AS text[]))"] if host_names else []),
        *(["placements.gpu_index = ANY(CAST(:gpu_indexes AS integer[]))"] if gpu_indexes else []),
        *([_WITHIN] if placed else []),
    ]
    statement = f"{_PLACES} WHERE {' AND '.join(conditions) or 'true'} ORDER BY gpus.uuid, placements.since"
    rows = await asked.fetch(
        statement,
        {
            "gpu_uuids": gpu_uuids,
            "gpu_names": gpu_names,
            "host_names": host_names,
            "gpu_indexes": gpu_indexes,
            "label": label,
            "since": to_datetime(since),
            "until": to_datetime(until),
        },
    )
    stays = [_stay(row, since, until) for row in rows]
    if not placed:
        return Scope(list(with_gaps(stays, since, until)))
    return Scope([stay for stay in stays if stay.since < stay.until])


def with_gaps(stays: Iterable[Stay], since: int, until: int) -> Iterator[Stay]:
    """The stays of each GPU and, where they leave out some of [since, until), stays nowhere."""
    for _, group in groupby(stays, key=lambda stay: stay.gpu_id):
        reached, last = since, None
        for last in group:
            if reached < last.since:
                yield _nowhere(last, reached, last.since)
            if last.since < last.until:
                yield last
            reached = max(reached, last.until)
        if last is not None and reached < until:
            yield _nowhere(last, reached, until)


def _stay(row: Sequence[Any], since: int, until: int) -> Stay:
    """Cut to [since, until); empty when it lies outside."""
    gpu_id, gpu_index, begin, end, uuid, name, parent_uuid, host, label = row
    first = min(max(since, to_us(begin)), until)
    last = until if end is None else max(min(until, to_us(end)), first)
    return Stay(gpu_id, uuid, name, host, gpu_index, first, last, parent_uuid, label)


def _nowhere(stay: Stay, since: int, until: int) -> Stay:
    return replace(stay, host=None, gpu_index=None, since=since, until=until, label=None)
