"""The mounted list of tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.access.grants import Grant, Role
from gpufleet_collector.access.tokens_file import read_tokens, write_line
from gpufleet_collector.errors import ConfigurationError

DIGEST = "ab" * 32


def read(text: str) -> list[Grant]:
    return read_tokens(text, "tokens")


def test_a_line_is_a_token() -> None:
    (grant,) = read(f"agent sha256:{DIGEST} name=rack-1 hosts=gpu-*,node-? expires=2027-01-01T00:00:00Z")
    assert (grant.role, grant.digest.hex(), grant.name) == (Role.AGENT, DIGEST, "rack-1")
    assert grant.hosts == ("gpu-*", "node-?")
    assert grant.expires_at == 1_798_761_600_000_000


def test_comments_and_empty_lines_are_none_and_the_same_token_is_one() -> None:
    text = f"# ours\n\n  viewer sha256:{DIGEST}  # a dashboard\nadmin   sha256:{DIGEST.upper()}\n"
    (grant,) = read(text)
    assert grant.role is Role.ADMIN


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gpf_aaaaaaaaaa_secret", "a line is"),
        (f"root sha256:{DIGEST}", "a role is"),
        (f"agent sha256:{DIGEST[1:]}", "a line is"),
        (f"agent sha256:{DIGEST} colour=red", "no colour="),
        (f"agent sha256:{DIGEST} hosts=,", "pattern"),
        (f"agent sha256:{DIGEST} expires=tomorrow", "not a time"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number_and_not_shown(line: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match="tokens, line 2") as refused:
        read(f"# one\n{line}\n")
    assert words in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_file_without_end_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="lines"):
        read("#\n" * 20_000)


grants = st.builds(
    Grant,
    id=st.just("x"),
    digest=st.binary(min_size=32, max_size=32),
    role=st.sampled_from(Role),
    name=st.text("abc-.:/", max_size=20),
    hosts=st.lists(st.text("ab*?-[]", min_size=1, max_size=8), max_size=4, unique=True).map(tuple),
    expires_at=st.none() | st.integers(0, 4_000_000_000).map(lambda seconds: seconds * 1_000_000),
)


@given(grants)
def test_what_is_written_is_read_again(grant: Grant) -> None:
    (read_again,) = read(write_line(grant))
    kept = (grant.digest, grant.role, grant.name, grant.hosts, grant.expires_at)
    assert (
        read_again.digest,
        read_again.role,
        read_again.name,
        read_again.hosts,
        read_again.expires_at,
    ) == kept


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text)
    except ConfigurationError:
        return


def test_a_name_with_anything_in_it_stays_one_word() -> None:
    line = write_line(Grant("x", bytes(32), Role.VIEWER, "Anna's laptop # 2\n"))
    (grant,) = read(line)
    assert grant.name == "Anna's-laptop---2-"
