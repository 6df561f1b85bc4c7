"""Messages between collectors as bytes: what is sent is read, and nothing else does any harm."""

import math
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import START_US
from gpufleet_collector.bus.codec import VERSION, decode, encode
from gpufleet_collector.bus.limits import MAX_RECEIVED_BYTES
from gpufleet_collector.bus.message import Envelope, EventKey, Message
from gpufleet_collector.errors import BusMessageRefused
from gpufleet_collector.live.news import HostNews, HostStatus, News, Readings
from gpufleet_collector.live.readings import TIERS
from gpufleet_collector.model import (
    HOST_STATES,
    METRIC_INDEX,
    METRIC_NAMES,
    AgentCost,
    AgentInfo,
    Gpu,
    Inventory,
    Process,
    ProcessList,
)

ENVELOPE = Envelope("a1b2", "news", 7, 1234.5)

texts = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.text("abc-1", min_size=1, max_size=8)
seconds = st.floats(0, 1e6)
instants = st.integers(0, START_US * 2)
maps = st.dictionaries(texts, texts, max_size=2)
gpus = st.builds(
    Gpu,
    uuid=names,
    index=st.none() | st.integers(0, 7),
    name=st.none() | texts,
    parent_uuid=st.none() | names,
    absent=st.dictionaries(st.sampled_from(METRIC_NAMES), st.sampled_from(["MIG", "LOST"]), max_size=2),
)
agents = st.builds(AgentInfo, agent_id=names, labels=maps, boot_id=texts, version=texts, platform=texts)
inventories = st.builds(
    Inventory,
    observed_at=instants,
    backend=texts,
    simulated=st.booleans(),
    note=st.none() | texts,
    gpus=st.tuples(gpus),
)
costs = st.builds(
    AgentCost, reconnects_total=st.integers(0, 2**60), hung_seconds=st.none() | seconds, hung_call=st.none() | texts
)
statuses = st.builds(HostStatus, st.floats(0.1, 3600), st.none() | st.floats(-1e6, 1e6), st.none() | costs)
processes = st.builds(
    ProcessList,
    host=names,
    observed_at=instants,
    processes=st.tuples(st.builds(Process, gpu_uuid=names, pid=st.integers(1, 9), started_at=st.none() | instants)),
)
hosts = st.builds(
    HostNews,
    host=names,
    silent_seconds=seconds,
    state=st.sampled_from(HOST_STATES),
    state_seconds=st.floats(-1e6, 1e6),
    left=st.booleans(),
    agent=st.none() | agents,
    inventory=st.none() | inventories,
    status=st.none() | statuses,
    processes=st.none() | processes,
    processes_seconds=seconds,
    rows=st.integers(0, 3),
)
VALUES = (math.nan, 0.0, 0.1, 57.0, 2.0**53 - 1, 1e12 + 0.5, -3.25)
AGES = (0.0, 0.25, 17.5, math.inf)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    told = draw(st.lists(hosts, max_size=3))
    rows = sum(host.rows for host in told)
    chance = np.random.default_rng(draw(st.integers(0, 2**32)))
    readings = Readings(
        draw(st.lists(names, min_size=rows, max_size=rows)),
        chance.integers(0, 2 * START_US, (rows, len(TIERS))),
        chance.choice(AGES, (rows, len(TIERS))),
        chance.choice(VALUES, (rows, len(METRIC_NAMES))),
    )
    events = draw(st.lists(st.builds(EventKey, id=names, occurred_at=instants), max_size=2))
    envelope = draw(
        st.builds(
            Envelope,
            sender=names,
            kind=st.sampled_from(["news", "whole", "ask"]),
            sequence=st.integers(0, 2**62),
            sent_at=st.floats(-1e9, 1e9),
            part=st.integers(0, 5),
            parts=st.integers(1, 6),
        )
    )
    return Message(envelope, News(told, readings), events)


def is_same(one: Message, other: Message) -> bool:
    mine, theirs = one.news.readings, other.news.readings
    return (
        (one.envelope, list(one.news.hosts), list(one.events))
        == (other.envelope, list(other.news.hosts), list(other.events))
        and list(mine.gpu_uuids) == list(theirs.gpu_uuids)
        and np.array_equal(mine.recorded_at, theirs.recorded_at)
        and np.array_equal(mine.ages, theirs.ages)
        and np.array_equal(mine.values, theirs.values, equal_nan=True)
    )


@given(messages())
def test_what_was_encoded_is_read_as_it_was(message: Message) -> None:
    assert is_same(decode(encode(message)), message)


@given(messages(), st.data())
def test_a_message_that_was_damaged_is_refused_or_read_but_never_breaks_anything(
    message: Message, data: st.DataObject
) -> None:
    raw = bytearray(encode(message))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(raw)))
    for damaged in (bytes(raw), bytes(raw[:cut])):
        try:
            decode(damaged)
        except BusMessageRefused as refused:
            assert refused.reason in {"malformed", "version"}


