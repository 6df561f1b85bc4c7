"""A whole fleet on one machine: how soon a sample is seen, what the collector takes for it, and what happens when
thousands of agents come back at once. The fleet is `gpufleet-agent simulate`; what it costs itself is said."""

import os
import re
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench import websocket_clients
from bench.folders import open_folder
from bench.ingest import rows_stored
from bench.report import Row
from bench.storm import measure_storm, wait_for_all
from bench.usage import children, cores_beside, on_cores, own_cpu, rss_bytes, tree_cpu
from bench.watcher import Watcher, watching_host

from fakes.processes import Collector, Process, final_count, running_collector, running_fleet

GPUS = 8
INTERVAL_SECONDS = 5.0
SIZES = tuple(int(size) for size in os.environ.get("BENCH_LIVE_SIZES", "2000,5000,8000").split(","))
FULL = int(os.environ.get("BENCH_LIVE_HOSTS", "10000"))
FULL_SECONDS = float(os.environ.get("BENCH_LIVE_SECONDS", "300"))
WARM_SECONDS, WINDOW_SECONDS = 20.0, 40.0
LOOK_SECONDS = 1.0
PROGRESS_SECONDS = 5
SAID_WITHIN_SECONDS = PROGRESS_SECONDS + 1.0
"""How long it takes at most until the line on a fleet has what happened."""

CONNECT_SECONDS = 180.0
MOST_SKIPPED = 0.001
"""A generator that leaves out more of its ticks does not keep up, and neither does the machine."""

MOST_BEHIND_SECONDS = 4.0
"""Samples of so long may be on their way to their ack."""

MICRO = 1e6


class TooManyHosts(Exception):
    """Not all of them stream within CONNECT_SECONDS: a smaller fleet is to be tried."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a fleet took while it streamed. CPU is µs per sample; `events` and `frames` are how many
    seconds after its instant each sample was seen."""

    hosts: int
    per_second: float
    collector: float
    postgres: float
    generator: float
    rss_mb: float
    generator_mb: float
    events: list[float]
    frames: list[float]
    kept_up: bool
    count: Mapping[str, float] = field(default_factory=dict)

    @property
    def note(self) -> str:
        cores = self.per_second / MICRO
        return (
            f"{self.hosts} hosts × {GPUS} GPUs at {INTERVAL_SECONDS:g} s: {self.per_second:.0f} samples/s; µs of CPU "
            f"per sample: collector {self.collector:.1f} ({self.collector * cores:.2f} cores), PostgreSQL "
            f"{self.postgres:.1f}, generator {self.generator:.1f} ({self.generator * cores:.2f} cores); collector "
            f"{self.rss_mb:.0f} MB, generator {self.generator_mb:.0f} MB; ack p99 {self.count['ack_p99_ms']:.0f} ms; "
            f"{self.count['taken']:.0f} taken and stored"
        )


def measure() -> list[Row]:
    """The largest fleet that this machine holds together with its generator, a thousand dashboards, and a storm."""
    tried = [_attempt(hosts, WINDOW_SECONDS) for hosts in SIZES if hosts < FULL]
    smaller = [held for held in tried if held is not None]
    largest = _largest(smaller)
    line = _line([*smaller, largest])
    events, frames = (1000 * quantile(seconds, 0.99) for seconds in (largest.events, largest.frames))
    rows = [
        Row("ingest_p99_ms", events, "ms", 1000, note=f"{len(largest.events)} events; {largest.note}"),
        Row("frame_p99_ms", frames, "ms", 2000, note=f"{len(largest.frames)} samples in frames at 1 Hz"),
        Row("collector_rss_mb", largest.rss_mb, "MB", 600, note=line),
    ]
    return rows + websocket_clients.measure() + measure_storm()


def _largest(smaller: Sequence[Held]) -> Held:
    """The full fleet, or the largest that does not fall behind, for as long as the design says."""
    for hosts in (FULL, *sorted((held.hosts for held in smaller if held.kept_up), reverse=True)):
        held = _attempt(hosts, FULL_SECONDS)
        if held is not None and held.kept_up:
            return held
    raise AssertionError(f"not even {min(SIZES)} hosts can be held: {[held.note for held in smaller]}")


