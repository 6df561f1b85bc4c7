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


_SHORT, _MIDDLE, _LONG = 7.0, 23.0, 61.0


def noise(seconds: float, phase: float) -> float:
    """A smooth wave between -1 and 1."""
    sin = math.sin
    return (sin(seconds / _SHORT + phase) + sin(seconds / _MIDDLE + phase * 2) + sin(seconds / _LONG + phase * 3)) / 3


def noise_integral(seconds: float, phase: float) -> float:
    """An antiderivative of `noise`, so that energy is the exact integral of power."""
    cos = math.cos
    short, middle = -_SHORT * cos(seconds / _SHORT + phase), -_MIDDLE * cos(seconds / _MIDDLE + phase * 2)
    return (short + middle + -_LONG * cos(seconds / _LONG + phase * 3)) / 3


@dataclass(frozen=True, slots=True)
class Stretch:
    """One segment of a day with all that a moment in it follows from, so that a fleet need not keep whole days. Times
    are seconds of the day, `ends` excluded."""

    segment: Segment
    load_before: float
    ends: float
    phase: float
    mean_watts: float
    swing_watts: float
    energy_before: float
    """Of the day until the segment starts, in joules."""
    energy_of_day: float
    waves_before: float

    def holds(self, day_seconds: float) -> bool:
        return self.segment.start <= day_seconds < self.ends

    def warmth(self, day_seconds: float) -> float:
        """0 (idle) to 1 (full power), following power with WARM_UP_SECONDS."""
        load = self.segment.load
        fading = math.exp(-(day_seconds - self.segment.start) / WARM_UP_SECONDS)
        return load + (self.load_before - load) * fading

    def energy_joules(self, days: float, day_seconds: float) -> float:
        """Energy since second 0 of the epoch, so many whole days before: the integral of power."""
        return days * self.energy_of_day + self.energy_before + self._energy_within(day_seconds)

    def _energy_within(self, day_seconds: float) -> float:
        waves = noise_integral(day_seconds, self.phase) - self.waves_before
        return self.mean_watts * (day_seconds - self.segment.start) + self.swing_watts * waves


class Day:
    """The day of one GPU with a board that takes `idle_watts` to `full_watts`."""

    def __init__(self, random: Random, idle_watts: float, full_watts: float) -> None:
        self.segments = plan_day(random)
        self.phase = random.uniform(0.0, math.tau)
        self._starts = [segment.start for segment in self.segments]
        self._ends = [*self._starts[1:], DAY_SECONDS]
        self._idle = idle_watts
        self._range = full_watts - idle_watts
        self._energy_before = self._sum_energy()

    def stretch_at(self, day_seconds: float) -> Stretch:
        index = bisect_right(self._starts, day_seconds) - 1
        segment = self.segments[index]
        return Stretch(
            segment=segment,
            load_before=self.segments[index - 1].load,
            ends=self._ends[index],
            phase=self.phase,
            mean_watts=self._mean_watts(segment),
            swing_watts=self._swing_watts(segment),
            energy_before=self._energy_before[index],
            energy_of_day=self._energy_before[-1],
            waves_before=noise_integral(segment.start, self.phase),
        )

    def energy_joules(self, seconds: float) -> float:
        """Energy since second 0 of the epoch."""
        days, day_seconds = divmod(seconds, DAY_SECONDS)
        return self.stretch_at(day_seconds).energy_joules(days, day_seconds)

    def _mean_watts(self, segment: Segment) -> float:
        return self._idle + self._range * segment.load

    def _swing_watts(self, segment: Segment) -> float:
        return self._range * segment.swing

    def _segment_energy(self, segment: Segment, until: float) -> float:
        waves = noise_integral(until, self.phase) - noise_integral(segment.start, self.phase)
        return self._mean_watts(segment) * (until - segment.start) + self._swing_watts(segment) * waves

    def _sum_energy(self) -> list[float]:
        sums = [0.0]
        for segment, end in zip(self.segments, self._ends, strict=True):
            sums.append(sums[-1] + self._segment_energy(segment, end))
        return sums
