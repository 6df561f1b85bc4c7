"""Which fields nvidia-smi is asked for: the catalogue's names and the identity of a GPU, with what this nvidia-smi has
turned out not to know left out."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gpufleet_proto.catalog import METRICS, Metric

INDEX, UUID, BUS_ID, SERIAL, VBIOS = "index", "uuid", "pci_bus_id", "serial", "vbios"
DRIVER, MIG_MODE, NAME = "driver_version", "mig_mode", "name"

IDENTITY_FIELDS: Mapping[str, tuple[str, ...]] = {
    INDEX: ("index",),
    UUID: ("uuid", "gpu_uuid"),
    BUS_ID: ("pci.bus_id", "gpu_bus_id"),
    SERIAL: ("serial", "gpu_serial"),
    VBIOS: ("vbios_version",),
    DRIVER: ("driver_version",),
    MIG_MODE: ("mig.mode.current",),
}
"""What is asked for beside the metrics: our name to names of the field, the preferred one first."""

NAME_FIELDS = ("name", "gpu_name")
"""Asked for last: nvidia-smi does not quote, so that a name with commas gives more columns, all of them at the end."""

NOT_OFFERED: frozenset[str] = frozenset(
    {
        "energy_joules_total",
        "process_count",
        "sm_active_percent",
        "sm_occupancy_percent",
        "tensor_active_percent",
        "dram_active_percent",
        "fp64_active_percent",
        "fp32_active_percent",
        "fp16_active_percent",
        "nvlink_tx_mb_per_second",
        "nvlink_rx_mb_per_second",
        "pcie_tx_mb_per_second",
        "pcie_rx_mb_per_second",
        "pcie_replay_total",
        "nvlink_errors_total",
    }
)
"""Metrics that `nvidia-smi --query-gpu` has no field for (`--help-query-gpu` of drivers 590 and 595)."""

_UNKNOWN_FIELD = re.compile(r'Field "([^"\n]{1,200})" is not a valid field to query')


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """The names left to try for each thing that is wanted, the one to ask for first; none left: not asked for."""

    candidates: Mapping[str, tuple[str, ...]]

    @property
    def columns(self) -> tuple[str, ...]:
        """What is asked for, in the order of the columns; `NAME` comes last."""
        return tuple(wanted for wanted, names in self.candidates.items() if names)

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields to query, in the order of `columns`."""
        return tuple(names[0] for names in self.candidates.values() if names)

    @property
    def size(self) -> int:
        """How many names there are to try: no more rejections than that can come."""
        return sum(len(names) for names in self.candidates.values())

    def has_alias(self, wanted: str) -> bool:
        """Whether another name could be tried for `wanted`."""
        return len(self.candidates[wanted]) > 1

    def asks_for(self, field: str) -> bool:
        """Whether `field` is among those to query."""
        return field in self.fields

    def without(self, field: str) -> "FieldPlan":
        """The plan after `field` was rejected: its alias is asked for instead, or nothing."""
        left = {wanted: names[1:] if names[:1] == (field,) else names for wanted, names in self.candidates.items()}
        return FieldPlan(left)


def first_plan(metrics: Iterable[Metric] = METRICS) -> FieldPlan:
    """Everything that nvidia-smi may know, each by its preferred name."""
    wanted = {metric.name: metric.nvidia_smi for metric in metrics if metric.nvidia_smi}
    return FieldPlan({**IDENTITY_FIELDS, **wanted, NAME: NAME_FIELDS})


def rejected_field(output: str) -> str | None:
    """The field that nvidia-smi says it does not know (it names one at a time and exits with 2)."""
    match = _UNKNOWN_FIELD.search(output)
    return match.group(1) if match else None
