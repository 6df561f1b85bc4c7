"""The parameters of a request, read strictly: what is unknown or wrong is refused by name."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypeVar

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.model import METRIC_INDEX
from gpufleet_collector.web import instants

DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
MAX_ITEMS = 1000
"""Items in one list."""
MAX_ITEM_LENGTH = 256
MAX_INDEX = 2**31 - 1
MAX_STEP_SECONDS = 366 * 86_400.0
PAGING = ("limit", "cursor")
"""What may differ between the pages of one answer."""

T = TypeVar("T")


class Parameters:
    """Pairs of a query string, already decoded. Every method raises BadRequest naming the parameter."""

    def __init__(self, pairs: Iterable[tuple[str, str]], allowed: Collection[str]) -> None:
        self._given: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in allowed:
                known = f"known are {', '.join(sorted(allowed))}" if allowed else "there are none here"
                raise BadRequest(name[:MAX_ITEM_LENGTH], f"is not a parameter; {known}")
            self._given.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        given = self._given.get(name, [])
        if len(given) > 1:
            raise BadRequest(name, "is given more than once")
        return given[0] if given else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A list, comma-separated or repeated, without repetitions; empty when it is not given."""
        items = dict.fromkeys(item for value in self._given.get(name, []) for item in value.split(","))
        if len(items) > MAX_ITEMS:
            raise BadRequest(name, f"has more than {MAX_ITEMS} items")
        for item in items:
            check_item(name, item)
        return tuple(items)

    def indexes(self, name: str) -> tuple[int, ...]:
        return tuple(_whole(name, item, MAX_INDEX) for item in self.texts(name))

    def metrics(self, name: str) -> tuple[str, ...]:
        return tuple(check_metric(name, item) for item in self.texts(name))

    def choices(self, name: str, known: Sequence[str]) -> tuple[str, ...]:
        """A list of which every item is one of `known`."""
        return tuple(_known(name, item, known) for item in self.texts(name))

    def choice(self, name: str, known: Sequence[T], usual: T) -> T:
        """One of `known`, which are texts; the usual one when it is not given."""
        text = self.text(name)
        return usual if text is None else _known(name, text, known)

    def is_given(self, *names: str) -> bool:
        """Whether any of these is given."""
        return any(name in self._given for name in names)

    def limit(self) -> int:
        text = self.text("limit")
        limit = DEFAULT_LIMIT if text is None else _whole("limit", text, MAX_LIMIT)
        if limit < 1:
            raise BadRequest("limit", f"is not a whole number from 1 to {MAX_LIMIT}")
        return limit

    def instant(self, name: str) -> int | None:
        """Microseconds since the epoch."""
        return self._converted(name, instants.read)

    def seconds(self, name: str) -> float | None:
        """A duration greater than zero."""
        return self._converted(name, _duration)

    def binding(self) -> list[tuple[str, list[str]]]:
        """Everything that was asked except which page, in one form however it was written."""
        return sorted(
            (name, sorted(item for value in values for item in value.split(",")))
            for name, values in self._given.items()
            if name not in PAGING
        )

    def _converted(self, name: str, convert: Callable[[str], T]) -> T | None:
        text = self.text(name)
        try:
            return None if text is None else convert(text)
        except ValueError as error:
            raise BadRequest(name, str(error)) from error


def check_item(name: str, item: str) -> str:
    """A host name, UUID or metric name as it may be asked for."""
    if not item:
        raise BadRequest(name, "has an empty item")
    if len(item) > MAX_ITEM_LENGTH or "\0" in item:
        raise BadRequest(name, f"has an item that is longer than {MAX_ITEM_LENGTH} characters or holds a NUL")
    return item


def check_metric(name: str, metric: str) -> str:
    if metric not in METRIC_INDEX:
        raise BadRequest(name, f"{metric!r} is not a metric; /api/v1/catalog lists them")
    return metric


def _known(name: str, text: str, known: Sequence[T]) -> T:
    for one in known:
        if one == text:
            return one
    raise BadRequest(name, f"{text[:MAX_ITEM_LENGTH]!r} is not one of {', '.join(map(str, known))}")


def _whole(name: str, text: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) > most:
        raise BadRequest(name, f"is not a whole number up to {most}")
    return int(text)


def _duration(text: str) -> float:
    if not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text) or not 0 < float(text) <= MAX_STEP_SECONDS:
        raise ValueError(f"is not a number of seconds greater than 0 and up to {MAX_STEP_SECONDS:.0f}")
    return float(text)
