"""Memory over time: collector and fleet under steady load, with a collector that goes away and comes back."""

import os
import statistics
import time
from pathlib import Path

import pytest

from fakes.processes import Process, running_collector, running_fleet, wait_for
from gpufleet_agent.selfcost import process_cost

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
WARM_UP_SHARE = 0.4
SAMPLE_SECONDS = 2.0
MOST_GROWTH_PER_HOUR = 0.15
"""Of the RSS after warming up, by the median slope: noise of a short run stays under it, a leak does not."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(SECONDS + 300)]


def rss(process: Process) -> int:
    cost = process_cost(process.running.pid)
    assert cost.rss_bytes is not None
    return cost.rss_bytes


def growth_per_hour(seen: list[tuple[float, int]]) -> float:
    """The Theil-Sen slope of RSS as a share of its median, per hour."""
    slopes = [(b - a) / (t - s) for i, (s, a) in enumerate(seen) for t, b in seen[i + 1 :]]
    return statistics.median(slopes) * 3600 / statistics.median(size for _, size in seen)


def test_the_slope_sees_a_leak_and_not_noise() -> None:
    steady = [(float(second), 100_000_000 + second % 3 * 4096) for second in range(100)]
    leaking = [(float(second), 100_000_000 + second * 10_000) for second in range(100)]
    assert abs(growth_per_hour(steady)) < 0.01 < MOST_GROWTH_PER_HOUR < growth_per_hour(leaking)


def test_collector_and_fleet_do_not_grow(open_path: Path) -> None:
    fleet_orders = ("--hosts", "40", "--gpus", "8", "--interval", "0.5")
    with running_collector(open_path) as collector, running_fleet(open_path, collector, *fleet_orders) as fleet:
        wait_for(lambda: collector.get("/api/v1/hosts")["count"] == 40, "the fleet is there")
        time.sleep(SECONDS * WARM_UP_SHARE / 2)
        collector.process.kill()
        time.sleep(5)
        collector.start()
        time.sleep(SECONDS * WARM_UP_SHARE / 2)
        seen: dict[str, list[tuple[float, int]]] = {"collector": [], "fleet": []}
        end = time.monotonic() + SECONDS * (1 - WARM_UP_SHARE)
        while time.monotonic() < end:
            seen["collector"].append((time.monotonic(), rss(collector.process)))
            seen["fleet"].append((time.monotonic(), rss(fleet)))
            time.sleep(SAMPLE_SECONDS)
    growth = {name: growth_per_hour(sizes) for name, sizes in seen.items()}
    assert all(share <= MOST_GROWTH_PER_HOUR for share in growth.values()), growth
