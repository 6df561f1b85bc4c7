"""From what was read to ok, warn or fail, with what to do next."""

from dataclasses import replace
from pathlib import Path

import pytest

from fakes.clock import START_US
from gpufleet_collector.doctor.finding import Mark
from gpufleet_collector.doctor.server import contact_findings, trouble
from gpufleet_collector.doctor.space import GIBIBYTE, Disk, disk_finding, table_findings
from gpufleet_collector.doctor.upkeep import job_findings, packing_findings, partition_finding
from gpufleet_collector.errors import CollectorError, ConfigurationError, DatabaseUnavailable, SchemaError
from gpufleet_collector.store.condition import MOST_LATE_COUNTED, Condition, TableSize
from gpufleet_collector.store.contact import Contact
from gpufleet_collector.store.job_table import JobRecord
from gpufleet_collector.store.partitions import GPU_STATS
from gpufleet_collector.store.times import HOUR_US, SECOND_US

OK, WARN, FAIL = Mark.OK, Mark.WARN, Mark.FAIL
NOW = START_US
WELL = Contact("16.4", 160004, 0.001, 0.0)
CONDITION = Condition(NOW, "16.4", 10 * GIBIBYTE, NOW - 3 * HOUR_US, NOW, None, 0, (), ())
DONE = JobRecord("pack", NOW - 2 * SECOND_US, NOW - SECOND_US, NOW - SECOND_US, None, "packed an hour", 1)


@pytest.mark.parametrize(
    ("contact", "marks"),
    [
        (WELL, [OK, OK, OK]),
        (replace(WELL, version_number=140012), [FAIL, OK, OK]),
        (replace(WELL, round_trip_seconds=0.05), [OK, WARN, OK]),
        (replace(WELL, server_ahead_seconds=-1.0), [OK, OK, WARN]),
        (replace(WELL, server_ahead_seconds=60.0), [OK, OK, FAIL]),
    ],
)
def test_how_the_server_answers(contact: Contact, marks: list[Mark]) -> None:
    findings = contact_findings(contact)
    assert [finding.mark for finding in findings] == marks
    assert all((finding.remedy is None) == (finding.mark is OK) for finding in findings)


def test_which_clock_is_ahead_is_said() -> None:
    ahead = contact_findings(replace(WELL, server_ahead_seconds=5.0))[2]
    behind = contact_findings(replace(WELL, server_ahead_seconds=-5.0))[2]
    assert "5.0 s ahead of" in ahead.text
    assert "5.0 s behind" in behind.text


def test_every_kind_of_trouble_has_its_own_remedy() -> None:
    errors: list[CollectorError] = [ConfigurationError("a"), SchemaError("b"), DatabaseUnavailable("c\nd")]
    findings = [trouble(error) for error in errors]
    assert {finding.mark for finding in findings} == {FAIL}
    assert len({finding.remedy for finding in findings}) == 3
    assert findings[2].text == "c d"


def test_partitions_are_there_for_now_and_the_next_hours() -> None:
    wanted = [GPU_STATS.name(number) for number in GPU_STATS.numbers_from(NOW)]
    assert partition_finding(wanted, NOW).mark is OK
    missing = partition_finding(wanted[:-1], NOW)
    assert missing.mark is WARN
    assert wanted[-1] in missing.text
    assert wanted[0] not in missing.text


@pytest.mark.parametrize(("overdue_seconds", "mark"), [(3599, OK), (3600, WARN), (86_399, WARN), (86_400, FAIL)])
def test_packing_that_lags(overdue_seconds: int, mark: Mark) -> None:
    condition = replace(CONDITION, due_since=NOW - 2 * HOUR_US - overdue_seconds * SECOND_US)
    assert [finding.mark for finding in packing_findings(condition, 2)] == [mark, OK]


def test_late_samples_that_pile_up() -> None:
    piled = replace(CONDITION, late_samples=MOST_LATE_COUNTED)
    assert [finding.mark for finding in packing_findings(piled, 2)] == [OK, WARN]


@pytest.mark.parametrize(
    ("job", "mark", "said"),
    [
        (DONE, OK, "pack: succeeded 1 s ago; last it did: packed an hour"),
        (replace(DONE, error="disk full"), FAIL, "failed 1 s ago: disk full"),
        (replace(DONE, succeeded_at=None, error="no"), FAIL, "has never succeeded"),
        (replace(DONE, started_at=NOW), OK, "began 0 s ago, 1 step done, not at its end"),
        (replace(DONE, finished_at=None, started_at=NOW - 25 * HOUR_US), WARN, "did not come to its end"),
        (replace(DONE, started_at=NOW - HOUR_US, finished_at=NOW - HOUR_US), WARN, "not begun again since"),
    ],
)
def test_how_a_job_went(job: JobRecord, mark: Mark, said: str) -> None:
    (finding,) = job_findings(replace(CONDITION, jobs=[job]))
    assert finding.mark is mark
    assert said in finding.text


def test_without_any_job_nobody_keeps_the_store() -> None:
    assert [finding.mark for finding in job_findings(CONDITION)] == [WARN]


def test_the_largest_tables_come_first_and_small_ones_not_at_all() -> None:
    tables = [TableSize(f"t{number}", number * 1024, number, 0, None, None) for number in range(8)]
    told = [finding.text for finding in table_findings(replace(CONDITION, tables=tables))]
    assert told[0] == "the database takes 10.0 GiB"
    assert [text.partition(":")[0] for text in told[1:]] == ["t7", "t6", "t5", "t4", "t3"]


@pytest.mark.parametrize(
    ("free", "mark"),
    [(GIBIBYTE - 1, FAIL), (GIBIBYTE, WARN), (5 * GIBIBYTE - 1, WARN), (5 * GIBIBYTE, OK)],
)
def test_room_on_the_disk(free: int, mark: Mark) -> None:
    assert disk_finding(Disk(Path("/data"), free, 100 * GIBIBYTE)).mark is mark
