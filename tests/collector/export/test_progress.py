"""Who waits for an export sees how far it is: often on a terminal, now and then in a log."""

import io

from fakes.clock import START_US, FakeClock
from gpufleet_collector.export.progress import Progress

HOUR_US = 3_600_000_000


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def progress(stderr: io.StringIO, clock: FakeClock) -> Progress:
    return Progress("samples", START_US + HOUR_US, clock=clock, stderr=stderr)


def test_a_log_gets_a_line_every_few_seconds() -> None:
    said, clock = io.StringIO(), FakeClock()
    told = progress(said, clock)
    for second in range(1, 12):
        clock.advance(1)
        told.tell(second * 1000, START_US + second * HOUR_US // 12)
    told.end()
    assert said.getvalue().splitlines() == [
        "36%  5,000 samples  1,000/s  about 9 s left",
        "82%  10,000 samples  1,000/s  about 2 s left",
    ]


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    said, clock = Terminal(), FakeClock()
    told = progress(said, clock)
    told.tell(0, START_US)
    clock.advance(0.1)
    told.tell(100, START_US + HOUR_US // 4)
    assert said.getvalue() == ""
    clock.advance(0.9)
    told.tell(1000, START_US + HOUR_US // 2)
    told.end()
    assert said.getvalue() == (
        "\r\x1b[K[############            ]  50%  1,000 samples  1,000/s  about 1 s left\r\x1b[K"
    )


def test_before_anything_was_found_nothing_is_said() -> None:
    said, clock = Terminal(), FakeClock()
    told = progress(said, clock)
    clock.advance(60)
    told.tell(0, None)
    assert said.getvalue() == ""


def test_the_time_left_is_not_made_up() -> None:
    said, clock = io.StringIO(), FakeClock()
    told = progress(said, clock)
    clock.advance(6)
    told.tell(1000, START_US)
    assert said.getvalue() == "0%  1,000 samples  167/s  time left not known yet\n"
