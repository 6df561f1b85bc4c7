"""The login of the page."""

from typing import Any

import httpx
import pytest
from hypothesis import given

from fakes.clock import START_US
from fakes.json_values import JSON_VALUES, json_values
from fakes.tokens import grant_of
from fakes.web import Site
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.web.settings import WebSettings

SESSION = "/api/v1/session"


def site(**more: Any) -> Site:
    book = Book()
    day = 86_400 * 1_000_000
    book.replace(
        "database",
        [
            grant_of("viewer", Role.VIEWER, name="on-call", expires_at=START_US + day),
            grant_of("agent", Role.AGENT),
            grant_of("over", Role.VIEWER, expires_at=1),
        ],
    )
    return Site(book=book, **more)


async def log_in(of: Site, token: object, scheme: str = "https", **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=of.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://gpufleet") as client:
        return await client.post(SESSION, json={"token": token}, headers=headers)


async def test_without_tokens_it_says_that_everything_is_open() -> None:
    said = (await Site().get(SESSION)).json()
    nobody = {"role": None, "name": None, "expires_at": None}
    assert said == {"open": True, "insecure": False, "agents": "grpc:50051", **nobody}


async def test_what_the_operator_waived_is_said() -> None:
    assert (await Site(settings=WebSettings(is_insecure=True)).get(SESSION)).json()["insecure"]


async def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_can_use() -> None:
    answer = await log_in(site(), "viewer")
    assert answer.status_code == 200
    assert answer.json()["role"] == "viewer"
    assert answer.json()["name"] == "on-call"
    cookie = answer.headers["set-cookie"]
    for part in ("gpufleet_token=viewer", "HttpOnly", "SameSite=strict", "Secure", "Max-Age=86400", "Path=/"):
        assert part in cookie
    assert "Secure" not in (await log_in(site(), "viewer", "http")).headers["set-cookie"]


async def test_the_cookie_is_as_good_as_the_token() -> None:
    of = site()
    assert (await of.request("GET", "/api/v1/hosts")).status_code == 401
    answer = await of.request("GET", "/api/v1/hosts", {"Cookie": "a=b; gpufleet_token=viewer"})
    assert answer.status_code == 200
    assert (await of.request("GET", SESSION, {"Cookie": "gpufleet_token=viewer"})).json()["role"] == "viewer"


@pytest.mark.parametrize("cookie", ["gpufleet_token", "gpufleet_token=wrong", "x" * 20_000, '"; =', "gpufleet_token="])
async def test_a_cookie_that_is_none_lets_nobody_in(cookie: str) -> None:
    assert (await site().request("GET", "/api/v1/hosts", {"Cookie": cookie})).status_code == 401


@pytest.mark.parametrize(("token", "status"), [("wrong", 401), ("over", 401), ("agent", 403), ("", 401)])
async def test_a_token_that_may_not_read_is_refused_without_a_hint_which(token: str, status: int) -> None:
    answer = await log_in(site(), token)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers
    if status == 401:
        assert answer.json()["detail"] == "this token is not valid"


@pytest.mark.parametrize("token", [None, 7, ["x"], "a\x00", "ünïcode"])
async def test_what_is_no_token_is_a_bad_request(token: object) -> None:
    assert (await log_in(site(), token)).status_code == 400


@pytest.mark.parametrize("token", JSON_VALUES, ids=lambda value: repr(value)[:20])
async def test_a_token_of_any_type_is_refused(token: object) -> None:
    answer = await log_in(site(), token)
    assert answer.status_code in {400, 401}, answer.text
    assert answer.json()["parameter"] == "token"


@given(json_values)
async def test_any_token_is_answered(token: object) -> None:
    assert (await log_in(site(), token)).status_code in {200, 400, 401, 403}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"token"'])
async def test_a_body_that_is_no_object_is_a_bad_request(body: bytes) -> None:
    transport = httpx.ASGITransport(app=site().app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gpufleet") as client:
        assert (await client.post(SESSION, content=body)).status_code == 400
        assert (await client.post(SESSION, content=b" " * 20_000)).status_code == 413


async def test_a_cookie_is_found_among_whatever_else_the_host_keeps() -> None:
    cookie = 'prefs={"a":[1,2]}; a[b]=1; gpufleet_token=viewer; x=' + "y" * 5_000
    assert (await site().request("GET", "/api/v1/hosts", {"Cookie": cookie})).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "http://[", "null"])
async def test_a_page_of_another_site_can_neither_log_in_nor_listen(origin: str) -> None:
    of = site()
    assert (await log_in(of, "viewer", Origin=origin)).status_code == 403
    assert (await log_in(of, "viewer", Origin="https://gpufleet")).status_code == 200


async def test_the_same_site_without_tls_is_another_one_and_a_proxy_may_speak_tls_for_us() -> None:
    of = site()
    assert (await log_in(of, "viewer", "https", Origin="http://gpufleet")).status_code == 403
    assert (await log_in(of, "viewer", "http", Origin="https://gpufleet")).status_code == 200
    assert (await log_in(of, "viewer", "http", Origin="http://gpufleet")).status_code == 200


async def test_logging_out_takes_the_cookie_away() -> None:
    answer = await site().request("DELETE", SESSION, {"Cookie": "gpufleet_token=viewer"})
    assert answer.status_code == 200
    assert 'gpufleet_token=""' in answer.headers["set-cookie"]
    assert "Max-Age=0" in answer.headers["set-cookie"]
