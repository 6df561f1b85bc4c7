"""A cursor leads to its own page, and nothing else passes for one."""

import base64
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.parameters import Parameters

ALLOWED = ("host", "limit", "cursor")
KEYS = st.tuples(st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=20), st.integers(0, 2**61))


def cursors(*pairs: tuple[str, str], path: str = "/api/v1/gpus") -> Cursors:
    return Cursors(path, Parameters(pairs, ALLOWED), (str, int))


def encoded(content: Any) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(content)).rstrip(b"=").decode()


@given(KEYS)
def test_the_key_comes_back(key: tuple[str, int]) -> None:
    assert cursors().read(cursors().write(key)) == key


def test_no_cursor_is_the_first_page() -> None:
    assert cursors().read(None) is None


def test_the_limit_may_change_between_pages() -> None:
    text = cursors(("host", "a"), ("limit", "5")).write(("a", 1))
    assert cursors(("host", "a"), ("limit", "9"), ("cursor", text)).read(text) == ("a", 1)


@pytest.mark.parametrize(
    "other", [cursors(), cursors(("host", "b")), cursors(("host", "a"), path="/api/system/gpu-stats")]
)
def test_the_cursor_of_another_question_is_refused(other: Cursors) -> None:
    text = other.write(("a", 1))
    with pytest.raises(BadRequest) as refusal:
        cursors(("host", "a")).read(text)
    assert refusal.value.parameter == "cursor"


def test_a_cursor_with_the_right_question_and_a_wrong_key_is_refused() -> None:
    fingerprint = orjson.loads(base64.urlsafe_b64decode(cursors().write(("a", 1)) + "=="))[0]
    for key in (
        ["a"],
        ["a", 1, 2],
        [1, "a"],
        ["a", True],
        ["a", 1.5],
        ["a", -1],
        ["a", 2**63],
        ["a\0", 1],
        ["a", None],
    ):
        with pytest.raises(BadRequest):
            cursors().read(encoded([fingerprint, *key]))


@pytest.mark.parametrize(
    "text", ["", "!", "é", "A" * 5000, "AAAA", encoded([]), encoded({}), encoded(None), encoded([[]])]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        cursors().read(text)
    assert refusal.value.parameter == "cursor"


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda data: base64.urlsafe_b64encode(data).decode()))
def test_no_text_is_taken_for_a_cursor(text: str) -> None:
    with pytest.raises(BadRequest):
        cursors().read(text)
