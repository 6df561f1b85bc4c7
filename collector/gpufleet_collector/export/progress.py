"""How far an export is, told to whoever waits for it: a bar that moves on a terminal, a line now and then elsewhere."""

from typing import TextIO

from gpufleet_collector.clock import Clock
from gpufleet_collector.figures import duration

BAR_SECONDS = 0.2
LINE_SECONDS = 5.0
BAR_WIDTH = 24
_CLEAR_LINE = "\r\x1b[K"


class Progress:
    """Of a time that ends at `until`. It begins with the first row: before it there may be years without any."""

    def __init__(self, what: str, until: int, *, clock: Clock, stderr: TextIO) -> None:
        self._what = what
        self._until = until
        self._clock = clock
        self._stderr = stderr
        self._is_terminal = stderr.isatty()
        self._began = self._said = clock.now().monotonic
        self._first: int | None = None

    @property
    def seconds(self) -> float:
        return self._clock.now().monotonic - self._began

    def tell(self, rows: int, reached: int | None) -> None:
        """`reached` is the instant of the last of the `rows`."""
        if reached is None:
            return
        if self._first is None:
            self._first = reached
        now = self._clock.now().monotonic
        if now - self._said < (BAR_SECONDS if self._is_terminal else LINE_SECONDS):
            return
        self._said = now
        share = min(1.0, (reached - self._first) / max(1, self._until - self._first))
        text = f"{share:4.0%}  {rows:,} {self._what}  {self._speed(rows)}  {self._left(share)}"
        if self._is_terminal:
            bar = ("#" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH)
            self._stderr.write(f"{_CLEAR_LINE}[{bar}] {text}")
        else:
            self._stderr.write(f"{text.strip()}\n")
        self._stderr.flush()

    def end(self) -> None:
        """Leave the terminal's line as it was before."""
        if self._is_terminal:
            self._stderr.write(_CLEAR_LINE)
            self._stderr.flush()

    def _speed(self, rows: int) -> str:
        return f"{rows / max(self.seconds, 0.001):,.0f}/s"

    def _left(self, share: float) -> str:
        if share <= 0:
            return "time left not known yet"
        return f"about {duration(self.seconds * (1 - share) / share)} left"
