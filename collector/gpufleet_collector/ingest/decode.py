"""From messages of the stream to the collector's own values; strings from outside are cleaned and cut here."""

import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gpufleet_collector.ingest.identity import is_uuid
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.model import AgentCost, AgentInfo, Gpu, Inventory
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import BY_NUMBER

MAX_DATABASE_INTEGER = 2**31 - 1
OLDEST_INSTANT_US, NEWEST_INSTANT_US = 0, 253_402_300_799_000_000  # 1970 to 9999


@dataclass(slots=True)
class Cleaner:
    """Cleans strings and counts those it had to change."""

    limits: IngestLimits
    trimmed: int = 0

    def text(self, text: str, longest: int | None = None) -> str:
        """Without control characters, and no longer than `longest`, or the limit for strings."""
        longest = self.limits.string_length if longest is None else longest
        if len(text) <= longest and text.isprintable():
            return text
        clean = "".join(char for char in text[: 4 * longest] if char.isprintable())[:longest]
        self.trimmed += clean != text
        return clean

    def common(self, text: str) -> str:
        """A text that many hosts have: kept once however often it comes."""
        return sys.intern(self.text(text))

    def optional(self, message: pb.Gpu | pb.Inventory | pb.Process, field: str) -> str | None:
        return self.text(getattr(message, field)) if message.HasField(field) else None

    def optional_common(self, message: pb.Gpu | pb.Inventory, field: str) -> str | None:
        return self.common(getattr(message, field)) if message.HasField(field) else None

    def labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        kept = sorted(labels.items())[: self.limits.labels]
        self.trimmed += len(labels) - len(kept)
        return {self.common(key): self.common(value) for key, value in kept}

    def times(self, times: Mapping[str, float]) -> dict[str, float]:
        """Milliseconds by group: finite, and no more groups than labels are allowed."""
        kept = sorted(times.items())[: self.limits.labels]
        return {self.text(group): value for group, value in kept if math.isfinite(value)}


def agent_of(hello: pb.Hello, cleaner: Cleaner) -> AgentInfo:
    return AgentInfo(
        agent_id=cleaner.text(hello.agent_id),
        labels=cleaner.labels(hello.labels),
        boot_id=cleaner.text(hello.boot_id),
        version=cleaner.common(hello.agent_version),
        platform=cleaner.common(hello.platform),
    )


def inventory_of(message: pb.Inventory, cleaner: Cleaner, now_us: int) -> Inventory:
    """GPUs past the limit, without a usable UUID, or listed twice are left out, and counted as trimmed."""
    since = message.observed_at_us
    return Inventory(
        observed_at=since if OLDEST_INSTANT_US < since <= NEWEST_INSTANT_US else now_us,
        backend=cleaner.common(message.backend),
        simulated=message.simulated,
        driver_version=cleaner.optional_common(message, "driver_version"),
        nvml_version=cleaner.optional_common(message, "nvml_version"),
        note=cleaner.optional(message, "note"),
        gpus=tuple(_gpus(message.gpus, cleaner)),
    )


def _gpus(messages: Iterable[pb.Gpu], cleaner: Cleaner) -> list[Gpu]:
    gpus: dict[str, Gpu] = {}
    absences: dict[tuple[str, ...], dict[str, str]] = {}
    for message in messages:
        if not is_uuid(message.gpu_uuid) or message.gpu_uuid in gpus or len(gpus) >= cleaner.limits.gpus_per_tick:
            cleaner.trimmed += 1
        else:
            absent = _absent(message)
            # The GPUs of a host mostly lack the same: they share one mapping.
            absent = absences.setdefault((*absent, *absent.values()), absent)
            gpus[message.gpu_uuid] = _gpu(message, cleaner, absent)
    return list(gpus.values())


def _gpu(message: pb.Gpu, cleaner: Cleaner, absent: Mapping[str, str]) -> Gpu:
    return Gpu(
        uuid=message.gpu_uuid,
        index=_small(message, "gpu_index"),
        name=cleaner.optional_common(message, "gpu_name"),
        pci_bus_id=cleaner.optional(message, "pci_bus_id"),
        serial=cleaner.optional(message, "serial"),
        vbios=cleaner.optional_common(message, "vbios"),
        parent_uuid=cleaner.optional(message, "parent_uuid"),
        mig_profile=cleaner.optional_common(message, "mig_profile"),
        mig_instance=_small(message, "mig_instance"),
        state=sys.intern(_name(pb.Gpu.State, message.state, "unknown").lower()),
        absent=absent,
    )


def _absent(message: pb.Gpu) -> dict[str, str]:
    return {
        BY_NUMBER[absence.metric].name: _name(pb.Absence.Reason, absence.reason, "UNSPECIFIED")
        for absence in message.absences
        if absence.metric in BY_NUMBER
    }


def _small(message: pb.Gpu, field: str) -> int | None:
    value: int | None = getattr(message, field) if message.HasField(field) else None
    return value if value is not None and value <= MAX_DATABASE_INTEGER else None


def _name(enumeration: object, number: int, otherwise: str) -> str:
    """The name of a number that a newer agent may know and this collector not."""
    names: dict[int, str] = enumeration.DESCRIPTOR.values_by_number  # type: ignore[attr-defined]
    return sys.intern(names[number].name) if number in names else otherwise  # type: ignore[attr-defined]


_COST_FIELDS = frozenset(AgentCost.__slots__)


def cost_of(message: pb.AgentCost, cleaner: Cleaner) -> AgentCost:
    """The agent's own cost; a field that it did not send is None where None is allowed."""
    values = {name: value for field, value in message.ListFields() if (name := field.name) in _COST_FIELDS}
    if "tick_milliseconds" in values:
        values["tick_milliseconds"] = cleaner.times(values["tick_milliseconds"])
    if "hung_call" in values:
        values["hung_call"] = cleaner.text(values["hung_call"])
    return AgentCost(**values)
