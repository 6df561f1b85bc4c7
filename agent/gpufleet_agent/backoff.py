"""How long to wait before the next try: exponential with full jitter, so that a fleet does not come back as one."""

from collections.abc import Callable


class Backoff:
    """Delays drawn evenly from zero to a ceiling that doubles with every try, up to `cap_seconds`."""

    def __init__(self, base_seconds: float, cap_seconds: float, random: Callable[[], float]) -> None:
        self._base = base_seconds
        self._cap = cap_seconds
        self._random = random
        self._tries = 0

    def next_delay(self) -> float:
        """Seconds to wait now."""
        ceiling = min(self._cap, self._base * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return self._random() * ceiling

    def reset(self) -> None:
        """It worked: start small again."""
        self._tries = 0
