"""The certificate of the listeners: tried out before it is used, and kept when a newer one cannot be."""

import logging
import os
import ssl
from pathlib import Path

import pytest

from fakes.certificates import Authority
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.tls import Certificates, TlsFiles, read_identity

AUTHORITY = Authority("ours")
NAMES = ["localhost", "127.0.0.1"]


def saved(folder: Path, authority: Authority = AUTHORITY, **how: bool) -> TlsFiles:
    return TlsFiles(*authority.issue(NAMES, **how).save(folder))


def test_a_certificate_is_read_with_its_end(tmp_path: Path) -> None:
    files = saved(tmp_path)
    identity = read_identity(files)
    assert identity.certificate == files.certificate.read_bytes()
    assert identity.expires > 0
    assert "PRIVATE" not in repr(identity)


def test_an_expired_certificate_is_refused_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"GPUFLEET_TLS_CERT_FILE=.*expired") as refused:
        read_identity(saved(tmp_path, expired=True))
    assert "\n" not in str(refused.value)


def test_a_key_of_another_certificate_is_refused(tmp_path: Path) -> None:
    files = saved(tmp_path)
    AUTHORITY.issue(NAMES).save(tmp_path, "other")
    with pytest.raises(ConfigurationError, match=r"GPUFLEET_TLS_KEY_FILE=.*mismatch"):
        read_identity(TlsFiles(files.certificate, tmp_path / "other.key"))


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_what_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    files = saved(tmp_path)
    files.certificate.write_bytes(content)
    with pytest.raises(ConfigurationError, match="GPUFLEET_TLS_CERT_FILE"):
        read_identity(files)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    files = saved(tmp_path)
    with pytest.raises(ConfigurationError, match=r"GPUFLEET_TLS_CLIENT_CA_FILE=.*No such file"):
        read_identity(TlsFiles(files.certificate, files.key, tmp_path / "none.crt"))
    AUTHORITY.save(tmp_path)
    assert read_identity(TlsFiles(files.certificate, files.key, tmp_path / "ca.crt")).client_ca == AUTHORITY.pem
    (tmp_path / "ca.crt").write_text("no certificate")
    with pytest.raises(ConfigurationError, match="GPUFLEET_TLS_CLIENT_CA_FILE"):
        read_identity(TlsFiles(files.certificate, files.key, tmp_path / "ca.crt"))


def touch_later(files: TlsFiles, seconds: int) -> None:
    """As if it had been written at another time: the clock of files may stand for a while."""
    for path in (files.certificate, files.key):
        found = path.stat()
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + seconds * 10**9))


def test_new_files_are_taken_and_bad_ones_leave_the_old_in_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = saved(tmp_path)
    certificates = Certificates(files)
    first = certificates.identity
    assert not certificates.look()
    saved(tmp_path)
    touch_later(files, 1)
    assert certificates.look()
    second = certificates.identity
    assert second.certificate != first.certificate
    saved(tmp_path, expired=True)
    touch_later(files, 2)
    with caplog.at_level(logging.ERROR):
        assert not certificates.look()
        assert not certificates.look()
    assert certificates.identity is second
    said = [
        record.message
        for record in caplog.records
        if record.name == "gpufleet_collector.tls" and record.levelno == logging.ERROR
    ]
    assert [words.count("is kept") for words in said] == [1]


def test_connections_are_shown_the_certificate_that_is_in_use(tmp_path: Path) -> None:
    files = saved(tmp_path)
    certificates = Certificates(files)
    AUTHORITY.save(tmp_path)
    client = ssl.create_default_context(cafile=tmp_path / "ca.crt")

    def shown() -> bytes | None:
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = certificates.http.wrap_bio(to_server, to_client, server_side=True)
        visitor = client.wrap_bio(to_client, to_server, server_hostname="localhost")
        for side in (visitor, server, visitor, server, visitor):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
        return visitor.getpeercert(binary_form=True)

    before = shown()
    saved(tmp_path)
    touch_later(files, 3)
    certificates.look()
    assert shown() not in {before, None}
