"""Tokens themselves."""

import hashlib
import secrets

from gpufleet_collector.access.token import TOKEN, Token, digest_of, id_of, make_token


def counting(size: int) -> bytes:
    return bytes(range(size))


def test_a_token_is_told_from_other_secrets_by_its_beginning() -> None:
    token = make_token(counting)
    assert TOKEN.fullmatch(token.text)
    assert token.text.startswith(f"gpf_{token.id}_")
    assert token.digest == hashlib.sha256(token.text.encode()).digest()


def test_no_two_are_the_same() -> None:
    made = {make_token(secrets.token_bytes).text for _ in range(100)}
    assert len(made) == 100


def test_a_token_is_not_shown_by_accident() -> None:
    token = make_token(counting)
    assert token.text not in repr(token)


def test_the_public_part_is_found_in_a_token_and_in_nothing_else() -> None:
    token = make_token(counting)
    assert id_of(token.text) == token.id
    assert id_of(token.id) is None
    assert id_of(token.text + "x") is None


def test_any_text_has_a_digest() -> None:
    assert len(digest_of("\ud800ß")) == 32
    assert Token("a", "b").digest == digest_of("b")
