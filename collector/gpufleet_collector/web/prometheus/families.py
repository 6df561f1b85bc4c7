"""Families of series, and how they are written: as prometheus-client writes them, byte for byte, but with the labels of
a GPU made into text once rather than for each of its series, which takes a fraction of the time."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from prometheus_client.utils import floatToGoString

Kind: TypeAlias = Literal["gauge", "counter", "info", "unknown"]

Series: TypeAlias = tuple[str, float]
"""Labels as text, and the value."""

_ENDINGS: Mapping[Kind, str] = {"counter": "_total", "info": "_info"}
"""What the names of series end in, and in OpenMetrics those of their families do not."""

_PLAIN: Mapping[Kind, str] = {"gauge": "gauge", "counter": "counter", "info": "gauge", "unknown": "untyped"}
"""The kinds in the words of Prometheus' own text format."""


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """`name` is that of the series."""

    name: str
    kind: Kind
    help: str
    series: Iterable[Series] = ()


def label_text(labels: Mapping[str, str | None]) -> str:
    """Labels as they stand in braces, by name. What is empty or not known has none: to Prometheus that is the same."""
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in sorted(labels.items()) if value])


def write(families: Iterable[Family], *, open_metrics: bool) -> bytes:
    """The families in Prometheus' text format, or in OpenMetrics."""
    lines: list[str] = []
    for family in families:
        name = family.name
        lines.append(_head(family, open_metrics=open_metrics))
        lines += [f"{name}{{{labels}}} {floatToGoString(value)}\n" for labels, value in family.series]
    if open_metrics:
        lines.append("# EOF\n")
    return "".join(lines).encode()


def _head(family: Family, *, open_metrics: bool) -> str:
    if open_metrics:
        name = family.name.removesuffix(_ENDINGS.get(family.kind, ""))
        return f"# HELP {name} {_escaped(family.help)}\n# TYPE {name} {family.kind}\n"
    said = family.help.replace("\\", r"\\").replace("\n", r"\n")
    return f"# HELP {family.name} {said}\n# TYPE {family.name} {_PLAIN[family.kind]}\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
