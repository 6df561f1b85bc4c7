"""Which settings of access go together, and that a token goes nowhere unencrypted unless somebody says so."""

from pathlib import Path

import pytest

from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.access.config import AccessConfig, in_plain_text, parse_access, refuse_plain_text
from gpufleet_agent.access.start import warnings
from gpufleet_agent.config import read_config
from gpufleet_agent.errors import ConfigurationError

TOKEN = "gpf_abcdefghij_" + "x" * 43


def test_all_of_it() -> None:
    environ = {
        "GPUFLEET_TOKEN_FILE": "/t",
        "GPUFLEET_TLS_CA_FILE": "/ca",
        "GPUFLEET_TLS_CERT_FILE": "/c",
        "GPUFLEET_TLS_KEY_FILE": "/k",
        "GPUFLEET_ALLOW_INSECURE": "1",
    }
    assert read_config(environ, {}).access == AccessConfig(
        None, Path("/t"), Path("/ca"), Path("/c"), Path("/k"), allow_insecure=True
    )


def test_what_is_empty_is_not_set() -> None:
    given = {"GPUFLEET_TOKEN": "", "GPUFLEET_TOKEN_FILE": "", "GPUFLEET_TLS_KEY_FILE": ""}
    assert parse_access(given, allow_insecure=False) == AccessConfig()


def test_a_token_loses_the_line_break_that_a_shell_has_put_there() -> None:
    assert parse_access({"GPUFLEET_TOKEN": f"{TOKEN}\n"}, allow_insecure=False).token == TOKEN


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"GPUFLEET_TOKEN": TOKEN, "GPUFLEET_TOKEN_FILE": "/t"},
            "GPUFLEET_TOKEN and GPUFLEET_TOKEN_FILE are both set: choose one",
        ),
        ({"GPUFLEET_TLS_CERT_FILE": "/c"}, "GPUFLEET_TLS_CERT_FILE is set without GPUFLEET_TLS_KEY_FILE"),
        ({"GPUFLEET_TLS_KEY_FILE": "/k"}, "GPUFLEET_TLS_KEY_FILE is set without GPUFLEET_TLS_CERT_FILE"),
        ({"GPUFLEET_TOKEN": "two words"}, "GPUFLEET_TOKEN holds something else than a token"),
        ({"GPUFLEET_TOKEN": "\t "}, "GPUFLEET_TOKEN is empty"),
        ({"GPUFLEET_TOKEN": f"{TOKEN}é"}, "GPUFLEET_TOKEN holds something else than a token"),
        ({"GPUFLEET_TOKEN": "x" * 5000}, "GPUFLEET_TOKEN holds something else than a token"),
    ],
)
def test_what_does_not_go_together_is_named_and_never_said(given: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_access(given, allow_insecure=False)
    assert str(refusal.value).startswith(message)
    assert "\n" not in str(refusal.value)
    assert not any(secret in str(refusal.value) for secret in (TOKEN, "two words", "xxxx"))


def test_a_token_over_a_network_needs_tls() -> None:
    addresses = parse_collectors("grpcs://a,grpc://127.0.0.1,grpc://b:1")
    with pytest.raises(
        ConfigurationError, match=r"grpc://b:1 without TLS: write grpcs://b:1 .*GPUFLEET_ALLOW_INSECURE"
    ):
        refuse_plain_text(AccessConfig(token=TOKEN), addresses)
    with pytest.raises(ConfigurationError, match="TLS"):
        refuse_plain_text(AccessConfig(token_file=Path("/t")), addresses)
    refuse_plain_text(AccessConfig(), addresses)
    refuse_plain_text(AccessConfig(token=TOKEN), addresses[:2])
    refuse_plain_text(AccessConfig(token=TOKEN, allow_insecure=True), addresses)
    assert in_plain_text(AccessConfig(token=TOKEN), addresses) == [addresses[2]]


def test_what_is_allowed_and_should_not_be_is_said_at_every_start() -> None:
    bare = parse_collectors("grpc://b:1")
    (line,) = warnings(AccessConfig(token=TOKEN, allow_insecure=True), bare)
    assert line == "GPUFLEET_ALLOW_INSECURE=true: the token goes without TLS to grpc://b:1"
    (line,) = warnings(AccessConfig(allow_insecure=True), parse_collectors("grpcs://b"))
    assert line.startswith("GPUFLEET_ALLOW_INSECURE=true: ")
    assert warnings(AccessConfig(token=TOKEN), parse_collectors("grpcs://b")) == []


def test_certificates_that_nobody_looks_at_are_said() -> None:
    (line,) = warnings(AccessConfig(ca_file=Path("/ca")), parse_collectors("grpc://127.0.0.1"))
    assert "not used" in line
    assert warnings(AccessConfig(ca_file=Path("/ca")), parse_collectors("grpc://127.0.0.1,grpcs://b")) == []


def test_no_secret_is_shown_with_a_configuration() -> None:
    config = read_config({"GPUFLEET_TOKEN": TOKEN}, {})
    assert config.access.token == TOKEN
    assert TOKEN not in f"{config!r} {config} {config.access!r}"
