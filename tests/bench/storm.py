"""A collector is killed under thousands of streams and started again: how long until all stream, whether anything is
lost, and how long questions take meanwhile."""

import http.client
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.folders import open_folder
from bench.ingest import rows_stored
from bench.report import Row
from bench.usage import cores_beside, on_cores, own_cpu, rss_bytes

from fakes.processes import Collector, final_count, running_collector, running_fleet
from gpufleet_collector.ingest.limits import IngestLimits

HOSTS = int(os.environ.get("BENCH_STORM_HOSTS", "5000"))
INTERVAL_SECONDS = 5
AWAY_SECONDS = 10.0
STEADY_SECONDS, AFTER_SECONDS = 10.0, 15.0
ASK_SECONDS = 0.05
LOOK_SECONDS = 0.5
ANSWER_SECONDS = 30.0
RECOVERY_SECONDS = 240.0


def all_stream(collector: Collector, hosts: int) -> bool:
    """Whether so many streams are open and were let in."""
    names = ("gpufleet_streams", "gpufleet_streams_admitted_total", "gpufleet_streams_waiting")
    streams, admitted, waiting = collector.metrics(*names)
    return min(streams, admitted) >= hosts and not waiting


def wait_for_all(collector: Collector, hosts: int, seconds: float) -> bool:
    """Whether all of them stream within so long. It is asked seldom: each answer takes 5 ms of the collector's core."""
    end = time.monotonic() + seconds
    while not all_stream(collector, hosts):
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_SECONDS)
    return True


@dataclass(slots=True)
class Asker:
    """How long each question took, in seconds; one that failed took ANSWER_SECONDS."""

    seconds: list[float] = field(default_factory=list)


@contextmanager
def asking(collector: Collector, path: str) -> Iterator[Asker]:
    """One question after another over one connection, at most every ASK_SECONDS."""
    asker, stop = Asker(), threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", collector.http_port, timeout=ANSWER_SECONDS)
        while not stop.wait(ASK_SECONDS):
            begun = time.monotonic()
            try:
                connection.request("GET", path)
                with connection.getresponse() as answer:
                    answer.read()
                    took = time.monotonic() - begun if answer.status == http.client.OK else ANSWER_SECONDS
            except (OSError, http.client.HTTPException):
                connection.close()
                took = ANSWER_SECONDS
            asker.seconds.append(took)
        connection.close()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    try:
        yield asker
    finally:
        stop.set()
        thread.join()


@dataclass(frozen=True, slots=True)
class Storm:
    """What happened: seconds from the start of the collector until all streamed again, and how long each question took;
    CPU seconds and MB of the collector until then; the count of the fleet, and the rows found in the end."""

    recovery: float
    answers: list[float]
    cpu: float
    rss_mb: float
    count: dict[str, int]
    stored: int

    def answer(self, share: float) -> float:
        """The time within which this share of the questions was answered."""
        return sorted(self.answers)[min(len(self.answers) - 1, int(share * len(self.answers)))]


def raise_storm(folder: Path, hosts: int, gpus: int, away_seconds: float, after_seconds: float) -> Storm:
    """`hosts` agents stream, their collector is killed, and is away for so long. Questions are asked from when it is
    ready until `after_seconds` after all stream again."""
    arguments = ("--hosts", f"{hosts}", "--gpus", f"{gpus}", "--interval", f"{INTERVAL_SECONDS}", "--progress", "5")
    with running_collector(folder) as collector:
        chosen = os.sched_getaffinity(collector.process.running.pid)
        with (
            on_cores(cores_beside(collector.process.running.pid)),
            running_fleet(folder, collector, *arguments) as fleet,
        ):
            assert wait_for_all(collector, hosts, RECOVERY_SECONDS), "not all stream"
            time.sleep(STEADY_SECONDS)
            collector.process.kill()
            time.sleep(away_seconds)
            begun = time.monotonic()
            with on_cores(chosen):  # where it was, and not where this process and the fleet are
                collector.start()
            with asking(collector, "/api/system/gpu-stats?host=sim-001") as asker:
                assert wait_for_all(collector, hosts, RECOVERY_SECONDS), "not all stream again"
                recovery = time.monotonic() - begun
                cpu, rss = own_cpu(collector.process.running.pid), rss_bytes(collector.process.running.pid) / 1e6
                time.sleep(after_seconds)
            time.sleep(_backlog_seconds(hosts, away_seconds + recovery))
            count = final_count(fleet.stop())
        return Storm(recovery, asker.seconds, cpu, rss, count, rows_stored(collector))


def _backlog_seconds(hosts: int, seconds: float) -> float:
    """How long what was kept for so many seconds takes to come, with half as much again: a simulated fleet without a
    spool takes along what has not come when it ends."""
    return 1.5 * hosts * seconds / INTERVAL_SECONDS / IngestLimits().replays_per_second


def measure_storm(hosts: int = HOSTS) -> list[Row]:
    """Nothing may be lost; what is measured are the time until all stream again, and the 99th percentile of answers."""
    with open_folder() as folder:
        storm = raise_storm(folder, hosts, 8, AWAY_SECONDS, AFTER_SECONDS)
    count = storm.count
    assert count["taken"] == count["settled"] == storm.stored, f"{count}, and {storm.stored} rows are stored"
    note = (
        f"{hosts} agents, collector killed and away for {AWAY_SECONDS:g} s; until all streamed it took "
        f"{storm.cpu:.1f} s of CPU and {storm.rss_mb:.0f} MB; {count['resent_reports']} reports sent again, "
        f"{storm.stored} samples stored"
    )
    asked = f"{len(storm.answers)} questions, the longest took {storm.answer(1.0):.2f} s"
    return [
        Row("storm_recovery_s", storm.recovery, "s", 60, note=note),
        Row("storm_api_p99_ms", 1000 * storm.answer(0.99), "ms", 500, note=asked),
    ]
