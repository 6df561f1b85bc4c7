"""Text for Prometheus, read back by prometheus-client."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from prometheus_client import parser
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics_parser
from prometheus_client.registry import Collector

OPEN_METRICS = "application/openmetrics-text; version=1.0.0"

Labels: TypeAlias = Mapping[str, str]


class Held(Collector):
    """Families, to be written by prometheus-client itself."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> list[Metric]:
        return self._families


def read_families(text: str, *, open_metrics: bool = False) -> list[Metric]:
    """Raises ValueError for what is not well formed."""
    read = openmetrics_parser if open_metrics else parser
    return list(read.text_string_to_metric_families(text))


def read_series(text: str, *, open_metrics: bool = False) -> dict[str, list[tuple[Labels, float]]]:
    """Labels and values by the name of the series, in the order in which they are written."""
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in read_families(text, open_metrics=open_metrics):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found
