"""Credentials are read at the start or the agent does not start, and read again later or the old ones go on."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from fakes.certificates import Authority, Issued
from gpufleet_agent.access.config import AccessConfig
from gpufleet_agent.access.credentials import MAX_TOKEN_FILE_BYTES, CredentialSource
from gpufleet_agent.errors import ConfigurationError

AUTHORITY = Authority("test")
CLIENT, NEXT = (AUTHORITY.issue(["node-1"], client=True) for _ in range(2))
FIRST, SECOND = "gpf_first_token", "gpf_second_token"
LOG = logging.getLogger("test.credentials")


def with_token(folder: Path, text: str = FIRST) -> AccessConfig:
    (folder / "token").write_text(text)
    return AccessConfig(token_file=folder / "token")


def with_pair(folder: Path, issued: Issued = CLIENT) -> AccessConfig:
    cert, key = issued.save(folder, "client")
    return AccessConfig(ca_file=AUTHORITY.save(folder), cert_file=cert, key_file=key)


def test_a_token_of_the_environment_and_one_of_a_file(tmp_path: Path) -> None:
    assert CredentialSource(AccessConfig(token=FIRST), LOG).now().token == FIRST
    assert CredentialSource(with_token(tmp_path, f"  {FIRST}\n\n"), LOG).now().token == FIRST
    assert CredentialSource(AccessConfig(), LOG).now().token is None


def test_a_token_that_is_rotated_is_taken_and_its_change_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = CredentialSource(with_token(tmp_path), LOG)
    assert [source.now().token, source.now().token] == [FIRST, FIRST]
    assert caplog.messages == []
    with_token(tmp_path, SECOND)
    assert [source.now().token, source.now().token] == [SECOND, SECOND]
    assert caplog.messages == [f"GPUFLEET_TOKEN_FILE={tmp_path}/token: changed, and read again"]


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text(""), lambda path: path.write_text("a b")])
def test_a_token_that_cannot_be_read_any_more_stays_and_that_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, spoil: Callable[[Path], object]
) -> None:
    caplog.set_level(logging.INFO)
    source = CredentialSource(with_token(tmp_path), LOG)
    spoil(tmp_path / "token")
    assert {source.now().token for _ in range(3)} == {FIRST}
    (said,) = caplog.messages
    assert said.startswith(f"GPUFLEET_TOKEN_FILE={tmp_path}/token ")
    assert said.endswith("what was read before is used on")
    with_token(tmp_path)
    assert source.now().token == FIRST
    assert caplog.messages[1:] == [f"GPUFLEET_TOKEN_FILE={tmp_path}/token: can be read again"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("gpf_a\ngpf_b\n", "holds something else"),
        ("x" * (MAX_TOKEN_FILE_BYTES + 1), "is longer than"),
    ],
)
def test_a_token_file_that_is_no_use_at_the_start_is_refused(tmp_path: Path, text: str | None, message: str) -> None:
    access = with_token(tmp_path, text or "")
    if text is None:
        (tmp_path / "token").unlink()
    with pytest.raises(ConfigurationError) as refusal:
        CredentialSource(access, LOG)
    assert f"{access.token_setting} {message}" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_certificate_that_is_renewed_is_taken_and_half_of_one_is_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    source = CredentialSource(with_pair(tmp_path), LOG)
    first = source.now()
    assert first.pair is not None
    assert (first.pair.cert_pem, first.ca_pem) == (CLIENT.cert_pem, AUTHORITY.pem)
    (tmp_path / "client.crt").write_bytes(NEXT.cert_pem)
    assert {source.now() for _ in range(3)} == {first}
    (said,) = caplog.messages
    assert "do not belong together" in said
    (tmp_path / "client.key").write_bytes(NEXT.key_pem)
    second = source.now().pair
    assert second is not None
    assert second.key_pem == NEXT.key_pem
    assert len(caplog.messages) == 2


def encrypted(key_pem: bytes) -> bytes:
    key = load_pem_private_key(key_pem, None)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"hush"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("ca.crt", b"", "GPUFLEET_TLS_CA_FILE={}/ca.crt holds no certificate"),
        ("ca.crt", b"nonsense", "GPUFLEET_TLS_CA_FILE={}/ca.crt holds no certificate"),
        ("ca.crt", None, "GPUFLEET_TLS_CA_FILE={}/ca.crt cannot be read"),
        ("client.crt", None, "GPUFLEET_TLS_CERT_FILE={}/client.crt cannot be read"),
        ("client.key", None, "GPUFLEET_TLS_KEY_FILE={}/client.key cannot be read"),
        ("client.crt", b"nonsense", "are not a certificate and its key"),
        ("client.key", NEXT.key_pem, "do not belong together"),
        ("client.key", b"nonsense", "are not a certificate and its key"),
        ("client.key", encrypted(CLIENT.key_pem), "the key not encrypted"),
    ],
)
def test_certificates_that_are_no_use_at_the_start_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    access = with_pair(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationError) as refusal:
        CredentialSource(access, LOG)
    assert message.format(tmp_path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_client_certificate_that_has_expired_is_said_and_waited_with(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = CredentialSource(with_pair(tmp_path, AUTHORITY.issue(["node-1"], client=True, expired=True)), LOG)
    assert source.now().pair is not None
    (said,) = caplog.messages
    assert said == f"GPUFLEET_TLS_CERT_FILE={tmp_path}/client.crt has expired 24 h ago"


def test_credentials_do_not_show_themselves(tmp_path: Path) -> None:
    with_pair(tmp_path)
    shown = repr(CredentialSource(AccessConfig(token=FIRST, cert_file=tmp_path / "client.crt", key_file=tmp_path / "client.key"), LOG).now())  # fmt: skip # noqa: E501
    assert FIRST not in shown
    assert "PRIVATE" not in shown
