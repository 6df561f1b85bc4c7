"""One spelling of a database's address: operators paste what psql, SQLAlchemy or a provider gave them, and asyncpg is
choosy."""

import re
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from gpufleet_collector.errors import ConfigurationError

SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
LIBPQ_ONLY = frozenset(
    {
        "client_encoding",
        "connect_timeout",
        "fallback_application_name",
        "gssencmode",
        "keepalives",
        "keepalives_count",
        "keepalives_idle",
        "keepalives_interval",
        "tcp_user_timeout",
    }
)
"""Parameters that tune libpq alone; asyncpg would send them to the server, which refuses the connection."""

FORM = "give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or postgresql:///DATABASE?host=/SOCKET/FOLDER"
OWN_DATABASE = "gpufleet"
OWN_USER = "gpufleet"
OWN_PORT = 5432


def parse_address(url: str) -> str:
    """DATABASE_URL as asyncpg.connect and psql take it. Raises ConfigurationError, which never holds a password."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        raise _refused("is not an address", FORM) from None
    if parts.scheme not in SCHEMES:
        raise _refused("does not begin with postgresql://", FORM)
    if "#" in url or "@" in parts.path or parts.netloc.count("@") > 1:
        raise _refused(
            "holds a special character as it is", "in names and passwords write @ as %40, # as %23, / as %2F"
        )
    if not url.strip().startswith(parts.scheme + "://") or not _is_host_list(parts.netloc.rpartition("@")[2]):
        raise _refused("has no usable host and port", FORM)
    return _join(parts, _parameters(parts.query))


def socket_address(directory: Path, database: str = OWN_DATABASE) -> str:
    """The address of the collector's own PostgreSQL, whose socket is in `directory`."""
    parameters = urlencode({"host": str(directory), "port": OWN_PORT}, quote_via=quote, safe="/")
    return f"postgresql://{OWN_USER}@/{database}?{parameters}"


def _refused(what: str, remedy: str) -> ConfigurationError:
    return ConfigurationError(f"DATABASE_URL {what}: {remedy}")


def _is_host_list(hosts: str) -> bool:
    if not hosts:
        return True
    one = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/@,]*)(?::([0-9]{1,5}))?"
    matches = [re.fullmatch(one, host) for host in hosts.split(",")]
    return all(match is not None and int(match[1] or 1) in range(1, 65_536) for match in matches)


def _parameters(query: str) -> dict[str, str]:
    try:
        # In an address of PostgreSQL a plus is a plus; in a query of the web it is a space.
        given = dict(parse_qsl(query.replace("+", "%2B"), strict_parsing=True)) if query else {}
    except ValueError:
        raise _refused("has parameters that cannot be read", "write ?NAME=VALUE&NAME=VALUE") from None
    if "ssl" in given:
        given.setdefault("sslmode", given.pop("ssl"))
    if given.get("sslmode", "disable") not in SSL_MODES:
        raise _refused("has an unknown sslmode", f"give one of {', '.join(SSL_MODES)}")
    if not all(re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65_536 for port in _ports(given)):
        raise _refused("has a wrong port", "give 1 to 65535")
    if given.pop("channel_binding", "prefer") == "require":
        raise _refused("asks for channel binding, which is not supported", "leave channel_binding out")
    return {name: value for name, value in given.items() if name not in LIBPQ_ONLY}


def _ports(parameters: dict[str, str]) -> list[str]:
    return parameters["port"].split(",") if "port" in parameters else []


def _join(parts: SplitResult, parameters: dict[str, str]) -> str:
    query = urlencode(parameters, quote_via=quote, safe="/")
    joined = urlunsplit(("postgresql", parts.netloc, parts.path, query, ""))
    # urlunsplit leaves the slashes out when there is no host, and PostgreSQL wants them.
    return joined if joined.startswith("postgresql://") else "postgresql://" + joined.removeprefix("postgresql:")
