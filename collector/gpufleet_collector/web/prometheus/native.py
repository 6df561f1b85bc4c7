"""The fleet in families of its own: one for each metric of the catalogue, in base units, and who, where and how every
GPU is."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from gpufleet_collector.live.picture import NO_INSTANT
from gpufleet_collector.model import GPU_STATES, Gpu
from gpufleet_collector.web.catalog import PROMETHEUS_PREFIX
from gpufleet_collector.web.prometheus.families import Family, Kind, Series, label_text
from gpufleet_collector.web.prometheus.hosts import host_families
from gpufleet_collector.web.prometheus.snapshot import Snapshot
from gpufleet_collector.web.prometheus.units import in_unit
from gpufleet_proto import catalog
from gpufleet_proto.catalog import METRICS, Metric


def native_families(seen: Snapshot) -> Iterator[Family]:
    """Made as they are asked for."""
    gpus = seen.gpus()
    places = [gpu_labels(row.host, gpu) for row, gpu in zip(seen.roster.rows, gpus, strict=True)]
    labels = [label_text(place) for place in places]
    yield from host_families(seen.hosts.values())
    yield Family(
        PROMETHEUS_PREFIX + "info",
        "info",
        "Who a GPU is; always 1",
        [(label_text(place | _identity(gpu)), 1.0) for place, gpu in zip(places, gpus, strict=True)],
    )
    yield Family(
        PROMETHEUS_PREFIX + "state",
        "gauge",
        "1 for the state that the GPU is in, 0 for every other; unknown while nothing is heard of its host",
        states(labels, seen.states(), GPU_STATES),
    )
    yield Family(
        PROMETHEUS_PREFIX + "last_reading_timestamp_seconds",
        "gauge",
        "When the core metrics of the GPU were last read, by the clock of its host",
        [
            (text, at / 1e6)
            for text, at in zip(labels, seen.picture.recorded_at.tolist(), strict=True)
            if at != NO_INSTANT
        ],
    )
    for metric, values in zip(METRICS, seen.picture.values, strict=True):
        yield Family(
            PROMETHEUS_PREFIX + metric.prometheus,
            _kind(metric),
            help_text(metric),
            present(labels, in_unit(metric, values, metric.prometheus_factor)),
        )


def gpu_labels(host: str, gpu: Gpu) -> dict[str, str | None]:
    """Where a series belongs; the three of MIG are on those of instances."""
    return {
        "host": host,
        "gpu_uuid": gpu.uuid,
        "gpu_index": None if gpu.index is None else str(gpu.index),
        "gpu_name": gpu.name,
        "parent_uuid": gpu.parent_uuid,
        "mig_profile": gpu.mig_profile,
        "mig_instance": None if gpu.mig_instance is None else str(gpu.mig_instance),
    }


def help_text(metric: Metric) -> str:
    """What a metric is, and what its numbers stand for where they are names."""
    if not metric.names:
        return metric.help
    names = ", ".join(f"{value} {name}" for value, name in metric.names)
    return f"{metric.help} ({'sum of ' if metric.kind is catalog.Kind.FLAGS else ''}{names})"


def present(labels: Sequence[str], values: NDArray[np.float64]) -> list[Series]:
    """Without those that were not read."""
    return [(text, value) for text, value in zip(labels, values.tolist(), strict=True) if value == value]


def states(labels: Sequence[str], current: Sequence[str], known: Sequence[str]) -> list[Series]:
    """One series for each state that is known. `state` is the last label by name."""
    endings = [(state, f',state="{state}"') for state in sorted(known)]
    return [
        (text + ending, float(state == now))
        for text, now in zip(labels, current, strict=True)
        for state, ending in endings
    ]


def _identity(gpu: Gpu) -> dict[str, str | None]:
    return {"pci_bus_id": gpu.pci_bus_id, "serial": gpu.serial, "vbios": gpu.vbios}


def _kind(metric: Metric) -> Kind:
    return "counter" if metric.kind is catalog.Kind.COUNTER else "gauge"
