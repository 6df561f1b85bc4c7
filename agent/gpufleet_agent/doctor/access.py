"""Whether what is set for getting in at a collector can be used: the token, the CAs, the client certificate."""

import logging
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.certificate import days_left, validities, what_is_wrong
from gpufleet_agent.access.config import CA_FILE, CERT_FILE, KEY_FILE, TOKEN_FILE, AccessConfig, refuse_plain_text
from gpufleet_agent.access.credentials import Credentials, CredentialSource
from gpufleet_agent.access.start import warnings
from gpufleet_agent.doctor.finding import Finding, fail, ok, warn
from gpufleet_agent.errors import ConfigurationError

_RENEW = "renew it in time; the agent takes a new one without a restart"


def access_findings(
    access: AccessConfig, addresses: Sequence[CollectorAddress], now: float
) -> tuple[list[Finding], Credentials | None]:
    """What was found, and what to show to the collectors; None where an agent would not start. `now` is in seconds
    since 1970."""
    try:
        refuse_plain_text(access, addresses)
        credentials = CredentialSource(access, _quiet()).now()
    except ConfigurationError as error:
        return [unusable(error)], None
    found = [warn(line, "see the settings of the agent in the README") for line in warnings(access, addresses)]
    return [*found, *_token(access), *_certificates(access, credentials, now), *_open_files(access)], credentials


def _quiet() -> logging.Logger:
    """What a source says in the log, the findings say here."""
    log = logging.Logger("quiet")
    log.disabled = True
    return log


def unusable(error: ConfigurationError) -> Finding:
    """The remedy stands behind the last colon of such an error."""
    text, _, remedy = str(error).rpartition(": ")
    return fail(text, remedy)


def _token(access: AccessConfig) -> Iterator[Finding]:
    if access.has_token:
        yield ok(f"a token is set ({access.token_setting})")


def _certificates(access: AccessConfig, credentials: Credentials, now: float) -> Iterator[Finding]:
    if credentials.ca_pem is not None:
        yield _authorities(f"{CA_FILE}={access.ca_file}", credentials.ca_pem, now)
    if credentials.pair is not None:
        yield _client(f"{CERT_FILE}={access.cert_file}", credentials.pair.cert_pem, now)


def _authorities(name: str, pem: bytes, now: float) -> Finding:
    """One that has expired is no harm beside one that is good: bundles have such."""
    found = validities(pem)
    good = [one for one in found if one.since <= now < one.until]
    if not good:
        return fail(
            f"{name}: none of its {len(found)} certificates is good now", "put in the CA that the collector has"
        )
    last = max(good, key=lambda one: one.until)
    wrong = what_is_wrong(last, now)
    count = "1 certificate" if len(found) == 1 else f"{len(found)} certificates"
    return warn(f"{name}: {wrong}", _RENEW) if wrong else ok(f"{name}: {count}, good for {days_left(last, now)}")


def _client(name: str, pem: bytes, now: float) -> Finding:
    found = validities(pem)
    if not found:
        return warn(f"{name}: until when it is good cannot be told", "look at it: openssl x509 -noout -dates -in FILE")
    validity = found[0]
    wrong = what_is_wrong(validity, now)
    if wrong is None:
        return ok(f"{name}: good for {days_left(validity, now)}")
    return (warn if validity.since <= now < validity.until else fail)(f"{name} {wrong}", _RENEW)


def _open_files(access: AccessConfig) -> Iterator[Finding]:
    for variable, path in ((TOKEN_FILE, access.token_file), (KEY_FILE, access.key_file)):
        if path is not None and _everybody_reads(path):
            yield warn(f"{variable}={path} can be read by every user of this host", f"chmod o-r {path}")


def _everybody_reads(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False
