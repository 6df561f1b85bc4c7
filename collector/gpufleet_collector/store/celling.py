"""Which cells a question reads from where, given what the database says at its moment: watermark and late samples."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gpufleet_collector.store import late_sql
from gpufleet_collector.store.cells_sql import CellPlan
from gpufleet_collector.store.parts import Cell, Span, cut_cells, divide, hours_of
from gpufleet_collector.store.plan import CELL_US, Source
from gpufleet_collector.store.question import Question
from gpufleet_collector.store.scope import Stay
from gpufleet_collector.store.times import to_datetime, to_us

MOST_REDO_GPU_HOURS = 2_000
"""Hours of GPUs in which cells of a rollup are computed afresh; where more wait, late samples are left out."""


@dataclass(frozen=True, slots=True)
class Celling:
    """A plan for cells of GPUs in `stays`, and the cells that samples are missing from: late ones, or those of which
    retention has left no more than the rollup, which does not know where a GPU was."""

    plan: CellPlan
    stays: Sequence[Stay]
    unmerged: frozenset[Cell] = frozenset()
    lost: frozenset[Cell] = frozenset()
    all_unmerged: bool = False
    """So many late samples wait that nobody knows where."""

    def is_missing(self, gpu_id: int, span: Span) -> bool:
        """Whether samples of the GPU may be missing from some of the cells in a span."""
        if not self.unmerged and not self.all_unmerged and not self.lost:
            return False
        rolled = self.plan.parts.rolled
        if self.all_unmerged and rolled is not None and span[0] < rolled[1] and rolled[0] < span[1]:
            return True
        cells = self.unmerged | self.lost
        return any(cell_gpu == gpu_id and span[0] <= start < span[1] for cell_gpu, start in cells)


async def plan_cells(
    asked: Question, stays: Sequence[Stay], span: Span, source: Source, step_us: int, samples_from: int = 0
) -> Celling:
    """`step_us` is the length of the cells when they are made from samples alone, of which there are none any more
    before `samples_from`."""
    parts = divide(span, CELL_US.get(source), asked.moment.packed_until)
    plan = CellPlan(source, CELL_US.get(source, step_us), parts, asked.moment)
    if parts.rolled is None:
        return Celling(plan, stays)
    cut = set(cut_cells(((stay.gpu_id, stay.since, stay.until) for stay in stays), parts.rolled, plan.cell_us))
    lost = frozenset(cell for cell in cut if cell[1] < samples_from)
    cut -= lost
    rows: list[Any] = []
    if asked.moment.has_late:
        rows = await asked.fetch(late_sql.late_cells(parts.rolled, plan.cell_us), parameters_of(stays))
    late = {(row["gpu_id"], to_us(row["start"])) for row in rows}
    if rows and rows[0]["seen"] >= late_sql.MOST_LATE_SAMPLES:
        return Celling(replace(plan, redo=sorted(cut)), stays, all_unmerged=True, lost=lost)
    if hours_of(cut | late) > MOST_REDO_GPU_HOURS:
        return Celling(replace(plan, redo=sorted(cut)), stays, unmerged=frozenset(late), lost=lost)
    return Celling(replace(plan, redo=sorted(cut | late)), stays, lost=lost)


def parameters_of(stays: Sequence[Stay], plan: CellPlan | None = None) -> dict[str, object]:
    redo = plan.redo if plan is not None else ()
    return {
        "gpu_ids": [stay.gpu_id for stay in stays],
        "sinces": [to_datetime(stay.since) for stay in stays],
        "untils": [to_datetime(stay.until) for stay in stays],
        "redo_ids": [gpu_id for gpu_id, _ in redo],
        "redo_starts": [to_datetime(start) for _, start in redo],
    }
