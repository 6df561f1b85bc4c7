"""Keeps the book of tokens true: reads database and file every second, and ends what is open with tokens that are not
valid any more."""

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from gpufleet_collector.access.book import DATABASE, FILE, Book
from gpufleet_collector.access.grants import Grant
from gpufleet_collector.access.tokens_file import name_of, read_lines, read_tokens, text_of
from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import ConfigurationError, DatabaseUnavailable

REFRESH_SECONDS = 1.0
"""A token that was revoked ends what is open with it in this time and that of one question."""

ANSWER_SECONDS = 3.0

_logger = logging.getLogger(__name__)


class TokenSource(Protocol):
    """The tokens that the database has."""

    async def all(self) -> Sequence[Grant]:
        """Revoked and expired ones too. Raises DatabaseUnavailable."""


class Keeper:
    """`run` never ends by itself. A database that is away and a file that cannot be read leave what was known last. Of
    a file with lines that cannot be read the others count: a token whose line is gone is gone."""

    def __init__(self, book: Book, tokens: TokenSource, file: Path | None, clock: Clock) -> None:
        self._book = book
        self._tokens = tokens
        self._file = file
        self._clock = clock
        self._text: str | None = None
        self._said = ""
        self._is_migrated = False

    def read_file(self) -> None:
        """Raises ConfigurationError when the file, or a line of it, cannot be used."""
        if self._file is not None:
            text = text_of(self._file)
            self._take(text, read_tokens(text, name_of(self._file)))

    def _read_file_again(self) -> None:
        """Raises ConfigurationError when the file cannot be used at all."""
        if self._file is None or (text := text_of(self._file)) == self._text:
            return
        reading = read_lines(text, name_of(self._file))
        self._take(text, reading.grants)
        if reading.wrong is not None:
            remedy = "it is no token until it is corrected, and the other lines count"
            _logger.error("%s, %s; %s", name_of(self._file), reading.wrong, remedy)

    def _take(self, text: str, grants: Sequence[Grant]) -> None:
        self._book.replace(FILE, grants, closes=True)
        self._text = text

    async def read_database(self) -> None:
        """Once there is a table. Raises DatabaseUnavailable."""
        self._book.replace(DATABASE, await self._tokens.all())
        self._is_migrated = True

    async def run(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self.refresh()

    async def refresh(self) -> None:
        try:
            self._read_file_again()
        except ConfigurationError as error:
            self._say(f"the tokens that are known are kept: {error}")
        else:
            self._said = ""
        self._sweep()  # what a file or the time has ended does not wait for a database
        if self._is_migrated:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.read_database()
            except (DatabaseUnavailable, TimeoutError) as error:
                _logger.debug("tokens: %s", error)
            self._sweep()

    def _sweep(self) -> None:
        if ended := self._book.sweep(self._clock.now().wall_us):
            _logger.info("%d streams and sockets were ended: their tokens are not valid any more", ended)

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            _logger.error("%s", text)
