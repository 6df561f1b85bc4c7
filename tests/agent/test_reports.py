"""Reports hold as many ticks as the collector wishes, never more than a message may, and events go at once."""

import logging

import pytest

from gpufleet_agent import wire
from gpufleet_agent.outbox import Outbox
from gpufleet_agent.readings import GpuEvent
from gpufleet_agent.reports import EVENTS_PER_REPORT, MAX_TICKS_PER_REPORT, Reports
from gpufleet_proto import telemetry_pb2 as pb


def tick(instant_us: int, gpus: int = 1, uuid: str = "GPU") -> pb.Tick:
    return wire.tick(instant_us, [wire.stats(f"{uuid}-{i}", {"power_watts": 1.0}) for i in range(gpus)])


class Sent:
    """An outbox with its reports, decoded."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self.wakes = 0
        self.reports = Reports(self.outbox, self._woken, logging.getLogger("test.reports"))

    def _woken(self) -> None:
        self.wakes += 1

    def all(self) -> list[pb.Report]:
        sent = []
        while (report := self.outbox.next()) is not None:
            sent.append(pb.Report.FromString(report[1].payload))
        return sent


def test_every_tick_is_a_report_unless_the_collector_wishes_otherwise() -> None:
    sent = Sent()
    sent.reports.add_tick(tick(1))
    sent.reports.add_tick(tick(2))
    assert [len(report.ticks) for report in sent.all()] == [1, 1]
    assert sent.wakes == 2
    sent.reports.gather(3)
    for instant in range(7):
        sent.reports.add_tick(tick(instant))
    assert [len(report.ticks) for report in sent.all()] == [3, 3]
    sent.reports.flush()
    assert [len(report.ticks) for report in sent.all()] == [1]


def test_no_collector_gets_more_ticks_at_once_than_the_limit() -> None:
    sent = Sent()
    sent.reports.gather(10**6)
    for instant in range(MAX_TICKS_PER_REPORT):
        sent.reports.add_tick(tick(instant))
    assert len(sent.all()) == 1


def test_a_tick_without_a_gpu_is_none() -> None:
    sent = Sent()
    sent.reports.add_tick(tick(1, gpus=0))
    sent.reports.flush()
    assert sent.all() == []


def test_a_report_that_no_collector_takes_is_dropped_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    sent = Sent()
    sent.reports.add_tick(tick(1, gpus=5000, uuid="x" * 1000))
    assert sent.all() == []
    assert sent.outbox.tally.dropped == sent.outbox.tally.taken == 5000
    assert "dropped" in caplog.text


def test_events_go_at_once_in_reports_of_a_bounded_size() -> None:
    sent = Sent()
    events = [(f"id-{number}", GpuEvent(number, "XID", "INFO", "", "GPU-0", 13)) for number in range(300)]
    sent.reports.add_events(events)
    reports = sent.all()
    assert [len(report.events) for report in reports] == [
        EVENTS_PER_REPORT,
        EVENTS_PER_REPORT,
        300 - 2 * EVENTS_PER_REPORT,
    ]
    assert [event.id for report in reports for event in report.events] == [event_id for event_id, _ in events]
