"""Fleet data as real GPUs give it, by column and by the hour: jobs, noise, counters, constants and absent values.

The values follow what a Hopper board shows: utilisation that is flat or in steps, power and activity with noise on each
sample, memory in steps, energy that adds up, PCIe and NVLink that never repeat, error counters that hardly move.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from bench.workload import IDLE, INFERENCE, TRAINING, Floats, plan

from gpufleet_proto.catalog import BY_NAME, METRICS, SLOW_TIER_SECONDS, Kind, Metric, Tier

Array = Any  # an array of numbers: the dtype follows from the operation

DCGM_METRICS: tuple[str, ...] = tuple(metric.name for metric in METRICS[:25])
"""What an export in the manner of DCGM gives: the first 25 metrics of the catalogue."""

ALL_METRICS: tuple[str, ...] = tuple(metric.name for metric in METRICS)

HOUR_SECONDS = 3600
MICROSECONDS = 1_000_000
LATEST_WAKE_US = 1000
"""A timer of the agent fires up to a millisecond late: epoll counts in milliseconds."""

_IDLE_WATTS, _BUSY_WATTS, _LIMIT_WATTS, _CAPPED_WATTS = 70.0, 615.0, 700.0, 672.0
_BLOCK_TICKS = 24
"""How long the load of a served model stays about the same."""


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of a fleet. `instants` are microseconds, shape (gpus, ticks); `columns` hold one array of that shape per
    metric, real units; `present` says where a value was read, for those metrics that are not there always."""

    instants: npt.NDArray[np.int64]
    columns: Mapping[str, Array]
    present: Mapping[str, npt.NDArray[np.bool_]]

    @property
    def samples(self) -> int:
        return int(self.instants.size)


class RealisticFleet:
    """The same fleet for the same arguments. Values are multiples of their metric's resolution."""

    def __init__(
        self,
        gpus: int,
        hours: float,
        *,
        since_us: int,
        interval_seconds: float = 5.0,
        metrics: Sequence[str] = DCGM_METRICS,
        gpus_per_host: int = 8,
        seed: int = 1,
    ) -> None:
        self._rng = np.random.default_rng(seed)
        self._gpus = gpus
        self._since_us = since_us
        self._interval = interval_seconds
        self._metrics = tuple(BY_NAME[name] for name in metrics)
        self._ticks = round(hours * HOUR_SECONDS / interval_seconds)
        self._host = np.arange(gpus) // gpus_per_host
        self._jobs = plan(self._rng, gpus, gpus_per_host, self._ticks, interval_seconds)
        self._phase_us = (self._rng.random(int(self._host[-1]) + 1) * interval_seconds * MICROSECONDS).astype(np.int64)
        self._ambient = self._rng.normal(0.0, 2.0, gpus).astype(np.float32)
        self._totals = {metric.name: self._start_of(metric) for metric in self._metrics if metric.kind is Kind.COUNTER}

    def hours(self) -> Iterator[Hour]:
        """The hours, oldest first; the last may be a part of one."""
        per_hour = round(HOUR_SECONDS / self._interval)
        for first in range(0, self._ticks, per_hour):
            yield self._hour(np.arange(first, min(first + per_hour, self._ticks), dtype=np.int64))

    def _start_of(self, metric: Metric) -> npt.NDArray[np.float64]:
        scale = {"energy_joules_total": 3e9, "power_throttle_seconds_total": 1e5}.get(metric.name, 40.0)
        return np.floor(self._rng.random(self._gpus) * scale)

    def _hour(self, ticks: npt.NDArray[np.int64]) -> Hour:
        state = _State(self._rng, self._jobs.at(self._gpus, ticks), ticks, self._jobs, self._ambient)
        late = self._rng.integers(0, LATEST_WAKE_US, (len(self._phase_us), len(ticks)))
        of_host = self._phase_us[:, None] + late + np.int64(self._interval * MICROSECONDS) * ticks[None, :]
        columns: dict[str, Array] = {}
        for metric in self._metrics:
            values = self._counted(metric, state) if metric.name in self._totals else state.gauge(metric.name)
            columns[metric.name] = _rounded(metric, values)
        return Hour(self._since_us + of_host[self._host], columns, self._presence(ticks))

    def _counted(self, metric: Metric, state: "_State") -> Array:
        steps = state.steps(metric.name, self._interval)
        total = self._totals[metric.name][:, None] + np.cumsum(steps, axis=1, dtype=np.float64)
        self._totals[metric.name] = total[:, -1].copy()
        return total

    def _presence(self, ticks: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.bool_]]:
        """Fans are in every fourth host, one host in ten hides its processes, the slow tier is read every 10 s."""
        shape = (self._gpus, len(ticks))
        every = max(1, round(SLOW_TIER_SECONDS / self._interval))
        slow = (ticks[None, :] + self._host[:, None]) % every == 0
        found = {metric.name: slow for metric in self._metrics if metric.tier is Tier.SLOW and every > 1}
        for name, has in (("fan_speed_percent", self._host % 4 == 0), ("process_count", self._host % 10 != 0)):
            if any(metric.name == name for metric in self._metrics):
                found[name] = np.broadcast_to(has[:, None], shape)
        return found


