"""News cut into messages that the bus takes, each of which can be read without the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from gpufleet_collector.bus.codec import BYTES_PER_ROW, encode_host
from gpufleet_collector.bus.limits import MAX_HOST_BYTES, MAX_MESSAGE_BYTES
from gpufleet_collector.bus.message import EventKey
from gpufleet_collector.live.news import HostNews, News


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """What goes into one message; `hosts` are those of the news, encoded."""

    news: News
    hosts: Sequence[bytes]
    events: Sequence[EventKey] = ()


def cut(news: News, events: Sequence[EventKey] = (), max_bytes: int = MAX_MESSAGE_BYTES) -> Iterator[Part]:
    """At least one part, the events in the first. A host is never cut: one whose record is very large goes without its
    processes."""
    hosts: list[HostNews] = []
    encoded: list[bytes] = []
    first_row = row = size = 0
    for host in news.hosts:
        bare, text = _bounded(host)
        needed = len(text) + host.rows * BYTES_PER_ROW
        if hosts and size + needed > max_bytes:
            yield Part(News(hosts, news.readings.part(first_row, row)), encoded, events)
            hosts, encoded, events, first_row, size = [], [], (), row, 0
        hosts.append(bare)
        encoded.append(text)
        row += host.rows
        size += needed
    yield Part(News(hosts, news.readings.part(first_row, row)), encoded, events)


def _bounded(host: HostNews) -> tuple[HostNews, bytes]:
    text = encode_host(host)
    if len(text) > MAX_HOST_BYTES and host.processes is not None:
        host = replace(host, processes=None)
        text = encode_host(host)
    return host, text
