"""The mounted list of tokens."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gpufleet_collector.access.grants import Grant, Role
from gpufleet_collector.access.token import ID_LENGTH, Token
from gpufleet_collector.access.tokens_file import MAX_FILE_BYTES, read_lines, read_tokens, text_of, write_line
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.token_command import DAY_US, MAX_DAYS, Order

DIGEST = "ab" * 32
NOW_US = 1_767_225_600_123_456


def read(text: str) -> list[Grant]:
    return read_tokens(text, "tokens")


def test_a_line_is_a_token() -> None:
    (grant,) = read(f"agent sha256:{DIGEST} name=rack-1 hosts=gpu-*,node-? expires=2027-01-01T00:00:00Z")
    assert (grant.role, grant.digest.hex(), grant.name) == (Role.AGENT, DIGEST, "rack-1")
    assert grant.hosts == ("gpu-*", "node-?")
    assert grant.expires_at == 1_798_761_600_000_000
    assert grant.id == DIGEST[:10]


def test_a_line_says_the_public_part_of_its_token() -> None:
    (grant,) = read(f"agent sha256:{DIGEST} id=abcdefgh23")
    assert grant.id == "abcdefgh23"


def test_comments_and_empty_lines_are_none_and_the_same_token_is_one() -> None:
    text = f"# ours\n\n  viewer sha256:{DIGEST}  # a dashboard\nadmin   sha256:{DIGEST.upper()}\n"
    (grant,) = read(text)
    assert grant.role is Role.ADMIN


def test_a_comment_begins_with_a_line_or_after_a_blank_and_nowhere_else() -> None:
    (grant,) = read(f"agent sha256:{DIGEST} name=a#b expires=2027-01-01T00:00:00Z\t#hosts=x")
    assert (grant.name, grant.hosts) == ("a#b", ())
    assert grant.expires_at is not None
    for line in (f"agent sha256:{DIGEST} hosts=rack#7-* expires=2027-01-01T00:00:00Z", f"agent sha256:{DIGEST}#x"):
        with pytest.raises(ConfigurationError):
            read(line)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("gpf_aaaaaaaaaa_secret", "a line is"),
        (f"root sha256:{DIGEST}", "a role is"),
        (f"agent sha256:{DIGEST[1:]}", "a line is"),
        (f"agent sha256:{DIGEST} colour=red", "no colour="),
        (f"agent sha256:{DIGEST} hosts=,", "pattern"),
        (f"agent sha256:{DIGEST} hosts=rack#7-*", "neither blanks nor #"),
        (f"agent sha256:{DIGEST} hosts=a, b", "a line is"),
        (f"agent sha256:{DIGEST} id=secret", "public part"),
        (f"agent sha256:{DIGEST} name=\udcff", "not UTF-8"),
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


def test_lines_that_cannot_be_read_take_nothing_from_the_others() -> None:
    reading = read_lines(f"root\nviewer sha256:{DIGEST}\n\nagent\nadmin sha256:1\n", "tokens")
    assert [grant.role for grant in reading.grants] == [Role.VIEWER]
    assert [number for number, _ in reading.faults] == [1, 4, 5]
    assert reading.wrong is not None
    assert reading.wrong.startswith("line 1: a line is ROLE")
    assert reading.wrong.endswith("(and 2 more that cannot be read)")
    assert read_lines("# none\n", "tokens").wrong is None


def test_bytes_that_are_not_utf_8_spoil_their_line_alone(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_bytes(f"viewer sha256:{DIGEST} # b".encode() + b"\xfcro\nagent \xff\n")
    reading = read_lines(text_of(file), "tokens")
    assert (len(reading.grants), reading.faults) == (1, [(2, "it is not UTF-8")])
    file.write_bytes(b"#" * (MAX_FILE_BYTES + 1))
    with pytest.raises(ConfigurationError, match="larger"):
        text_of(file)


grants = st.builds(
    Grant,
    id=st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=ID_LENGTH, max_size=ID_LENGTH),
    digest=st.binary(min_size=32, max_size=32),
    role=st.sampled_from(Role),
    name=st.text("abc-.:/ #%=äß", max_size=20),
    hosts=st.lists(st.text("ab*?-[]=%ä", min_size=1, max_size=8), max_size=4, unique=True).map(tuple),
    expires_at=st.none() | st.integers(0, 4_000_000_000_000_000),
)


@given(grants)
def test_what_is_written_is_read_again(grant: Grant) -> None:
    assert read(write_line(grant)) == [grant]


orders = st.builds(
    Order,
    role=st.sampled_from([role.value for role in Role]),
    name=st.text(max_size=30),
    hosts=st.none() | st.text(max_size=30) | st.text("ab*?-[]# ,=%", max_size=30),
    expires=st.none() | st.integers(1, MAX_DAYS).map(lambda days: f"{days}d"),
)


@given(orders, st.integers(NOW_US, NOW_US + DAY_US))
@example(Order("agent", hosts="rack#7-*", expires="1d"), NOW_US)
@example(Order("agent", hosts="my host"), NOW_US)
@example(Order("viewer", name="Anna's laptop # 2, 100%41"), NOW_US)
@example(Order("viewer", expires=f"{MAX_DAYS}d"), NOW_US + 1)
def test_a_token_that_may_be_made_is_the_same_in_a_file(order: Order, now: int) -> None:
    try:
        grant = order.grant(Token("abcdefgh23", "secret"), now)
    except ConfigurationError:
        return
    assert read(write_line(grant)) == [replace(grant, created_at=None)]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read(text)
    except ConfigurationError:
        return


def test_a_name_with_anything_in_it_stays_one_word() -> None:
    line = write_line(Grant("x", bytes(32), Role.VIEWER, "Anna's laptop # 2\n"))
    assert line.split() == ["viewer", f"sha256:{'00' * 32}", "name=Anna's%20laptop%20%23%202%0A"]
    (grant,) = read(line)
    assert grant.name == "Anna's laptop # 2-"
