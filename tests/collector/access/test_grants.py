"""What a token allows."""

import pytest

from gpufleet_collector.access.grants import MAX_PATTERNS, Grant, Right, Role, read_patterns


def grant(role: Role = Role.AGENT, **more: object) -> Grant:
    return Grant("id", b"d", role, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("role", "rights"),
    [(Role.AGENT, {Right.STREAM}), (Role.VIEWER, {Right.READ}), (Role.ADMIN, set(Right))],
)
def test_a_role_has_its_rights_and_no_others(role: Role, rights: set[Right]) -> None:
    assert {right for right in Right if grant(role).may(right)} == rights


def test_a_token_ends_when_it_expires_or_is_revoked() -> None:
    assert grant().is_valid(10**18)
    assert grant(expires_at=100).is_valid(99)
    assert not grant(expires_at=100).is_valid(100)
    assert not grant(revoked_at=1).is_valid(0)


@pytest.mark.parametrize(
    ("hosts", "host", "speaks"),
    [
        ((), "anything", True),
        (("gpu-*",), "gpu-17", True),
        (("gpu-*",), "GPU-17", False),
        (("gpu-*",), "my-gpu-17", False),
        (("a", "node-?"), "node-7", True),
        (("a", "node-?"), "node-17", False),
    ],
)
def test_a_token_speaks_for_the_hosts_that_its_patterns_meet(hosts: tuple[str, ...], host: str, speaks: bool) -> None:
    assert grant(hosts=hosts).speaks_for(host) == speaks


def test_patterns_are_read_each_once() -> None:
    assert read_patterns("gpu-*, node-?,gpu-*") == ("gpu-*", "node-?")


@pytest.mark.parametrize("text", ["", "a,,b", ",", "a\x00", "x" * 300, ",".join(map(str, range(MAX_PATTERNS + 1)))])
def test_patterns_that_cannot_be_meant_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        read_patterns(text)


@pytest.mark.parametrize("text", ["rack#7-*", "#", "gpu-*,my host"])
def test_what_a_file_of_tokens_cannot_hold_is_refused_with_what_to_write_instead(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither blanks nor #: write \?"):
        read_patterns(text)
    read_patterns(text.replace("#", "?").replace(" ", "?"))
