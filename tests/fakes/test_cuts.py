"""A cut comes where it was told to, in whatever pieces the bytes come."""

import pytest

from fakes.cuts import Cut, Cutter

SAID = b"BEGIN;COPY rows 0123456789 COMMIT; more"


def passed(cut: Cut, said: bytes, size: int) -> bytes:
    cutter, through = Cutter(), b""
    for start in range(0, len(said), size):
        chunk = said[start : start + size]
        end = cutter.end(cut, chunk)
        through += chunk[:end]
        if end is not None:
            return through
    return through


@pytest.mark.parametrize("size", [1, 2, 5, 7, 100])
def test_so_many_bytes_pass_after_the_words(size: int) -> None:
    assert passed(Cut((b"COPY rows ",), 0), SAID, size) == b"BEGIN;COPY rows "
    assert passed(Cut((b"COPY rows ",), 3), SAID, size) == b"BEGIN;COPY rows 012"
    assert passed(Cut((b"COPY", b"COMMIT;"), 0), SAID, size) == b"BEGIN;COPY rows 0123456789 COMMIT;"


@pytest.mark.parametrize("size", [1, 5, 100])
def test_nothing_is_cut_without_all_words_in_their_order(size: int) -> None:
    assert passed(Cut((b"COMMIT", b"COPY"), 0), SAID, size) == SAID
    assert passed(Cut((b"COPY",), 1_000), SAID, size) == SAID


def test_it_comes_with_the_last_byte_that_passes_not_with_the_next() -> None:
    assert Cutter().end(Cut((b"COMMIT",), 1), b"COMMIT;") == len(b"COMMIT;")
