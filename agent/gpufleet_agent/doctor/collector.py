"""Whether a collector answers where the agent would stream to, and lets it in."""

import socket
from collections.abc import Iterator, Sequence

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.access.credentials import Credentials
from gpufleet_agent.doctor.access import access_findings
from gpufleet_agent.doctor.finding import Finding, fail, ok

CONNECT_SECONDS = 2.0


def collector_findings(
    addresses: Sequence[CollectorAddress],
    access: AccessConfig = NO_ACCESS,
    *,
    host_name: str = "",
    now: float = 0.0,
    timeout_seconds: float = CONNECT_SECONDS,
) -> list[Finding]:
    """`now` is in seconds since 1970. Nothing is said in the name of the host: its stream, if it has one, goes on."""
    found, credentials = access_findings(access, addresses, now)
    for address in addresses:
        found += _collector(address, access, credentials, host_name, now, timeout_seconds)
    return found


def _collector(
    address: CollectorAddress,
    access: AccessConfig,
    credentials: Credentials | None,
    host_name: str,
    now: float,
    timeout_seconds: float,
) -> Iterator[Finding]:
    try:
        with socket.create_connection((address.host, address.port), timeout_seconds):
            yield ok(f"{address} accepts connections")
    except (OSError, ValueError, OverflowError) as error:
        remedy = "start the collector there, open the port, or set GPUFLEET_COLLECTOR=grpc://HOST:PORT"
        yield fail(f"{address} cannot be reached: {error}", remedy)
        return
    from gpufleet_agent.doctor.entry import entry_findings

    if credentials is not None:
        yield from entry_findings(address, access, credentials, host_name, now, timeout_seconds)
