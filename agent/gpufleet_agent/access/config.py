"""What the operator has set for getting in at a collector: token, certificates, and whether to do without TLS."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.errors import ConfigurationError

TOKEN, TOKEN_FILE, CA_FILE = "GPUFLEET_TOKEN", "GPUFLEET_TOKEN_FILE", "GPUFLEET_TLS_CA_FILE"
CERT_FILE, KEY_FILE = "GPUFLEET_TLS_CERT_FILE", "GPUFLEET_TLS_KEY_FILE"
ALLOW_INSECURE = "GPUFLEET_ALLOW_INSECURE"
MAX_TOKEN = 4096


@dataclass(frozen=True, slots=True)
class AccessConfig:
    """At most one of `token` and `token_file` is given, and `cert_file` and `key_file` together or not at all. The
    files are read when a stream is opened."""

    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    allow_insecure: bool = False

    @property
    def has_token(self) -> bool:
        return self.token is not None or self.token_file is not None

    @property
    def token_setting(self) -> str:
        """What to change for another token; without one, what to set."""
        if self.token_file is not None:
            return f"{TOKEN_FILE}={self.token_file}"
        return TOKEN if self.token is not None else f"{TOKEN_FILE} or {TOKEN}"

    @property
    def has_tls_files(self) -> bool:
        return self.ca_file is not None or self.cert_file is not None


NO_ACCESS = AccessConfig()


def parse_access(given: Mapping[str, str], *, allow_insecure: bool) -> AccessConfig:
    """Raises ConfigurationError that never holds a secret."""
    token, token_file = given.get(TOKEN) or None, _path(given, TOKEN_FILE)
    cert_file, key_file = _path(given, CERT_FILE), _path(given, KEY_FILE)
    if token is not None and token_file is not None:
        raise ConfigurationError(f"{TOKEN} and {TOKEN_FILE} are both set: choose one")
    if (cert_file is None) is not (key_file is None):
        there, missing = (CERT_FILE, KEY_FILE) if key_file is None else (KEY_FILE, CERT_FILE)
        raise ConfigurationError(f"{there} is set without {missing}: a client certificate is both, or neither")
    return AccessConfig(
        token=None if token is None else parse_token(token, TOKEN),
        token_file=token_file,
        ca_file=_path(given, CA_FILE),
        cert_file=cert_file,
        key_file=key_file,
        allow_insecure=allow_insecure,
    )


def _path(given: Mapping[str, str], variable: str) -> Path | None:
    return Path(given[variable]) if given.get(variable) else None


def parse_token(text: str, where: str) -> str:
    """The token without what surrounds it. `where` is what to name when it is none."""
    token = text.strip()
    if not token:
        raise ConfigurationError(f"{where} is empty: put in a token that `gpufleet-collector token create` has printed")
    if not re.fullmatch(rf"[!-~]{{1,{MAX_TOKEN}}}", token):
        raise ConfigurationError(f"{where} holds something else than a token: give one word of printable ASCII")
    return token


def in_plain_text(access: AccessConfig, addresses: Iterable[CollectorAddress]) -> list[CollectorAddress]:
    """The collectors to which a token would go unencrypted over a network."""
    return [address for address in addresses if access.has_token and not address.tls and not address.is_loopback]


def refuse_plain_text(access: AccessConfig, addresses: Iterable[CollectorAddress]) -> None:
    """Raises ConfigurationError where a token would go over a network without TLS, unless that is allowed."""
    bare = in_plain_text(access, addresses)
    if bare and not access.allow_insecure:
        raise ConfigurationError(
            f"a token is set, and would go to {bare[0]} without TLS: write grpcs://{bare[0].target} in "
            f"GPUFLEET_COLLECTOR ({CA_FILE} names its CA), or set {ALLOW_INSECURE}=true"
        )
