"""What a thousand dashboards cost a collector that holds a fleet of 10,000 GPUs: eight metrics as JSON frames, once a
second. The fleet streams all the while, and what that costs without any client is not counted."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.folders import open_folder
from bench.frame_readers import Counts, Reader
from bench.report import Row
from bench.usage import cores_beside, on_cores, own_cpu, rss_bytes, tree_cpu

from fakes.processes import Collector, running_collector, running_fleet, wait_for
from gpufleet_collector.model import EIGHT_METRICS

HOSTS, GPUS, INTERVAL_SECONDS = 1250, 8, 10
CLIENTS = int(os.environ.get("BENCH_WS_CLIENTS", "1000"))
CONNECT_SECONDS = 120.0
SETTLE_SECONDS, WINDOW_SECONDS = 15.0, 30.0
LATECOMERS = 10
SUBSCRIPTION = json.dumps({"type": "subscribe", "format": "frames", "metrics": EIGHT_METRICS, "interval_seconds": 1})
MOST_GAP_SECONDS = 3.0
MOST_AGE_SECONDS = 3.0
"""With 1,250 hosts at 10 s some sample is always younger than 0.01 s when a frame is made."""


def measure() -> list[Row]:
    """CPU of the collector with the clients, less that without them."""
    with open_folder() as folder, running_collector(folder) as collector:
        options = ("--hosts", f"{HOSTS}", "--gpus", f"{GPUS}", "--interval", f"{INTERVAL_SECONDS}")
        beside = on_cores(cores_beside(collector.process.running.pid))
        with beside, running_fleet(folder, collector, *options) as fleet:
            wait_for(lambda: _streaming(collector) == HOSTS, "all hosts stream", CONNECT_SECONDS)
            time.sleep(SETTLE_SECONDS + INTERVAL_SECONDS)
            alone = _percent(collector, WINDOW_SECONDS)
            with watching(collector, CLIENTS) as crowd:
                time.sleep(SETTLE_SECONDS)
                watched = _watched(collector, crowd)
                late = [_first_frame(collector) for _ in range(LATECOMERS)]
            generator = tree_cpu(fleet.running.pid)
    return [_row(alone, watched, late, generator)]


@dataclass(frozen=True, slots=True)
class Watched:
    """What the clients got in a window, and what it took. CPU is in percent of a core."""

    collector: float
    readers: float
    per_second: float
    rss_mb: float
    counts: dict[str, Any]


def _watched(collector: Collector, crowd: "Crowd") -> Watched:
    before, readers, began = crowd.counts(), own_cpu(crowd.pid), time.monotonic()
    percent = _percent(collector, WINDOW_SECONDS)
    after, seconds = crowd.counts(), time.monotonic() - began
    frames = after["fewest"] - before["fewest"]
    assert not after["closed"], after["closed"]
    assert after["mistaken"] == 0, f"{after['mistaken']} frames came without their layout"
    assert after["gpus"] == after["current"] == HOSTS * GPUS, f"{after['gpus']} GPUs, {after['current']} are current"
    assert frames >= WINDOW_SECONDS - MOST_GAP_SECONDS, f"a client got {frames} frames in {WINDOW_SECONDS} s"
    assert max(after["ages"]) < MOST_AGE_SECONDS, after["ages"]
    return Watched(
        collector=percent,
        readers=100 * (own_cpu(crowd.pid) - readers) / seconds,
        per_second=(after["frames"] - before["frames"]) / seconds,
        rss_mb=rss_bytes(collector.process.running.pid) / 1e6,
        counts=after,
    )


def _first_frame(collector: Collector) -> float:
    """Seconds from the subscription of one more client to its first frame."""
    counts = Counts()
    reader = Reader(("127.0.0.1", collector.http_port), SUBSCRIPTION.encode(), counts, whole=True)
    with reader.socket as connection:
        reader.subscribe()
        while not counts.first_frame:
            select.select([connection], [], [])
            assert reader.read(), reader.last_words
    return counts.first_frame[0]


def _row(alone: float, watched: Watched, late: list[float], generator: float) -> Row:
    counts = watched.counts
    first = [1000 * seconds for seconds in sorted(late)]
    note = (
        f"{watched.collector:.1f} % with {CLIENTS} clients, {alone:.1f} % without (ingest of {HOSTS * GPUS} GPUs at "
        f"{INTERVAL_SECONDS} s); {watched.per_second:.0f} frames/s of {counts['frame_bytes'] / 1e3:.0f} kB, at most "
        f"{counts['longest_gap']:.2f} s apart, newest sample {max(counts['ages']):.2f} s old; first frame of one "
        f"more client: median {first[len(first) // 2]:.0f} ms, slowest of {LATECOMERS} {first[-1]:.0f} ms; collector "
        f"{watched.rss_mb:.0f} MB; readers {watched.readers:.0f} % of a core, generator {generator:.0f} s in all"
    )
    return Row("ws_1000_clients_core_percent", watched.collector - alone, "%", 25, note=note)


def _streaming(collector: Collector) -> float:
    return collector.metric("gpufleet_streams")


def _percent(collector: Collector, seconds: float) -> float:
    """Of a core, that the collector's own process takes."""
    pid = collector.process.running.pid
    cpu, began = own_cpu(pid), time.monotonic()
    time.sleep(seconds)
    return 100 * (own_cpu(pid) - cpu) / (time.monotonic() - began)


class Crowd:
    """The clients as a process."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.pid = process.pid

    def counts(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the clients ended"
        read: dict[str, Any] = json.loads(line)
        return read


@contextmanager
def watching(collector: Collector, clients: int) -> Iterator[Crowd]:
    """So many clients of one view, all connected."""
    program = Path(__file__).with_name("frame_readers.py")
    command = [sys.executable, str(program), f"{collector.http_port}", SUBSCRIPTION]
    process = subprocess.Popen(
        [*command, "--clients", f"{clients}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    crowd = Crowd(process)
    try:
        crowd.read()
        yield crowd
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(row.as_line(40) + "\n")
