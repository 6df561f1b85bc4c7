"""A collector's address says where it is and whether TLS is spoken there; none is said with secrets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.access.address import CollectorAddress, parse_collectors
from gpufleet_agent.errors import ConfigurationError


def test_several_collectors_with_and_without_tls() -> None:
    told = parse_collectors("grpc://a:1, grpcs://[::1]:2,grpcs://c/")
    assert told == (CollectorAddress("a", 1), CollectorAddress("::1", 2, tls=True), CollectorAddress("c", 50051, True))
    assert [address.target for address in told] == ["a:1", "[::1]:2", "c:50051"]
    assert [*map(str, told)] == ["grpc://a:1", "grpcs://[::1]:2", "grpcs://c:50051"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ",",
        "http://x:1",
        "https://x:1",
        "x:50051",
        "grpc://x:99999",
        "grpcs://x:0",
        "grpcs://x:1/path",
        "grpcs://",
        "grpc://a b",
        "grpc://a;b:1",
        "grpcs://[::1",
        "grpcs://a?token=x",
    ],
)
def test_what_is_no_address_is_refused_with_one_that_is(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^GPUFLEET_COLLECTOR.*write grpc://") as refusal:
        parse_collectors(text)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "url",
    ["grpcs://me:gpf_hush@host:1", "grpcs://hush@host:99999", "http://gpf_hush", "gpf_hush@", "grpcs://gpf_hush/x"],
)
def test_a_secret_in_an_address_is_not_said_again(url: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        parse_collectors(url)
    assert "hush" not in str(refusal.value)


@given(st.sampled_from(["a", "node-1.example", "10.0.0.1", "::1", "fe80::1"]), st.integers(1, 65535), st.booleans())
def test_an_address_is_read_as_it_is_written(host: str, port: int, tls: bool) -> None:
    address = CollectorAddress(host, port, tls)
    assert parse_collectors(str(address)) == (address,)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        told = parse_collectors(text)
    except ConfigurationError:
        return
    assert all(0 < address.port < 65536 and address.host for address in told)


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("LOCALHOST", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::ffff:10.0.0.1", False),
        ("localhost.example", False),
        ("127.0.0.1.example", False),
        ("node", False),
    ],
)
def test_what_stays_on_this_machine(host: str, stays: bool) -> None:
    assert CollectorAddress(host, 1).is_loopback is stays
