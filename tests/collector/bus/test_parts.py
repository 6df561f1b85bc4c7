"""News cut into messages: nothing is lost between two parts, and none is larger than the bus takes."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from gpufleet_collector.bus.codec import decode, encode
from gpufleet_collector.bus.limits import MAX_HOST_BYTES
from gpufleet_collector.bus.message import Envelope, EventKey, Message
from gpufleet_collector.bus.parts import Part, cut
from gpufleet_collector.live.news import NO_NEWS, HostNews, News, Readings
from gpufleet_collector.live.readings import TIERS
from gpufleet_collector.model import METRIC_NAMES, Process, ProcessList

ENVELOPE = Envelope("a", "news", 1, 0.0)
BOUND = 20_000


def news_of(rows: list[int]) -> News:
    hosts = [HostNews(f"host-{number}", 1.0, "up", 1.0, rows=count) for number, count in enumerate(rows)]
    total = sum(rows)
    readings = Readings(
        [f"GPU-{row}" for row in range(total)],
        np.full((total, len(TIERS)), START_US),
        np.zeros((total, len(TIERS))),
        np.arange(total * len(METRIC_NAMES), dtype=np.float64).reshape(total, len(METRIC_NAMES)) + 0.1,
    )
    return News(hosts, readings)


def sent(part: Part) -> bytes:
    return encode(Message(ENVELOPE, part.news, part.events), part.hosts)


@given(st.lists(st.integers(0, 20), max_size=30))
def test_the_parts_are_the_whole_and_no_part_is_too_large(rows: list[int]) -> None:
    news = news_of(rows)
    parts = [sent(part) for part in cut(news, max_bytes=BOUND)]
    read = [decode(part).news for part in parts]
    assert [host for one in read for host in one.hosts] == list(news.hosts)
    assert [uuid for one in read for uuid in one.readings.gpu_uuids] == list(news.readings.gpu_uuids)
    assert np.array_equal(np.concatenate([one.readings.values for one in read]), news.readings.values)
    header = 3_000  # names of metrics
    assert all(len(part) <= BOUND + header for part in parts)


def test_no_news_are_one_message_and_events_go_with_the_first() -> None:
    events = [EventKey("e", START_US)]
    (only,) = cut(NO_NEWS, events)
    assert list(only.events) == events
    first, *others = cut(news_of([20] * 10), events, max_bytes=BOUND)
    assert list(first.events) == events
    assert others and not any(part.events for part in others)


def test_a_host_with_very_many_processes_goes_without_them() -> None:
    many = tuple(Process("GPU-1", pid, name="x" * 200) for pid in range(1, 4_000))
    host = HostNews("h", 0.0, "up", 0.0, processes=ProcessList("h", START_US, many))
    (part,) = cut(News([host]))
    assert part.news.hosts[0].processes is None
    assert len(sent(part)) < MAX_HOST_BYTES
