"""The book follows file and database, and what is open ends with its token whichever of them is in trouble."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest

from fakes.clock import FakeClock
from fakes.tokens import grant_of
from gpufleet_collector.access.book import DATABASE, FILE, Book
from gpufleet_collector.access.grants import Grant, Right, Role
from gpufleet_collector.access.keeper import Keeper
from gpufleet_collector.access.tokens_file import write_line
from gpufleet_collector.errors import ConfigurationError, DatabaseUnavailable, Unauthenticated

ONE, TWO, THREE = (grant_of(text, Role.VIEWER) for text in ("one", "two", "three"))


class Tokens:
    """A database that may be away."""

    def __init__(self, *grants: Grant) -> None:
        self.grants = list(grants)
        self.is_away = False
        self.asked = 0

    async def all(self) -> Sequence[Grant]:
        self.asked += 1
        if self.is_away:
            raise DatabaseUnavailable("it does not answer")
        return self.grants


def may_read(book: Book, text: str) -> bool:
    try:
        book.admit(f"Bearer {text}", Right.READ, 0)
    except Unauthenticated:
        return False
    return True


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the keeper complained of."""
    records = [each for each in caplog.records if each.name == "gpufleet_collector.access.keeper"]
    return [each.getMessage() for each in records if each.levelno >= logging.ERROR]


async def test_a_token_that_goes_from_the_file_ends_what_is_open_while_the_database_is_away(
    tmp_path: Path,
) -> None:
    file, tokens, book, ended = tmp_path / "tokens", Tokens(), Book((DATABASE, FILE)), list[str]()
    file.write_text(write_line(ONE) + write_line(TWO))
    keeper = Keeper(book, tokens, file, FakeClock())
    keeper.read_file()
    await keeper.read_database()
    book.hold(ONE, lambda: ended.append("one"))
    book.hold(TWO, lambda: ended.append("two"))
    tokens.is_away = True
    file.write_text(write_line(TWO))
    await keeper.refresh()
    assert ended == ["one"]
    assert not may_read(book, "one")
    assert may_read(book, "two")


async def test_before_there_is_a_table_the_database_is_not_asked_and_nobody_is_let_in_unknown(tmp_path: Path) -> None:
    file, tokens, book = tmp_path / "tokens", Tokens(), Book((DATABASE, FILE))
    file.write_text(write_line(ONE))
    keeper = Keeper(book, tokens, file, FakeClock())
    keeper.read_file()
    await keeper.refresh()
    assert tokens.asked == 0
    assert may_read(book, "one")
    with pytest.raises(DatabaseUnavailable):
        book.admit(None, Right.READ, 0)


async def test_a_file_that_cannot_be_used_ends_the_start_and_later_leaves_what_was_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, book = tmp_path / "tokens", Book((DATABASE, FILE))
    keeper = Keeper(book, Tokens(), file, FakeClock())
    with pytest.raises(ConfigurationError, match="GPUFLEET_TOKENS_FILE"):
        keeper.read_file()
    file.write_text(write_line(ONE))
    keeper.read_file()
    file.unlink()
    for _ in range(3):
        await keeper.refresh()
    assert may_read(book, "one")
    assert len([words for words in told(caplog) if "are kept" in words]) == 1


async def test_a_line_that_cannot_be_read_ends_the_start_and_later_keeps_no_token_that_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file, book, ended = tmp_path / "tokens", Book((DATABASE, FILE)), list[str]()
    keeper = Keeper(book, Tokens(), file, FakeClock())
    file.write_text(write_line(ONE) + "nonsense\n")
    with pytest.raises(ConfigurationError, match="line 2"):
        keeper.read_file()
    file.write_text(write_line(ONE) + write_line(TWO))
    keeper.read_file()
    await keeper.read_database()
    book.hold(ONE, lambda: ended.append("one"))
    book.hold(TWO, lambda: ended.append("two"))
    file.write_text(f"agent nonsense\n{write_line(TWO)}{write_line(THREE)}")
    for _ in range(3):
        await keeper.refresh()
    assert ended == ["one"]
    assert [may_read(book, text) for text in ("one", "two", "three")] == [False, True, True]
    (said,) = told(caplog)
    assert str(file) in said
    assert "line 1: a line is ROLE" in said
    assert "until it is corrected" in said
    assert "nonsense" not in said
    file.write_text("nonsense")
    await keeper.refresh()
    assert not may_read(book, "two")
    assert not book.is_open


async def test_a_database_that_is_away_leaves_what_was_known() -> None:
    tokens, book = Tokens(ONE), Book((DATABASE,))
    keeper = Keeper(book, tokens, None, FakeClock())
    await keeper.read_database()
    tokens.is_away = True
    await keeper.refresh()
    assert may_read(book, "one")
    assert not may_read(book, "two")
