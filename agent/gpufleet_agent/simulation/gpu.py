"""One simulated GPU: who it is, and every metric of the catalogue as a function of time."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from random import Random
from typing import TypeAlias
from uuid import UUID

from gpufleet_agent.readings import LOST, NOT_SUPPORTED, OK, GpuIdentity, GpuProcess, GpuReading
from gpufleet_agent.simulation.boards import Board
from gpufleet_agent.simulation.day import DAY_SECONDS, Day, Segment, Stretch, noise
from gpufleet_agent.simulation.faults import Faults
from gpufleet_agent.simulation.processes import processes_of
from gpufleet_proto.catalog import METRICS, SLOW_TIER_SECONDS, Tier

MICROSECONDS = 1_000_000
COUNTERS_SINCE = 1_767_225_600.0
"""Counters run since 2026-01-01, so that they look like those of boards in use."""

GPU_IDLE, POWER_CAP, SW_THERMAL, HW_THERMAL = 0x1, 0x4, 0x20, 0x40
Value = int | float
Moving: TypeAlias = tuple[tuple[str, "Callable[[Now], Value]"], ...]


@dataclass(slots=True)
class Now:
    """What all metrics of a GPU at one moment follow from. (Not frozen: that would cost as much as all the rest.)"""

    board: Board
    segment: Segment
    seconds: float
    wave: float
    utilization: float
    power: float
    warmth: float
    energy: float
    hot: bool
    ecc_errors: int


@dataclass(frozen=True, slots=True)
class Offer:
    """What boards of one model offer: shared by all GPUs of a fleet that have it."""

    absent: Mapping[str, str]
    values: Mapping[str, Callable[[Now], Value]]


@cache
def offer_of(board: Board) -> Offer:
    absent = dict.fromkeys(_unsupported(board), NOT_SUPPORTED)
    return Offer(absent, {name: value_of for name, value_of in VALUES.items() if name not in absent})


@cache
def moving_of(board: Board, *, busy: bool, hot: bool, slow: bool) -> Moving:
    """The metrics that may change from tick to tick of one stretch of work; all others stay as they are."""
    names = MOVING | (MOVING_WHEN_BUSY if busy else frozenset()) | (MOVING_WHEN_HOT if hot else frozenset())
    return tuple(
        (name, value_of)
        for name, value_of in offer_of(board).values.items()
        if name in names and (slow or name not in SLOW)
    )


class SimulatedGpu:
    """GPU number `index` of `host` in the fleet of `seed`. Of its day only the stretch that was asked for last is kept:
    the whole day is made again from the seed when another is asked for."""

    __slots__ = (
        *("_counted_joules", "_digest", "_latest", "_offer", "board", "faults", "hot", "identity", "moving"),
        *("moving_slowly", "stretch"),
    )

    def __init__(
        self, seed: int, host: str, index: int, board: Board, *, hot: bool = False, faults: Faults | None = None
    ) -> None:
        digest = self._digest = sha256(f"{seed}/{host}/{index}".encode()).digest()
        self.board = board
        self.hot = hot
        self.faults = faults
        self.identity = GpuIdentity(
            uuid=f"GPU-{UUID(bytes=digest[:16], version=4)}",
            index=index,
            name=board.name,
            pci_bus_id=f"00000000:{0x10 + index * 0x11:02X}:00.0",
            serial=str(int.from_bytes(digest[16:22]) % 10**13).zfill(13) if board.is_datacenter else None,
            vbios="96.00.74.00.01",
        )
        self._offer = offer_of(board)
        self.stretch: Stretch | None = None
        self.moving: Moving = ()
        """The metrics of a fast tick that may change while the present stretch lasts."""
        self.moving_slowly: Moving = ()
        """The same for a tick that carries the slow tier."""
        self._counted_joules = 0.0
        self._latest: Now | None = None

    def read(self, instant_us: int, interval_seconds: float) -> GpuReading:
        """The reading at `instant_us`; the slow tier is part of the first tick in each of its periods."""
        if self.is_lost(instant_us):
            return self.described(LOST)
        seconds = instant_us / MICROSECONDS
        values = self.values(seconds, slow=is_slow_tick(seconds, interval_seconds))
        return GpuReading(self.identity, OK, values, self._offer.absent)

    def described(self, state: str) -> GpuReading:
        """Without values, as an inventory tells of it."""
        return GpuReading(self.identity, state, {}, {} if state == LOST else self._offer.absent)

    def is_lost(self, instant_us: int) -> bool:
        return self.faults is not None and self.faults.is_lost(instant_us)

    def processes(self, instant_us: int) -> tuple[GpuProcess, ...]:
        """Who holds the GPU at `instant_us`; nobody can say of a lost one."""
        if self.is_lost(instant_us):
            return ()
        now = self.now(instant_us / MICROSECONDS)
        day_us = round(DAY_SECONDS) * MICROSECONDS
        started_us = instant_us // day_us * day_us + round(now.segment.start * MICROSECONDS)
        memory_mb, utilization = _memory_used(now), utilization_percent(now)
        return processes_of(self.identity.uuid, now.segment.work, started_us, memory_mb, utilization)

    def values(self, seconds: float, *, slow: bool) -> Mapping[str, int | float]:
        now = self.now(seconds)
        return {name: value_of(now) for name, value_of in self._offer.values.items() if slow or name not in SLOW}

    def now(self, seconds: float) -> Now:
        """What everything that is read at this second of the epoch follows from."""
        latest = self._latest
        if latest is None or latest.seconds != seconds:
            latest = self._latest = self._at(seconds)
        return latest

    def stretch_at(self, seconds: float) -> Stretch:
        """The work that this second of the epoch is part of."""
        self.now(seconds)
        assert self.stretch is not None
        return self.stretch

    def _at(self, seconds: float) -> Now:
        days, day_seconds = divmod(seconds, DAY_SECONDS)
        stretch = self.stretch
        if stretch is None or not stretch.holds(day_seconds):
            stretch = self._enter(day_seconds)
        segment = stretch.segment
        wave = noise(day_seconds, stretch.phase)
        utilization = 0.0 if not segment.utilization else segment.utilization + (segment.swing * 1.2) * wave
        return Now(
            board=self.board,
            segment=segment,
            seconds=seconds,
            wave=wave,
            utilization=min(1.0, max(0.0, utilization)),
            power=stretch.mean_watts + stretch.swing_watts * wave,
            warmth=stretch.warmth(day_seconds),
            energy=stretch.energy_joules(days, day_seconds) - self._counted_joules,
            hot=self.hot and segment.load > 0.2,
            ecc_errors=int((seconds - COUNTERS_SINCE) // 7200) if self.hot else 0,
        )

    def _enter(self, day_seconds: float) -> Stretch:
        day = Day(Random(self._digest), self.board.idle_watts, self.board.power_limit_watts)
        self._counted_joules = day.energy_joules(COUNTERS_SINCE)
        self.stretch = day.stretch_at(day_seconds)
        busy = self.stretch.segment.utilization > 0
        self.moving = moving_of(self.board, busy=busy, hot=self.hot, slow=False)
        self.moving_slowly = moving_of(self.board, busy=busy, hot=self.hot, slow=True)
        return self.stretch


def is_slow_tick(seconds: float, interval_seconds: float) -> bool:
    """Whether a tick at this second of the epoch carries the slow tier."""
    return seconds % SLOW_TIER_SECONDS < interval_seconds or interval_seconds >= SLOW_TIER_SECONDS


def _unsupported(board: Board) -> list[str]:
    names = [] if board.has_fan else ["fan_speed_percent"]
    if not board.is_datacenter:
        names += ["memory_temperature_celsius", "nvlink_errors_total"]
        names += [metric.name for metric in METRICS if metric.name.startswith(("ecc_", "remapped_"))]
    if not board.has_profiling:
        names += [metric.name for metric in METRICS if metric.tier is Tier.PROFILING]
    return names


def utilization_percent(now: Now) -> int:
    return round(100 * now.utilization)


def _memory_used(now: Now) -> int:
    return round(now.board.memory_mb * now.segment.memory + (4 if now.segment.memory else 0))


def _temperature(now: Now) -> int:
    return round(31 + 42 * now.warmth + 2 * now.wave + (14 if now.hot else 0))


def _throttle_reasons(now: Now) -> int:
    if not now.segment.utilization:
        return GPU_IDLE
    return (POWER_CAP if now.segment.load > 0.85 else 0) | ((SW_THERMAL | HW_THERMAL) if now.hot else 0)


def _sm_clock(now: Now) -> int:
    if not now.segment.utilization:
        return now.board.idle_clock_mhz
    share = 0.72 if now.hot else 1.0 - 0.06 * now.segment.load
    return round(now.board.sm_clock_mhz * share + 15 * now.wave) // 15 * 15


def _percent(now: Now, share: float) -> float:
    """A share of the utilization, in tenths of a percent."""
    return round(min(100.0, max(0.0, 100 * now.utilization * share)), 1)


def _traffic(now: Now, most: float) -> int:
    return round(most * now.utilization * (0.8 + 0.2 * now.wave))


def _since_start(now: Now, share: float) -> float:
    return round((now.seconds - COUNTERS_SINCE) * share, 3)


def _training(now: Now) -> float:
    return 1.0 if now.segment.work == "training" else 0.3


VALUES: Mapping[str, Callable[[Now], Value]] = {
    "temperature_celsius": _temperature,
    "power_watts": lambda now: round(now.power, 2),
    "memory_used_mb": _memory_used,
    "memory_total_mb": lambda now: now.board.memory_mb,
    "gpu_utilization_percent": utilization_percent,
    "memory_utilization_percent": lambda now: round(100 * now.utilization * 0.55),
    "memory_temperature_celsius": lambda now: _temperature(now) + 6,
    "power_limit_watts": lambda now: now.board.power_limit_watts,
    "energy_joules_total": lambda now: round(now.energy, 3),
    "encoder_utilization_percent": lambda now: 0,
    "decoder_utilization_percent": lambda now: round(8 * now.utilization) if now.segment.work == "inference" else 0,
    "memory_reserved_mb": lambda now: now.board.reserved_mb,
    "sm_clock_mhz": _sm_clock,
    "memory_clock_mhz": lambda now: now.board.memory_clock_mhz if now.segment.utilization else 405,
    "fan_speed_percent": lambda now: round(30 + 50 * now.warmth),
    "performance_state": lambda now: 0 if now.segment.utilization else 8,
    "throttle_reasons": _throttle_reasons,
    "process_count": lambda now: 0 if not now.segment.memory else 1 + int(now.segment.work == "inference"),
    "sm_active_percent": lambda now: _percent(now, 0.86),
    "sm_occupancy_percent": lambda now: _percent(now, 0.41),
    "tensor_active_percent": lambda now: _percent(now, 0.48 * _training(now)),
    "dram_active_percent": lambda now: _percent(now, 0.52),
    "fp64_active_percent": lambda now: 0.0,
    "fp32_active_percent": lambda now: _percent(now, 0.12),
    "fp16_active_percent": lambda now: _percent(now, 0.07 * _training(now)),
    "nvlink_tx_mb_per_second": lambda now: _traffic(now, 92_000 * _training(now)),
    "nvlink_rx_mb_per_second": lambda now: _traffic(now, 91_000 * _training(now)),
    "pcie_tx_mb_per_second": lambda now: _traffic(now, 1_900),
    "pcie_rx_mb_per_second": lambda now: _traffic(now, 4_200),
    "pcie_link_generation": lambda now: now.board.pcie_generation if now.segment.utilization else 1,
    "pcie_link_width": lambda now: 16,
    "pcie_replay_total": lambda now: 0,
    "ecc_corrected_total": lambda now: now.ecc_errors,
    "ecc_uncorrected_total": lambda now: 0,
    "remapped_rows_corrected_total": lambda now: math.isqrt(now.ecc_errors) // 8,
    "remapped_rows_uncorrected_total": lambda now: 0,
    "remapped_rows_pending": lambda now: 0,
    "remapped_rows_failed": lambda now: 0,
    "nvlink_errors_total": lambda now: 0,
    "power_throttle_seconds_total": lambda now: _since_start(now, 0.021),
    "thermal_throttle_seconds_total": lambda now: _since_start(now, 0.004 if now.hot else 0.0),
    "recovery_action": lambda now: 0,
}
"""One value per metric; a contract test compares the names with the catalogue."""

SLOW = frozenset(metric.name for metric in METRICS if metric.tier is Tier.SLOW)

MOVING = frozenset(
    {
        *("temperature_celsius", "memory_temperature_celsius", "fan_speed_percent", "power_watts"),
        *("energy_joules_total", "power_throttle_seconds_total"),
    }
)
MOVING_WHEN_BUSY = frozenset(
    {
        *("gpu_utilization_percent", "memory_utilization_percent", "decoder_utilization_percent", "sm_clock_mhz"),
        *("sm_active_percent", "sm_occupancy_percent", "tensor_active_percent", "dram_active_percent"),
        *("fp32_active_percent", "fp16_active_percent", "nvlink_tx_mb_per_second", "nvlink_rx_mb_per_second"),
        *("pcie_tx_mb_per_second", "pcie_rx_mb_per_second"),
    }
)
MOVING_WHEN_HOT = frozenset({"ecc_corrected_total", "remapped_rows_corrected_total", "thermal_throttle_seconds_total"})
"""The metrics that do not follow from the board and its work alone."""
