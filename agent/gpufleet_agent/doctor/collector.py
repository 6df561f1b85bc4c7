"""Whether anything listens where the agent would stream to."""

import socket
from collections.abc import Sequence

from gpufleet_agent.doctor.finding import Finding, fail, ok

CONNECT_SECONDS = 2.0


def collector_findings(targets: Sequence[str], timeout_seconds: float = CONNECT_SECONDS) -> list[Finding]:
    """A plain TCP connection to each `host:port`; whether a collector answers there is another matter."""
    return [_collector(target, timeout_seconds) for target in targets]


def _collector(target: str, timeout_seconds: float) -> Finding:
    host, _, port = target.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout_seconds):
            return ok(f"{target} accepts connections")
    except (OSError, ValueError, OverflowError) as error:
        remedy = "start the collector there, open the port, or set GPUFLEET_COLLECTOR=grpc://HOST:PORT"
        return fail(f"{target} cannot be reached: {error}", remedy)
