"""What Prometheus takes of disk and time for the same day: blocks of the same values, asked the same questions."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from bench.loading import GPUS_PER_HOST
from bench.prometheus import configuration, family, labels, make_blocks
from bench.realistic import MICROSECONDS, Array, Hour
from bench.usage import disk_bytes

from fakes.prometheus import Prometheus, running_prometheus

DISK_GPUS = 40
BLOCK_US = 2 * 3600 * MICROSECONDS
METRIC = "gpu_utilization_percent"
GPU_QUERIES, FLEET_QUERIES = 10, 3


@dataclass(frozen=True, slots=True)
class Answers:
    """Bytes per GPU-sample with all metrics; p50 in milliseconds of one GPU's day and of the fleet's."""

    disk_bytes: float
    gpu_ms: float
    fleet_ms: float


@dataclass
class Tape:
    """What Prometheus is given: all metrics of a few GPUs for two hours, one metric of all GPUs for the whole time.
    Instants are in milliseconds here."""

    few: list[Hour] = field(default_factory=list)
    all: list[tuple[Array, Array]] = field(default_factory=list)

    def keep(self, hour: Hour) -> None:
        times = scrape_times(hour)
        self.all.append((times[::GPUS_PER_HOST], hour.columns[METRIC].astype("int8")))
        begins_a_block = int(hour.instants[0, 0]) // (BLOCK_US // 2) % 2 == 0
        if len(self.few) == 1 or (not self.few and begins_a_block):
            columns = {name: values[:DISK_GPUS] for name, values in hour.columns.items()}
            present = {name: mask[:DISK_GPUS] for name, mask in hour.present.items()}
            self.few.append(Hour(times[:DISK_GPUS], columns, present))


def scrape_times(hour: Hour) -> Array:
    """Milliseconds. Prometheus moves a scrape that is late by less than 2 ms onto its schedule, to store it tighter."""
    steps = (hour.instants[0] - hour.instants[0, 0] + 500_000) // 1_000_000 * 1000
    return hour.instants[:, :1] // 1000 + steps[None, :]


def measure(tape: Tape, folder: Path, since_us: int, until_us: int, uuids: list[str]) -> Answers:
    """Blocks for disk, blocks for queries, and the queries."""
    samples = sum(hour.samples for hour in tape.few)
    _blocks(folder, "few", _few_lines(tape.few))
    size = disk_bytes(folder / "few") / samples
    for first in range(0, len(tape.all), 2):
        _blocks(folder, "data", _all_lines(tape.all[first : first + 2]))
    with running_prometheus(folder, configuration()) as server:
        gpu = [_ask_gpu(server, uuid, since_us, until_us) for uuid in uuids[:GPU_QUERIES]]
        fleet = [server.query_range(f"avg({family(METRIC)})", since_us, until_us, 60) for _ in range(FLEET_QUERIES)]
    assert all(points >= 1430 for _, points in fleet), fleet
    return Answers(size, statistics.median(gpu), statistics.median(elapsed for elapsed, _ in fleet))


def _ask_gpu(server: Prometheus, uuid: str, since_us: int, until_us: int) -> float:
    """Average, least and most over 300 points: three queries."""
    total = 0.0
    for function in ("avg", "min", "max"):
        query = f'{function}_over_time({family(METRIC)}{{UUID="{uuid}"}}[5m])'
        elapsed, points = server.query_range(query, since_us, until_us, 300)
        assert points >= 280, points
        total += elapsed
    return total


def _blocks(folder: Path, name: str, lines: Iterator[str]) -> None:
    text = folder / f"{name}.txt"
    with text.open("w") as out:
        out.writelines(lines)
        out.write("# EOF\n")
    make_blocks(text, folder / name)
    text.unlink()


def _few_lines(hours: list[Hour]) -> Iterator[str]:
    for metric in hours[0].columns:
        yield _type(metric)
        for gpu in range(len(hours[0].instants)):
            for hour in hours:
                there = hour.present[metric][gpu] if metric in hour.present else slice(None)
                yield _series(metric, gpu, hour.instants[gpu][there], hour.columns[metric][gpu][there])


def _all_lines(hours: list[tuple[Array, Array]]) -> Iterator[str]:
    yield _type(METRIC)
    for gpu in range(len(hours[0][1])):
        for times, values in hours:
            yield _series(METRIC, gpu, times[gpu // GPUS_PER_HOST], values[gpu])


def _type(metric: str) -> str:
    return f"# TYPE {family(metric)} gauge\n"


def _series(metric: str, gpu: int, times_ms: Array, values: Array) -> str:
    head = f"{family(metric)}{{{labels(gpu)}}}"
    pairs = zip(times_ms.tolist(), values.tolist(), strict=True)
    return "".join(f"{head} {value} {time / 1000:.3f}\n" for time, value in pairs)
