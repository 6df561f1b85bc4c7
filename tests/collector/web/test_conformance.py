"""The API is what its document says, for whatever may be asked of it: over a real store, through a real server."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from http import HTTPStatus
from typing import Any, TypeAlias

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from fakes.kept_site import kept_site
from fakes.postgres import Databases
from gpufleet_collector.web.openapi.document import document
from gpufleet_collector.web.problems import PROBLEM
from gpufleet_collector.web.serving.http import MAX_REQUEST_HEAD_BYTES

EXAMPLES = 5
"""Questions for each endpoint, beside those at the edges of its parameters."""


def closed(part: Any) -> Any:
    """Objects may have no fields but those that are described: clients bear more, the description may not."""
    if isinstance(part, list):
        return [closed(item) for item in part]
    if not isinstance(part, Mapping):
        return part
    inner = {name: closed(item) for name, item in part.items()}
    return inner | {"additionalProperties": False} if isinstance(part.get("properties"), Mapping) else inner


Case: TypeAlias = schemathesis.Case[Any]

HISTORY, SERIES = "/api/system/gpu-stats/history", "/api/v1/series"
BEYOND_A_SCHEMA: Mapping[str, set[str]] = {
    HISTORY: {"cursor", "since", "step", "until"},
    SERIES: {"agg", "cursor", "label", "since", "step", "until"},
    "/api/v1/events": {"cursor", "since", "until"},
    "/api/v1/processes": {"cursor", "since", "until"},
    "/api/v1/session": {"token"},
    "/api/v1/tokens": {"name", "hosts", "id"},
    "/api/v1/export": {"since", "until", "step", "kind", "severity", "gpu_index", "metrics", "format"},
}
"""Parameters that may be refused though each of them alone is as described: a cursor goes with its question, an
aggregation with the kind of a metric, a label with its grouping, a step with its span and the table that answers, and
spans may be empty or outside of time; what is exported decides which parameters go with it; tokens
and names are more than texts. Elsewhere it is the cursor alone."""


OF_BODIES = {"token", "role", "name", "hosts", "days", "id"}


def is_too_long(response: schemathesis.Response) -> bool:
    """Such a request may be refused unread; its headers take the rest."""
    return len(response.request.url or "") > MAX_REQUEST_HEAD_BYTES - 2048


@schemathesis.check
def what_is_valid_is_refused_for_a_reason_alone(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    is_valid = case.meta is not None and case.meta.generation.mode is schemathesis.GenerationMode.POSITIVE
    if response.status_code == HTTPStatus.BAD_REQUEST and is_valid and not is_too_long(response):
        assert response.json()["parameter"] in BEYOND_A_SCHEMA.get(case.path, {"cursor"}), response.text


@schemathesis.check
def a_refusal_names_a_parameter(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    if response.status_code == HTTPStatus.BAD_REQUEST and not is_too_long(response):
        assert response.headers["content-type"] == [PROBLEM]
        declared = {parameter.name for parameter in case.operation.query}
        sent = {"body", *case.body} if isinstance(case.body, dict) else {"body"}
        assert response.json()["parameter"] in {*declared, *(case.query or {}), *sent, *OF_BODIES}, response.text


config = schemathesis.Config.from_dict({"generation": {"max-examples": EXAMPLES}})
api = schemathesis.openapi.from_dict(closed(document("0")), config=config)


@pytest.fixture(scope="module")
def site(databases: Databases, migrated_template: str) -> Iterator[str]:
    dsn = databases.create(migrated_template)
    with kept_site(dsn) as address:
        yield address
    databases.drop(dsn)


@pytest.fixture(scope="module")
def session() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


@api.parametrize()
def test_the_api_is_as_described(case: Case, site: str, session: requests.Session) -> None:
    case.call_and_validate(base_url=site, session=session, excluded_checks=[positive_data_acceptance])


WHOLE_TIME = {"since": "2026-01-01T00:00:00Z", "until": "2026-01-01T03:30:00Z"}
"""All that the site has: an hour that is packed, with a late sample, and rows."""
FRUITFUL: list[tuple[str, str, dict[str, str]]] = [
    ("/api/system/gpu-stats", "gpus", {}),
    ("/api/v1/gpus", "gpus", {"host": "alpha,beta", "gpu_index": "0"}),
    ("/api/v1/hosts", "hosts", {}),
    ("/api/v1/events", "events", {"kind": "xid", "severity": "critical"}),
    ("/api/v1/processes", "processes", {}),
    ("/api/v1/processes", "processes", WHOLE_TIME),
    (HISTORY, "samples", WHOLE_TIME),
    (HISTORY, "samples", {**WHOLE_TIME, "host": "alpha", "metrics": "power_watts,throttle_reasons"}),
    *((HISTORY, "buckets", {**WHOLE_TIME, "step": step}) for step in ("0.5", "60", "300", "3600")),
    *(
        (SERIES, "series", {**WHOLE_TIME, "metrics": "power_watts,energy_joules_total", "group_by": group, **more})
        for group, more in (
            ("fleet", {"agg": "avg,sum,min,max"}),
            ("host", {"step": "60"}),
            ("model", {"agg": "p50,p95", "step": "300"}),
            ("label", {"label": "rack", "step": "3600"}),
            ("gpu", {"agg": "max"}),
        )
    ),
]


@pytest.mark.parametrize(("path", "name", "query"), FRUITFUL)
def test_answers_with_something_in_them_are_as_described_page_by_page(
    path: str, name: str, query: dict[str, str], site: str, session: requests.Session
) -> None:
    def ask(more: dict[str, str]) -> Any:
        case = api[path]["GET"].Case(query={**query, **more})
        return case.call_and_validate(base_url=site, session=session).json()

    everything = ask({})
    page = ask({"limit": "1"})
    assert everything[name]
    assert page[name]
    if page["next_cursor"] is not None:
        assert ask({"limit": "1", "cursor": page["next_cursor"]})[name] != page[name]


def doctored(change: Callable[[Any], object], *keys: str) -> Any:
    """The document with a change at one place."""
    described = deepcopy(document("0"))
    place = described
    for key in keys:
        place = place[key]
    change(place)
    return schemathesis.openapi.from_dict(closed(described), config=config)


def forget(field: str) -> Callable[[Any], object]:
    return lambda schema: (schema["properties"].pop(field), schema["required"].remove(field))


HOSTS = ("paths", "/api/v1/hosts", "get")
ANSWER = (*HOSTS, "responses", "200", "content", "application/json", "schema")


@pytest.mark.parametrize(
    ("otherwise", "query"),
    [
        (doctored(forget("count"), *ANSWER), {}),
        (doctored(forget("note"), "components", "schemas", "Host"), {}),
        (doctored(lambda fields: fields.update(count={"type": "string"}), *ANSWER, "properties"), {}),
        (doctored(lambda responses: responses.pop("400"), *HOSTS, "responses"), {"limit": "0"}),
        (doctored(lambda response: response.update(content={"text/html": {}}), *HOSTS, "responses", "200"), {}),
    ],
    ids=["a field", "a field of a part", "the type of a field", "a status", "a media type"],
)
def test_the_guard_fires_on_an_answer_that_is_described_wrongly(
    otherwise: Any, query: Mapping[str, str], site: str, session: requests.Session
) -> None:
    case = otherwise["/api/v1/hosts"]["GET"].Case(query=dict(query))
    with pytest.raises(FailureGroup):
        case.call_and_validate(base_url=site, session=session)


ONLY_ALPHA = [{"name": "host", "in": "query", "schema": {"enum": ["alpha"]}}]
STRICTER = doctored(lambda operation: operation.update(parameters=ONLY_ALPHA), *HOSTS)


def test_the_guard_fires_on_a_parameter_that_is_read_less_strictly(site: str, session: requests.Session) -> None:
    # A few of such questions are refused for other reasons: it goes on until one is not.
    @settings(
        max_examples=500,
        phases=[Phase.generate],
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=STRICTER["/api/v1/hosts"]["GET"].as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def ask(case: Case) -> None:
        case.call_and_validate(base_url=site, session=session)

    with pytest.raises(FailureGroup):
        ask()
