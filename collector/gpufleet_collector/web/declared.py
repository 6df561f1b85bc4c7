"""What may be asked, declared once: how a parameter is read follows from it, and what the API's document says of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeAlias, TypeVar

from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.web.parameters import (
    DEFAULT_LIMIT,
    MAX_CURSOR_LENGTH,
    MAX_INDEX,
    MAX_ITEM_LENGTH,
    MAX_ITEMS,
    MAX_LIMIT,
    MAX_STEP_SECONDS,
    Parameters,
)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Parameter(Generic[T]):
    """One parameter of a query string. `schema` is JSON Schema and no stricter than `reader`: what it excludes is
    refused, and what it allows may still be refused, by name."""

    name: str
    help: str
    schema: Mapping[str, object]
    reader: Callable[[Parameters, str], T]
    is_required: bool = False

    def read(self, asked: Parameters) -> T:
        return self.reader(asked, self.name)


Declared: TypeAlias = Sequence[Parameter[Any]]
"""All parameters of an endpoint."""

ITEM: Mapping[str, object] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ITEM_LENGTH,
    "pattern": r"^[^,\u0000]+$",
}
"""One text of a list: commas part them."""


def _list(items: Mapping[str, object], most: int = MAX_ITEMS) -> dict[str, object]:
    return {"type": "array", "items": dict(items), "minItems": 1, "maxItems": most}


def texts(name: str, description: str) -> Parameter[tuple[str, ...]]:
    return Parameter(name, description, _list(ITEM), Parameters.texts)


def indexes(name: str, description: str) -> Parameter[tuple[int, ...]]:
    items = {"type": "integer", "minimum": 0, "maximum": MAX_INDEX}
    return Parameter(name, description, _list(items), Parameters.indexes)


def metrics(
    name: str, description: str, *, is_required: bool = False, most: int = MAX_ITEMS
) -> Parameter[tuple[str, ...]]:
    items = {"type": "string", "enum": list(METRIC_NAMES)}
    return Parameter(name, description, _list(items, most), partial(Parameters.metrics, most=most), is_required)


def choices(
    name: str, description: str, known: Sequence[str], default: Sequence[str] = ()
) -> Parameter[tuple[str, ...]]:
    """A list of some of `known`."""
    schema = _list({"type": "string", "enum": list(known)}) | ({"default": list(default)} if default else {})
    return Parameter(name, description, schema, partial(_choices, known=known, default=tuple(default)))


def choice(name: str, description: str, known: Sequence[T], usual: T) -> Parameter[T]:
    """One of `known`, which are texts."""
    schema = {"type": "string", "enum": list(known), "default": usual}
    return Parameter(name, description, schema, partial(Parameters.choice, known=known, usual=usual))


def instant(name: str, description: str) -> Parameter[int | None]:
    return Parameter(name, description, {"type": "string", "format": "date-time"}, Parameters.instant)


def seconds(name: str, description: str) -> Parameter[float | None]:
    schema = {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_STEP_SECONDS}
    return Parameter(name, description, schema, Parameters.seconds)


def _choices(asked: Parameters, name: str, known: Sequence[str], default: tuple[str, ...]) -> tuple[str, ...]:
    return asked.choices(name, known) or default


LIMIT = Parameter(
    "limit",
    "The most items of one answer.",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    lambda asked, _: asked.limit(),
)
CURSOR = Parameter(
    "cursor",
    "`next_cursor` of the page before. It belongs to the parameters of that page, `limit` aside.",
    {"type": "string", "minLength": 1, "maxLength": MAX_CURSOR_LENGTH, "pattern": "^[A-Za-z0-9_-]+$"},
    Parameters.text,
)
PAGES = (LIMIT, CURSOR)
