"""Several collectors on one database: they start and migrate at once, and store side by side."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from fakes.processes import Collector, final_count, running_fleet, wait_for

COLLECTORS = 3


def streaming(collector: Collector) -> bool:
    """Whether this collector has live readings of four GPUs."""
    gpus = collector.get("/api/system/gpu-stats")["gpus"]
    return sum(gpu["recorded_at"] is not None for gpu in gpus) >= 4


def test_collectors_that_start_at_once_on_an_empty_database_all_come_up_and_store(
    open_path: Path, empty_database_url: str
) -> None:
    collectors = [Collector(open_path / str(number), empty_database_url) for number in range(COLLECTORS)]
    try:
        for collector in collectors:
            collector.data_dir.parent.mkdir()
            collector.process.start()
        with ThreadPoolExecutor() as threads:
            list(threads.map(Collector.wait_ready, collectors))
        taken = 0
        for number, collector in enumerate(collectors):
            orders = ("--hosts", "2", "--gpus", "2", "--interval", "0.2", "--seed", str(number))
            with running_fleet(open_path, collector, *orders, name=f"fleet-{number}") as fleet:
                wait_for(partial(streaming, collector), "the fleet streams")
                count = final_count(fleet.stop())
            assert count["settled"] == count["taken"] > 0
            taken += count["taken"]
        stored = collectors[0].get("/api/system/gpu-stats/history?metrics=power_watts&limit=10000")
        assert stored["count"] == taken
    finally:
        for collector in collectors:
            collector.process.stop()
