"""Why a stream is refused or ended: a gRPC status for the agent, a word for /metrics, and a sentence for a person."""

from dataclasses import dataclass

import grpc


@dataclass(eq=False)  # not frozen: where an exception passes a context manager, Python sets its traceback
class StreamRefused(Exception):
    """Ends the stream with `status` and `detail`; counted under `reason`."""

    status: grpc.StatusCode
    reason: str
    detail: str
    retry_after_seconds: float | None = None
    """When the agent is to come back; None leaves that to the agent."""


def unauthenticated() -> StreamRefused:
    detail = "a valid token is needed: give the agent GPUFLEET_TOKEN or GPUFLEET_TOKEN_FILE"
    return StreamRefused(grpc.StatusCode.UNAUTHENTICATED, "unauthenticated", detail)


def forbidden(detail: str) -> StreamRefused:
    return StreamRefused(grpc.StatusCode.PERMISSION_DENIED, "forbidden", detail)


def host_not_allowed(host: str) -> StreamRefused:
    detail = f"this token is not for host {host!r}: make one whose hosts include it"
    return StreamRefused(grpc.StatusCode.PERMISSION_DENIED, "host_not_allowed", detail)


def too_many_hosts_of_token(limit: int) -> StreamRefused:
    detail = f"{limit} agents stream with this token, its limit (GPUFLEET_MAX_HOSTS_PER_TOKEN): use another token"
    return StreamRefused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too_many_hosts_of_token", detail)


def malformed(detail: str) -> StreamRefused:
    return StreamRefused(grpc.StatusCode.INVALID_ARGUMENT, "malformed", detail)


def no_hello(detail: str = "the first message of a stream must be a Hello") -> StreamRefused:
    return StreamRefused(grpc.StatusCode.INVALID_ARGUMENT, "no_hello", detail)


def gone() -> StreamRefused:
    return StreamRefused(grpc.StatusCode.CANCELLED, "gone", "the agent has gone before its Hello was read")


def second_hello() -> StreamRefused:
    return StreamRefused(grpc.StatusCode.INVALID_ARGUMENT, "second_hello", "a stream begins with one Hello only")


def too_large(size: int, limit: int) -> StreamRefused:
    detail = f"a message of {size} bytes is over the limit of {limit}: send fewer ticks per report"
    return StreamRefused(grpc.StatusCode.RESOURCE_EXHAUSTED, "message_too_large", detail)


def too_many_streams(limit: int) -> StreamRefused:
    detail = f"this collector has {limit} streams, its limit (GPUFLEET_MAX_STREAMS): add a collector"
    return StreamRefused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too_many_streams", detail)


def busy(retry_after_seconds: float) -> StreamRefused:
    detail = f"this collector lets agents in one after another: come back in {retry_after_seconds:.1f} s"
    return StreamRefused(grpc.StatusCode.RESOURCE_EXHAUSTED, "busy", detail, retry_after_seconds)


def replaced(host: str) -> StreamRefused:
    return StreamRefused(grpc.StatusCode.ABORTED, "replaced", f"a newer stream of host {host!r} has taken over")


def duplicate_host(host: str) -> StreamRefused:
    detail = f"another agent streams as host {host!r}: give one of the two another GPUFLEET_HOST_NAME"
    return StreamRefused(grpc.StatusCode.ALREADY_EXISTS, "duplicate_host", detail)


def stopping() -> StreamRefused:
    return StreamRefused(grpc.StatusCode.UNAVAILABLE, "stopping", "this collector is stopping")


def broken() -> StreamRefused:
    return StreamRefused(grpc.StatusCode.INTERNAL, "broken", "this collector could not read a report: see its log")