@given(st.binary(max_size=64))
def test_garbage_is_refused(data: bytes) -> None:
    for raw in (data, b"GFB" + bytes([VERSION]) + data):
        with pytest.raises(BusMessageRefused):
            decode(raw)


# ------------------------------------------------------------------------------------- collectors of other editions


def reading(**named: float) -> Message:
    row = np.full((1, len(METRIC_NAMES)), np.nan)
    for name, value in named.items():
        row[0, METRIC_INDEX[name]] = value
    instant, age = np.full((1, len(TIERS)), START_US), np.zeros((1, len(TIERS)))
    return Message(ENVELOPE, News([HostNews("h", 0.5, "up", 1.0, rows=1)], Readings(["x"], instant, age, row)))


def with_header(raw: bytes, **changed: Any) -> bytes:
    """The message with another header."""
    length = int.from_bytes(raw[4:8], "little")
    header = orjson.loads(raw[8 : 8 + length])
    header |= {name: change(header[name]) if callable(change) else change for name, change in changed.items()}
    text = orjson.dumps(header)
    return raw[:4] + len(text).to_bytes(4, "little") + text + raw[8 + length :]


def test_metrics_and_tiers_of_a_newer_collector_are_ignored_and_the_others_kept() -> None:
    raw = encode(reading(power_watts=100.0, sm_active_percent=7.0))
    newer = with_header(raw, columns=lambda columns: [["warp_factor", columns[0][1]], columns[1]])
    values = decode(newer).news.readings.values[0]
    assert values[METRIC_INDEX["sm_active_percent"]] == 7.0
    assert np.isnan(values[METRIC_INDEX["power_watts"]])
    other_tiers = decode(with_header(raw, tiers=["core", "hourly", "slow"])).news.readings
    assert other_tiers.ages[0].tolist() == [0.0, math.inf, 0.0]


def test_fields_of_a_newer_collector_are_ignored() -> None:
    raw = encode(reading(power_watts=100.0))
    newer = with_header(raw, moon="full", hosts=lambda hosts: [host | {"mood": "good"} for host in hosts])
    assert is_same(decode(newer), decode(raw))


def test_a_newer_version_is_refused_under_a_name_of_its_own() -> None:
    raw = bytearray(encode(reading()))
    raw[3] += 1
    with pytest.raises(BusMessageRefused) as refused:
        decode(bytes(raw))
    assert refused.value.reason == "version"


@pytest.mark.parametrize(
    "changed",
    [
        {"sequence": -1},
        {"sent_at": None},
        {"sender": ""},
        {"kind": "shout"},
        {"hosts": [{"host": "h", "silent_seconds": 1e300, "state": "up", "state_seconds": 0, "rows": 1}]},
        {"hosts": [{"host": "h", "silent_seconds": 0, "state": "up", "state_seconds": 0, "rows": 2}]},
        {"hosts": lambda hosts: [hosts[0] | {"inventory": {"observed_at": 2**60, "backend": ""}}]},
        {"hosts": lambda hosts: [hosts[0] | {"status": {"interval_seconds": 0}}]},
        {"events": [{"id": "e", "occurred_at": -1}]},
        {"gpus": ["x", "y"]},
        {"columns": [["power_watts", "f2"]]},
        {"columns": [["power_watts", "f8"]] * 9},
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, Any]) -> None:
    raw = encode(reading(power_watts=100.0))
    with pytest.raises(BusMessageRefused) as refused:
        decode(with_header(raw, **changed))
    assert refused.value.reason == "malformed"


def test_a_message_of_any_size_is_not_read() -> None:
    with pytest.raises(BusMessageRefused) as refused:
        decode(bytes(MAX_RECEIVED_BYTES + 1))
    assert refused.value.reason == "size"


def test_what_is_no_value_is_absent() -> None:
    message = reading(power_watts=math.inf, sm_active_percent=1.0)
    message.news.readings.recorded_at[0, 0] = -1
    message.news.readings.ages[0, 1] = math.nan
    readings = decode(encode(message)).news.readings
    assert np.isnan(readings.values[0, METRIC_INDEX["power_watts"]])
    assert readings.ages[0].tolist() == [math.inf, math.inf, 0.0]


def test_a_nan_that_signals_is_absent() -> None:
    raw = encode(reading(power_watts=100.0))
    readings = decode(raw[:-4] + b"\x01\x00\x80\x7f").news.readings
    assert np.isnan(readings.values).all()


def test_columns_are_as_narrow_as_they_can_be_and_absent_ones_cost_nothing() -> None:
    assert len(encode(reading(power_watts=100.0))) + 4 == len(encode(reading(power_watts=100.1)))
    assert len(encode(reading())) < len(encode(reading(power_watts=100.0)))
