"""What an export is to hold, as it is asked for over HTTP and on the command line, with the same words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gpufleet_collector.export.forms import FORMS, FormName
from gpufleet_collector.export.tables import Query, name_of
from gpufleet_collector.model import EVENT_KINDS, SEVERITIES
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.process_history import SpanQuery
from gpufleet_collector.store.times import DAY_US, HOUR_US, to_datetime, to_text
from gpufleet_collector.web.filters import GPU_FILTERS
from gpufleet_collector.web.history import read_query
from gpufleet_collector.web.parameters import Parameters
from gpufleet_collector.web.spans import SPAN, read_span

_ALWAYS = ("what", "format", *SPAN)
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "samples": (*_ALWAYS, *GPU_FILTERS, "metrics", "step"),
    "events": (*_ALWAYS, "host", "gpu_uuid", "kind", "severity"),
    "processes": (*_ALWAYS, *GPU_FILTERS),
}
"""By what is exported."""
_EVERY = frozenset(name for names in PARAMETERS.values() for name in names)


@dataclass(frozen=True, slots=True)
class ExportQuestion:
    query: Query
    form: FormName

    @property
    def facts(self) -> Mapping[str, str]:
        """Words about the whole, for the file itself."""
        query = self.query
        return {"gpufleet": name_of(query), "since": to_text(query.since), "until": to_text(query.until)}

    @property
    def file_name(self) -> str:
        """`gpufleet-samples-20260101T000000Z-20260101T010000Z.csv`."""
        span = "-".join(f"{to_datetime(at):%Y%m%dT%H%M%SZ}" for at in (self.query.since, self.query.until))
        return f"gpufleet-{name_of(self.query)}-{span}.{self.form}"


def read_question(given: Iterable[tuple[str, str]], now: int) -> ExportQuestion:
    """From pairs of names and texts. Raises BadRequest naming the culprit."""
    pairs = list(given)
    what = Parameters(pairs, _EVERY).choice("what", tuple(PARAMETERS), "samples")
    asked = Parameters(pairs, PARAMETERS[what])
    since, until = read_span(asked, now, HOUR_US if what == "samples" else DAY_US)
    return ExportQuestion(_query(what, asked, since, until), asked.choice("format", FORMS, "csv"))


def _query(what: str, asked: Parameters, since: int, until: int) -> Query:
    if what == "samples":
        return read_query(asked, since, until)
    hosts, gpu_uuids = asked.texts("host"), asked.texts("gpu_uuid")
    if what == "processes":
        return SpanQuery(since, until, hosts, gpu_uuids, asked.indexes("gpu_index"))
    kinds, severities = asked.choices("kind", EVENT_KINDS), asked.choices("severity", SEVERITIES)
    return EventQuery(since, until, hosts, gpu_uuids, kinds, severities, oldest_first=True)
