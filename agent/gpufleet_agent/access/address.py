"""Where a collector is and whether TLS is spoken with it, as GPUFLEET_COLLECTOR says it."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from gpufleet_agent.access.secrets import without_tokens
from gpufleet_agent.errors import ConfigurationError

DEFAULT_COLLECTOR = "grpc://127.0.0.1:50051"
DEFAULT_PORT = 50051
SCHEMES = {"grpc": False, "grpcs": True}


@dataclass(frozen=True, slots=True)
class CollectorAddress:
    """`host` is a name or an address, an IPv6 one without brackets. As text it is what the operator would write."""

    host: str
    port: int
    tls: bool = False

    @property
    def target(self) -> str:
        """As gRPC takes it: `node:50051`, `[::1]:50051`."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """What is sent there does not leave this machine."""
        if self.host.lower() == "localhost":
            return True
        try:
            address = ip_address(self.host)
        except ValueError:
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return (mapped or address).is_loopback

    def __str__(self) -> str:
        return f"{'grpcs' if self.tls else 'grpc'}://{self.target}"


def parse_collectors(text: str) -> tuple[CollectorAddress, ...]:
    """`grpc://a:50051,grpcs://b`: comma-separated, with or without TLS. Raises ConfigurationError."""
    addresses = tuple(_parse_collector(part.strip()) for part in text.split(",") if part.strip())
    if not addresses:
        raise ConfigurationError(f"GPUFLEET_COLLECTOR={text!r} names no collector: write {DEFAULT_COLLECTOR}")
    return addresses


def _parse_collector(url: str) -> CollectorAddress:
    if "@" in url:  # what stands before it may be a secret
        raise ConfigurationError(
            "GPUFLEET_COLLECTOR holds an @, and takes neither user nor password: write grpcs://HOST:PORT, and give "
            "the token in GPUFLEET_TOKEN_FILE or GPUFLEET_TOKEN"
        )
    shown = without_tokens(repr(url))
    wrong = f"GPUFLEET_COLLECTOR={shown} is not a collector's address: write grpc://HOST:PORT, or grpcs:// for TLS"
    try:
        parts = urlsplit(url)
        port = DEFAULT_PORT if parts.port is None else parts.port
    except ValueError:
        raise ConfigurationError(wrong) from None
    extra = parts.path not in ("", "/") or parts.query or parts.fragment
    host = parts.hostname or ""
    if parts.scheme not in SCHEMES or not re.fullmatch(r"[\w.:%-]+", host) or extra or port == 0:
        raise ConfigurationError(wrong)
    return CollectorAddress(host, port, SCHEMES[parts.scheme])
