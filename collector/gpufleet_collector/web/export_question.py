"""What an export is to hold, as it is asked for over HTTP and on the command line, with the same words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gpufleet_collector.export.forms import FORMS, FormName
from gpufleet_collector.export.tables import Query, name_of
from gpufleet_collector.store.event_history import EventQuery
from gpufleet_collector.store.process_history import SpanQuery
from gpufleet_collector.store.times import DAY_US, HOUR_US, to_datetime, to_text
from gpufleet_collector.web.declared import Declared, choice
from gpufleet_collector.web.event_list import KIND, SEVERITY
from gpufleet_collector.web.filters import GPU_FILTERS, GPU_INDEX, GPU_UUID, HOST
from gpufleet_collector.web.history import STEP, WANTED_METRICS, read_query
from gpufleet_collector.web.parameters import Parameters
from gpufleet_collector.web.spans import read_span, span

WHAT = choice("what", "What is exported.", ("samples", "events", "processes"), "samples")
FORMAT = choice("format", "The form of the file.", FORMS, "csv")
_ALWAYS = (WHAT, FORMAT, *span(HOUR_US, " (a day ago with `what=events` or `processes`)"))
PARAMETERS: Mapping[str, Declared] = {
    "samples": (*_ALWAYS, *GPU_FILTERS, WANTED_METRICS, STEP),
    "events": (*_ALWAYS, HOST, GPU_UUID, KIND, SEVERITY),
    "processes": (*_ALWAYS, *GPU_FILTERS),
}
"""By what is exported."""
EXPORT_PARAMETERS: Declared = tuple({one.name: one for some in PARAMETERS.values() for one in some}.values())


def _names(declared: Declared) -> Sequence[str]:
    return [parameter.name for parameter in declared]


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
    what = WHAT.read(Parameters(pairs, _names(EXPORT_PARAMETERS)))
    asked = Parameters(pairs, _names(PARAMETERS[what]))
    since, until = read_span(asked, now, HOUR_US if what == "samples" else DAY_US)
    return ExportQuestion(_query(what, asked, since, until), FORMAT.read(asked))


def _query(what: str, asked: Parameters, since: int, until: int) -> Query:
    if what == "samples":
        return read_query(asked, since, until)
    hosts, gpu_uuids = HOST.read(asked), GPU_UUID.read(asked)
    if what == "processes":
        return SpanQuery(since, until, hosts, gpu_uuids, GPU_INDEX.read(asked))
    kinds, severities = KIND.read(asked), SEVERITY.read(asked)
    return EventQuery(since, until, hosts, gpu_uuids, kinds, severities, oldest_first=True)
