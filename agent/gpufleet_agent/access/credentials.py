"""What the agent shows to a collector, and whom it trusts: read from its files at every connection, so that a rotated
token or certificate is taken without a restart."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from gpufleet_agent.access.certificate import validities, what_is_wrong
from gpufleet_agent.access.config import CA_FILE, CERT_FILE, KEY_FILE, TOKEN_FILE, AccessConfig, parse_token
from gpufleet_agent.access.renewed import Renewed
from gpufleet_agent.errors import ConfigurationError

MAX_TOKEN_FILE_BYTES = 16 * 1024
MAX_PEM_FILE_BYTES = 4 * 1024 * 1024
"""A longer file is none of a token or of certificates."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A client certificate, with what leads up to its CA, and its private key; both PEM."""

    cert_pem: bytes = field(repr=False)
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Those of one connection. Without `ca_pem` the roots are those that gRPC brings."""

    token: str | None = field(default=None, repr=False)
    ca_pem: bytes | None = field(default=None, repr=False)
    pair: Pair | None = None


NO_CREDENTIALS = Credentials()


class CredentialSource:
    """Credentials of now. The first ones are read at once: what cannot be used is a ConfigurationError."""

    def __init__(self, access: AccessConfig, log: logging.Logger, now: Callable[[], float] = time.time) -> None:
        self.access = access
        self._log = log
        self._now = now
        self._token = Renewed(access.token_setting, lambda: read_token(access), lambda _: None, log)
        self._ca = Renewed(
            f"{CA_FILE}={access.ca_file}", lambda: read_ca(access), lambda pem: check_ca(access, pem), log
        )
        name = f"{CERT_FILE}={access.cert_file}"
        self._pair = Renewed(name, lambda: read_pair(access), lambda pair: self._check_pair(access, pair), log)

    def now(self) -> Credentials:
        return Credentials(self._token.now(), self._ca.now(), self._pair.now())

    def _check_pair(self, access: AccessConfig, pair: Pair | None) -> None:
        check_pair(access)
        wrong = None if pair is None else wrong_dates(pair.cert_pem, self._now())
        if wrong:  # it may be renewed any time: readings are kept until then
            self._log.warning("%s=%s %s", CERT_FILE, access.cert_file, wrong)


def read_token(access: AccessConfig) -> str | None:
    if access.token_file is None:
        return access.token
    where = f"{TOKEN_FILE}={access.token_file}"
    data = _read(TOKEN_FILE, access.token_file, MAX_TOKEN_FILE_BYTES)
    return parse_token(data.decode("ascii", errors="replace"), where)


def read_ca(access: AccessConfig) -> bytes | None:
    return None if access.ca_file is None else _read(CA_FILE, access.ca_file, MAX_PEM_FILE_BYTES)


def check_ca(access: AccessConfig, ca_pem: bytes | None) -> None:
    """Raises ConfigurationError where the file holds no certificate that can be read."""
    if ca_pem is not None and not validities(ca_pem):
        raise ConfigurationError(f"{CA_FILE}={access.ca_file} holds no certificate that can be read: give a PEM file")


def read_pair(access: AccessConfig) -> Pair | None:
    if access.cert_file is None or access.key_file is None:
        return None
    cert_pem = _read(CERT_FILE, access.cert_file, MAX_PEM_FILE_BYTES)
    return Pair(cert_pem, _read(KEY_FILE, access.key_file, MAX_PEM_FILE_BYTES))


def check_pair(access: AccessConfig) -> None:
    """Raises ConfigurationError where the two files are no certificate and the key that belongs to it."""
    if access.cert_file is None or access.key_file is None:
        return
    import ssl  # 1 MiB once it is used, and most agents have no client certificate

    both = f"{CERT_FILE}={access.cert_file} and {KEY_FILE}={access.key_file}"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        # A password is never asked for: gRPC could not be told it.
        context.load_cert_chain(access.cert_file, access.key_file, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigurationError(f"{both} do not belong together: give the key of this certificate") from error
        reason = (error.reason or "unreadable").lower().replace("_", " ")
        raise ConfigurationError(
            f"{both} are not a certificate and its key ({reason}): give PEM files, the key not encrypted"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"{both} cannot be read ({_reason(error)})") from error


def wrong_dates(cert_pem: bytes, now: float) -> str | None:
    """What is wrong with the certificate's time, or will be soon."""
    found = validities(cert_pem)
    return what_is_wrong(found[0], now) if found else None


def _read(variable: str, path: Path, limit: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"{variable}={path} cannot be read ({_reason(error)}): name a file that this user may read"
        ) from error
    if len(data) > limit:
        raise ConfigurationError(f"{variable}={path} is longer than {limit} bytes: name another file")
    return data


def _reason(error: Exception) -> str:
    """Without the file's name, which stands before it already."""
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