def _rounded(metric: Metric, values: Array) -> Array:
    steps = metric.steps_per_unit
    scaled = np.rint(values * steps) if steps > 1 else np.rint(values)
    if metric.is_integer:
        return scaled.astype(np.int64)
    return scaled.astype(np.float64) / steps + 0.0  # no negative zero


class _State:
    """What every GPU does at every tick of an hour; arrays have the shape (gpus, ticks)."""

    def __init__(
        self, rng: np.random.Generator, job: Array, ticks: npt.NDArray[np.int64], jobs: Any, ambient: Floats
    ) -> None:
        self._rng, self._shape = rng, job.shape
        kind = jobs.kind[job]
        self.training, self.serving, self.idle = kind == TRAINING, kind == INFERENCE, kind == IDLE
        self.age = (ticks[None, :] - jobs.start[job]).astype(np.int32)
        self.level = jobs.level[job]
        self.load = self._stepwise(0.1, 1.0)
        paused = self.training & (self.age % jobs.period[job] < 3)
        self.busy = np.where(self.serving, self.load, np.where(self.idle | paused, np.float32(0.0), np.float32(1.0)))
        self.memory = jobs.memory_mb[job]
        self.processes = jobs.processes[job]
        noise = np.where(self.busy > 0, np.float32(10.0), np.float32(0.6))
        self.power = np.minimum(_IDLE_WATTS + _BUSY_WATTS * self.level * self.busy + noise * self._noise(), 710.0)
        warming = np.exp(np.float32(-1 / 40) * np.minimum(self.age, 400))
        smooth = jobs.level[job] + (jobs.before[job] - jobs.level[job]) * warming
        self.warmth = 29.0 + ambient[:, None] + 38.0 * smooth + self._stepwise(-1.0, 1.0)
        self.capped = self.power > _CAPPED_WATTS

    def gauge(self, name: str) -> Array:
        """Readings of a metric that is no counter, before they are rounded."""
        if name in _CONSTANTS:
            return np.full(self._shape, _CONSTANTS[name], dtype=np.float32)
        if name in _ACTIVITY:
            share, noise = _ACTIVITY[name]
            return np.clip(self.busy * (share * self.level + noise * self._noise()), 0.0, 100.0)
        if name in _TRAFFIC:
            rate, least = _TRAFFIC[name]
            busy = self.busy * self.level * (1.0 if name.startswith("pcie") else self.training)
            return np.maximum(
                least * self._rng.random(self._shape, np.float32) + busy * (rate + rate / 8 * self._noise()), 0
            )
        return getattr(self, f"_{name}")()

    def steps(self, name: str, interval_seconds: float) -> Array:
        """What a counter grows by in each tick."""
        if name == "energy_joules_total":
            return self.power * np.float32(interval_seconds)
        if name == "power_throttle_seconds_total":
            return self.capped * self._rng.random(self._shape, np.float32) * np.float32(interval_seconds)
        return (self._rng.random(self._shape, np.float32) < 1e-5).astype(np.float32)

    def _noise(self) -> Floats:
        noise: Floats = self._rng.standard_normal(self._shape, np.float32)
        return noise

    def _stepwise(self, low: float, high: float) -> Floats:
        """A level per GPU that changes every two minutes."""
        gpus, ticks = self._shape
        levels: Floats = self._rng.random((gpus, -(-ticks // _BLOCK_TICKS)), np.float32) * (high - low) + low
        return np.asarray(np.repeat(levels, _BLOCK_TICKS, axis=1)[:, :ticks], dtype=np.float32)

    def _temperature_celsius(self) -> Array:
        return self.warmth + 0.25 * self._noise()

    def _memory_temperature_celsius(self) -> Array:
        return self.warmth + 7.0 + 0.25 * self._noise()

    def _power_watts(self) -> Array:
        return self.power

    def _memory_used_mb(self) -> Array:
        loaded = np.minimum(self.age // 4 + 1, 6) * np.float32(1 / 6)
        cache = np.where(self.serving, 0.7 + 0.3 * self.load, np.float32(1.0))
        return self.memory * np.where(self.idle, np.float32(1.0), loaded * cache)

    def _gpu_utilization_percent(self) -> Array:
        served = 100.0 * self.load + 4.0 * self._noise()
        return np.clip(np.where(self.serving, served, self.busy * (99.7 + 0.4 * self._noise())), 0.0, 100.0)

    def _memory_utilization_percent(self) -> Array:
        return np.clip(self.busy * (55.0 * self.level + 2.0 * self._noise()), 0.0, 100.0)

    def _decoder_utilization_percent(self) -> Array:
        return np.where(self.serving & (self.level > 0.9), 30.0 * self.load, np.float32(0.0))

    def _sm_clock_mhz(self) -> Array:
        slowed = 15.0 * np.rint(6.0 * np.abs(self._noise()))
        return np.where(self.idle, np.float32(345.0), np.where(self.capped, 1980.0 - slowed, np.float32(1980.0)))

    def _fan_speed_percent(self) -> Array:
        return np.clip(self.warmth - 5.0, 25.0, 100.0)

    def _throttle_reasons(self) -> Array:
        return np.where(self.idle, 1, np.where(self.capped, 4, 0))

    def _process_count(self) -> Array:
        return np.asarray(self.processes)


_CONSTANTS = {
    "memory_total_mb": 81_559,
    "power_limit_watts": _LIMIT_WATTS,
    "encoder_utilization_percent": 0,
    "memory_reserved_mb": 479,
    "memory_clock_mhz": 2619,
    "performance_state": 0,
    "fp64_active_percent": 0,
    "pcie_link_generation": 5,
    "pcie_link_width": 16,
    "remapped_rows_pending": 0,
    "remapped_rows_failed": 0,
    "recovery_action": 0,
}
_ACTIVITY = {
    "sm_active_percent": (88.0, 1.5),
    "sm_occupancy_percent": (31.0, 1.0),
    "tensor_active_percent": (52.0, 2.0),
    "dram_active_percent": (47.0, 1.5),
    "fp32_active_percent": (11.0, 0.6),
    "fp16_active_percent": (4.0, 0.4),
}
"""Percent at full work, and the noise on it."""

_TRAFFIC = {
    "nvlink_tx_mb_per_second": (140_000.0, 0.0),
    "nvlink_rx_mb_per_second": (140_000.0, 0.0),
    "pcie_tx_mb_per_second": (900.0, 3.0),
    "pcie_rx_mb_per_second": (1_400.0, 3.0),
}
"""MB/s at full work, and at most without any."""
