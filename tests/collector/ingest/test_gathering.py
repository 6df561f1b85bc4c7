"""Every sample of a report is taken or refused for one counted reason; what is gathered is handed on soon, in order."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.clock import FakeClock
from fakes.fleet import agent, inventory
from fakes.store import MemoryStore
from gpufleet_collector.ingest import gathering as gathering_module
from gpufleet_collector.ingest.envelope import open_envelope
from gpufleet_collector.ingest.gathering import Gathering
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.ingest.refusals import StreamRefused
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import METRIC_INDEX, Refusal
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_proto import telemetry_pb2 as pb

HOUR = IngestLimits(retention_seconds=3600.0)


@dataclass
class Talker:
    """A stream that keeps what it is told."""

    host: str = "h"
    settled: dict[int, Mapping[Refusal, int]] = field(default_factory=dict)
    deferred: list[int] = field(default_factory=list)
    unknown: set[int] = field(default_factory=set)
    ended: list[StreamRefused] = field(default_factory=list)

    def settle(self, sequence: int, refused: Mapping[Refusal, int]) -> None:
        assert sequence not in self.settled
        self.settled[sequence] = refused

    def defer(self, sequence: int) -> None:
        self.deferred.append(sequence)

    def found_unknown(self, numbers: set[int]) -> None:
        self.unknown |= numbers

    def end(self, reason: StreamRefused) -> None:
        self.ended.append(reason)


class Desk:
    """A gathering with all that it works with."""

    def __init__(self, limits: IngestLimits = HOUR) -> None:
        self.clock, self.metrics, self.store = FakeClock(), SelfMetrics(), MemoryStore()
        self.live = Live(self.clock, self.metrics)
        self.live.connected("h", agent(), inventory(), 5.0, 0.0)
        self.gathering = Gathering(self.live, self.store, self.metrics, self.clock, limits)
        self.origin = Talker()

    @property
    def now(self) -> int:
        return self.clock.now().wall_us

    def take(self, *ticks: pb.Tick, sequence: int = 1, replayed: bool = False, origin: Talker | None = None) -> None:
        report = pb.Report(sequence=sequence, ticks=ticks, replayed=replayed)
        raw = pb.AgentMessage(report=report).SerializeToString()
        self.gathering.take(origin or self.origin, open_envelope(raw).report, len(raw))

    def judge(self, *ticks: pb.Tick) -> Mapping[Refusal, int]:
        """What is refused of one report."""
        self.take(*ticks)
        self.gathering.flush()
        return self.origin.settled[1]

    def counted(self, name: str, **labels: str) -> float:
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def instants(self) -> list[int]:
        return [instant for _, instant in self.store.samples]


@pytest.fixture
async def desk() -> Desk:
    return Desk()


def tick(instant_us: int, gpus: int = 1, **values: float) -> pb.Tick:
    values = values or {"power_watts": 100.0}
    stats = [pb.GPUStats(gpu_uuid=f"GPU-{i}", **values) for i in range(gpus)]  # type: ignore[arg-type]
    return pb.Tick(instant_us=instant_us, gpus=stats)


async def test_instants_beyond_retention_or_too_far_ahead_are_refused_and_the_rest_is_taken(desk: Desk) -> None:
    late, early = desk.now - 3_600_000_001, desk.now + 600_000_001
    assert desk.judge(tick(late), tick(desk.now), tick(early, gpus=2)) == {Refusal.TOO_OLD: 1, Refusal.FUTURE: 2}
    assert desk.instants == [desk.now]
    assert desk.counted("gpufleet_samples_received_total") == 4
    assert desk.counted("gpufleet_samples_refused_total", reason="future") == 2


async def test_the_borders_themselves_are_taken(desk: Desk) -> None:
    assert desk.judge(tick(desk.now - 3_600_000_000), tick(desk.now + 600_000_000)) == {}
    assert len(desk.instants) == 2


async def test_of_a_thousand_gpus_in_a_report_the_first_256_are_taken(desk: Desk) -> None:
    assert desk.judge(tick(desk.now, gpus=1000)) == {Refusal.LIMIT: 744}
    assert len(desk.instants) == 256


async def test_samples_past_the_limit_of_a_report_are_refused() -> None:
    desk = Desk(IngestLimits(samples_per_report=3))
    assert desk.judge(tick(desk.now - 2, 2), tick(desk.now - 1, 2), tick(desk.now, 2)) == {Refusal.LIMIT: 3}
    assert desk.instants == [desk.now - 2, desk.now - 2, desk.now - 1]


async def test_an_identity_is_refused_rather_than_trimmed(desk: Desk) -> None:
    stats = [pb.GPUStats(gpu_uuid=uuid, power_watts=1.0) for uuid in ("", "GPU\0", "x" * 10_000, "GPU-ü", "GPU-1")]
    assert desk.judge(pb.Tick(instant_us=desk.now, gpus=stats)) == {Refusal.INVALID: 4}
    assert [uuid for uuid, _ in desk.store.samples] == ["GPU-1"]


async def test_a_sample_with_no_value_left_is_invalid_and_a_value_dropped_is_counted(desk: Desk) -> None:
    bad = pb.GPUStats(gpu_uuid="GPU-1", power_watts=float("nan"))
    half = pb.GPUStats(gpu_uuid="GPU-2", power_watts=-1.0, temperature_celsius=40)
    assert desk.judge(pb.Tick(instant_us=desk.now, gpus=[bad, half])) == {Refusal.INVALID: 1}
    assert desk.counted("gpufleet_values_refused_total", reason="invalid") == 2
    (write,) = desk.store.samples.values()
    assert [sample.values[METRIC_INDEX["temperature_celsius"]] for sample in write.samples] == [40]


async def test_reports_wait_for_others_but_not_for_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "GATHER_SECONDS", 0.001)
    desk.take(tick(desk.now), sequence=1)
    desk.take(tick(desk.now + 1), sequence=2)
    assert not desk.store.offers
    async with asyncio.timeout(5):
        while not desk.origin.settled:
            await asyncio.sleep(0)
    assert list(desk.origin.settled) == [1, 2]


async def test_at_the_bound_of_samples_or_bytes_nothing_waits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathering_module, "MAX_GATHERED_SAMPLES", 3)
    desk.take(tick(desk.now, gpus=2), sequence=1)
    assert not desk.origin.settled
    desk.take(tick(desk.now + 1, gpus=2), sequence=2)
    assert list(desk.origin.settled) == [1, 2]
    monkeypatch.setattr(gathering_module, "MAX_GATHERED_BYTES", 10)
    desk.take(tick(desk.now + 2), sequence=3)
    assert list(desk.origin.settled) == [1, 2, 3]


async def test_what_a_host_has_on_its_way_can_be_hurried(desk: Desk) -> None:
    desk.take(tick(desk.now))
    desk.gathering.flush_host("another")
    assert not desk.origin.settled
    desk.gathering.flush_host("h")
    assert list(desk.origin.settled) == [1]


async def test_replayed_reports_are_stored_and_not_shown(desk: Desk) -> None:
    desk.take(tick(desk.now), sequence=1, replayed=True)
    desk.gathering.flush()
    assert desk.instants == [desk.now]
    assert desk.live.gpu("GPU-0") is None
    desk.take(tick(desk.now), sequence=2)
    desk.gathering.flush()
    assert desk.live.gpu("GPU-0") is not None


async def test_a_sample_that_is_no_protobuf_ends_its_stream_and_touches_no_other(desk: Desk) -> None:
    good, bad = Talker("h"), Talker("other")
    whole = pb.AgentMessage(report=pb.Report(sequence=9, ticks=[tick(desk.now)])).SerializeToString()
    wrong = whole.replace(b"GPU-0", b"\xff\xff\xff\xff\xff")
    desk.take(tick(desk.now), origin=good)
    desk.gathering.take(bad, open_envelope(wrong).report, len(wrong))
    desk.take(tick(desk.now + 1), sequence=2, origin=good)
    desk.gathering.flush()
    assert [reason.reason for reason in bad.ended] == ["malformed"]
    assert not bad.settled
    assert list(good.settled) == [1, 2]
    assert not good.ended


async def test_fields_of_a_newer_agent_are_told_to_its_stream(desk: Desk) -> None:
    whole = pb.GPUStats(gpu_uuid="GPU-0", fan_speed_percent=5)
    whole.MergeFromString(b"\xf8\x3f\x05")
    desk.take(pb.Tick(instant_us=desk.now, gpus=[whole]))
    other = Talker()
    desk.take(tick(desk.now), origin=other)
    desk.gathering.flush()
    assert (desk.origin.unknown, other.unknown) == ({1023}, set())


async def test_a_mistake_of_ours_ends_the_streams_whose_reports_it_cost(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(desk.live, "take", broken)
    desk.take(tick(desk.now))
    desk.gathering.flush()
    assert [reason.reason for reason in desk.origin.ended] == ["broken"]
    assert "reports could not be read" in caplog.text


stats = st.builds(
    pb.GPUStats,
    gpu_uuid=st.text(max_size=5) | st.just("GPU-1"),
    power_watts=st.none() | st.floats(width=32),
    temperature_celsius=st.none() | st.integers(0, 2**32 - 1),
)


def in_loop(check: Callable[[], None]) -> None:
    async def run() -> None:
        check()

    asyncio.run(run())


@given(
    st.lists(st.lists(st.tuples(st.integers(-(10**10), 10**10), st.lists(stats, max_size=6)), max_size=4), max_size=4)
)
def test_whatever_is_sent_every_sample_is_taken_or_counted(
    reports: list[list[tuple[int, list[pb.GPUStats]]]],
) -> None:
    def check() -> None:
        desk = Desk(IngestLimits(retention_seconds=3600.0, gpus_per_tick=4, samples_per_report=9))
        for sequence, ticks in enumerate(reports):
            made = [pb.Tick(instant_us=desk.now + offset, gpus=gpus) for offset, gpus in ticks]
            desk.take(*made, sequence=sequence, origin=Talker(f"h{sequence}"))
        sent = sum(len(gpus) for ticks in reports for _, gpus in ticks)
        taken: list[int] = []
        desk.store.hold = True
        desk.gathering.flush()
        taken = [len(write.samples) for write in desk.store.waiting]
        refused = sum(desk.counted("gpufleet_samples_refused_total", reason=reason.value) for reason in Refusal)
        assert sum(taken) + refused == sent
        assert desk.counted("gpufleet_samples_received_total") == sent

    in_loop(check)
