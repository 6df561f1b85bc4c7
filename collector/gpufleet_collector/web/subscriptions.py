"""What a WebSocket client may say, and what is told to it when it says something else."""

from dataclasses import dataclass
from typing import Any

import orjson

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.hub import Selection
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.web.parameters import MAX_ITEMS, check_item, check_metric

MAX_MESSAGE_BYTES = 64 * 1024
MAX_INTERVAL_SECONDS = 3600.0
EVERYTHING = Selection()
KEYS = frozenset(("type", "format", "hosts", "gpus", "metrics", "interval_seconds"))


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one client wants. `interval_seconds` 0 means every sample; `metrics` are in the order of the catalogue."""

    selection: Selection = EVERYTHING
    metrics: tuple[str, ...] = METRIC_NAMES
    interval_seconds: float = 0.0


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
    if content.get("format", "events") != "events":
        raise BadRequest("format", 'is not "events", the only format that this collector offers')
    wanted = {check_metric("metrics", item) for item in _texts(content, "metrics")}
    return Subscription(
        Selection(hosts=frozenset(_texts(content, "hosts")), gpus=frozenset(_texts(content, "gpus"))),
        tuple(name for name in METRIC_NAMES if name in wanted) or METRIC_NAMES,
        _interval(content.get("interval_seconds", 0)),
    )


def _texts(content: dict[str, Any], key: str) -> list[str]:
    items = content.get(key, [])
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise BadRequest(key, "is not a list of strings")
    if len(items) > MAX_ITEMS:
        raise BadRequest(key, f"has more than {MAX_ITEMS} items")
    return [check_item(key, item) for item in items]


def _interval(value: object) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= float(value) <= MAX_INTERVAL_SECONDS:  # type: ignore[arg-type]
        raise BadRequest("interval_seconds", f"is not a number from 0 to {MAX_INTERVAL_SECONDS:.0f}")
    return float(value)  # type: ignore[arg-type]
