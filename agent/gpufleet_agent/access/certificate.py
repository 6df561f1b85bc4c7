"""From when until when certificates are good: the one thing of them that an operator has to be told in time."""

import binascii
import re
from calendar import timegm
from contextlib import suppress
from dataclasses import dataclass

_BLOCK = re.compile(rb"-----BEGIN CERTIFICATE-----\s+(.*?)-----END CERTIFICATE-----", re.DOTALL)
_SEQUENCE, _INTEGER, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x02, 0x17, 0x18, 0xA0
DAY_SECONDS = 86_400
SOON_DAYS = 14
"""So long before its end a certificate is worth a word."""


class NotACertificate(ValueError):
    """These bytes are none."""


@dataclass(frozen=True, slots=True)
class Validity:
    """Seconds since 1970."""

    since: int
    until: int


def validities(pem: bytes) -> list[Validity]:
    """One for each certificate that can be understood, in their order; all else is passed over: one odd root in a
    bundle is no harm."""
    found: list[Validity] = []
    for match in _BLOCK.finditer(pem):
        with suppress(NotACertificate, binascii.Error):
            found.append(validity(binascii.a2b_base64(match[1])))
    return found


def validity(der: bytes) -> Validity:
    """Of one certificate (RFC 5280, 4.1). Raises NotACertificate."""
    try:
        _, body, _ = _element(der, 0, _SEQUENCE)
        _, at, _ = _element(der, body, _SEQUENCE)
        if der[at] == _VERSION:
            _, _, at = _element(der, at, _VERSION)
        for tag in (_INTEGER, _SEQUENCE, _SEQUENCE):  # serial number, signature algorithm, issuer
            _, _, at = _element(der, at, tag)
        _, at, _ = _element(der, at, _SEQUENCE)
        since, at = _time(der, at)
        until, _ = _time(der, at)
    except (IndexError, ValueError) as error:
        raise NotACertificate(str(error)) from error
    return Validity(since, until)


def _element(der: bytes, at: int, expected: int | None = None) -> tuple[int, int, int]:
    """Tag, start and end of what is in the element at `at`."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size]), start + size
    if start + length > len(der) or expected not in (None, tag):
        raise ValueError(f"byte {at} is not what a certificate has there")
    return tag, start, start + length


def _time(der: bytes, at: int) -> tuple[int, int]:
    """Seconds since 1970, and where the next element begins."""
    tag, start, end = _element(der, at)
    text = der[start:end].decode("ascii")
    digits = {_UTC_TIME: 2, _GENERALIZED_TIME: 4}.get(tag, 0)
    if not digits or not re.fullmatch(rf"\d{{{digits + 10}}}Z", text):
        raise ValueError(f"byte {at} is not a time")
    year = int(text[:digits])
    if tag == _UTC_TIME:
        year += 1900 if year >= 50 else 2000
    month, day, hour, minute, second = (int(text[place : place + 2]) for place in range(digits, digits + 10, 2))
    if not (1 <= month <= 12 and 1 <= day <= 31 and year >= 1):
        raise ValueError(f"byte {at} is not a time")
    return timegm((year, month, day, hour, minute, second)), end


def what_is_wrong(validity: Validity, now: float) -> str | None:
    """In words; None where it is good and stays so for a while."""
    if now < validity.since:
        return f"is good only in {_days(validity.since - now)}: is this host's clock right?"
    left = validity.until - now
    if left <= 0:
        return f"has expired {_days(-left)} ago"
    return f"expires in {_days(left)}" if left < SOON_DAYS * DAY_SECONDS else None


def days_left(validity: Validity, now: float) -> str:
    return _days(max(0.0, validity.until - now))


def _days(seconds: float) -> str:
    days = int(seconds / DAY_SECONDS)
    return f"{int(seconds / 3600)} h" if days < 2 else f"{days} days"
