"""How long reports wait until a collector has settled them, in so little memory that many processes can tell of it."""

import math
from collections.abc import Sequence
from itertools import accumulate

SHORTEST_SECONDS = 0.001
STEP = 1.08
BUCKETS = 160
"""From a millisecond to four minutes; what is longer counts as that long."""

_LOG_STEP = math.log(STEP)


class AckTimes:
    """Counts times in buckets that grow by STEP: a quantile is right to within so much."""

    def __init__(self, counts: Sequence[int] = ()) -> None:
        self.counts = [*counts, *[0] * (BUCKETS - len(counts))]

    def add(self, seconds: float) -> None:
        above = seconds / SHORTEST_SECONDS
        self.counts[0 if above <= 1 else min(BUCKETS - 1, math.ceil(math.log(above) / _LOG_STEP))] += 1

    @property
    def number(self) -> int:
        return sum(self.counts)

    def quantile(self, share: float) -> float | None:
        """The seconds below which this share of the times lies; None while there are none."""
        number = self.number
        if not number:
            return None
        wanted = max(1, math.ceil(share * number))
        bucket = next(at for at, so_far in enumerate(accumulate(self.counts)) if so_far >= wanted)
        return float(SHORTEST_SECONDS * STEP**bucket)

    def plus(self, other: "AckTimes") -> "AckTimes":
        return AckTimes([one + another for one, another in zip(self.counts, other.counts, strict=True)])

    def since(self, earlier: "AckTimes") -> "AckTimes":
        """Those that were added after `earlier`."""
        return AckTimes([one - before for one, before in zip(self.counts, earlier.counts, strict=True)])
