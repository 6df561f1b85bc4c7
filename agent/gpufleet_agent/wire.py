"""From readings to messages of the stream: the only place of the agent where protobuf is written."""

from collections.abc import Iterable, Mapping

from gpufleet_agent.readings import GpuReading, Reading
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import BY_NAME

PROTOCOL = 1
MAX_MESSAGE_BYTES = 4 * 1024 * 1024 - 1024
"""A larger report would be refused by every collector, for ever."""

_REPORT_TAG = bytes([pb.AgentMessage.REPORT_FIELD_NUMBER << 3 | 2])


def stats(gpu_uuid: str, values: Mapping[str, int | float]) -> pb.GPUStats:
    """One GPU at one instant. A name that the catalogue does not know raises ValueError."""
    return pb.GPUStats(gpu_uuid=gpu_uuid, **values)  # type: ignore[arg-type]


def tick(instant_us: int, gpus: Iterable[pb.GPUStats]) -> pb.Tick:
    return pb.Tick(instant_us=instant_us, gpus=gpus)


def tick_of(instant_us: int, reading: Reading) -> pb.Tick:
    """A tick of the GPUs from which something was read."""
    return tick(instant_us, (stats(gpu.gpu.uuid, gpu.values) for gpu in reading.gpus if gpu.values))


def encode_ticks(ticks: Iterable[pb.Tick]) -> bytes:
    """The part of a report that never changes, however often it is sent."""
    return pb.Report(ticks=ticks).SerializeToString()


def report_message(sequence: int, payload: bytes, *, replayed: bool) -> bytes:
    """An AgentMessage with a report. Encoded messages may be joined: their fields add up, so the payload is not
    decoded again (protobuf encoding guide, "Last One Wins")."""
    report = pb.Report(sequence=sequence, replayed=replayed).SerializeToString() + payload
    return _REPORT_TAG + _varint(len(report)) + report


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
