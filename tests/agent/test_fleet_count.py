"""The counts of several processes add up to those of one, and are said in one line."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.ack_times import STEP, AckTimes
from gpufleet_agent.errors import AgentError
from gpufleet_agent.fleet_count import NOTHING_YET, FleetCount, FleetState
from gpufleet_agent.progress import PROGRESS_SECONDS, STEADY_PROGRESS_SECONDS, Progress

times = st.lists(st.floats(0.0, 200.0), max_size=50)
counts = st.builds(FleetCount, *[st.integers(0, 10**9)] * 14)


def acks_of(seconds: list[float]) -> AckTimes:
    acks = AckTimes()
    for each in seconds:
        acks.add(each)
    return acks


@given(times, times)
def test_times_counted_apart_are_those_counted_together(some: list[float], others: list[float]) -> None:
    apart, together = acks_of(some).plus(acks_of(others)), acks_of([*some, *others])
    assert apart.counts == together.counts
    assert together.since(acks_of(some)).counts == acks_of(others).counts
    assert together.number == len(some) + len(others)


@given(st.lists(st.floats(0.002, 200.0), min_size=1, max_size=50), st.sampled_from([0.5, 0.99, 1.0]))
def test_a_quantile_is_right_to_within_a_step(seconds: list[float], share: float) -> None:
    exact = sorted(seconds)[max(0, math.ceil(share * len(seconds)) - 1)]
    found = acks_of(seconds).quantile(share)
    assert found is not None
    assert exact / 1.0001 <= found <= exact * STEP * 1.0001


def test_without_times_there_is_no_quantile() -> None:
    assert AckTimes().quantile(0.5) is None
    assert json.loads(NOTHING_YET.as_json())["ack_p99_ms"] is None


@given(counts, counts, times, times)
def test_a_state_survives_its_line_and_states_add_up(
    one: FleetCount, other: FleetCount, some: list[float], others: list[float]
) -> None:
    first, second = FleetState(one, acks_of(some), 0.5), FleetState(other, acks_of(others))
    read = [FleetState.of_line(state.as_line()) for state in (first, second)]
    assert [(state.count, state.acks.counts) for state in read] == [
        (state.count, state.acks.counts) for state in (first, second)
    ]
    both = read[0].plus(read[1])
    assert both.count.taken == one.taken + other.taken
    assert both.replayed_share == 0.5
    assert json.loads(both.as_json())["hosts"] == one.hosts + other.hosts


@pytest.mark.parametrize("line", ["", "null", "{}", '{"count": {"nonsense": 1}, "acks": [], "replayed": 1}'])
def test_what_is_no_state_is_refused(line: str) -> None:
    with pytest.raises(AgentError, match="cannot be understood"):
        FleetState.of_line(line)


STEADY = FleetState(FleetCount(hosts=2, connected=2, taken=100, reports=10, acked_reports=10), acks_of([0.4] * 10))


def test_the_line_tells_rates_and_times_since_the_one_before() -> None:
    later = FleetState(
        FleetCount(hosts=2, connected=1, taken=180, settled=160, reports=20, acked_reports=18, dropped=3),
        STEADY.acks.plus(acks_of([0.1] * 8)),
    )
    line = later.progress(STEADY, 2.0)
    assert line.startswith("1 of 2 hosts connected; 5 reports/s, 4 acks/s (p50 10")
    assert line.endswith("0 reports resent, 0 refused, 3 lost")


def test_the_line_says_when_there_was_no_time_for_ticks() -> None:
    late = FleetState(FleetCount(hosts=2, connected=2, skipped_ticks=7), AckTimes([0] * len(STEADY.acks.counts)))
    assert late.progress(NOTHING_YET, 1.0).endswith("0 lost; 7 ticks skipped")


def test_a_fleet_that_is_well_says_so_once_and_then_seldom() -> None:
    progress = Progress(None, 0.0)
    said = [at for at in range(5, 400, 5) if progress.line(STEADY, float(at)) is not None]
    assert said == [PROGRESS_SECONDS, PROGRESS_SECONDS + STEADY_PROGRESS_SECONDS, 245, 365]


def test_a_fleet_that_is_not_well_or_was_asked_to_speaks_every_time() -> None:
    trouble = FleetState(FleetCount(hosts=2, connected=1), AckTimes())
    for progress, state in ((Progress(None, 0.0), trouble), (Progress(1.0, 0.0), STEADY)):
        assert all(progress.line(state, float(at)) is not None for at in range(1, 20))
