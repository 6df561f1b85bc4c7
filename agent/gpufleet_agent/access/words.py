"""Why there is no stream, in words that an operator can act on: little of what gRPC says is meant for one."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import CA_FILE, CERT_FILE, KEY_FILE, NO_ACCESS, AccessConfig

REFUSED = frozenset({"UNAUTHENTICATED", "PERMISSION_DENIED"})
"""What a collector that is well answers to one who may not stream: asking again soon changes nothing."""

MAX_DETAILS = 200
NEW_TOKEN = "make one there with `gpufleet-collector token create --role agent`"  # noqa: S105 - how to get one


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, and what to do about it where that is known. The same trouble has the same words every time."""

    what: str
    remedy: str | None = None

    def __str__(self) -> str:
        return self.what if self.remedy is None else f"{self.what}: {self.remedy}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who tried where, and with what; `host` is the name under which this host streams."""

    address: CollectorAddress
    host: str = ""
    access: AccessConfig = NO_ACCESS


def explain(code: str, details: str, attempt: Attempt) -> Trouble:
    """`code` is the name of gRPC's status, `details` the line that came with it."""
    if code == "OK":
        return Trouble("the collector ended the stream")
    if code == "UNAUTHENTICATED":
        return _unauthenticated(attempt.access)
    if code == "PERMISSION_DENIED":
        return _denied(details, attempt)
    if code == "UNAVAILABLE":
        return _unavailable(details, attempt)
    return Trouble(f"{code}: {details[:MAX_DETAILS]}")


def _unauthenticated(access: AccessConfig) -> Trouble:
    if not access.has_token:
        return Trouble("it wants a token, and none is set", f"{NEW_TOKEN} and set {access.token_setting}")
    what = "it does not accept the token, which is wrong, expired or revoked"
    return Trouble(what, f"{NEW_TOKEN} and put it into {access.token_setting}")


def _denied(details: str, attempt: Attempt) -> Trouble:
    reason = details.partition(": ")[0][:MAX_DETAILS]  # what follows is its remedy
    said = f" ({reason})" if reason else ""
    what = f"the token may not stream for the host name {attempt.host!r}{said}"
    return Trouble(what, "use one made with --role agent whose --hosts match that name, or set GPUFLEET_HOST_NAME")


def _unavailable(details: str, attempt: Attempt) -> Trouble:
    for sign, words in _TLS_SIGNS if attempt.address.tls else _PLAIN_SIGNS:
        if re.search(sign, details):
            return words(attempt)
    return Trouble(f"cannot be reached ({details[:MAX_DETAILS]})" if details else "cannot be reached")


def _expired(_: Attempt) -> Trouble:
    return Trouble(
        "its certificate, or that of its CA, has expired", "have it renewed there, and see this host's clock"
    )


def _not_yet(_: Attempt) -> Trouble:
    return Trouble("its certificate is good only in the future", "set this host's clock, or the collector's")


def _stranger(attempt: Attempt) -> Trouble:
    if attempt.access.ca_file is None:
        what = "its certificate is of none of the CAs that gRPC brings"
        return Trouble(what, f"set {CA_FILE} to the certificate of its CA")
    what = "its certificate is of none of the CAs that are set"
    return Trouble(what, f"put the certificate of its CA into {CA_FILE}={attempt.access.ca_file}")


def _other_name(attempt: Attempt) -> Trouble:
    what = f"its certificate is not for the name {attempt.address.host!r}"
    return Trouble(what, "use a name that it is for in GPUFLEET_COLLECTOR, or have it issued for this one too")


def _no_tls(attempt: Attempt) -> Trouble:
    what = "it speaks no TLS"
    return Trouble(what, f"set its certificate there, or write grpc://{attempt.address.target} in GPUFLEET_COLLECTOR")


def _client_certificate(attempt: Attempt) -> Trouble:
    if attempt.access.cert_file is None:
        what = "it ends the connection after the handshake, as one does that wants a client certificate"
        return Trouble(what, f"set {CERT_FILE} and {KEY_FILE}")
    what = f"it ends the connection after the handshake, as one does that does not accept {CERT_FILE}"
    return Trouble(what, f"see whether {attempt.access.cert_file} is of the CA that it trusts, and has not expired")


def _unusable(_: Attempt) -> Trouble:
    return Trouble("gRPC cannot use the certificates that are set", f"look at {CA_FILE}, {CERT_FILE} and {KEY_FILE}")


def _expects_tls(attempt: Attempt) -> Trouble:
    what = "it ends the connection at once, as one does that expects TLS"
    return Trouble(what, f"see whether it runs, and write grpcs://{attempt.address.target} in GPUFLEET_COLLECTOR")


_Signs = tuple[tuple[str, Callable[[Attempt], Trouble]], ...]

_TLS_SIGNS: _Signs = (
    ("CERTIFICATE_VERIFY_FAILED: certificate has expired", _expired),
    ("CERTIFICATE_VERIFY_FAILED: certificate is not yet valid", _not_yet),
    ("CERTIFICATE_VERIFY_FAILED", _stranger),
    ("Hostname Verification Check failed|not in peer certificate", _other_name),
    ("WRONG_VERSION_NUMBER", _no_tls),
    ("Failed to create security handshaker", _unusable),
    ("_ALERT_|failed to connect.*(?:Secure read failed|: Socket closed$)", _client_certificate),
)
"""What gRPC 1.85 says, with either of its ways to wait; tests try them on real servers. A collector that does not
accept a client certificate says so after the handshake is over for us, and gRPC keeps the reason to itself."""

_PLAIN_SIGNS: _Signs = (("failed to connect.*(?:: Socket closed$|: recvmsg:Connection reset)", _expects_tls),)
