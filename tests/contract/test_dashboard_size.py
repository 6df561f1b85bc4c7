"""The dashboard is held to a weight: whoever opens it on a slow line waits for its scripts before anything else."""

import gzip
from pathlib import Path

from fakes.browser import skip_or_fail
from gpufleet_collector.web.settings import STATIC_DIRECTORY

MOST_BYTES = 150 * 1024
"""Of all scripts together, gzipped: what one page loads is a part of it."""


def gzipped(folder: Path) -> int:
    return sum(len(gzip.compress(script.read_bytes())) for script in folder.rglob("*.js"))


def test_all_scripts_together_are_light() -> None:
    if not (STATIC_DIRECTORY / "index.html").exists():
        skip_or_fail("the dashboard is not built: run `make dashboard`")
    assert 10_000 < gzipped(STATIC_DIRECTORY) <= MOST_BYTES


def test_a_heavy_script_is_counted_wherever_it_lies(tmp_path: Path) -> None:
    folder = tmp_path / "assets" / "deep"
    folder.mkdir(parents=True)
    (folder / "heavy.js").write_bytes(bytes(range(256)) * 10)
    assert gzipped(tmp_path) > 250
