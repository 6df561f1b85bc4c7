"""A test that fails once is run again by itself and named; one that fails twice, or too many at once, is red."""

import io
from pathlib import Path

import pytest
from steady import MOST, main

SOMETIMES = """
from pathlib import Path
def test_sometimes():
    mark = Path(__file__).with_suffix('.ran')
    first, _ = not mark.exists(), mark.touch()
    assert not first
def test_well(): pass
"""
NEVER = "def test_never(): assert False\n"


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    said = io.StringIO()
    # This pytest has its own plugins and settings; that of the test has none.
    (folder / "pytest.ini").write_text("[pytest]\n")
    status = main(["-q", "-p", "no:randomly", *arguments], folder=folder, stdout=said)
    return status, said.getvalue()


def test_what_passes_is_run_once(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text("def test_well(): pass\n")
    assert run(tmp_path) == (0, "")


def test_what_failed_once_is_run_by_itself_and_named(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SOMETIMES)
    assert run(tmp_path) == (0, "Failed at first and passed by itself: test_a.py::test_sometimes\n")


def test_what_fails_twice_is_red_also_beside_one_that_did_not(tmp_path: Path) -> None:
    (tmp_path / "test_a.py").write_text(SOMETIMES)
    (tmp_path / "test_b.py").write_text(NEVER)
    assert run(tmp_path) == (1, "")


def test_many_at_once_are_no_accident(tmp_path: Path) -> None:
    for number in range(MOST + 1):
        (tmp_path / f"test_{number}.py").write_text(SOMETIMES)
    assert run(tmp_path) == (1, "")


@pytest.mark.parametrize("content", ["def test_a(:", "import nothing_like_this"])
def test_what_could_not_be_run_at_all_is_red(tmp_path: Path, content: str) -> None:
    (tmp_path / "test_a.py").write_text(content)
    status, said = run(tmp_path)
    assert status > 1
    assert said == ""
