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
BAD, UNAVAILABLE = int(HTTPStatus.BAD_REQUEST), int(HTTPStatus.SERVICE_UNAVAILABLE)
_PROBLEMS: Mapping[int, tuple[str, str, str | None]] = {
    BAD: (
        "A parameter is unknown or wrong, which `parameter` names, or too much was asked for.",
        "limit: is not a whole number from 1 to 10000",
        "limit",
    ),
    UNAVAILABLE: ("The database does not answer.", "the database does not answer", None),
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
class Operation:
    """`answers` are the bodies of 200 by media type; `problems` the statuses of what may go wrong."""

    name: str
    tag: str
    summary: str
    description: str
    answers: Mapping[str, Schema]
    parameters: Declared = ()
    problems: tuple[int, ...] = (BAD,)

    def path_item(self, components: Mapping[str, Schema]) -> dict[str, Any]:
        responses = {"200": _response("The answer.", self.answers, components)}
        for status in self.problems:
            responses[str(status)] = _problem(status)
        return {
            "get": {
                "operationId": self.name,
                "tags": [self.tag],
                "summary": self.summary,
                "description": self.description,
                "parameters": [_parameter(parameter) for parameter in self.parameters],
                "responses": responses,
            }
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
