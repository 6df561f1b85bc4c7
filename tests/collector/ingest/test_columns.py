"""Many samples decoded at once give exactly what protobuf gives for each of them, whatever was sent."""

import math
import struct
from random import Random

import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from hypothesis import example, given
from hypothesis import strategies as st

from gpufleet_collector.ingest.columns import READERS, Decoder
from gpufleet_collector.ingest.identity import is_uuid
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS

FIELDS = pb.GPUStats.DESCRIPTOR.fields_by_name
NAMES = ("GPU-1", "GPU-22", "MIG-333", "GPU-" + "4" * 36, "x" * 128, "", "x" * 129, "x" * 300, "GPU\0", "GPU-ü")
UNKNOWN = (b"\xf8\x3f\x05", b"\xb8\x01\x01", b"\xfa\x3f\x02ab")


def any_value(random: Random, kind: int) -> float:
    if kind in (FieldDescriptor.TYPE_FLOAT, FieldDescriptor.TYPE_DOUBLE):
        return random.choice([0.0, -0.0, -1.5, math.nan, math.inf, 1e300, random.random() * 1e6])
    return random.getrandbits(random.choice([1, 7, 8, 14, 31, 32, 32 if kind == FieldDescriptor.TYPE_UINT32 else 64]))


def sound(random: Random) -> bytes:
    chosen = [metric.name for metric in METRICS if random.random() < random.choice([0.1, 0.8, 1.0])]
    values = {name: any_value(random, FIELDS[name].type) for name in chosen}
    return pb.GPUStats(gpu_uuid=random.choice(NAMES), **values).SerializeToString()  # type: ignore[arg-type]


def any_message(random: Random) -> bytes:
    """Sound, cut off, out of order, with unknown fields, or no protobuf at all."""
    match random.randrange(8):
        case 0:
            return sound(random)[: -random.randint(1, 12)]
        case 1:
            return sound(random) + random.choice(UNKNOWN) + sound(random)
        case 2:
            return random.randbytes(random.randrange(9))
        case 3:
            return sound(random) + random.randbytes(random.randrange(4))
        case _:
            return sound(random)


def any_messages(seed: int) -> list[bytes]:
    random = Random(seed)
    return [any_message(random) for _ in range(random.randrange(12))]


messages = st.integers(0, 2**40).map(any_messages)


def expected(message: bytes) -> tuple[str | None, list[float | None]] | None:
    """The UUID and the values by protobuf; None where it is not protobuf."""
    try:
        stats = pb.GPUStats.FromString(message)
    except DecodeError:
        return None
    values = [float(getattr(stats, metric.name)) if stats.HasField(metric.name) else None for metric in METRICS]
    return stats.gpu_uuid if is_uuid(stats.gpu_uuid) else None, values


def comparable(value: float | None) -> float | None:
    """A NaN that was sent is infinite in columns."""
    return math.inf if value is not None and math.isnan(value) else value


@given(messages)
@example([b""])
@example([b"\x0a", b"\x0a\x05GPU-1"])
@example([b"\x0a\x05GPU-1\x50", b"\x0a\x05GPU-1"])
@example([b"\x50\x01\x60\x02"])
@example([b"\x0a\x05GPU-1\x50\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"])
@example([b"\x0a\x05GPU-1\x50\x80\x00\x60\x80\x80\x80\x80\x70"])
@example([b"\x0a\x05GPU-1\x5d" + struct.pack("<I", 0x7FA00000)])
def test_columns_are_what_protobuf_reads(sent: list[bytes]) -> None:
    decoded = Decoder(max_names=3).decode(sent)
    for row, message in enumerate(sent):
        read = expected(message)
        assert (row in decoded.malformed) is (read is None)
        if read is None:
            assert decoded.gpu_uuids[row] is None
            continue
        uuid, values = read
        assert decoded.gpu_uuids[row] == uuid
        columns = [None if math.isnan(value) else value for value in decoded.values[row].tolist()]
        assert columns == [comparable(value) for value in values]


def test_fields_of_a_newer_agent_are_told_and_cost_nothing_else() -> None:
    known = pb.GPUStats(gpu_uuid="GPU-1", temperature_celsius=40).SerializeToString()
    decoded = Decoder().decode([known, known + b"\xf8\x3f\x05"])
    assert decoded.unknown == {1: {1023}}
    assert decoded.values[:, 0].tolist() == [40.0, 40.0]


def test_a_name_is_remembered_within_bounds() -> None:
    decoder = Decoder(max_names=2)
    sent = [pb.GPUStats(gpu_uuid=f"GPU-{number}", fan_speed_percent=1).SerializeToString() for number in range(9)]
    for _ in range(2):
        assert decoder.decode(sent).gpu_uuids == [f"GPU-{number}" for number in range(9)]
    assert len(decoder._names) <= 2


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_is_read_by_column(metric: object) -> None:
    assert FIELDS[metric.name].type in READERS  # type: ignore[attr-defined]
