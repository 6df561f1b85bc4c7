"""Until when a certificate is good is read as its maker wrote it, and whatever is none is said to be none."""

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from fakes.certificates import Authority
from gpufleet_agent.access.certificate import (
    DAY_SECONDS,
    NotACertificate,
    Validity,
    days_left,
    validities,
    validity,
    what_is_wrong,
)

AUTHORITY = Authority("test")
SERVER = AUTHORITY.issue(["localhost"])


def as_made(pem: bytes) -> Validity:
    made = x509.load_pem_x509_certificate(pem)
    return Validity(round(made.not_valid_before_utc.timestamp()), round(made.not_valid_after_utc.timestamp()))


@pytest.mark.parametrize("days", [0.5, 1, 30, 365 * 10, 365 * 100])
def test_it_says_what_the_maker_wrote_before_and_after_the_year_2050(days: float) -> None:
    pem = AUTHORITY.issue(["localhost"], days=days).cert_pem
    assert validities(pem) == [as_made(pem)]


def test_a_bundle_has_one_for_each_certificate_whatever_stands_between_them() -> None:
    bundle = b"# ours\n" + AUTHORITY.pem + b"\nsubject=CN = localhost\r\n" + SERVER.cert_pem.replace(b"\n", b"\r\n")
    assert validities(bundle) == [as_made(AUTHORITY.pem), as_made(SERVER.cert_pem)]
    assert validities(SERVER.key_pem) == []


@pytest.mark.parametrize(
    "pem", [b"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----", SERVER.cert_pem.replace(b"MII", b"MIJ", 1)]
)
def test_what_is_damaged_is_none(pem: bytes) -> None:
    assert validities(pem + AUTHORITY.pem) == [as_made(AUTHORITY.pem)]


DER = x509.load_pem_x509_certificate(SERVER.cert_pem).tbs_certificate_bytes


@given(st.binary(max_size=200) | st.builds(lambda at, byte: DER[:at] + bytes([byte]) + DER[at:], st.integers(0, len(DER)), st.integers(0, 255)))  # fmt: skip # noqa: E501
def test_any_bytes_are_a_certificate_or_none(der: bytes) -> None:
    try:
        read = validity(der)
    except NotACertificate:
        return
    assert isinstance(read.until, int)


@pytest.mark.parametrize(
    ("now", "wrong"),
    [
        (-3 * DAY_SECONDS, "is good only in 3 days: is this host's clock right?"),
        (0, None),
        (85 * DAY_SECONDS, None),
        (90 * DAY_SECONDS, "expires in 10 days"),
        (99.5 * DAY_SECONDS, "expires in 12 h"),
        (100 * DAY_SECONDS, "has expired 0 h ago"),
        (103 * DAY_SECONDS, "has expired 3 days ago"),
    ],
)
def test_what_is_wrong_with_its_time(now: float, wrong: str | None) -> None:
    assert what_is_wrong(Validity(0, 100 * DAY_SECONDS), now) == wrong


def test_how_long_it_is_good() -> None:
    assert days_left(Validity(0, 100 * DAY_SECONDS), 10 * DAY_SECONDS) == "90 days"
    assert days_left(Validity(0, 100 * DAY_SECONDS), 200 * DAY_SECONDS) == "0 h"
