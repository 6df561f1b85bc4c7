"""Families of series as text: whatever labels hold is read back, and all is as prometheus-client itself writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from fakes.exposition import Held, read_families, read_series
from gpufleet_collector.web.prometheus.families import Family, label_text, write

NAMES = ("host", "gpu_uuid", "gpu_name", "UUID", "modelName", "_")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.sampled_from(
    [
        'say "hi"',
        "back\\slash",
        "two\nlines",
        "\\n",
        '\\"',
        "\\",
        '"',
        "🖥️ 🚀",
        "الرؤية",
        "a,b={c}",
        "# HELP x",
        " ",
        "\r",
        "\x00",
    ]
)
LABELS = st.dictionaries(st.sampled_from(NAMES), TEXTS | st.none(), min_size=1)
VALUES = st.floats(allow_nan=False) | st.integers(-(2**60), 2**60).map(float)
MODES = pytest.mark.parametrize("open_metrics", [False, True], ids=["text", "openmetrics"])


def kept(labels: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if value}


@MODES
@given(st.lists(st.tuples(LABELS, VALUES), unique_by=lambda one: tuple(sorted(kept(one[0]).items()))))
def test_labels_and_values_of_every_kind_are_read_back(
    open_metrics: bool, given: list[tuple[dict[str, str | None], float]]
) -> None:
    family = Family("power_watts", "gauge", "Power", [(label_text(labels), value) for labels, value in given])
    text = write([family], open_metrics=open_metrics).decode()
    expected = [(kept(labels), value) for labels, value in given]
    assert read_series(text, open_metrics=open_metrics).get("power_watts", []) == expected


FAMILIES = [
    Family(
        "used_bytes", "gauge", 'What is "used"\nby \\ all', [(label_text({"b": "2", "a": 'x"y'}), 85_899_345_920.0)]
    ),
    Family("errors_total", "counter", "Errors", [(label_text({"a": "1"}), 0.0), (label_text({"a": "2"}), 1e15)]),
    Family("gpu_info", "info", "Who", [(label_text({"name": "\\"}), 1.0)]),
    Family("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "unknown", "Replays", [(label_text({"gpu": "0"}), 0.5)]),
    Family("absent_watts", "gauge", "Nobody has it"),
]


@MODES
def test_it_is_what_prometheus_client_writes(open_metrics: bool) -> None:
    text = write(FAMILIES, open_metrics=open_metrics)
    held = Held(read_families(text.decode(), open_metrics=open_metrics))
    assert len(held.collect()) == len(FAMILIES)
    assert (generate_openmetrics(held) if open_metrics else generate_latest(held)) == text


def test_what_is_not_known_has_no_label() -> None:
    assert label_text({"b": None, "a": "x", "c": ""}) == 'a="x"'
