"""Which GPUs a question about the past concerns, and where each of them was during which part of its span."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, null, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gpufleet_collector.store.queries import among_names, among_numbers
from gpufleet_collector.store.schema import gpus, hosts, placements
from gpufleet_collector.store.times import to_datetime, to_us


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
        end = bisect_right(self.stays, gpu.gpu_uuid, key=lambda stay: stay.gpu_uuid)
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
    connection: AsyncConnection,
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
    of_label: ColumnElement[Any] = null() if label is None else hosts.c.labels[label].astext
    query = (
        select(
            placements,
            gpus.c.uuid,
            gpus.c.name,
            gpus.c.parent_uuid,
            hosts.c.name.label("host"),
            of_label.label("label"),
        )
        .join(gpus, gpus.c.id == placements.c.gpu_id)
        .join(hosts, hosts.c.id == placements.c.host_id)
        .where(*_conditions(host_names, gpu_uuids, gpu_indexes, gpu_names, since, until))
        .order_by(gpus.c.uuid, placements.c.since)
    )
    rows = (await connection.execute(query)).all()
    stays = [_stay(row, since, until) for row in rows]
    if not host_names and not gpu_indexes:
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


def _conditions(
    host_names: Sequence[str],
    gpu_uuids: Sequence[str],
    gpu_indexes: Sequence[int],
    gpu_names: Sequence[str],
    since: int,
    until: int,
) -> Iterator[ColumnElement[bool]]:
    if gpu_uuids:
        yield among_names(gpus.c.uuid, gpu_uuids)
    if gpu_names:
        yield among_names(gpus.c.name, gpu_names)
    if host_names:
        yield among_names(hosts.c.name, host_names)
    if gpu_indexes:
        yield among_numbers(placements.c.gpu_index, gpu_indexes)
    if host_names or gpu_indexes:
        yield and_(
            placements.c.since < to_datetime(until),
            or_(placements.c.until.is_(None), placements.c.until > to_datetime(since)),
        )


def _stay(row: Row[Any], since: int, until: int) -> Stay:
    """Cut to [since, until); empty when it lies outside."""
    first = min(max(since, to_us(row.since)), until)
    last = until if row.until is None else max(min(until, to_us(row.until)), first)
    return Stay(row.gpu_id, row.uuid, row.name, row.host, row.gpu_index, first, last, row.parent_uuid, row.label)


def _nowhere(stay: Stay, since: int, until: int) -> Stay:
    return replace(stay, host=None, gpu_index=None, since=since, until=until, label=None)
