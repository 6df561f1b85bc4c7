"""Events are encoded once per view, and never show what is no longer so."""

import json

import pytest

from fakes.clock import FakeClock
from fakes.fleet import agent, inventory, sample
from gpufleet_collector.live.live import Live
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.events import Encoder


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def live(clock: FakeClock) -> Live:
    made = Live(clock, SelfMetrics())
    made.connected("h", agent(), inventory("x", "y", "z"), 5.0, 0.0)
    made.samples("h", [sample("x", 0, power_watts=1.0)])
    return made


def test_clients_with_one_view_share_one_text(live: Live) -> None:
    encoder = Encoder(live)
    assert encoder.gpu("x", METRIC_NAMES) is encoder.gpu("x", METRIC_NAMES)
    assert encoder.encoded == 1
    assert encoder.gpu("x", ("power_watts",)) != encoder.gpu("x", METRIC_NAMES)
    assert encoder.encoded == 2


def test_a_new_sample_is_a_new_text(live: Live) -> None:
    encoder = Encoder(live)
    encoder.gpu("x", METRIC_NAMES)
    live.samples("h", [sample("x", 5, power_watts=2.0)])
    text = encoder.gpu("x", METRIC_NAMES)
    assert text is not None and json.loads(text)["data"]["power_watts"] == 2.0


def test_a_value_that_is_no_longer_current_is_not_told_again(live: Live, clock: FakeClock) -> None:
    encoder = Encoder(live)
    encoder.gpu("x", METRIC_NAMES)
    clock.advance(60)
    live.refresh()
    text = encoder.gpu("x", METRIC_NAMES)
    assert text is not None
    data = json.loads(text)["data"]
    assert (data["power_watts"], data["host_state"], data["timestamp"]) == (None, "down", "2026-01-01T00:00:00.000000Z")


def test_what_is_gone_has_no_event(live: Live) -> None:
    encoder = Encoder(live)
    encoder.gpu("x", METRIC_NAMES)
    live.inventory("h", inventory("y", seconds=5))
    assert encoder.gpu("x", METRIC_NAMES) is None
    assert encoder.host("nobody") is None


def test_what_is_kept_is_bounded(live: Live) -> None:
    encoder = Encoder(live, max_cached=2)
    for _ in range(2):
        for gpu in ("x", "y", "z"):
            assert encoder.gpu(gpu, METRIC_NAMES) is not None
    assert encoder.cached <= 2