def _attempt(hosts: int, seconds: float) -> Held | None:
    """None where not all of them streamed in time, which is more than this machine holds."""
    try:
        return hold(hosts, seconds)
    except TooManyHosts:
        return None


def _line(held: Sequence[Held]) -> str:
    """CPU and memory by size, and where their lines are at the full fleet."""
    sizes = {each.hosts: each for each in held if each.kept_up}
    figures = ", ".join(
        f"{hosts}: {each.collector:.1f} µs, {each.rss_mb:.0f} MB" for hosts, each in sorted(sizes.items())
    )
    if len(sizes) < 2:
        return figures
    found = []
    for values in ([each.rss_mb for each in sizes.values()], [each.collector for each in sizes.values()]):
        slope, start = statistics.linear_regression(list(sizes), values)
        found.append((start + slope * FULL, slope))
    (rss, rss_slope), (cpu, _) = found
    return (
        f"{figures}; {1000 * rss_slope:.0f} KB a host; the lines at {FULL} hosts: {rss:.0f} MB, {cpu:.1f} µs a sample"
    )


def hold(hosts: int, seconds: float) -> Held:
    """So many hosts for so many seconds on a database of their own; nothing may be lost."""
    with open_folder() as folder, running_collector(folder) as collector:
        beside = on_cores(cores_beside(collector.process.running.pid))
        with beside, started_fleet(folder, collector, hosts) as fleet, watching_host(collector, "sim-001") as watcher:
            held = _window(collector, fleet, watcher, hosts, seconds)
            count = final_count(fleet.stop())
        stored = rows_stored(collector)
        assert count["taken"] == count["settled"] == stored, f"{count}, and {stored} rows are stored"
        return replace(held, count=count)


@contextmanager
def started_fleet(folder: Path, collector: Collector, hosts: int, *options: str) -> Iterator[Process]:
    """All hosts stream when this begins. Raises TooManyHosts."""
    arguments = (
        "--hosts",
        f"{hosts}",
        "--gpus",
        f"{GPUS}",
        "--interval",
        f"{INTERVAL_SECONDS}",
        "--progress",
        f"{PROGRESS_SECONDS}",
        *options,
    )
    with running_fleet(folder, collector, *arguments) as fleet:
        if not wait_for_all(collector, hosts, CONNECT_SECONDS):
            raise TooManyHosts
        yield fleet


def _window(collector: Collector, fleet: Process, watcher: Watcher, hosts: int, seconds: float) -> Held:
    pid, generator = collector.process.running.pid, fleet.running.pid
    time.sleep(WARM_SECONDS)

    def reading() -> tuple[float, float, float, float]:
        committed = collector.metric("gpufleet_samples_committed_total")
        postgres = sum(tree_cpu(child) for child in children(pid))
        return committed, own_cpu(pid), postgres, tree_cpu(generator)

    watcher.begin_anew()
    begun, before, skipped, rss = time.monotonic(), reading(), _skipped(fleet), 0
    while time.monotonic() < begun + seconds:
        time.sleep(LOOK_SECONDS)
        rss = max(rss, rss_bytes(pid))
    after, elapsed = reading(), time.monotonic() - begun
    samples, own, postgres, load = (now - then for then, now in zip(before, after, strict=True))
    expected = hosts * GPUS * elapsed / INTERVAL_SECONDS
    time.sleep(SAID_WITHIN_SECONDS)
    skipped = GPUS * (_skipped(fleet) - skipped)
    behind = expected - samples > MOST_BEHIND_SECONDS * hosts * GPUS / INTERVAL_SECONDS
    own, postgres, load = (MICRO * cpu / samples for cpu in (own, postgres, load))
    return Held(
        hosts=hosts,
        per_second=samples / elapsed,
        collector=own,
        postgres=postgres,
        generator=load,
        rss_mb=rss / 1e6,
        generator_mb=rss_bytes(generator) / 1e6,
        events=list(watcher.events),
        frames=list(watcher.frames),
        kept_up=not behind and skipped <= MOST_SKIPPED * expected,
    )


def _skipped(fleet: Process) -> int:
    """How many ticks there was no time for until the newest line on how the fleet goes."""
    said = re.findall(r"lost(?:; (\d+) ticks skipped)?$", fleet.errors, re.MULTILINE)
    return int(said[-1] or 0)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    assert values, "nothing was measured"
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
