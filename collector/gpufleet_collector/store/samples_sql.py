"""Every sample once, in real units, from the three tables that may hold it: rows, packed hours and late samples. One
statement looks at all of them, so it holds at every moment, also while an hour is being packed."""

# ruff: noqa: S608 - names come from the catalogue, values are parameters or literals made of numbers

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gpufleet_collector.store.shapes import Shape
from gpufleet_collector.store.times import HOUR_US, to_sql
from gpufleet_proto.catalog import BY_NAME, Metric

VIEW = "gpu_stats_all"
FUNCTION = "gpu_stats_between"

_PACKED_UNTIL = "(SELECT packed_until FROM store_watermark)"
_UNION = "\nUNION ALL\n"
_GPUS = "gpu_id = ANY(CAST(:gpu_ids AS integer[]))"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a table of samples is restricted to: conditions that begin with a column, with `{0}.` before every further
    one; empty for everything."""

    gpus: str = ""
    """A condition on gpu_id."""
    instants: str = ""
    """A condition on recorded_at."""
    hours: str = ""
    """A condition on hour, wider than that on recorded_at."""

    def of(self, table: str, *names: str) -> str:
        """AND and the conditions called `names`, on the table that is called `table` in the query."""
        return "".join(f" AND {table}.{found.format(table)}" for name in names if (found := getattr(self, name)))


@dataclass(frozen=True, slots=True)
class Moment:
    """Where samples are in the snapshot of a question: packed before `packed_until` (microseconds), in rows from there
    on, and `has_late` when some that came late wait to be merged."""

    packed_until: int
    has_late: bool


def samples_source(metrics: Sequence[str], since: int, until: int, moment: Moment | None = None) -> str:
    """A subquery in parentheses with the columns gpu_id, recorded_at and `metrics`: every sample of [since, until)
    (microseconds) of the GPUs in the parameter `gpu_ids`. Arrays of other metrics are not read, nor, in a snapshot
    whose `moment` is known, tables that have nothing of that time: it is planned several times faster."""
    first_hour = since // HOUR_US * HOUR_US
    bounds = Bounds(
        gpus=_GPUS,
        instants=_between("recorded_at", to_sql(since), to_sql(until)),
        hours=_between("hour", to_sql(first_hour), to_sql(until)),
    )
    shapes = [Shape(BY_NAME[name]) for name in metrics]
    if moment is None:
        return f"({_samples(shapes, bounds)})"
    tables = []
    if until > moment.packed_until:
        tables.append(_rows(shapes, bounds, to_sql(moment.packed_until)))
    if since < moment.packed_until:
        tables.append(_packed(shapes, bounds))
    if moment.has_late:
        tables.append(_late(shapes, bounds))
    return f"({_UNION.join(tables)})"


def view_sql(metrics: Iterable[Metric]) -> str:
    """The statement that makes the view anew. `metrics` in the order of the columns of `gpu_stats`; a view that is
    there may only get more of them at the end."""
    return f"CREATE OR REPLACE VIEW {VIEW} AS\n{_samples([Shape(metric) for metric in metrics], Bounds())}"


def function_sql(metrics: Iterable[Metric]) -> str:
    """The statement that makes the function anew. The planner puts its body in place of a call and with it leaves out
    partitions, which it cannot do with the view: the view's instants are made from the hours."""
    bounds = Bounds(
        instants=_between("recorded_at", "$1", "$2"),
        hours=_between("hour", "date_bin('1 hour', $1, timestamptz 'epoch')", "$2"),
    )
    return (
        f"CREATE OR REPLACE FUNCTION {FUNCTION}(since timestamptz, until timestamptz) RETURNS SETOF gpu_stats\n"
        f"LANGUAGE sql STABLE PARALLEL SAFE AS $$\n{_samples([Shape(metric) for metric in metrics], bounds)}\n$$"
    )


