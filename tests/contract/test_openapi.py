"""The document of the API has every endpoint, with the parameters that it reads and the fields that it writes."""

import json
from collections.abc import Iterable, Mapping
from copy import deepcopy
from typing import Any
from urllib.parse import urlsplit

import jsonschema_rs
import pytest
import schemathesis
from starlette.routing import BaseRoute, Route

from fakes.web import Site
from fakes.web_surfaces import PAGES, small_fleet
from gpufleet_collector.web.openapi.document import document
from gpufleet_proto.catalog import METRICS

NOT_OF_THE_API = {"/ws", "/api", "/api/{path:path}", "/{path:path}", "/api/docs", "/api/docs/{path:path}"}
"""The WebSocket, which the document's text describes, what does not exist, and pages."""
API = document("1.2.3")


def undescribed(routes: Iterable[BaseRoute], described: Mapping[str, Any]) -> set[str]:
    """Paths that the application answers and the document does not have, and the other way round."""
    served = {route.path for route in routes if isinstance(route, Route)} - NOT_OF_THE_API
    return served ^ set(described["paths"])


def named(described: Mapping[str, Any], path: str) -> set[str]:
    return {parameter["name"] for parameter in described["paths"][path]["get"]["parameters"]}


def validator(described: Mapping[str, Any], schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for({**schema, "components": described["components"]})


def bodies(described: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Every body of every answer, with where it is."""
    return [
        (f"{path} {status} {media_type}", body)
        for path, item in described["paths"].items()
        for status, response in item["get"]["responses"].items()
        for media_type, body in response["content"].items()
    ]


async def known_parameters(site: Site, path: str) -> set[str] | None:
    """The parameters that an endpoint says it knows; None is one that looks at none."""
    answer = await site.get(path + "?nonsense=1")
    if answer.status_code != 400:
        return None
    _, _, known = answer.json()["detail"].partition("known are ")
    return set(known.split(", ")) - {""}


def test_every_route_is_described() -> None:
    assert undescribed(Site().app().routes, API) == set()


def test_the_guard_fires_on_a_route_that_is_not_described() -> None:
    lacking = deepcopy(API)
    del lacking["paths"]["/api/v1/hosts"]
    assert undescribed(Site().app().routes, lacking) == {"/api/v1/hosts"}
    assert undescribed([], API) == API["paths"].keys()


@pytest.mark.parametrize("path", API["paths"])
async def test_an_endpoint_reads_the_parameters_that_are_described(path: str) -> None:
    known = await known_parameters(Site(), path)
    is_strict = "400" in API["paths"][path]["get"]["responses"]
    assert known == (named(API, path) if is_strict else None)


async def test_the_guard_fires_on_a_parameter_that_is_not_described() -> None:
    lacking = deepcopy(API)
    lacking["paths"]["/api/v1/hosts"]["get"]["parameters"].pop()
    assert await known_parameters(Site(), "/api/v1/hosts") != named(lacking, "/api/v1/hosts")


def test_it_is_openapi() -> None:
    schemathesis.openapi.from_dict(deepcopy(API)).validate()


def test_the_guard_fires_on_what_is_not_openapi() -> None:
    broken = deepcopy(API)
    del broken["paths"]["/healthz"]["get"]["responses"]["200"]["description"]
    with pytest.raises(jsonschema_rs.ValidationError):
        schemathesis.openapi.from_dict(broken).validate()


@pytest.mark.parametrize(("where", "body"), bodies(API))
def test_examples_are_as_described(where: str, body: Mapping[str, Any]) -> None:
    validator(API, body["schema"]).validate(body["example"])


async def test_the_golden_answers_are_as_described() -> None:
    site = small_fleet()
    for url in PAGES.values():
        answer = await site.get(url)
        if answer.status_code == 200:
            body = API["paths"][urlsplit(url).path]["get"]["responses"]["200"]["content"][
                answer.headers["content-type"]
            ]
            validator(API, body["schema"]).validate(answer.json())


def test_every_metric_is_described_from_its_declaration() -> None:
    described = API["components"]["schemas"]
    for metric in METRICS:
        assert metric.help in described[metric.name]["description"]
        assert described[metric.name]["x-unit"] == metric.unit
        assert "null" in described[metric.name]["type"]
        for item in ("Gpu", "Sample", "Bucket"):
            assert metric.name in described[item]["properties"]


async def test_it_is_served_with_the_version_of_the_distribution() -> None:
    answer = await Site().get("/api/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    version = answer.json()["info"]["version"]
    assert answer.json() == json.loads(json.dumps(document(version)))


def test_the_websocket_is_described() -> None:
    text = API["info"]["description"]
    for message in ("gpu_stats", "host_state", "event", "error", "subscribe"):
        assert f'"type": "{message}"' in text
