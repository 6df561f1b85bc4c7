"""Figures as commands print them."""

import pytest

from fakes.clock import START_US
from gpufleet_collector.figures import counted, duration, instant, size


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (5 * 1024**3, "5.0 GiB"), (3 * 1024**5, "3072.0 TiB")],
)
def test_sizes(count: int, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 days")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_instants_and_counts() -> None:
    assert instant(START_US) == "2026-01-01T00:00Z"
    assert [counted(number, "hour") for number in (0, 1, 2)] == ["0 hours", "1 hour", "2 hours"]
