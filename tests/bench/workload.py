"""What runs on the GPUs of a made-up fleet: jobs that start and end, of whole hosts and of single GPUs."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

IDLE, TRAINING, INFERENCE = 0, 1, 2
_GAP_SECONDS = {TRAINING: 1200.0, INFERENCE: 1800.0}
_JOB_SECONDS = {TRAINING: 18_000.0, INFERENCE: 14_400.0}
_SHARE_OF_TRAINING_HOSTS = 0.6
_TICK_BITS = 32


@dataclass(frozen=True, slots=True)
class Jobs:
    """Every job of every GPU, idle gaps among them, in order of GPU and start. All arrays have one element per job.

    `start` in ticks; `level` is how hard it works (0 to 1), `before` the level of the job before it; `memory_mb` what
    it allocates; `period` after how many ticks a training job pauses for a checkpoint; `processes` how many there are.
    """

    key: Integers
    start: Integers
    kind: npt.NDArray[np.int8]
    level: Floats
    before: Floats
    memory_mb: Floats
    period: npt.NDArray[np.int32]
    processes: npt.NDArray[np.int16]

    def at(self, gpus: int, ticks: npt.NDArray[np.int64]) -> Integers:
        """The number of the job of each GPU at each of `ticks`: shape (gpus, ticks)."""
        wanted = (np.arange(gpus, dtype=np.int64)[:, None] << _TICK_BITS) + ticks[None, :]
        return np.searchsorted(self.key, wanted.ravel(), side="right").reshape(wanted.shape) - 1


def plan(rng: np.random.Generator, gpus: int, gpus_per_host: int, ticks: int, interval_seconds: float) -> Jobs:
    """The jobs of a fleet over so many ticks. Training takes a host whole; other GPUs are rented one by one."""
    rows: list[tuple[int, int, int, float]] = []
    for first in range(0, gpus, gpus_per_host):
        members = range(first, min(first + gpus_per_host, gpus))
        if rng.random() < _SHARE_OF_TRAINING_HOSTS:
            shared = _jobs(rng, TRAINING, ticks, interval_seconds)
            rows += [(gpu, *job) for gpu in members for job in shared]
        else:
            rows += [(gpu, *job) for gpu in members for job in _jobs(rng, INFERENCE, ticks, interval_seconds)]
    return _assemble(rng, rows)


def _jobs(rng: np.random.Generator, kind: int, ticks: int, interval_seconds: float) -> list[tuple[int, int, float]]:
    """Start, kind and level of the jobs of one GPU; the first is under way when the time begins."""
    at = -int(rng.exponential(_JOB_SECONDS[kind]) / interval_seconds)
    jobs: list[tuple[int, int, float]] = [(-(2**30), IDLE, 0.0)]
    while at < ticks:
        jobs.append((at, kind, float(rng.uniform(0.55, 1.0))))
        at += 1 + int(rng.exponential(_JOB_SECONDS[kind]) / interval_seconds)
        jobs.append((at, IDLE, 0.0))
        at += 1 + int(rng.exponential(_GAP_SECONDS[kind]) / interval_seconds)
    return jobs


def _assemble(rng: np.random.Generator, rows: list[tuple[int, int, int, float]]) -> Jobs:
    gpu, start, kind = (np.array([row[column] for row in rows], dtype=np.int64) for column in range(3))
    busy = kind != IDLE
    # The GPUs of one job do not work equally hard.
    level = np.array([row[3] for row in rows]) * rng.uniform(0.96, 1.0, len(rows))
    memory = np.where(busy, rng.integers(20_000, 78_000, len(rows)), 4)
    return Jobs(
        key=(gpu << _TICK_BITS) + np.maximum(start, 0),
        start=start,
        kind=kind.astype(np.int8),
        level=level.astype(np.float32),
        before=np.concatenate(([0.0], level[:-1])).astype(np.float32),
        memory_mb=memory.astype(np.float32),
        period=rng.integers(180, 700, len(rows)).astype(np.int32),
        processes=np.where(kind == TRAINING, 1, np.where(busy, rng.integers(1, 4, len(rows)), 0)).astype(np.int16),
    )
