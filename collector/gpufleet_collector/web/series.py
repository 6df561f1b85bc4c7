"""GET /api/v1/series: lines for charts, of any metric, over the fleet or for each host, model, label value or GPU.

    {"series": [{"group": {...}, "metric": "power_watts", "agg": "avg", "unit": "W", "kind": "gauge",
                 "source": "gpu_stats_5m", "cell_seconds": 300,
                 "points": [["2026-01-01T00:00:00.000000Z", 312.5], ...]}],
     "count": 1, "since", "until", "step": 300, "complete_until": "...",
     "incomplete": [{"since", "until", "reason"}], "next_cursor": null}

A point is (begin of its step, value), oldest first; a step without a value has no point. Steps count from the epoch (a
week begins on a Thursday), and [since, until) is widened to whole steps. `group` is {} for the fleet, {"host"},
{"model"}, {"label", "value"}, or {"gpu_uuid", "host", "gpu_index", "gpu_name"} with the place where the GPU was last.

The value of a GPU in a step is the mean of its values. `avg` and `sum` are of the means of the GPUs of a group, `min`
and `max` the smallest and largest value. `p50` and `p95` are over the means of each GPU over `cell_seconds`, or over
its samples where that is null. With `source` fleet_stats_1m GPUs are summed up minute by minute: the average is over
GPUs and minutes, and the sum is the mean of the minutes' sums. A series of a counter (see `kind`) gives the increase in
each step, resets seen; growth between two steps counts in the later; `avg` is the mean increase of a GPU and `sum`
that of all. Flags and enumerations have `max` alone. Power, memory and energy are those of whole GPUs; in the rest a
MIG instance counts where its parent has no value.

`complete_until`: points that end by then are final but for samples that come late. `incomplete` says which are not, and
why: `open` (samples are on their way), `late` (samples wait to be merged), `estimated` (live values, until the hour is
packed), `not_packed` (left out until then), `dropped` (no longer kept in a table that can answer at this step, all of
it or a part)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.clock import Clock
from gpufleet_collector.errors import BadRequest
from gpufleet_collector.store.plan import AGGREGATIONS, GROUPINGS, Aggregation
from gpufleet_collector.store.series_query import Series, SeriesAnswer, SeriesQuery
from gpufleet_collector.web import instants
from gpufleet_collector.web.chunks import listing_in_chunks
from gpufleet_collector.web.cursors import Cursors
from gpufleet_collector.web.declared import CURSOR, ITEM, LIMIT, Parameter, choice, choices, metrics, texts
from gpufleet_collector.web.endpoints import parameters
from gpufleet_collector.web.filters import GPU_FILTERS, GPU_INDEX, GPU_UUID, HOST
from gpufleet_collector.web.parameters import MAX_STEP_SECONDS, Parameters
from gpufleet_collector.web.spans import HOUR_US, read_span, span
from gpufleet_proto.catalog import BY_NAME

SECOND_US = 1_000_000
MAX_METRICS = 64
POINTS_PER_CHUNK = 10_000
"""An answer of no more points is sent in one piece."""


def _label(asked: Parameters, name: str) -> str | None:
    labels = asked.texts(name)
    is_grouped = GROUP_BY.read(asked) == "label"
    if is_grouped and len(labels) != 1:
        raise BadRequest(name, "name the one label to group by")
    if not is_grouped and labels:
        raise BadRequest(name, "goes with group_by=label")
    return labels[0] if labels else None


def _step(asked: Parameters, name: str) -> int | None:
    seconds = asked.seconds(name)
    if seconds is None:
        return None
    if seconds != int(seconds):
        raise BadRequest(name, "is not a whole number of seconds")
    return int(seconds) * SECOND_US


WANTED_METRICS = metrics("metrics", "The metrics to draw.", is_required=True, most=MAX_METRICS)
AGGREGATION = choices("agg", "How the values of the GPUs of a group become one.", AGGREGATIONS, default=("avg",))
GROUP_BY = choice("group_by", "What has a series of its own.", GROUPINGS, "fleet")
LABEL = Parameter("label", "The label to group by, with `group_by=label` and only with it.", ITEM, _label)
MODEL = texts("model", "Names of GPUs as the driver has them. One that is not known matches nothing.")
STEP = Parameter(
    "step",
    "Whole seconds from point to point. Without it a step that makes about 300 points.",
    {"type": "integer", "minimum": 1, "maximum": int(MAX_STEP_SECONDS)},
    _step,
)
PAGES = (replace(LIMIT, help="The most groups of one answer; it may have fewer."), CURSOR)
SERIES_PARAMETERS = (WANTED_METRICS, AGGREGATION, GROUP_BY, LABEL, MODEL, STEP, *GPU_FILTERS, *span(HOUR_US), *PAGES)


class SeriesSource(Protocol):
    """What the store has for charts."""

    async def ask(self, query: SeriesQuery) -> SeriesAnswer:
        """Raises BadRequest when nothing can answer, or too much would be read."""


@dataclass(frozen=True, slots=True)
class SeriesOverTime:
    series: SeriesSource
    clock: Clock

    async def __call__(self, request: Request) -> Response:
        asked = parameters(request, SERIES_PARAMETERS)
        cursors = Cursors(request.url.path, asked, (str, int, int))
        query = self._query(asked, cursors)
        answer = await self.series.ask(query)
        next_cursor = None
        if answer.next_after is not None:
            next_cursor = cursors.write([answer.next_after, query.since, query.until])
        rest = {
            "since": instants.write(answer.since),
            "until": instants.write(answer.until),
            "step": answer.step_us // SECOND_US,
            "complete_until": instants.write(answer.complete_until),
            "incomplete": [
                {"since": instants.write(part.since), "until": instants.write(part.until), "reason": part.reason}
                for part in answer.incomplete
            ],
            "next_cursor": next_cursor,
        }
        longest = max((len(one.starts) for one in answer.series), default=1)
        at_once = max(1, POINTS_PER_CHUNK // longest)
        return await listing_in_chunks("series", _objects(answer.series), rest, len(answer.series), at_once)

    def _query(self, asked: Parameters, cursors: Cursors) -> SeriesQuery:
        since, until = read_span(asked, self.clock.now().wall_us, HOUR_US)
        key = cast("tuple[str, int, int] | None", cursors.read(CURSOR.read(asked)))
        after = None
        if key is not None:
            # The span of the first page, which may have been counted from a time that has passed since.
            after, since, until = key
        metrics = WANTED_METRICS.read(asked)
        if not metrics:
            raise BadRequest("metrics", f"name from 1 to {MAX_METRICS} metrics; /api/v1/catalog lists them")
        return SeriesQuery(
            since=since,
            until=until,
            metrics=metrics,
            aggregations=cast("tuple[Aggregation, ...]", AGGREGATION.read(asked)),
            group_by=GROUP_BY.read(asked),
            label=LABEL.read(asked),
            hosts=HOST.read(asked),
            gpu_uuids=GPU_UUID.read(asked),
            gpu_indexes=GPU_INDEX.read(asked),
            models=MODEL.read(asked),
            step_us=STEP.read(asked),
            limit=LIMIT.read(asked),
            after=after,
        )


def _objects(series: Sequence[Series]) -> Iterator[Mapping[str, object]]:
    starts: Sequence[int] = ()
    written: list[str] = []
    for one in series:
        metric = BY_NAME[one.metric]
        if one.starts != starts:
            starts, written = one.starts, instants.write_seconds(one.starts)
        yield {
            "group": one.group,
            "metric": one.metric,
            "agg": one.aggregation,
            "unit": metric.unit,
            "kind": metric.kind.value,
            "source": one.source.value,
            "cell_seconds": None if one.cell_us is None else one.cell_us // SECOND_US,
            "points": list(zip(written, one.values, strict=True)),
        }
