"""A fleet that comes back at once is let in at a bounded rate, and those who are sent away come back one by one."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gpufleet_collector.ingest.admission import CROWD_SECONDS, Admission, AdmissionLimits, Appointment, Entry

LIMITS = AdmissionLimits(per_second=100.0, burst=10, wait_seconds=2.0, appointment_seconds=60.0)
NOW = 1000.0
A_LITTLE = 1e-6
limits = st.builds(
    AdmissionLimits,
    per_second=st.floats(1.0, 1000.0),
    burst=st.integers(1, 100),
    wait_seconds=st.floats(0.0, 10.0),
    appointment_seconds=st.floats(10.0, 60.0),
)


def test_after_a_quiet_time_a_few_are_let_in_at_once() -> None:
    admission = Admission(LIMITS)
    assert [admission.arrive(NOW) for _ in range(10)] == [Entry(0.0)] * 10
    eleventh = admission.arrive(NOW)
    assert isinstance(eleventh, Entry)
    assert 0 < eleventh.wait_seconds <= 0.01 + A_LITTLE


@given(limits, st.lists(st.floats(0.0, 0.5), min_size=1, max_size=300))
@settings(deadline=None)
def test_no_more_are_let_in_than_the_rate_and_the_burst_allow(allowed: AdmissionLimits, gaps: list[float]) -> None:
    admission, now, entered = Admission(allowed), NOW, []
    for gap in gaps:
        now += gap
        verdict = admission.arrive(now)
        if isinstance(verdict, Entry):
            assert 0.0 <= verdict.wait_seconds <= allowed.wait_seconds
            entered.append(now + verdict.wait_seconds)
    assert entered == sorted(entered)
    for first in range(len(entered)):
        for last in range(first, len(entered)):
            most = allowed.burst + allowed.per_second * (entered[last] - entered[first])
            assert last - first + 1 <= most + 1 + A_LITTLE


def test_a_storm_is_over_in_the_time_that_the_rate_takes() -> None:
    """Everybody comes at once; who is sent away comes back when told."""
    admission, hosts = Admission(LIMITS), 4000
    arrivals = [(NOW, host) for host in range(hosts)]
    entered: list[float] = []
    tries = 0
    while arrivals:
        arrivals.sort()
        now, host = arrivals.pop(0)
        tries += 1
        verdict = admission.arrive(now)
        if isinstance(verdict, Appointment):
            assert verdict.seconds <= LIMITS.appointment_seconds
            arrivals.append((now + verdict.seconds, host))
        else:
            entered.append(now + verdict.wait_seconds)
    assert max(entered) - NOW <= hosts / LIMITS.per_second + LIMITS.wait_seconds
    assert tries <= 2 * hosts


@given(st.integers(1, 5000))
@settings(deadline=None, max_examples=30)
def test_times_to_come_back_are_after_all_who_wait_and_apart(hosts: int) -> None:
    admission = Admission(LIMITS)
    verdicts = [admission.arrive(NOW) for _ in range(hosts)]
    told = [verdict.seconds for verdict in verdicts if isinstance(verdict, Appointment)]
    assert all(LIMITS.wait_seconds - A_LITTLE <= seconds <= LIMITS.appointment_seconds for seconds in told)
    assert all(after - before >= 0.01 - A_LITTLE for before, after in pairwise(told))


def test_more_than_an_appointment_book_holds_get_times_that_were_given_before() -> None:
    admission = Admission(LIMITS)
    told = [verdict.seconds for _ in range(20_000) if isinstance(verdict := admission.arrive(NOW), Appointment)]
    assert max(told) <= LIMITS.appointment_seconds
    assert len(told) > len(set(told)) > 5000


def test_while_the_process_is_held_up_nobody_new_is_let_in() -> None:
    admission = Admission(LIMITS)
    admission.held_up(1.0, NOW)
    verdict = admission.arrive(NOW)
    assert isinstance(verdict, Entry)
    assert verdict.wait_seconds == 1.0
    admission.held_up(30.0, NOW)
    assert isinstance(admission.arrive(NOW), Appointment)
    assert admission.arrive(NOW + 31.0) == Entry(0.0)


def test_a_crowd_is_who_has_come_of_late() -> None:
    admission = Admission(LIMITS)
    assert admission.crowd(NOW) == 0.0
    for _ in range(100):
        admission.arrive(NOW)
    assert admission.crowd(NOW) == 100.0
    assert 30 < admission.crowd(NOW + CROWD_SECONDS) < 40
    assert admission.crowd(NOW + 10 * CROWD_SECONDS) < 0.1
