"""An outage is said once, waited out ever longer, and only one that lasts is anybody else's concern."""

import logging

import pytest

from fakes.clock import FakeClock
from gpufleet_collector.errors import DatabaseUnavailable
from gpufleet_collector.store.outage import LASTING_SECONDS, LONGEST_DELAY_SECONDS, Outage

GONE, FULL = DatabaseUnavailable("gone"), DatabaseUnavailable("full")


def test_one_that_lasts_says_what_went_wrong_last_until_something_is_stored() -> None:
    clock = FakeClock()
    outage = Outage(clock)
    said = [outage.lasting]
    outage.failed(GONE, 1)
    clock.advance(LASTING_SECONDS - 0.1)
    outage.failed(FULL, 1)
    said.append(outage.lasting)
    clock.advance(0.1)
    said.append(outage.lasting)
    outage.over()
    said.append(outage.lasting)
    assert said == [None, None, "nothing could be stored for 5 s: full", None]


def test_the_next_one_begins_anew() -> None:
    clock = FakeClock()
    outage = Outage(clock)
    outage.failed(GONE, 1)
    outage.over()
    clock.advance(10 * LASTING_SECONDS)
    assert outage.lasting is None
    outage.failed(GONE, 1)
    assert outage.lasting is None


def test_it_is_said_once_and_waited_out_ever_longer(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    outage = Outage(FakeClock())
    delays = [outage.failed(GONE, 7) for _ in range(20)]
    assert delays == sorted(delays)
    assert delays[-1] == LONGEST_DELAY_SECONDS
    outage.over()
    outage.over()
    assert [record.message for record in caplog.records] == [
        "cannot store, trying again until it works (7 samples wait): gone",
        "storing again after 0.0 s and 20 failed attempts",
    ]
