"""Tokens made, listed and revoked over HTTP, by admins."""

from dataclasses import replace
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fakes.clock import START_US
from fakes.json_values import JSON_VALUES, json_values
from fakes.tokens import grant_of
from fakes.web import Site
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.access.token import TOKEN, digest_of

TOKENS = "/api/v1/tokens"
NAMES = ("role", "name", "hosts", "days", "id")
ADMIN = {"Authorization": "Bearer admin"}


@pytest.fixture
def site() -> Site:
    book = Book()
    book.replace("database", [grant_of("admin", Role.ADMIN)])
    return Site(book=book)


async def send(site: Site, method: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=site.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://gpufleet") as client:
        return await client.request(method, TOKENS, content=orjson.dumps(body), headers={**ADMIN, **headers})


async def test_a_token_is_shown_once_and_kept_as_its_digest(site: Site) -> None:
    answer = await send(site, "POST", {"role": "agent", "name": "rack 1", "hosts": "gpu-*,node-?", "days": 7})
    assert answer.status_code == 201
    made = answer.json()
    assert TOKEN.fullmatch(made["token"])
    (kept,) = site.tokens.grants
    assert kept.digest == digest_of(made["token"])
    assert (kept.role, kept.name, kept.hosts) == (Role.AGENT, "rack 1", ("gpu-*", "node-?"))
    assert kept.expires_at == START_US + 7 * 86_400 * 1_000_000
    listed = await site.request("GET", TOKENS, ADMIN)
    assert listed.json()["count"] == 1
    assert made["token"] not in listed.text
    assert made["id"] == listed.json()["tokens"][0]["id"]


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({}, "role"),
        ({"role": "root"}, "role"),
        ({"role": "agent", "name": 7}, "name"),
        ({"role": "agent", "name": "x" * 101}, "name"),
        ({"role": "agent", "hosts": ","}, "hosts"),
        ({"role": "agent", "hosts": ["a"]}, "hosts"),
        ({"role": "agent", "days": 0}, "days"),
        ({"role": "agent", "days": "7"}, "days"),
        ({"role": "agent", "days": True}, "days"),
        ({"role": "agent", "hosts": "rack#7-*"}, "hosts"),
        ({"role": "agent", "hosts": "my host"}, "hosts"),
        ({"role": ["agent"]}, "role"),
        ({"role": {}}, "role"),
        ({"role": "agent", "colour": "red"}, "colour"),
    ],
)
async def test_what_cannot_be_made_is_said_by_name(site: Site, body: dict[str, Any], parameter: str) -> None:
    answer = await send(site, "POST", body)
    assert (answer.status_code, answer.json()["parameter"]) == (400, parameter)
    assert site.tokens.grants == []


async def test_a_token_is_revoked_by_its_id(site: Site) -> None:
    made = (await send(site, "POST", {"role": "viewer"})).json()
    assert (await send(site, "DELETE", {"id": made["id"]})).status_code == 200
    assert site.tokens.grants[0].revoked_at is not None
    assert (await send(site, "DELETE", {"id": "nobody"})).status_code == 400


@pytest.mark.parametrize("token_id", ["a\x00b", "\x00", "", "x" * 10_000, None, 7, ["a"], {"a": 1}, True])
async def test_what_is_no_id_is_no_token(site: Site, token_id: object) -> None:
    answer = await send(site, "DELETE", {"id": token_id})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "id")
    assert answer.json()["detail"] == "id: there is no such token"


async def test_tokens_of_the_file_are_listed_and_not_revoked_here(site: Site) -> None:
    kept = (await send(site, "POST", {"role": "viewer"})).json()
    assert kept["source"] == "database"
    ours = replace(grant_of("x", Role.AGENT, name="rack 1", hosts=("gpu-*",)), id="abcdefgh23")
    site.book.replace("file", [ours])
    listed = (await site.request("GET", TOKENS, ADMIN)).json()
    assert [(each["id"], each["source"]) for each in listed["tokens"]] == [
        (kept["id"], "database"),
        ("abcdefgh23", "file"),
    ]
    assert listed["count"] == 2
    assert (listed["tokens"][1]["hosts"], listed["tokens"][1]["created_at"]) == (["gpu-*"], None)
    answer = await send(site, "DELETE", {"id": "abcdefgh23"})
    assert (answer.status_code, answer.json()["parameter"]) == (400, "id")
    assert "GPUFLEET_TOKENS_FILE names: remove its line" in answer.json()["detail"]


@pytest.mark.parametrize("field", NAMES)
@pytest.mark.parametrize("value", JSON_VALUES, ids=lambda value: repr(value)[:20])
async def test_a_field_of_any_type_is_taken_or_refused_by_its_name(site: Site, field: str, value: object) -> None:
    method = "DELETE" if field == "id" else "POST"
    answer = await send(site, method, {field: value} if field in {"role", "id"} else {"role": "agent", field: value})
    assert answer.status_code in {201, 400}, answer.text
    if answer.status_code == 400:
        assert answer.json()["parameter"] == field


@given(st.sampled_from(["POST", "DELETE"]), st.dictionaries(st.sampled_from(NAMES) | st.text(), json_values))
@example("POST", {"role": ["a"]})
@example("DELETE", {"id": "a\x00b"})
async def test_any_body_is_answered(method: str, body: dict[str, Any]) -> None:
    book = Book()
    book.replace("database", [grant_of("admin", Role.ADMIN)])
    answer = await send(Site(book=book), method, body)
    assert answer.status_code in {200, 201, 400}, answer.text


async def test_a_page_of_another_site_makes_none(site: Site) -> None:
    answer = await send(site, "POST", {"role": "admin"}, Origin="https://evil.example")
    assert answer.status_code == 403
    assert site.tokens.grants == []


async def test_the_first_token_is_not_made_over_the_network() -> None:
    site = Site()
    answer = await send(site, "POST", {"role": "admin"})
    assert answer.status_code == 409
    assert "gpufleet-collector token create" in answer.json()["detail"]
