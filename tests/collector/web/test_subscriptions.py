"""What clients of the WebSocket may say."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.model import METRIC_NAMES
from gpufleet_collector.web.subscriptions import Subscription, read_message


def test_everything_but_the_type_may_be_left_out() -> None:
    assert read_message('{"type": "subscribe"}') == Subscription(Selection(), METRIC_NAMES, 0.0)


def test_empty_lists_do_not_restrict() -> None:
    message = '{"type": "subscribe", "format": "events", "hosts": [], "gpus": [], "metrics": [], "interval_seconds": 1}'
    assert read_message(message) == Subscription(Selection(), METRIC_NAMES, 1.0)


def test_metrics_are_one_view_in_whatever_order_they_were_named() -> None:
    one = read_message('{"type": "subscribe", "metrics": ["sm_clock_mhz", "power_watts"]}')
    other = read_message('{"type": "subscribe", "metrics": ["power_watts", "sm_clock_mhz", "power_watts"]}')
    assert one.metrics == other.metrics == ("power_watts", "sm_clock_mhz")


def test_too_many_items_are_refused() -> None:
    with pytest.raises(BadRequest, match="hosts"):
        read_message(json.dumps({"type": "subscribe", "hosts": [str(number) for number in range(1001)]}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["type", "format", "hosts", "gpus", "metrics", "interval_seconds", "other"])


@given(st.dictionaries(KEYS, JSON | st.sampled_from(["subscribe", "events", 1]), max_size=6), st.booleans())
def test_any_json_is_a_subscription_or_a_refusal(content: dict[str, object], is_subscribe: bool) -> None:
    if is_subscribe:
        content["type"] = "subscribe"
    try:
        read_message(json.dumps(content))
    except BadRequest as refusal:
        assert refusal.parameter


@given(st.text(max_size=60))
def test_any_text_is_a_subscription_or_a_refusal(text: str) -> None:
    with pytest.raises(BadRequest):
        read_message(text)
