"""Connections that say nothing give way to those that come, and those that ask are left alone."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.serving.crowd import Crowd


class Guest:
    is_cut_off = False

    def cut_off(self) -> None:
        self.is_cut_off = True


def entered(crowd: Crowd, number: int) -> list[Guest]:
    guests = [Guest() for _ in range(number)]
    for guest in guests:
        crowd.enter(guest)
    return guests


def count(metrics: SelfMetrics, **labels: str) -> float | None:
    name = "gpufleet_http_connections_cut_off_total" if labels else "gpufleet_http_connections"
    return metrics.registry.get_sample_value(name, labels)


def test_the_one_that_was_silent_for_longest_gives_way() -> None:
    metrics = SelfMetrics()
    crowd = Crowd(metrics, most_silent=2)
    first, second = entered(crowd, 2)
    crowd.has_asked(first)
    third, fourth = entered(crowd, 2)
    assert [guest.is_cut_off for guest in (first, second, third, fourth)] == [False, True, False, False]
    assert count(metrics) == 3
    assert count(metrics, reason="too_many") == 1


def test_where_all_have_asked_it_is_the_newcomer_that_goes() -> None:
    crowd = Crowd(SelfMetrics(), most=2)
    guests = entered(crowd, 2)
    for guest in guests:
        crowd.has_asked(guest)
    (newcomer,) = entered(crowd, 1)
    assert newcomer.is_cut_off
    assert not any(guest.is_cut_off for guest in guests)
    crowd.leave(guests[0])
    (next_one,) = entered(crowd, 1)
    assert not next_one.is_cut_off


def test_one_that_is_slow_goes_and_is_counted_apart() -> None:
    metrics = SelfMetrics()
    crowd = Crowd(metrics)
    (slow,) = entered(crowd, 1)
    crowd.is_slow(slow)
    crowd.leave(slow)
    assert slow.is_cut_off
    assert (count(metrics), count(metrics, reason="slow")) == (0, 1)


@given(st.lists(st.tuples(st.sampled_from(["enter", "ask", "leave", "slow"]), st.integers(0, 9))))
def test_whatever_happens_the_limits_hold_and_nobody_who_asked_is_cut_off_for_room(
    steps: list[tuple[str, int]],
) -> None:
    metrics = SelfMetrics()
    crowd = Crowd(metrics, most=5, most_silent=3)
    silent: list[Guest] = []
    asked: list[Guest] = []
    for step, place in steps:
        here = [*silent, *asked]
        chosen = here[place % len(here)] if here else None
        if step == "enter":
            silent += entered(crowd, 1)
        elif chosen is not None and step == "ask":
            crowd.has_asked(chosen)
            if chosen in silent:
                silent.remove(chosen)
                asked.append(chosen)
        elif chosen is not None:
            (crowd.leave if step == "leave" else crowd.is_slow)(chosen)
            (silent if chosen in silent else asked).remove(chosen)
        silent = [guest for guest in silent if not guest.is_cut_off]
        assert not any(guest.is_cut_off for guest in asked)
        assert len(silent) <= 3
        assert len(silent) + len(asked) <= 5
        assert count(metrics) == len(silent) + len(asked)
