"""One endpoint as the document has it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import orjson

from gpufleet_collector.web.declared import Declared, Parameter
from gpufleet_collector.web.openapi.schema import Schema, array, example, nullable, ref, structure, text, whole
from gpufleet_collector.web.problems import PROBLEM, problem

JSON = "application/json"
SELF = "The collector itself"
BAD, UNAVAILABLE = int(HTTPStatus.BAD_REQUEST), int(HTTPStatus.SERVICE_UNAVAILABLE)
TOO_MANY = int(HTTPStatus.TOO_MANY_REQUESTS)
GUARDED = (int(HTTPStatus.UNAUTHORIZED), int(HTTPStatus.FORBIDDEN), TOO_MANY)
TOO_MUCH = int(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
_PROBLEMS: Mapping[int, tuple[str, str, str | None]] = {
    BAD: (
        "A parameter is unknown or wrong, which `parameter` names, or too much was asked for.",
        "limit: is not a whole number from 1 to 10000",
        "limit",
    ),
    UNAVAILABLE: (
        "The database does not answer, or too much is asked for at once.",
        "the database does not answer",
        None,
    ),
    int(HTTPStatus.UNAUTHORIZED): (
        "Tokens are needed, and none that is valid was sent.",
        "a valid token is needed: send it as `Authorization: Bearer TOKEN`",
        None,
    ),
    int(HTTPStatus.FORBIDDEN): ("The token does not allow it.", "a token of role agent may not read", None),
    int(HTTPStatus.CONFLICT): (
        "There is no token at all yet.",
        "the first token is made on the collector's machine: gpufleet-collector token create --role admin",
        None,
    ),
    TOO_MUCH: (
        "More GPUs than one answer may have.",
        "these are 4000 GPUs, and one answer has at most 1000",
        None,
    ),
    TOO_MANY: ("More requests of one client than are taken.", "more than 500 requests a second: come back later", None),
    int(HTTPStatus.NOT_IMPLEMENTED): (
        "This collector lacks a part that is installed apart.",
        "format=parquet needs pyarrow: pip install 'gpufleet-collector[parquet]'",
        None,
    ),
    int(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED): (
        "A file that broke off would look whole.",
        "exports need HTTP/1.1 or newer",
        None,
    ),
}
"""When each comes, with the detail and the parameter of an example."""


@dataclass(frozen=True, slots=True)
class Action:
    """What else may be done with an endpoint: `body` is sent, and `answer` comes with `status`."""

    method: str
    name: str
    summary: str
    description: str
    body: Schema | None
    answer: Schema
    status: int = 200
    problems: tuple[int, ...] = (BAD,)

    def described(self, tag: str, components: Mapping[str, Schema]) -> dict[str, Any]:
        responses = {str(self.status): _response("Done.", {JSON: self.answer}, components)}
        responses |= {str(status): _problem(status) for status in self.problems}
        said: dict[str, Any] = {
            "operationId": self.name,
            "tags": [tag],
            "summary": self.summary,
            "description": self.description,
            "responses": responses,
        }
        if self.body is not None:
            content = {"schema": self.body, "example": example(self.body, components)}
            said["requestBody"] = {"required": True, "content": {JSON: content}}
        return said


@dataclass(frozen=True, slots=True)
class Operation:
    """`answers` are the bodies of 200 by media type; `problems` the statuses of what may go wrong."""

    name: str
    tag: str
    summary: str
    description: str
    answers: Mapping[str, Schema]
    parameters: Declared = ()
    problems: tuple[int, ...] = (BAD,)
    is_guarded: bool = True
    """Whether a token is needed where there are any."""
    actions: tuple[Action, ...] = ()

    def path_item(self, components: Mapping[str, Schema]) -> dict[str, Any]:
        responses = {"200": _response("The answer.", self.answers, components)}
        for status in (*self.problems, *(GUARDED if self.is_guarded else ())):
            responses[str(status)] = _problem(status)
        return {
            "get": {
                "operationId": self.name,
                "tags": [self.tag],
                "summary": self.summary,
                "description": self.description,
                "parameters": [_parameter(parameter) for parameter in self.parameters],
                "responses": responses,
            },
            **{action.method: action.described(self.tag, components) for action in self.actions},
        }


def page(name: str, item: Schema, more: Mapping[str, Schema] | None = None) -> Schema:
    """One page of a list."""
    cursor = nullable(text("Ask again with it for the next page; null on the last."), shown=False)
    return structure(
        "",
        {name: array(item), "count": whole("Of this page.", 1), **(more or {}), "next_cursor": cursor},
    )


def _parameter(parameter: Parameter[Any]) -> dict[str, Any]:
    is_list = parameter.schema["type"] == "array"
    help_text = f"{parameter.help} Comma-separated or repeated." if is_list else parameter.help
    said: dict[str, Any] = {"name": parameter.name, "in": "query", "description": help_text}
    if parameter.is_required:
        said["required"] = True
    if is_list:
        said |= {"style": "form", "explode": False}
    return said | {"schema": dict(parameter.schema)} | _example(parameter)


def _example(parameter: Parameter[Any]) -> dict[str, Any]:
    """Only of what must be given: a page of documentation fills it in."""
    if not parameter.is_required:
        return {}
    items: Any = parameter.schema["items"]
    return {"example": items["enum"][:2]}


def _response(description: str, bodies: Mapping[str, Schema], components: Mapping[str, Schema]) -> dict[str, Any]:
    content = {
        media_type: {"schema": schema, "example": example(schema, components)} for media_type, schema in bodies.items()
    }
    return {"description": description, "content": content}


def _problem(status: int) -> dict[str, Any]:
    description, detail, parameter = _PROBLEMS[status]
    shown = orjson.loads(problem(status, detail, parameter).body)
    return {"description": description, "content": {PROBLEM: {"schema": ref("Problem"), "example": shown}}}
