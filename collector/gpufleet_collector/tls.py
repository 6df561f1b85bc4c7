"""The certificate that both listeners show: read, tried out before it is used, and read again when its files change."""

import logging
import ssl
from dataclasses import dataclass, field
from pathlib import Path

from gpufleet_collector.errors import ConfigurationError

MAX_PEM_BYTES = 1024 * 1024
_MOST_STEPS = 10
_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """`client_ca` is whose certificates agents have to show, if any."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What the files hold, PEM. `expires` is seconds since 1970."""

    certificate: bytes
    key: bytes = field(repr=False)
    client_ca: bytes | None
    expires: float


def read_identity(files: TlsFiles) -> Identity:
    """Raises ConfigurationError when a file cannot be read, key and certificate do not belong together, or the
    certificate has expired or is not valid yet."""
    certificate, key = (
        _read("GPUFLEET_TLS_CERT_FILE", files.certificate),
        _read("GPUFLEET_TLS_KEY_FILE", files.key),
    )
    client_ca = None if files.client_ca is None else _read("GPUFLEET_TLS_CLIENT_CA_FILE", files.client_ca)
    server = server_context(files)
    if client_ca is not None:
        _try_bundle(files.client_ca, client_ca)
    return Identity(certificate, key, client_ca, _try_out(server, certificate, files))


def server_context(files: TlsFiles) -> ssl.SSLContext:
    """For HTTP. Raises ConfigurationError when key and certificate do not belong together."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load(context, files)
    return context


def load(context: ssl.SSLContext, files: TlsFiles) -> None:
    """From now on new connections are shown this certificate. Raises ConfigurationError."""
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"GPUFLEET_TLS_CERT_FILE={str(files.certificate)!r} and GPUFLEET_TLS_KEY_FILE={str(files.key)!r} cannot be "
            f"used: {_words(error)}: give a certificate with its chain and the unencrypted key that belongs to it, PEM"
        ) from None


def _no_password() -> str:
    raise ValueError("the key is encrypted")


def _read(variable: str, path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{variable}={str(path)!r} cannot be read: {error.strerror or error}") from None
    if len(content) > MAX_PEM_BYTES:
        raise ConfigurationError(f"{variable}={str(path)!r} is larger than {MAX_PEM_BYTES} bytes: is it a certificate?")
    return content


def _try_bundle(path: Path | None, content: bytes) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=content.decode("ascii"))
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"GPUFLEET_TLS_CLIENT_CA_FILE={str(path)!r} cannot be used: {_words(error)}: give certificates, PEM"
        ) from None


def _try_out(server: ssl.SSLContext, certificate: bytes, files: TlsFiles) -> float:
    """A handshake in memory with a client that trusts this very certificate; until when it is valid. The standard
    library has no other way to read a certificate."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(cadata=_first(certificate))
        peer = _shake_hands(client, server)
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError(
            f"GPUFLEET_TLS_CERT_FILE={str(files.certificate)!r} cannot be used: {_words(error)}: renew it"
        ) from None
    return ssl.cert_time_to_seconds(str(peer["notAfter"]))


def _first(certificate: bytes) -> str:
    end = "-----END CERTIFICATE-----"
    text = certificate.decode("ascii")
    begin = text.index("-----BEGIN CERTIFICATE-----")
    return text[begin : text.index(end, begin) + len(end)] + "\n"


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> dict[str, object]:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server)
    for _ in range(_MOST_STEPS):
        done = [_step(theirs), _step(ours)]
        if all(done):
            return dict(theirs.getpeercert() or {})
    raise ValueError("it takes no connection")


def _step(side: ssl.SSLObject) -> bool:
    try:
        side.do_handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _words(error: OSError | ValueError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return "it is not PEM" if isinstance(error, UnicodeDecodeError) else str(error)


class Certificates:
    """The identity in use. `look` reads the files again when they have changed; where they cannot be used the identity
    stays as it is, which is said once for every change."""

    def __init__(self, files: TlsFiles) -> None:
        """Raises ConfigurationError."""
        self._files = files
        self._seen = self._stamp()
        self._said = ""
        self.identity = read_identity(files)
        self.http = server_context(files)

    def look(self) -> bool:
        """Whether there is a new identity."""
        stamp = self._stamp()
        if stamp == self._seen:
            return False
        try:
            identity = read_identity(self._files)
            load(self.http, self._files)
        except ConfigurationError as error:
            self._say(f"the certificate in use is kept: {error}")
            return False
        self._seen, self._said, self.identity = stamp, "", identity
        _logger.info("the certificate was read again")
        return True

    def _say(self, text: str) -> None:
        """Once, for as long as it is the same."""
        if text != self._said:
            self._said = text
            _logger.error("%s", text)

    def _stamp(self) -> tuple[object, ...]:
        files = (self._files.certificate, self._files.key, self._files.client_ca)
        return tuple(_stamp_of(path) for path in files if path is not None)


def _stamp_of(path: Path) -> object:
    try:
        found = path.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
