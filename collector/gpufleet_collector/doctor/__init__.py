"""`gpufleet-collector doctor`: how database, store and bus are, and what to do about what is not well."""

from collections.abc import Iterable
from typing import TextIO

from gpufleet_collector.clock import Clock
from gpufleet_collector.config import CollectorConfig
from gpufleet_collector.doctor.bus import bus_findings
from gpufleet_collector.doctor.certificate import certificate_finding
from gpufleet_collector.doctor.finding import Finding, Mark, ok, render, warn
from gpufleet_collector.doctor.server import contact_findings, schema_finding, trouble
from gpufleet_collector.doctor.space import disk_finding, disk_of, table_findings
from gpufleet_collector.doctor.upkeep import job_findings, packing_findings, partition_finding
from gpufleet_collector.errors import CollectorError
from gpufleet_collector.store.condition import read_condition
from gpufleet_collector.store.contact import make_contact
from gpufleet_collector.store.database import Database
from gpufleet_collector.store.embedded.place import Surroundings, choose_place
from gpufleet_collector.store.embedded.reach import reach
from gpufleet_collector.store.partitions import GPU_STATS
from gpufleet_collector.store.retention import partitions_of
from gpufleet_collector.store.schema_state import read_schema_state


async def run(config: CollectorConfig, *, clock: Clock, stdout: TextIO, around: Surroundings | None = None) -> int:
    """Print what was found; the exit status: 1 when something fails, else 0. Nothing is changed."""
    report = _Report(stdout)
    try:
        async with reach(config, around) as dsn:
            database = Database(dsn)
            try:
                await _examine(database, config, clock, report)
            finally:
                await database.close()
    except CollectorError as error:
        report.write("Trouble", [trouble(error)])
    if config.tls_files is not None:
        report.write("Certificate", [certificate_finding(config.tls_files, clock)])
    if config.bus_servers:
        report.write("Bus", [finding async for finding in bus_findings(config.bus_servers)])
    report.write("Disk", [_disk(config, around)])
    return 1 if report.failed else 0


class _Report:
    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self.failed = False
        stdout.write("gpufleet-collector doctor\n")

    def write(self, title: str, findings: Iterable[Finding]) -> None:
        self._stdout.write(f"\n{title}\n")
        for finding in findings:
            self.failed |= finding.mark is Mark.FAIL
            self._stdout.write(render(finding) + "\n")
        self._stdout.flush()


async def _examine(database: Database, config: CollectorConfig, clock: Clock, report: _Report) -> None:
    report.write("Database", contact_findings(await make_contact(database, clock)))
    state = await read_schema_state(database)
    report.write("Schema", [schema_finding(state)])
    if state.needs_migration():
        return  # the tables to be asked are not all there
    condition = await read_condition(database)
    async with database.begin() as connection:
        there = {partition.name for partition in await partitions_of(connection, GPU_STATS)}
    upkeep = [partition_finding(there, condition.now), *packing_findings(condition, config.pack_after_hours)]
    report.write("Upkeep", upkeep)
    report.write("Jobs", job_findings(condition))
    report.write("Largest tables", table_findings(condition))


def _disk(config: CollectorConfig, around: Surroundings | None) -> Finding:
    if config.database_url is not None:
        return ok("the database is on a server of its own, whose disk is not seen from here")
    try:
        place = choose_place(config.collector_dir, around or Surroundings.of_this_process())
        return disk_finding(disk_of(place.data))
    except CollectorError as error:
        return trouble(error)
    except OSError as error:
        return warn(f"the free space is not known: {error.strerror}", "run this as the user who runs the collector")
