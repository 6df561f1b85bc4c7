"""A collector that starts shows the fleet as the last one left it, marked as not heard yet."""

import logging

import pytest

from fakes.clock import START_US
from fakes.fleet import agent, inventory, sample, values
from fakes.storing import store
from gpufleet_collector import memory
from gpufleet_collector.live.live import Live
from gpufleet_collector.memory import Memory
from gpufleet_collector.model import Process
from gpufleet_collector.selfmetrics import SelfMetrics


def shown(live: Live, gpu_uuid: str) -> tuple[str, str, int | None, object]:
    view = live.gpu(gpu_uuid)
    assert view is not None
    return view.host, view.host_state, view.recorded_at, view.values


async def test_hosts_gpus_and_their_last_readings_are_there_before_anybody_is_heard(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("here", "x", "y")
        made.declare("left", "z")
        made.offer("here", *(sample("x", seconds, power_watts=300.1) for seconds in (-10, -5, 0)))
        made.offer("here", sample("y", -30, power_watts=100.0))
        made.offer("left", sample("z", -5, power_watts=1.0), sample("z", 0, power_watts=1.0))
        made.writer.mark_left("left", START_US + 1_000_000)
        await made.flush()
        made.clock.advance(8)
        live = Live(made.clock, SelfMetrics())
        await Memory(made.database, live, made.clock, days=30).recall()
        assert shown(live, "x") == ("here", "unknown", START_US, values(power_watts=300.1))
        assert shown(live, "y") == ("here", "unknown", START_US - 30_000_000, values())
        assert shown(live, "z") == ("left", "left", START_US, values(power_watts=1.0))
        live.connected("here", agent(), inventory("x", "y"), 5.0, 0.0)
        assert shown(live, "x") == ("here", "up", START_US, values(power_watts=300.1))


async def test_the_processes_of_a_host_are_those_last_seen_until_it_is_heard(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("h", "x", "y")
        made.tell_processes("h", -200, Process("x", 1, name="over"))
        await made.flush()
        made.tell_processes("h", 0, Process("x", 2, name="train"), Process("y", 3))
        made.writer.hear("h")
        await made.flush()
        live = Live(made.clock, SelfMetrics())
        await Memory(made.database, live, made.clock, days=30).recall()
        running = [(one.host_state, one.process.pid, one.process.name, one.observed_at) for one in live.running("h")]
        assert running == [("unknown", 2, "train", START_US), ("unknown", 3, None, START_US)]
        live.connected("h", agent(), inventory("x", "y"), 5.0, 0.0)
        assert live.running("h") == []
        await Memory(made.database, live, made.clock, days=30).recall()
        assert live.running("h") == []


async def test_hosts_older_than_what_is_kept_are_not_shown(database_url: str) -> None:
    async with store(database_url) as made:
        made.declare("h", "x")
        await made.flush()
        made.clock.advance(86_400 + 1)
        live = Live(made.clock, SelfMetrics())
        await Memory(made.database, live, made.clock, days=1).recall()
    assert live.hosts((), None, 10) == []


async def test_a_database_that_takes_too_long_is_not_waited_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(memory, "RECALL_SECONDS", 0.0)
    async with store(database_url) as made:
        made.declare("h", "x")
        made.offer("h", sample("x", 0, power_watts=1.0))
        await made.flush()
        live = Live(made.clock, SelfMetrics())
        with caplog.at_level(logging.WARNING):
            await Memory(made.database, live, made.clock, days=1).recall()
        assert shown(live, "x") == ("h", "unknown", None, values())
    assert "in time" in caplog.text


async def test_an_empty_database_is_an_empty_fleet(database_url: str) -> None:
    async with store(database_url) as made:
        live = Live(made.clock, SelfMetrics())
        await Memory(made.database, live, made.clock, days=1).recall()
    assert live.hosts((), None, 10) == []
