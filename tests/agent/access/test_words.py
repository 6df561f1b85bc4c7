"""What ended a stream becomes one line, the same for the same trouble, with a remedy where there is one."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import AccessConfig
from gpufleet_agent.access.words import Attempt, Trouble, explain

PLAIN, TLS = (Attempt(CollectorAddress("node", 1, tls), "gpu-1") for tls in (False, True))
HANDSHAKE = "failed to connect to all addresses; last error: UNKNOWN: ipv4:10.0.0.1:1: Tls handshake failed: "


@pytest.mark.parametrize(
    ("code", "details", "attempt", "what"),
    [
        ("OK", "", TLS, "the collector ended the stream"),
        ("RESOURCE_EXHAUSTED", "too many", TLS, "RESOURCE_EXHAUSTED: too many"),
        ("UNAVAILABLE", "", TLS, "cannot be reached"),
        ("UNAVAILABLE", "Connection refused", PLAIN, "cannot be reached (Connection refused)"),
        ("UNAVAILABLE", "Socket closed", PLAIN, "cannot be reached (Socket closed)"),
        (
            "UNAVAILABLE",
            "Secure read failed (Socket closed)",
            TLS,
            "cannot be reached (Secure read failed (Socket closed))",
        ),
        (
            "UNAVAILABLE",
            f"{HANDSHAKE}CERTIFICATE_VERIFY_FAILED: certificate is not yet valid",
            TLS,
            "its certificate is good only in the future",
        ),
        (
            "UNAVAILABLE",
            f"{HANDSHAKE}TLSV1_ALERT_CERTIFICATE_REQUIRED",
            TLS,
            "it ends the connection after the handshake, as one does that wants a client certificate",
        ),
        (
            "UNAVAILABLE",
            "x: Failed to create security handshaker.",
            TLS,
            "gRPC cannot use the certificates that are set",
        ),
        ("PERMISSION_DENIED", "", TLS, "the token may not stream for the host name 'gpu-1'"),
        (
            "PERMISSION_DENIED",
            "not of here: move",
            TLS,
            "the token may not stream for the host name 'gpu-1' (not of here)",
        ),
    ],
)
def test_what_is_wrong(code: str, details: str, attempt: Attempt, what: str) -> None:
    assert explain(code, details, attempt).what == what


def test_a_stream_that_breaks_when_it_was_open_is_not_taken_for_a_handshake_that_failed() -> None:
    assert explain("UNAVAILABLE", "Secure read failed (Connection reset by peer)", TLS).remedy is None


def test_a_trouble_without_a_remedy_is_said_as_it_is() -> None:
    assert [str(Trouble("a")), str(Trouble("a", "b"))] == ["a", "a: b"]


@given(st.sampled_from(["UNAUTHENTICATED", "PERMISSION_DENIED", "UNAVAILABLE", "INTERNAL"]), st.text(), st.booleans())
def test_whatever_the_other_side_says_the_line_stays_short_and_holds_no_token(
    code: str, details: str, tls: bool
) -> None:
    access = AccessConfig(token="gpf_hush", ca_file=Path("/ca"))
    line = str(explain(code, details, Attempt(CollectorAddress("node", 1, tls), "gpu-1", access)))
    assert line
    assert len(line) < 500
    assert "gpf_hush" not in line
