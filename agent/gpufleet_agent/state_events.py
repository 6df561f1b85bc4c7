"""What became of the GPUs between one inventory and the next, as events: lost, found, hung; and another driver."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gpufleet_agent.pci_slot import slot_key
from gpufleet_agent.readings import HUNG, LOST, OK, SUSPENDED, GpuEvent, GpuIdentity, Reading

GPU_LOST, GPU_FOUND, GPU_HUNG = "GPU_LOST", "GPU_FOUND", "GPU_HUNG"
DRIVER_CHANGED, AGENT_STARTED = "DRIVER_CHANGED", "AGENT_STARTED"
INFO, CRITICAL = "INFO", "CRITICAL"

CONDITIONS: Mapping[str, str] = {OK: OK, SUSPENDED: OK, LOST: LOST, HUNG: HUNG}
"""What a state says of the GPU itself. The other states (`driver_mismatch`, `unknown`) are about the driver: nothing is
known of the GPU then, and it counts as it was."""
KIND_OF: Mapping[str, str] = {OK: GPU_FOUND, LOST: GPU_LOST, HUNG: GPU_HUNG}

MAX_GPUS = 1024
"""GPUs remembered; past it the lost ones known longest are forgotten, and would be new when they come back."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the inventories so far say: the condition of every whole GPU by UUID, who it is, and the driver's version.
    None of it is known before the first inventory."""

    conditions: Mapping[str, str] | None = None
    gpus: Mapping[str, GpuIdentity] = field(default_factory=dict)
    driver_version: str | None = None


def follow(known: Known, instant_us: int, inventory: Reading, hanging: str = "") -> tuple[Known, tuple[GpuEvent, ...]]:
    """What is known after this inventory, and the events that led there, one per GPU at most. MIG instances have none:
    they come and go as somebody divides the GPU. `hanging` is the driver call that hangs, where that is known."""
    driver_version = inventory.driver_version or known.driver_version
    conditions, gpus = _conditions(known, inventory)
    events = []
    if known.driver_version is not None and driver_version != known.driver_version:
        text = f"The NVIDIA driver changed from {known.driver_version} to {driver_version}."
        events.append(GpuEvent(instant_us, DRIVER_CHANGED, INFO, text))
    if known.conditions is not None:
        events += _changes(instant_us, known.conditions, conditions, gpus, hanging)
    after = _without_excess(conditions, inventory)
    nothing_known = known.conditions is None and _says_nothing(inventory)
    return Known(None if nothing_known else after, {uuid: gpus[uuid] for uuid in after}, driver_version), tuple(events)


class StateEvents:
    """`follow` with a memory."""

    def __init__(self) -> None:
        self._known = Known()

    def see(self, instant_us: int, inventory: Reading, hanging: str = "") -> tuple[GpuEvent, ...]:
        """The events of this inventory. `instant_us` is that of the reading that shows it, or of the hang, and then
        `hanging` is the driver call."""
        self._known, events = follow(self._known, instant_us, inventory, hanging)
        return events


def driver_hangs(instant_us: int, hanging: str) -> GpuEvent:
    """A call hangs that concerns no GPU which is known yet; `hanging` also says on which one."""
    text = f"The driver call {hanging} hangs: reset the GPU or reboot the host if it lasts."
    return GpuEvent(instant_us, GPU_HUNG, CRITICAL, text)


def agent_started(instant_us: int, agent_version: str) -> GpuEvent:
    """Made once by every run of the agent."""
    return GpuEvent(instant_us, AGENT_STARTED, INFO, f"The agent, version {agent_version}, started.")


def _says_nothing(inventory: Reading) -> bool:
    """No GPU, and no driver that would know of any: while a driver is exchanged its GPUs are not lost."""
    return not inventory.gpus and inventory.driver_version is None


def _conditions(known: Known, inventory: Reading) -> tuple[dict[str, str], dict[str, GpuIdentity]]:
    conditions, gpus = dict(known.conditions or {}), dict(known.gpus)
    if _says_nothing(inventory):
        return conditions, gpus
    whole = {gpu.gpu.uuid: gpu for gpu in inventory.gpus if gpu.gpu.parent_uuid is None}
    conditions.update(dict.fromkeys(conditions.keys() - whole.keys(), LOST))
    for uuid, reading in whole.items():
        conditions[uuid] = CONDITIONS.get(reading.state) or conditions.get(uuid, OK)
        gpus[uuid] = reading.gpu
    return conditions, gpus


def _changes(
    instant_us: int, before: Mapping[str, str], after: Mapping[str, str], gpus: Mapping[str, GpuIdentity], hanging: str
) -> Iterator[GpuEvent]:
    for uuid, condition in after.items():
        if before.get(uuid) != condition:
            severity = INFO if condition == OK else CRITICAL
            text = _text(gpus[uuid], before.get(uuid), condition, hanging)
            yield GpuEvent(instant_us, KIND_OF[condition], severity, text, uuid)


def _text(gpu: GpuIdentity, before: str | None, condition: str, hanging: str) -> str:
    who = "A GPU" if gpu.index is None else f"GPU {gpu.index}"
    slot = slot_key(gpu.pci_bus_id or "")
    about = ", ".join(filter(None, (gpu.name, slot and f"PCI {slot}")))
    name = f"{who} ({about})" if about else who
    if condition == LOST:
        return f"{name} is lost: it does not answer any more; look at the kernel's log for its XID."
    if condition == HUNG:
        call = f"The driver call {hanging}" if hanging else "A driver call"
        return f"{call} hangs, so that {name} cannot be read: reset the GPU or reboot the host if it lasts."
    return f"{name} is new on this host." if before is None else f"{name} is back: it was {before}."


def _without_excess(conditions: Mapping[str, str], inventory: Reading) -> dict[str, str]:
    here = {gpu.gpu.uuid for gpu in inventory.gpus}
    excess = max(0, len(conditions) - MAX_GPUS)
    forgotten = set([uuid for uuid in conditions if uuid not in here][:excess])
    return {uuid: condition for uuid, condition in conditions.items() if uuid not in forgotten}
