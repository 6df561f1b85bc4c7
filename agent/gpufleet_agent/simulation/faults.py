"""When a faulty GPU falls off the bus and comes back: on a grid of time, so that a replayed hour agrees with a live
one."""

from collections.abc import Iterator
from dataclasses import dataclass

MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Faults:
    """Lost for `lost_seconds` at the beginning of every `every_seconds` since the epoch."""

    every_seconds: float = 600.0
    lost_seconds: float = 90.0

    def is_lost(self, instant_us: int) -> bool:
        return instant_us % self._every_us < self._lost_us

    def changes(self, since_us: int, until_us: int) -> Iterator[tuple[int, bool]]:
        """The instants within [since_us, until_us) at which it is lost (True) or found again (False), in order."""
        for begin in range(since_us // self._every_us * self._every_us, until_us, self._every_us):
            for instant, lost in ((begin, True), (begin + self._lost_us, False)):
                if since_us <= instant < until_us:
                    yield instant, lost

    @property
    def _every_us(self) -> int:
        return round(self.every_seconds * MICROSECONDS)

    @property
    def _lost_us(self) -> int:
        return round(self.lost_seconds * MICROSECONDS)


USUAL_FAULTS = Faults()
