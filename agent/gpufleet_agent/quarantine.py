"""GPUs on which a driver call hung are left alone for a while, so that one sick GPU does not cost the others."""

import re
from dataclasses import dataclass

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 30.0, 600.0
FORGET_AFTER_SECONDS = 1200.0
"""A GPU that has not hung for so long after its pause starts with the first pause again."""

_GPU = re.compile(r"GPU (\d{1,4})")


@dataclass(frozen=True, slots=True)
class _Pause:
    until: float
    seconds: float


def index_of(gpu: str) -> int | None:
    """3 of "GPU 3"; None for the driver as a whole ("")."""
    match = _GPU.fullmatch(gpu)
    return None if match is None else int(match[1])


class Quarantine:
    """Which GPUs (by index) are to be left alone. Time is monotonic seconds, passed in; pauses double."""

    def __init__(self, first_pause_seconds: float = FIRST_PAUSE_SECONDS) -> None:
        self._first_pause = first_pause_seconds
        self._pauses: dict[int, _Pause] = {}

    def hang(self, gpu: str, now: float) -> None:
        """A call on `gpu` ("GPU 3") hung. A hang of the driver as a whole ("") puts nobody aside."""
        index = index_of(gpu)
        if index is None:
            return
        before = self._pauses.get(index)
        again = before is not None and now - before.until < FORGET_AFTER_SECONDS
        seconds = min(LONGEST_PAUSE_SECONDS, 2 * before.seconds) if before and again else self._first_pause
        self._pauses[index] = _Pause(now + seconds, seconds)

    def left_alone(self, now: float) -> frozenset[int]:
        """The GPUs that are not to be touched now."""
        return frozenset(index for index, pause in self._pauses.items() if now < pause.until)