def unpacked(shapes: Iterable[Shape], condition: str, instants: str = "") -> str:
    """A query for the samples in packed hours. `condition` is on the hours as `p`, `instants` on the samples as `u`."""
    columns = [_Unpacked(shape) for shape in shapes]
    elements = ", ".join(
        ["unnest(p.instants) AS step, unnest(p.instants_wide) AS step_wide", *(c.elements for c in columns)]
    )
    running = ", ".join(
        ["sum(coalesce(step, step_wide)::double precision) OVER running AS since_first", *(c.running for c in columns)]
    )
    values = "".join(f", {c.value}" for c in columns)
    return f"""SELECT p.gpu_id, u.recorded_at{"".join(f", u.{c.name}" for c in columns)}
FROM gpu_stats_packed AS p CROSS JOIN LATERAL (
    SELECT p.first_at + since_first * interval '1 microsecond' AS recorded_at{values}
    FROM (SELECT {running} FROM (SELECT {elements}) AS elements WINDOW running AS (ROWS UNBOUNDED PRECEDING)) AS scaled
) AS u
WHERE {condition}{instants}"""


def _between(column: str, since: str, until: str) -> str:
    return f"{column} >= {since} AND {{0}}.{column} < {until}"


def _samples(shapes: Sequence[Shape], bounds: Bounds) -> str:
    return _UNION.join([_rows(shapes, bounds), _packed(shapes, bounds), _late(shapes, bounds)])


def _packed(shapes: Sequence[Shape], bounds: Bounds) -> str:
    return unpacked(shapes, "true" + bounds.of("p", "gpus", "hours"), bounds.of("u", "instants"))


def _rows(shapes: Sequence[Shape], bounds: Bounds, packed_until: str = _PACKED_UNTIL) -> str:
    return f"""SELECT s.gpu_id, s.recorded_at{_columns("s", shapes)}
FROM gpu_stats AS s
WHERE s.recorded_at >= {packed_until}{bounds.of("s", "gpus", "instants")}"""


def _late(shapes: Sequence[Shape], bounds: Bounds) -> str:
    """Late samples that are not there already: the first that was stored counts. The packed instants of an hour are
    asked for once for all late samples of a GPU that lie together. What they are compared with has bounds of its own,
    which the planner does not infer: without them it would look at every partition."""
    same_hour = "p.gpu_id = l.gpu_id AND p.hour = date_bin('1 hour', l.recorded_at, timestamptz 'epoch')"
    same_hour += bounds.of("p", "hours")
    same_instant = "s.gpu_id = l.gpu_id AND s.recorded_at = l.recorded_at" + bounds.of("s", "instants")
    return f"""SELECT l.gpu_id, l.recorded_at{_columns("l", shapes)}
FROM gpu_stats_late AS l LEFT JOIN LATERAL (
    SELECT array_agg(there.recorded_at) AS instants FROM ({unpacked((), same_hour)}) AS there
) AS packed ON true
WHERE coalesce(l.recorded_at <> ALL (packed.instants), true) AND (
    l.recorded_at < {_PACKED_UNTIL}
    OR (SELECT true FROM gpu_stats AS s WHERE {same_instant}) IS NULL
){bounds.of("l", "gpus", "instants")}"""


def _columns(table: str, shapes: Iterable[Shape]) -> str:
    return "".join(f", {table}.{shape.name}" for shape in shapes)


class _Unpacked:
    """The steps from the arrays of one metric to its values."""

    def __init__(self, shape: Shape) -> None:
        self.name = shape.name
        self._shape = shape

    @property
    def elements(self) -> str:
        """The arrays, element by element."""
        narrow = f"unnest(p.{self.name}) AS {self.name}"
        return f"{narrow}, unnest(p.{self.name}_wide) AS {self.name}_wide" if self._shape.has_wide else narrow

    @property
    def running(self) -> str:
        """The scaled value."""
        element = f"coalesce({self.name}, {self.name}_wide)" if self._shape.has_wide else self.name
        if not self._shape.is_counter:
            return f"{element} AS {self.name}"
        # Sums of double precision are exact up to 2^53 and quick, where those of bigint are numeric.
        total = f"p.{self.name}_first + sum({element}::double precision) OVER running"
        return f"CASE WHEN {element} IS NOT NULL THEN {total} END AS {self.name}"

    @property
    def value(self) -> str:
        """In real units, of the type of the column of `gpu_stats`."""
        shape = self._shape
        if shape.steps > 1:
            return f"({self.name}::double precision / {shape.steps})::{shape.sql_type} AS {self.name}"
        return f"{self.name}::{shape.sql_type} AS {self.name}"
