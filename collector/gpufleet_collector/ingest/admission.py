"""How fast streams are let in: a fleet that comes back at once must not take the time of those who stream, or ask.

Opening a stream costs many times what a report costs. Streams beyond the rate wait for a moment, and beyond that are
sent away, each with a time of its own to come back at, so that they come one after another and not all again.
"""

import math
from dataclasses import dataclass

CROWD_SECONDS = 60.0
"""Within so long after an outage most of a fleet is back."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """`per_second` streams are let in, `burst` of them at once after a quiet time."""

    per_second: float = 250.0
    """5,000 agents are back in 20 s, for less than half of a core."""
    burst: int = 50
    wait_seconds: float = 5.0
    """Who would wait longer is sent away: an agent gives a stream up that is not welcomed within 10 s."""
    appointment_seconds: float = 60.0
    """Nobody is told to stay away for longer; past it times are given twice."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A stream may go on after `wait_seconds`."""

    wait_seconds: float


@dataclass(frozen=True, slots=True)
class Appointment:
    """A stream is to come back after `seconds`."""

    seconds: float


class Admission:
    """A state machine without I/O; times are monotonic seconds, passed in. Whoever is let in, or gets a time to come
    back, gets a slot of its own: slots are 1 / `per_second` apart."""

    def __init__(self, limits: AdmissionLimits) -> None:
        self._limits = limits
        self._step = 1.0 / limits.per_second
        self._next = float("-inf")
        self._next_appointment = float("-inf")
        self._crowd = 0.0
        self._crowd_at = float("-inf")

    def arrive(self, now: float) -> Entry | Appointment:
        """A stream is at the door."""
        self._crowd, self._crowd_at = self.crowd(now) + 1.0, now
        limits = self._limits
        slot = max(self._next, now - (limits.burst - 1) * self._step)
        wait = max(0.0, slot - now)
        if wait <= limits.wait_seconds:
            self._next = slot + self._step
            return Entry(wait)
        return Appointment(self._appoint(now))

    def crowd(self, now: float) -> float:
        """About how many have come of late: each counts less by the second, and nothing after some CROWD_SECONDS."""
        return self._crowd * math.exp(-max(0.0, now - self._crowd_at) / CROWD_SECONDS)

    def held_up(self, seconds: float, now: float) -> None:
        """This process was late by so much: nobody was served meanwhile, so nobody new is let in for as long."""
        self._next = max(self._next, now + seconds)

    def _appoint(self, now: float) -> float:
        """The first time after all who wait that nobody was given yet."""
        earliest = max(self._next, now + self._limits.wait_seconds)
        at = max(self._next_appointment, earliest)
        if at - now > self._limits.appointment_seconds:
            at = min(earliest, now + self._limits.appointment_seconds)
        self._next_appointment = at + self._step
        return at - now
