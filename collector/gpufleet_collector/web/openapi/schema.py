"""JSON Schema in few words, and the example that follows from a schema."""

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeAlias

Schema: TypeAlias = dict[str, Any]

COMPONENTS = "#/components/schemas/"
INSTANT_EXAMPLE = "2026-01-01T00:00:00.123456Z"
_OF_PYTHON = {int: "integer", float: "number", str: "string", bool: "boolean"}
_SIMPLEST: Mapping[str, object] = {"integer": 0, "number": 0.0, "string": "", "boolean": False, "null": None}


def scalar(kind: str, description: str = "", example: object = None, **more: object) -> Schema:
    said = {"description": description} if description else {}
    shown = {} if example is None else {"examples": [example]}
    return {"type": kind, **said, **more, **shown}


def text(description: str = "", example: str | None = None, **more: object) -> Schema:
    return scalar("string", description, example, **more)


def one_of(known: Sequence[str], description: str = "", example: str | None = None) -> Schema:
    return text(description, example or known[0], enum=list(known))


def whole(description: str = "", example: int | None = None, **more: object) -> Schema:
    return scalar("integer", description, example, **more)


def number(description: str = "", example: float | None = None, **more: object) -> Schema:
    return scalar("number", description, example, **more)


def truth(description: str = "") -> Schema:
    return scalar("boolean", description)


def instant(description: str = "") -> Schema:
    return text(description, INSTANT_EXAMPLE, format="date-time")


def nullable(schema: Schema, *, shown: bool = True) -> Schema:
    """Or null; not `shown` is null in examples."""
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    wider = schema | {"type": [schema["type"], "null"]}
    if "enum" in schema:
        wider["enum"] = [*schema["enum"], None]
    return wider if shown else wider | {"examples": [None]}


def array(items: Schema, description: str = "") -> Schema:
    return scalar("array", description, items=items)


def pair(first: Schema, second: Schema, description: str = "") -> Schema:
    return scalar("array", description, prefixItems=[first, second], minItems=2, maxItems=2)


def structure(
    description: str, properties: Mapping[str, Schema], optional: Mapping[str, Schema] | None = None
) -> Schema:
    """An object that has all `properties` and may have the optional ones."""
    rest = optional or {}
    return scalar("object", description, required=list(properties), properties={**properties, **rest})


def mapping(values: Schema, description: str = "", example: Mapping[str, object] | None = None) -> Schema:
    return scalar("object", description, example, additionalProperties=values)


def ref(name: str) -> Schema:
    return {"$ref": COMPONENTS + name}


def of_dataclass(declared: type, description: str) -> Schema:
    """An object with the fields of a dataclass of plain values."""
    hints = typing.get_type_hints(declared)
    return structure(description, {field.name: _of_hint(hints[field.name]) for field in fields(declared)})


def _of_hint(hint: Any) -> Schema:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, types.UnionType}:
        (given,) = (one for one in inner if one is not type(None))
        return nullable(_of_hint(given))
    if origin is Mapping:
        return mapping(_of_hint(inner[1]))
    return {"type": _OF_PYTHON[hint]}


def example(schema: Schema, components: Mapping[str, Schema]) -> Any:
    """A value that the schema allows, made of the examples of its parts."""
    if "$ref" in schema:
        return example(components[schema["$ref"].removeprefix(COMPONENTS)], components)
    if "examples" in schema:
        return schema["examples"][0]
    for alternatives in ("oneOf", "anyOf"):
        if alternatives in schema:
            return example(schema[alternatives][0], components)
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "object":
        return {name: example(part, components) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        parts = schema.get("prefixItems") or [schema["items"]]
        return [example(part, components) for part in parts]
    return _SIMPLEST[kind]
