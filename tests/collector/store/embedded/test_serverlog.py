"""PostgreSQL's log: bounded while it is written, and asked why PostgreSQL ended."""

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.embedded.serverlog import ServerLog, complaint


def test_past_its_limit_the_log_begins_anew_and_the_old_one_is_kept_once(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "postgres.log", limit=10)
    writer = log.open()
    try:
        for text in (b"first log, long", b"second log, long"):
            os.write(writer, text)
            log.bound()
            assert (tmp_path / "postgres.log.1").read_bytes() == text
            assert log.size() == 0
        os.write(writer, b"short")
        log.bound()
        assert log.path.read_bytes() == b"short"
    finally:
        os.close(writer)
    assert {path.name for path in tmp_path.iterdir()} == {"postgres.log", "postgres.log.1"}


def test_the_bound_holds_when_the_old_log_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "postgres.log.1").mkdir()
    log = ServerLog(tmp_path / "postgres.log", limit=1)
    log.path.write_text("long")
    log.bound()
    assert log.size() == 0


def test_what_was_said_since_is_read_also_after_the_log_began_anew(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "postgres.log")
    assert log.since(0) == ""
    log.path.write_text("before after")
    assert log.since(7) == "after"
    assert log.since(100) == "before after"


def test_others_cannot_read_the_log(tmp_path: Path) -> None:
    log = ServerLog(tmp_path / "postgres.log")
    os.close(log.open())
    assert log.path.stat().st_mode & 0o077 == 0


def test_the_complaint_is_the_last_fatal_line() -> None:
    assert complaint("LOG: a\nFATAL:  because\nHINT: try\nLOG: shut down\n") == "FATAL:  because"
    assert complaint("error while loading\n\n") == "error while loading"
    assert complaint("") == "it said nothing"


@given(st.text())
def test_a_complaint_is_one_bounded_line(text: str) -> None:
    said = complaint(text)
    assert said
    assert len(said) <= 500
    assert len(said.splitlines()) == 1
