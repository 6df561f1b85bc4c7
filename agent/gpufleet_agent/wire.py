"""From readings to messages of the stream: the only place of the agent where protobuf is written."""

from collections.abc import Iterable, Mapping

from gpufleet_agent.readings import GpuEvent, GpuProcess, GpuReading, Reading
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import BY_NAME, Metric

PROTOCOL = 1
MAX_MESSAGE_BYTES = 4 * 1024 * 1024 - 1024
"""A larger report would be refused by every collector, for ever."""

_REPORT_TAG = bytes([pb.AgentMessage.REPORT_FIELD_NUMBER << 3 | 2])
_TICK_TAG = bytes([pb.Report.TICKS_FIELD_NUMBER << 3 | 2])


def stats(gpu_uuid: str, values: Mapping[str, int | float]) -> pb.GPUStats:
    """One GPU at one instant, without the values that their fields cannot hold: every collector would refuse them. A
    name that the catalogue does not know raises ValueError."""
    try:
        return pb.GPUStats(gpu_uuid=gpu_uuid, **values)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        fitting = {name: value for name, value in values.items() if name not in BY_NAME or _fits(BY_NAME[name], value)}
        return pb.GPUStats(gpu_uuid=gpu_uuid, **fitting)  # type: ignore[arg-type]


def _fits(metric: Metric, value: float) -> bool:
    return 0 <= value <= metric.max and (isinstance(value, int) or not metric.is_integer)


def tick(instant_us: int, gpus: Iterable[pb.GPUStats]) -> pb.Tick:
    return pb.Tick(instant_us=instant_us, gpus=gpus)


def tick_of(instant_us: int, reading: Reading) -> pb.Tick:
    """A tick of the GPUs from which something was read."""
    made = pb.Tick(instant_us=instant_us)
    for gpu in reading.gpus:
        if gpu.values:
            _add_stats(made, gpu.gpu.uuid, gpu.values)
    return made


def _add_stats(tick: pb.Tick, gpu_uuid: str, values: Mapping[str, int | float]) -> None:
    """`stats` in its place: a message that is made before is copied there."""
    try:
        tick.gpus.add(gpu_uuid=gpu_uuid, **values)
    except (ValueError, TypeError):
        tick.gpus.append(stats(gpu_uuid, values))


def encode_ticks(ticks: Iterable[pb.Tick]) -> bytes:
    """The part of a report that never changes, however often it is sent."""
    return b"".join(_field(_TICK_TAG, tick.SerializeToString()) for tick in ticks)


def encode_events(events: Iterable[tuple[str, GpuEvent]]) -> bytes:
    """The same for events, each with its id."""
    return pb.Report(events=[event_of(event_id, event) for event_id, event in events]).SerializeToString()


def event_of(event_id: str, event: GpuEvent) -> pb.Event:
    return pb.Event(
        id=event_id,
        instant_us=event.instant_us,
        kind=event.kind,
        severity=event.severity,
        gpu_uuid=event.gpu_uuid,
        code=event.code,
        text=event.text,
    )


def processes_of(observed_at_us: int, processes: Iterable[GpuProcess]) -> pb.Processes:
    return pb.Processes(
        observed_at_us=observed_at_us,
        processes=[
            pb.Process(
                gpu_uuid=process.gpu_uuid,
                pid=process.pid,
                started_at_us=process.started_at_us,
                name=process.name,
                memory_used_mb=process.memory_used_mb,
                sm_utilization_percent=process.sm_utilization_percent,
                graphics=process.graphics,
            )
            for process in processes
        ],
    )


def report_message(sequence: int, payload: bytes, *, replayed: bool, heartbeat: pb.Heartbeat | None = None) -> bytes:
    """An AgentMessage with a report. Encoded messages may be joined: their fields add up, so the payload is not
    decoded again (protobuf encoding guide, "Last One Wins")."""
    report = pb.Report(sequence=sequence, replayed=replayed, heartbeat=heartbeat).SerializeToString() + payload
    return _field(_REPORT_TAG, report)


def _field(tag: bytes, message: bytes) -> bytes:
    return tag + _varint(len(message)) + message


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def inventory_of(observed_at_us: int, reading: Reading) -> pb.Inventory:
    """The inventory that this reading shows."""
    return pb.Inventory(
        observed_at_us=observed_at_us,
        backend=reading.backend,
        simulated=reading.simulated,
        driver_version=reading.driver_version,
        nvml_version=reading.nvml_version,
        note=reading.note,
        gpus=[_gpu(gpu) for gpu in reading.gpus],
    )


def cost_values(cost: pb.AgentCost) -> dict[str, object]:
    """By name, without what is zero or not known."""
    values = ((field.name, value) for field, value in cost.ListFields())
    return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values}


def _gpu(reading: GpuReading) -> pb.Gpu:
    gpu = reading.gpu
    return pb.Gpu(
        gpu_uuid=gpu.uuid,
        gpu_index=gpu.index,
        gpu_name=gpu.name,
        pci_bus_id=gpu.pci_bus_id,
        serial=gpu.serial,
        vbios=gpu.vbios,
        parent_uuid=gpu.parent_uuid,
        mig_profile=gpu.mig_profile,
        mig_instance=gpu.mig_instance,
        state=reading.state.upper(),
        absences=[
            pb.Absence(metric=BY_NAME[name].number, reason=reason) for name, reason in sorted(reading.absent.items())
        ],
    )
