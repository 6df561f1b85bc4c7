"""From the lines that nvidia-smi printed to GPUs: every line stands for itself, and a strange one costs one GPU."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gpufleet_agent.probe.nvidia_smi.fields import BUS_ID, INDEX, MIG_MODE, NAME, SERIAL, UUID, VBIOS, FieldPlan
from gpufleet_agent.probe.nvidia_smi.values import GPU_LOST, Absent, read_value, sentinel_reason
from gpufleet_agent.readings import BACKEND, ERROR, LOST, NOT_SUPPORTED, OK, UNKNOWN, GpuIdentity, GpuReading
from gpufleet_proto.catalog import BY_NAME, METRICS

MAX_GPUS = 1024
"""Rows beyond this many are left unread and noted."""
MAX_TEXT = 256
"""Longer names, serial numbers and versions are cut."""

NOT_WITH_MIG = frozenset(
    {
        "gpu_utilization_percent",
        "memory_utilization_percent",
        "encoder_utilization_percent",
        "decoder_utilization_percent",
    }
)
"""NVML does not support these on a GPU in MIG mode (nvml.h, nvmlDeviceGetUtilizationRates)."""

_UUID = re.compile(r"(?:GPU|MIG)-[!-~]{1,120}", re.ASCII)

Row = Mapping[str, str]
"""The cells of one line by what was asked for."""


@dataclass(frozen=True, slots=True)
class Table:
    """The lines that are rows, and the others as they were printed."""

    rows: tuple[Row, ...]
    strange: tuple[str, ...]


def read_table(output: str, columns: Sequence[str]) -> Table:
    """The rows of `output`, whose cells stand for `columns` in that order, `NAME` (when asked for) last."""
    rows: list[Row] = []
    strange: list[str] = []
    for line in _lines(output):
        row = _row(line, columns) if len(rows) < MAX_GPUS else None
        if row is None:
            strange.append(line)
        else:
            rows.append(row)
    return Table(tuple(rows), tuple(strange))


def _lines(output: str) -> Iterator[str]:
    return (line for line in (line.strip() for line in output.split("\n")) if line)


def _row(line: str, columns: Sequence[str]) -> Row | None:
    try:
        cells = next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        return None
    if len(cells) > len(columns) and columns[-1] == NAME:
        cells[len(columns) - 1 :] = [line.split(",", len(columns) - 1)[-1]]
    if len(cells) != len(columns):
        return None
    row = {column: cell.strip() for column, cell in zip(columns, cells, strict=True)}
    return row if _is_about_a_gpu(row) else None


def _is_about_a_gpu(row: Row) -> bool:
    """A header, a warning with commas and half a line are not; a GPU that is lost may not say its UUID."""
    uuid = row.get(UUID, "")
    return _UUID.fullmatch(uuid) is not None or sentinel_reason(uuid) == GPU_LOST


def identity(row: Row) -> GpuIdentity | None:
    """Who the GPU of `row` is; None when the row does not say its UUID."""
    uuid = row[UUID]
    if _UUID.fullmatch(uuid) is None:
        return None
    return GpuIdentity(
        uuid=uuid,
        index=_index(row),
        name=text_of(row, NAME),
        pci_bus_id=text_of(row, BUS_ID),
        serial=text_of(row, SERIAL),
        vbios=text_of(row, VBIOS),
    )


def _index(row: Row) -> int | None:
    text = row.get(INDEX, "")
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) else None


def text_of(row: Row, column: str) -> str | None:
    """The cell as text, cut to `MAX_TEXT` printable characters; None when there is none."""
    text = row.get(column, "")
    if sentinel_reason(text) is not None:
        return None
    return "".join(character for character in text if character.isprintable())[:MAX_TEXT] or None


def read_gpu(gpu: GpuIdentity, row: Row) -> GpuReading:
    """What `row` says about `gpu`: every metric of the catalogue is read, or absent for a reason."""
    if GPU_LOST in map(sentinel_reason, row.values()):
        return silent_gpu(gpu, LOST, GPU_LOST)
    values: dict[str, int | float] = {}
    absent = {metric.name: BACKEND for metric in METRICS}
    for column, text in row.items():
        if column in BY_NAME:
            found = read_value(BY_NAME[column], text)
            if isinstance(found, Absent):
                absent[column] = _reason(row, column, found.reason)
            else:
                values[column] = found
                del absent[column]
    _drop_memory_of_zero_bytes(values, absent)
    return GpuReading(gpu, _state(values, row, absent), values, absent)


def _reason(row: Row, metric: str, reason: str) -> str:
    in_mig_mode = row.get(MIG_MODE, "") == "Enabled"
    return "MIG" if reason == NOT_SUPPORTED and in_mig_mode and metric in NOT_WITH_MIG else reason


def _drop_memory_of_zero_bytes(values: dict[str, int | float], absent: dict[str, str]) -> None:
    """With memory shared between CPU and GPU some drivers say 0 MiB where others say N/A (nvitop issue 208)."""
    if values.get("memory_total_mb") == 0:
        for name in ("memory_total_mb", "memory_used_mb", "memory_reserved_mb"):
            if values.get(name) == 0:
                del values[name]
                absent[name] = NOT_SUPPORTED


def _state(values: Mapping[str, int | float], row: Row, absent: Mapping[str, str]) -> str:
    """A GPU that answers nothing but errors is there, and nobody knows how it is."""
    failed = any(absent.get(column) == ERROR for column in row)
    return UNKNOWN if failed and not values else OK


def silent_gpu(gpu: GpuIdentity, state: str, reason: str) -> GpuReading:
    """A GPU from which nothing was read, and why."""
    return GpuReading(gpu, state, {}, {metric.name: reason for metric in METRICS})


def deprecated_fields(table: Table, plan: FieldPlan) -> tuple[str, ...]:
    """Fields that every GPU calls deprecated and that have another name to try."""
    fields = dict(zip(plan.columns, plan.fields, strict=True))
    return tuple(
        fields[column]
        for column in plan.columns
        if plan.has_alias(column) and table.rows and all(sentinel_reason(row[column]) == BACKEND for row in table.rows)
    )
