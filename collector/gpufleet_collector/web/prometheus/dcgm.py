"""The fleet as NVIDIA's DCGM exporter would tell of it, for dashboards and rules that exist: its names, units and
labels, for every metric of which the catalogue says what DCGM calls it."""

from collections.abc import Iterator, Sequence

from gpufleet_collector.model import Gpu
from gpufleet_collector.web.prometheus.families import Family, label_text
from gpufleet_collector.web.prometheus.native import help_text, present
from gpufleet_collector.web.prometheus.snapshot import Snapshot
from gpufleet_collector.web.prometheus.units import in_unit
from gpufleet_proto.catalog import METRICS, Kind, Metric


def dcgm_families(seen: Snapshot) -> Iterator[Family]:
    """Made as they are asked for. Counters are of no kind: DCGM's names do not end as those of counters have to."""
    hosts = [row.host for row in seen.roster.rows]
    rows, labels = _distinct(_labels(hosts, seen.gpus()))
    for metric, values in zip(METRICS, seen.picture.values[:, rows], strict=True):
        if metric.dcgm is not None:
            yield Family(
                metric.dcgm,
                "unknown" if metric.kind is Kind.COUNTER else "gauge",
                _help(metric),
                present(labels, in_unit(metric, values, metric.dcgm_factor)),
            )


def dcgm_labels(host: str, gpu: Gpu, board: Gpu) -> dict[str, str | None]:
    """A MIG instance is its board, told apart by the number and profile of the GPU instance."""
    index = None if gpu.index is None else str(gpu.index)
    return {
        "gpu": index,
        "UUID": board.uuid,
        "pci_bus_id": board.pci_bus_id or gpu.pci_bus_id,
        "device": None if index is None else f"nvidia{index}",
        "modelName": board.name or gpu.name,
        "GPU_I_PROFILE": gpu.mig_profile,
        "GPU_I_ID": None if gpu.mig_instance is None else str(gpu.mig_instance),
        "Hostname": host,
    }


def _help(metric: Metric) -> str:
    if metric.names:
        return help_text(metric)
    unit = metric.unit if metric.dcgm_factor == 1 else f"{metric.dcgm_factor:.10g} per {metric.unit}"
    return f"{metric.help} ({unit})"


def _labels(hosts: Sequence[str], gpus: Sequence[Gpu]) -> list[str]:
    boards = {gpu.uuid: gpu for gpu in gpus if gpu.parent_uuid is None}
    return [
        label_text(
            dcgm_labels(host, gpu, gpu if gpu.parent_uuid is None else boards.get(gpu.parent_uuid) or _unseen(gpu))
        )
        for host, gpu in zip(hosts, gpus, strict=True)
    ]


def _unseen(instance: Gpu) -> Gpu:
    """The board of an instance, of which nothing else is known."""
    return Gpu(instance.parent_uuid or instance.uuid)


def _distinct(labels: Sequence[str]) -> tuple[list[int], list[str]]:
    """Of several compute instances in one GPU instance, which DCGM's labels do not tell apart, the first; by row."""
    first = {text: row for row, text in reversed(list(enumerate(labels)))}
    rows = sorted(first.values())
    return rows, [labels[row] for row in rows]
