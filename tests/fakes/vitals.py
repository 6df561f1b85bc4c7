"""What a process holds, by /proc: memory, threads, open files, children. A leak is one of them that only grows."""

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look at a process, `at` monotonic seconds."""

    at: float
    rss_bytes: int
    threads: int
    files: tuple[str, ...]
    """What each open file is, such as a path or `socket`, without the numbers that tell two of a kind apart."""

    @property
    def descriptors(self) -> int:
        return len(self.files)


def look(pid: int, at: float) -> Vitals:
    """The process now; raises OSError when it is gone."""
    process = Path(f"/proc/{pid}")
    return Vitals(at, _rss_bytes(process), len(list((process / "task").iterdir())), tuple(_open_files(process)))


def _open_files(process: Path) -> Iterator[str]:
    for descriptor in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            yield re.sub(r":\[\d+\]$", "", str(descriptor.readlink()))


def _rss_bytes(process: Path) -> int:
    """To the page: statm lags behind by up to 32 pages of each processor (proc(5))."""
    lines = (process / "smaps_rollup").read_text().splitlines()
    (kibibytes,) = [int(line.split()[1]) for line in lines if line.startswith("Rss:")]
    return kibibytes * 1024


def children(pid: int) -> list[int]:
    """Of all its threads, zombies included; none when it is gone."""
    lists = (path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children"))
    return [int(number) for numbers in lists for number in numbers]


def of_session(session: int) -> list[int]:
    """Processes, zombies included, of the session that was begun by the process `session`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it ended meanwhile
            continue
        if int(fields[3]) == session:
            found.append(int(stat.parent.name))
    return found


def slope(points: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes of all pairs of points (Theil and Sen): what single jumps do not move."""
    return statistics.median((b - a) / (t - s) for i, (s, a) in enumerate(points) for t, b in points[i + 1 :])


def rss_slope(seen: Sequence[Vitals]) -> float:
    """Bytes per second."""
    return slope([(one.at, one.rss_bytes) for one in seen])


def growth(seen: Sequence[float]) -> float:
    """From the median of the first quarter to that of the last: what a jump in between leaves behind."""
    quarter = max(1, len(seen) // 4)
    return statistics.median(seen[-quarter:]) - statistics.median(seen[:quarter])


def risen(seen: Sequence[int]) -> int:
    """By how much the fewest of the last quarter are more than those of the first: some come and go, leaks stay."""
    quarter = max(1, len(seen) // 4)
    return min(seen[-quarter:]) - min(seen[:quarter])


def opened(seen: Sequence[Vitals]) -> dict[str, int]:
    """What was open at the last look and not at the first, and how often: the names behind `risen`."""
    return dict(Counter(seen[-1].files) - Counter(seen[0].files))
