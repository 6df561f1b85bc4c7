"""What `/readyz` promises to whoever starts agents or sends readers next."""

import socket
from pathlib import Path

from fakes.nats import NatsServer
from fakes.processes import Collector, running_collector


def test_a_collector_that_says_it_is_ready_has_its_tables_and_hears_agents(
    open_path: Path, empty_database_url: str
) -> None:
    collector = Collector(open_path, empty_database_url)
    try:
        collector.process.start()
        while collector.status("/readyz") != 200:  # without a pause, to be there at once
            assert collector.process.running.poll() is None, collector.process.errors[-2000:]
        with socket.create_connection(("127.0.0.1", collector.grpc_port), timeout=5):
            assert collector.get("/api/system/gpu-stats/history")["samples"] == []
    finally:
        collector.process.stop()


def test_a_collector_starts_without_its_bus_and_says_so(open_path: Path, database_url: str) -> None:
    nobody = NatsServer()
    with running_collector(open_path, database_url, GPUFLEET_BUS_URL=nobody.url) as collector:
        assert collector.get("/readyz") == {"status": "ready", "bus": "away"}
        assert collector.metric("gpufleet_bus_up") == 0
