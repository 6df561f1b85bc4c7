"""Whether a collector lets this host in: a stream is begun with what the agent would show, and nothing said on it."""

import socket
import ssl
from collections.abc import Iterator

import grpc

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.certificate import NotACertificate, Validity, days_left, validity, what_is_wrong
from gpufleet_agent.access.config import AccessConfig
from gpufleet_agent.access.credentials import Credentials
from gpufleet_agent.access.door import metadata_of, tls_credentials
from gpufleet_agent.access.words import REFUSED, Attempt, explain
from gpufleet_agent.doctor.finding import Finding, fail, ok, warn
from gpufleet_agent.stream import CHANNEL_OPTIONS, METHOD

_RENEW = "have it renewed there; the collector takes a new one without a restart"
_NO_COLLECTOR = "see whether a collector of gpufleet listens there, and what is between"


def entry_findings(
    address: CollectorAddress,
    access: AccessConfig,
    credentials: Credentials,
    host_name: str,
    now: float,
    timeout_seconds: float,
) -> Iterator[Finding]:
    """What certificate is shown there, and how a stream that says nothing is answered."""
    if address.tls:
        yield from _certificate(address, now, timeout_seconds)
    code, details = ask(address, credentials, timeout_seconds)
    if code in (*REFUSED, "UNAVAILABLE"):
        trouble = explain(code, details, Attempt(address, host_name, access))
        yield fail(f"{address}: {trouble.what}", trouble.remedy or _NO_COLLECTOR)
    elif code in ("DEADLINE_EXCEEDED", "UNIMPLEMENTED"):
        yield fail(f"{address} does not answer as a collector does ({code})", _NO_COLLECTOR)
    elif code == "RESOURCE_EXHAUSTED":
        what, _, remedy = details.partition(": ")  # as a collector puts it
        yield warn(f"{address}: {what}", remedy or "ask again")
    elif credentials.token is None:
        yield ok(f"{address} lets streams in; it asks for no token")
    else:
        yield ok(f"{address} lets streams in with the token that is set")


def ask(address: CollectorAddress, credentials: Credentials, timeout_seconds: float) -> tuple[str, str]:
    """The name of the status with which the stream ends, and what came with it."""
    if address.tls:
        channel = grpc.secure_channel(address.target, tls_credentials(credentials), options=CHANNEL_OPTIONS)
    else:
        channel = grpc.insecure_channel(address.target, options=CHANNEL_OPTIONS)
    with channel:
        open_stream: grpc.StreamStreamMultiCallable[bytes, bytes] = channel.stream_stream(METHOD)
        call = open_stream(iter(()), timeout=timeout_seconds, metadata=metadata_of(credentials))
        code, details = call.code(), call.details()
    return code.name, (details or "").partition("\n")[0]


def _certificate(address: CollectorAddress, now: float, timeout_seconds: float) -> Iterator[Finding]:
    try:
        shown = shown_certificate(address, timeout_seconds)
    except (OSError, NotACertificate):  # what is wrong with TLS there gRPC says as well
        return
    wrong = what_is_wrong(shown, now)
    if wrong is None:
        yield ok(f"{address}: its certificate is good for {days_left(shown, now)}")
    else:
        level = warn if shown.since <= now < shown.until else fail
        yield level(f"{address}: its certificate {wrong}", _RENEW)


def shown_certificate(address: CollectorAddress, timeout_seconds: float) -> Validity:
    """Until when the certificate that is shown there is good, whoever vouches for it. Raises OSError, of which TLS
    trouble is one, and NotACertificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # a look; gRPC judges, with what is set for it
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((address.host, address.port), timeout_seconds) as plain,
        context.wrap_socket(plain, server_hostname=address.host) as wrapped,
    ):
        return validity(wrapped.getpeercert(binary_form=True) or b"")
