"""What a WebSocket client may say, and what is told to it when it says something else."""

from dataclasses import dataclass
from typing import Any, Literal

import orjson

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.selection import Selection, wanted_labels
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.web.parameters import MAX_ITEMS, check_item, check_metric

MAX_MESSAGE_BYTES = 64 * 1024
MAX_INTERVAL_SECONDS = 3600.0
MIN_FRAME_SECONDS = 0.1
DEFAULT_FRAME_SECONDS = 1.0
EVERYTHING = Selection()
KEYS = frozenset(("type", "format", "hosts", "gpus", "labels", "metrics", "interval_seconds"))
FORMATS = ("events", "frames")

Format = Literal["events", "frames"]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one client wants. `interval_seconds` 0 means every sample; `metrics` are in the order of the catalogue."""

    selection: Selection = EVERYTHING
    metrics: tuple[str, ...] = METRIC_NAMES
    interval_seconds: float = 0.0
    format: Format = "events"


def read_message(text: str | None) -> Subscription:
    """The subscription that a message asks for; None is a binary message. Raises BadRequest naming the culprit."""
    if text is None:
        raise BadRequest("message", "is binary; messages are JSON text")
    if len(text.encode(errors="surrogatepass")) > MAX_MESSAGE_BYTES:
        raise BadRequest("message", f"is larger than {MAX_MESSAGE_BYTES // 1024} KiB")
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise BadRequest("message", f"is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise BadRequest("message", "is not a JSON object")
    return _read_subscribe(content)


def _read_subscribe(content: dict[str, Any]) -> Subscription:
    if content.get("type") != "subscribe":
        raise BadRequest("type", 'is not "subscribe"')
    for key in content.keys() - KEYS:
        raise BadRequest(key[:100], f"is not a key; known are {', '.join(sorted(KEYS))}")
    form: Format = _format(content.get("format", "events"))
    wanted = {check_metric("metrics", item) for item in _texts(content, "metrics")}
    return Subscription(
        Selection(
            hosts=frozenset(_texts(content, "hosts")),
            gpus=frozenset(_texts(content, "gpus")),
            labels=wanted_labels(_label(item) for item in _texts(content, "labels")),
        ),
        tuple(name for name in METRIC_NAMES if name in wanted) or METRIC_NAMES,
        _frame_interval(content) if form == "frames" else _interval(content.get("interval_seconds", 0), 0),
        form,
    )


def _format(value: object) -> Format:
    if value == "events":
        return "events"
    if value == "frames":
        return "frames"
    raise BadRequest("format", f"is not one of {', '.join(FORMATS)}")


def _label(item: str) -> tuple[str, str]:
    name, equals, value = item.partition("=")
    if not name or not equals:
        raise BadRequest("labels", "has an item that is not NAME=VALUE, such as pool=train")
    return name, value


def _texts(content: dict[str, Any], key: str) -> list[str]:
    items = content.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise BadRequest(key, "is not a list of strings")
    if len(items) > MAX_ITEMS:
        raise BadRequest(key, f"has more than {MAX_ITEMS} items")
    return [check_item(key, item) for item in items]


def _frame_interval(content: dict[str, Any]) -> float:
    """To the millisecond, so that a view is not made twice for nothing."""
    return round(_interval(content.get("interval_seconds", DEFAULT_FRAME_SECONDS), MIN_FRAME_SECONDS), 3)


def _interval(value: object, least: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not least <= float(value) <= MAX_INTERVAL_SECONDS:  # type: ignore[arg-type]
        raise BadRequest("interval_seconds", f"is not a number from {least:g} to {MAX_INTERVAL_SECONDS:.0f}")
    return float(value)  # type: ignore[arg-type]
