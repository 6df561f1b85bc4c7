"""Who is let in, and who has to go."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gpufleet_collector.access.book import Book, bearer
from gpufleet_collector.access.grants import Grant, Right, Role
from gpufleet_collector.access.token import digest_of
from gpufleet_collector.errors import DatabaseUnavailable, Forbidden, Unauthenticated


def grant(text: str, role: Role = Role.AGENT, **more: object) -> Grant:
    return Grant(text[:4], digest_of(text), role, **more)  # type: ignore[arg-type]


def test_a_book_without_tokens_is_open() -> None:
    book = Book()
    assert book.is_open
    assert book.admit(None, Right.ADMINISTER, 0) is None


def test_the_first_token_closes_it_and_it_stays_closed_when_that_is_revoked_or_gone() -> None:
    book = Book()
    book.replace("database", [grant("secret", revoked_at=1)])
    assert not book.is_open
    book.replace("database", [])
    with pytest.raises(Unauthenticated):
        book.admit(None, Right.READ, 0)


def test_a_file_closes_it_without_any() -> None:
    book = Book()
    book.replace("file", [], closes=True)
    assert not book.is_open


def test_until_all_sources_are_known_nobody_is_let_in_but_who_has_a_valid_token() -> None:
    book = Book(["database", "file"])
    with pytest.raises(DatabaseUnavailable):
        book.admit(None, Right.READ, 0)
    book.replace("file", [grant("secret", Role.VIEWER)], closes=True)
    assert book.admit("Bearer secret", Right.READ, 0) is not None
    book.replace("database", [])
    with pytest.raises(Unauthenticated):
        book.admit(None, Right.READ, 0)


@pytest.mark.parametrize(
    "authorization",
    [None, "", "secret", "Basic secret", "Bearer", "Bearer ", "Bearer other", "Bearer " + "x" * 5_000, "Bearer old"],
)
def test_no_token_a_wrong_one_and_an_expired_one_are_refused_in_the_same_words(authorization: str | None) -> None:
    book = Book()
    book.replace("database", [grant("secret"), grant("old", expires_at=5), grant("gone", revoked_at=3)])
    with pytest.raises(Unauthenticated) as refused:
        book.admit(authorization, Right.STREAM, 10)
    with pytest.raises(Unauthenticated) as revoked:
        book.admit("Bearer gone", Right.STREAM, 10)
    assert str(refused.value) == str(revoked.value)


def test_a_valid_token_that_does_not_allow_it_is_told_so() -> None:
    book = Book()
    book.replace("database", [grant("secret", Role.AGENT)])
    assert book.admit("bearer  secret ", Right.STREAM, 0) is not None
    with pytest.raises(Forbidden, match="agent may not read"):
        book.admit("Bearer secret", Right.READ, 0)


def test_what_is_open_with_a_token_ends_when_it_is_revoked_and_once_only() -> None:
    book, ended = Book(), list[str]()
    kept, lost = grant("kept"), grant("lost")
    book.replace("database", [kept, lost])
    book.hold(kept, lambda: ended.append("kept"))
    book.hold(lost, lambda: ended.append("lost"))
    book.hold(lost, lambda: ended.append("lost too"))
    let_go = book.hold(lost, lambda: ended.append("left by itself"))
    let_go()
    assert book.sweep(0) == 0
    book.replace("database", [kept, replace(lost, revoked_at=1)])
    assert book.sweep(0) == 2
    assert book.sweep(0) == 0
    assert ended == ["lost", "lost too"]
    let_go()


def test_what_came_while_everybody_might_ends_with_the_first_token() -> None:
    book, ended = Book(), list[str]()
    book.hold(None, lambda: ended.append("anybody"))
    assert book.sweep(0) == 0
    book.replace("database", [grant("secret")])
    book.sweep(0)
    assert ended == ["anybody"]


def test_a_token_whose_hosts_were_narrowed_is_asked_for_again() -> None:
    book, ended = Book(), list[str]()
    wide = grant("secret")
    book.replace("file", [wide])
    book.hold(wide, lambda: ended.append("x"))
    book.replace("file", [replace(wide, hosts=("gpu-*",))])
    book.sweep(0)
    assert ended == ["x"]


def test_a_token_of_two_sources_is_revoked_by_either() -> None:
    book = Book()
    book.replace("file", [grant("secret")], closes=True)
    book.replace("database", [grant("secret", revoked_at=1)])
    with pytest.raises(Unauthenticated):
        book.admit("Bearer secret", Right.STREAM, 5)


def test_credentials_are_read_as_http_has_them() -> None:
    assert bearer("Bearer abc") == "abc"
    assert bearer("BEARER abc") == "abc"
    assert bearer("Bearer  ") is None


TEXTS = ("a", "b", "c")


class BookModel(RuleBasedStateMachine):
    """Whatever tokens come, go, expire and are revoked: after a sweep exactly those are open whose token is valid."""

    @initialize()
    def begin(self) -> None:
        self.book = Book()
        self.known: dict[str, Grant] = {}
        self.was_known = False
        self.open: dict[int, str | None] = {}
        self.number = 0
        self.now = 0

    @rule(text=st.sampled_from(TEXTS), lives=st.none() | st.integers(1, 5), role=st.sampled_from(Role))
    def make(self, text: str, lives: int | None, role: Role) -> None:
        self.known[text] = grant(text, role, expires_at=None if lives is None else self.now + lives)
        self.tell()

    @rule(text=st.sampled_from(TEXTS))
    def revoke(self, text: str) -> None:
        if text in self.known:
            self.known[text] = replace(self.known[text], revoked_at=self.now)
            self.tell()

    @rule(text=st.sampled_from(TEXTS))
    def lose(self, text: str) -> None:
        self.known.pop(text, None)
        self.tell()

    def tell(self) -> None:
        self.was_known = self.was_known or bool(self.known)
        self.book.replace("database", self.known.values())

    @rule(seconds=st.integers(1, 3))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule(text=st.none() | st.sampled_from(TEXTS))
    def come(self, text: str | None) -> None:
        known = None if text is None else self.known.get(text)
        may = known is not None and known.is_valid(self.now) and known.may(Right.STREAM)
        try:
            held = self.book.admit(None if text is None else f"Bearer {text}", Right.STREAM, self.now)
        except (Unauthenticated, Forbidden):
            assert self.was_known
            assert not may
            return
        assert may or not self.was_known
        number = self.number = self.number + 1
        self.open[number] = None if held is None else text
        self.book.hold(held, lambda: self.open.__delitem__(number))

    @rule()
    def sweep(self) -> None:
        before = dict(self.open)
        self.book.sweep(self.now)
        for number, text in before.items():
            known = None if text is None else self.known.get(text)
            stays = not self.was_known if text is None else known is not None and known.is_valid(self.now)
            if not stays:
                assert number not in self.open

    @invariant()
    def closed_for_good(self) -> None:
        if hasattr(self, "book"):
            assert self.book.is_open == (not self.was_known)


BookModel.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestBookModel = BookModel.TestCase
