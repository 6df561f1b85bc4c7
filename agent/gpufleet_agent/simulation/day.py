"""The day of one simulated GPU: which work it does when, as segments that repeat every 24 hours."""

import math
from bisect import bisect_right
from dataclasses import dataclass
from random import Random

DAY_SECONDS = 86_400.0
SHORTEST_SEGMENT_SECONDS, LONGEST_SEGMENT_SECONDS = 20 * 60, 150 * 60
WARM_UP_SECONDS = 120.0
"""Time constant with which a board follows its power in temperature."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Work from `start` (seconds of the day) on. `load` is the share of the board's power range that it takes on
    average; `swing` how far activity moves around it; both 0 to 1. `memory` is the share of memory held."""

    start: float
    work: str
    load: float
    swing: float
    utilization: float
    memory: float


WORKS = {  # name: weight, load, swing, utilization, memory
    "idle": (2, (0.0, 0.01), (0.0, 0.01), (0.0, 0.0), (0.0, 0.0)),
    "training": (5, (0.78, 0.95), (0.03, 0.08), (0.93, 0.99), (0.70, 0.95)),
    "inference": (3, (0.25, 0.45), (0.10, 0.20), (0.25, 0.60), (0.45, 0.85)),
    "idle_held": (1, (0.02, 0.05), (0.0, 0.01), (0.0, 0.0), (0.2, 0.6)),
}


def plan_day(random: Random) -> tuple[Segment, ...]:
    """Segments that fill a day; the first starts at 0."""
    segments: list[Segment] = []
    start = 0.0
    while start < DAY_SECONDS:
        work = random.choices(list(WORKS), weights=[entry[0] for entry in WORKS.values()])[0]
        load, swing, utilization, memory = (random.uniform(*bounds) for bounds in WORKS[work][1:])
        segments.append(Segment(start, work, load, swing, utilization, memory))
        start += random.uniform(SHORTEST_SEGMENT_SECONDS, LONGEST_SEGMENT_SECONDS)
    return tuple(segments)


_PERIODS = (7.0, 23.0, 61.0)


def noise(seconds: float, phase: float) -> float:
    """A smooth wave between -1 and 1."""
    return sum(math.sin(seconds / period + phase * (index + 1)) for index, period in enumerate(_PERIODS)) / 3


def noise_integral(seconds: float, phase: float) -> float:
    """An antiderivative of `noise`, so that energy is the exact integral of power."""
    return sum(-period * math.cos(seconds / period + phase * (i + 1)) for i, period in enumerate(_PERIODS)) / 3


class Day:
    """The day of one GPU with a board that takes `idle_watts` to `full_watts`."""

    def __init__(self, random: Random, idle_watts: float, full_watts: float) -> None:
        self.segments = plan_day(random)
        self.phase = random.uniform(0.0, math.tau)
        self._starts = [segment.start for segment in self.segments]
        self._idle = idle_watts
        self._range = full_watts - idle_watts
        self._energy_before = self._sum_energy()

    def segment_at(self, day_seconds: float) -> tuple[Segment, Segment]:
        """The segment at this time of day, and the one before it."""
        index = bisect_right(self._starts, day_seconds) - 1
        return self.segments[index], self.segments[index - 1]

    def power_watts(self, day_seconds: float) -> float:
        segment, _ = self.segment_at(day_seconds)
        return self._mean_watts(segment) + self._swing_watts(segment) * noise(day_seconds, self.phase)

    def warmth(self, day_seconds: float) -> float:
        """0 (idle) to 1 (full power), following power with WARM_UP_SECONDS."""
        segment, before = self.segment_at(day_seconds)
        fading = math.exp(-(day_seconds - segment.start) / WARM_UP_SECONDS)
        return segment.load + (before.load - segment.load) * fading

    def energy_joules(self, seconds: float) -> float:
        """Energy since second 0 of the epoch: the integral of power."""
        days, day_seconds = divmod(seconds, DAY_SECONDS)
        index = bisect_right(self._starts, day_seconds) - 1
        within = self._segment_energy(self.segments[index], day_seconds)
        return days * self._energy_before[-1] + self._energy_before[index] + within

    def _mean_watts(self, segment: Segment) -> float:
        return self._idle + self._range * segment.load

    def _swing_watts(self, segment: Segment) -> float:
        return self._range * segment.swing

    def _segment_energy(self, segment: Segment, until: float) -> float:
        waves = noise_integral(until, self.phase) - noise_integral(segment.start, self.phase)
        return self._mean_watts(segment) * (until - segment.start) + self._swing_watts(segment) * waves

    def _sum_energy(self) -> list[float]:
        ends = [*self._starts[1:], DAY_SECONDS]
        sums = [0.0]
        for segment, end in zip(self.segments, ends, strict=True):
            sums.append(sums[-1] + self._segment_energy(segment, end))
        return sums
