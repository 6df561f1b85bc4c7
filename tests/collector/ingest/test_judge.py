"""Every sample of a report is taken or refused for one counted reason; one bad value costs that value alone."""

import math

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.ingest.judge import judge
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.model import METRIC_INDEX, Refusal
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS

NOW = 1_790_000_000_000_000
LIMITS = IngestLimits(retention_seconds=3600.0)


def report(*ticks: pb.Tick) -> pb.Report:
    return pb.Report(sequence=1, ticks=ticks)


def tick(instant_us: int = NOW, gpus: int = 1, **values: float) -> pb.Tick:
    values = values or {"power_watts": 100.0}
    stats = [pb.GPUStats(gpu_uuid=f"GPU-{i}", **values) for i in range(gpus)]  # type: ignore[arg-type]
    return pb.Tick(instant_us=instant_us, gpus=stats)


def test_instants_beyond_retention_or_too_far_ahead_are_refused_and_the_rest_is_taken() -> None:
    late, early = NOW - 3_600_000_001, NOW + 600_000_001
    judgement = judge(report(tick(late), tick(NOW), tick(early, gpus=2)), LIMITS, NOW)
    assert [sample.recorded_at for sample in judgement.samples] == [NOW]
    assert judgement.refused == {Refusal.TOO_OLD: 1, Refusal.FUTURE: 2}


def test_the_borders_themselves_are_taken() -> None:
    judgement = judge(report(tick(NOW - 3_600_000_000), tick(NOW + 600_000_000)), LIMITS, NOW)
    assert len(judgement.samples) == 2


def test_of_a_thousand_gpus_in_a_report_the_first_256_are_taken() -> None:
    judgement = judge(report(tick(gpus=1000)), LIMITS, NOW)
    assert len(judgement.samples) == 256
    assert judgement.refused == {Refusal.LIMIT: 744}


def test_samples_past_the_limit_of_a_report_are_refused() -> None:
    limits = IngestLimits(samples_per_report=3)
    judgement = judge(report(tick(NOW - 2, 2), tick(NOW - 1, 2), tick(NOW, 2)), limits, NOW)
    assert len(judgement.samples) == 3
    assert judgement.refused == {Refusal.LIMIT: 3}


def test_a_value_that_is_no_number_or_out_of_bounds_is_dropped_and_the_others_stay() -> None:
    values = {"power_watts": math.nan, "power_limit_watts": math.inf, "gpu_utilization_percent": 101}
    judgement = judge(report(tick(NOW, 1, energy_joules_total=-1.0, temperature_celsius=40, **values)), LIMITS, NOW)
    (sample,) = judgement.samples
    assert judgement.values_dropped == 4
    assert sample.values[METRIC_INDEX["temperature_celsius"]] == 40
    assert sum(value is not None for value in sample.values) == 1


def test_a_sample_with_no_value_left_is_invalid() -> None:
    judgement = judge(report(tick(power_watts=math.nan)), LIMITS, NOW)
    assert not judgement.samples
    assert judgement.refused == {Refusal.INVALID: 1}


def test_an_identity_is_refused_rather_than_trimmed() -> None:
    stats = [pb.GPUStats(gpu_uuid=uuid, power_watts=1.0) for uuid in ("", "GPU\0", "x" * 10_000, "GPU-ü", "GPU-1")]
    judgement = judge(report(pb.Tick(instant_us=NOW, gpus=stats)), LIMITS, NOW)
    assert [sample.gpu_uuid for sample in judgement.samples] == ["GPU-1"]
    assert judgement.refused == {Refusal.INVALID: 4}


def test_values_are_rounded_to_their_resolution_and_zero_is_a_value() -> None:
    values: dict[str, float] = {"power_watts": 69.849, "gpu_utilization_percent": 0, "energy_joules_total": 12.6}
    (sample,) = judge(report(tick(NOW, 1, **values)), LIMITS, NOW).samples
    assert sample.values[METRIC_INDEX["power_watts"]] == 69.8
    assert sample.values[METRIC_INDEX["gpu_utilization_percent"]] == 0
    energy = sample.values[METRIC_INDEX["energy_joules_total"]]
    assert energy == 13
    assert isinstance(energy, int)


numbers = st.floats(width=32) | st.floats(0, 1e6, width=32)
stats = st.builds(
    pb.GPUStats,
    gpu_uuid=st.text(max_size=5) | st.just("GPU-1"),
    power_watts=st.none() | numbers,
    energy_joules_total=st.none() | st.floats(),
    temperature_celsius=st.none() | st.integers(0, 2**32 - 1),
    throttle_reasons=st.none() | st.integers(0, 2**64 - 1),
)
instants = st.integers(-(2**63), 2**63 - 1) | st.integers(NOW - 10**10, NOW + 10**10)
reports = st.lists(st.builds(pb.Tick, instant_us=instants, gpus=st.lists(stats, max_size=6)), max_size=6)


@given(reports)
def test_whatever_is_sent_every_sample_is_taken_or_counted_and_what_is_taken_can_be_stored(
    ticks: list[pb.Tick],
) -> None:
    limits = IngestLimits(retention_seconds=3600.0, gpus_per_tick=4, samples_per_report=9)
    judgement = judge(report(*ticks), limits, NOW)
    assert len(judgement.samples) + sum(judgement.refused.values()) == sum(len(tick.gpus) for tick in ticks)
    for sample in judgement.samples:
        for metric, value in zip(METRICS, sample.values, strict=True):
            assert value is None or (0 <= value <= metric.max and value == metric.round(value))
