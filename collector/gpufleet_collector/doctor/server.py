"""Whether the database answers as it should: how quickly, which version, by which clock, with which schema."""

from gpufleet_collector.doctor.finding import Finding, fail, ok, warn
from gpufleet_collector.errors import (
    CollectorError,
    ConfigurationError,
    DataDirectoryError,
    QueryTooLong,
    SchemaError,
)
from gpufleet_collector.store.contact import Contact
from gpufleet_collector.store.database import OLDEST_SERVER
from gpufleet_collector.store.schema_state import SchemaState

SLOW_SECONDS = 0.05
CLOCK_WARN_SECONDS, CLOCK_FAIL_SECONDS = 1.0, 60.0

_REMEDIES: tuple[tuple[type[CollectorError], str], ...] = (
    (ConfigurationError, "correct the setting that is named"),
    (DataDirectoryError, "give the settings and the user that the collector has (GPUFLEET_DATA_DIR, DATABASE_URL)"),
    (SchemaError, "give gpufleet a database of its own, or install the gpufleet-collector that made this one"),
    (QueryTooLong, "see what keeps the database busy: SELECT * FROM pg_stat_activity"),
)
_UNREACHABLE = "start the database, see its log, or correct DATABASE_URL; a collector that serves waits for it"


def contact_findings(contact: Contact) -> list[Finding]:
    """Version, latency, clock."""
    return [_version(contact), _latency(contact), _clock(contact)]


def trouble(error: CollectorError) -> Finding:
    """What kept the database from being asked."""
    remedy = next((remedy for kind, remedy in _REMEDIES if isinstance(error, kind)), _UNREACHABLE)
    return fail(" ".join(str(error).split()), remedy)


def schema_finding(state: SchemaState) -> Finding:
    """Raises SchemaError when the database has a schema that this collector is too old for."""
    if not state.needs_migration():
        return ok(f"schema {state.found}; this collector knows {state.known}")
    found = "no schema yet" if state.found is None else f"schema {state.found}"
    return fail(f"{found}; this collector needs {state.known}", "run gpufleet-collector migrate, or serve")


def _version(contact: Contact) -> Finding:
    text = f"PostgreSQL {contact.version}"
    if contact.version_number // 10000 >= OLDEST_SERVER:
        return ok(text)
    return fail(f"{text} is too old", f"upgrade it to {OLDEST_SERVER} or newer")


def _latency(contact: Contact) -> Finding:
    text = f"it answers within {1000 * contact.round_trip_seconds:.1f} ms"
    if contact.round_trip_seconds < SLOW_SECONDS:
        return ok(text)
    return warn(text, "run the collector nearer to it, or see what keeps it busy: SELECT * FROM pg_stat_activity")


def _clock(contact: Contact) -> Finding:
    ahead = contact.server_ahead_seconds
    if abs(ahead) < CLOCK_WARN_SECONDS:
        return ok(f"its clock and this machine's differ by {1000 * abs(ahead):.0f} ms")
    text = f"its clock is {abs(ahead):.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    remedy = "synchronise both clocks (chrony, systemd-timesyncd): packing and retention go by the one behind"
    return (fail if abs(ahead) >= CLOCK_FAIL_SECONDS else warn)(text, remedy)
