"""A report with its `GPUStats` and events left as bytes: opening the envelope costs little, and samples are decoded
many at a time. The messages are derived from those of telemetry.proto, so that they cannot drift apart."""

from typing import Any, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from gpufleet_proto import telemetry_pb2 as pb

_PACKAGE = "gpufleet.envelope"
_OPENED = (pb.Report, pb.Tick)
"""Messages of a report that are read here; every other message within it stays bytes."""

_FieldProto = descriptor_pb2.FieldDescriptorProto


class Tick(Protocol):
    """One instant, microseconds, and one serialized GPUStats per GPU."""

    instant_us: int
    gpus: list[bytes]


class Report(Protocol):
    """A report whose samples and events are still serialized."""

    sequence: int
    replayed: bool
    ticks: list[Tick]
    events: list[bytes]
    heartbeat: bytes
    """Empty where there is none: one that says nothing is not sent."""


class Envelope(Protocol):
    """An AgentMessage of which only a report is opened."""

    report: Report

    def WhichOneof(self, name: str) -> str | None:  # noqa: N802
        """The kind of message, as that of AgentMessage."""


def _derived() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="gpufleet/envelope.proto", package=_PACKAGE, syntax="proto3")
    opened = {message.DESCRIPTOR.full_name for message in _OPENED}
    for message in (pb.AgentMessage, *_OPENED):
        made = file.message_type.add()
        message.DESCRIPTOR.CopyToProto(made)
        for field in made.field:
            _leave_closed(field, opened)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.AgentMessage"))


def _leave_closed(field: descriptor_pb2.FieldDescriptorProto, opened: set[str]) -> None:
    if field.type != _FieldProto.TYPE_MESSAGE:
        return
    if field.type_name.removeprefix(".") in opened:
        field.type_name = f".{_PACKAGE}.{field.type_name.rsplit('.', 1)[1]}"
    else:
        field.type = _FieldProto.TYPE_BYTES
        field.ClearField("type_name")


_ENVELOPE = _derived()


def open_envelope(raw: bytes) -> Envelope:
    """Raises DecodeError for what is not protobuf of the stream."""
    return cast(Envelope, _ENVELOPE.FromString(raw))
