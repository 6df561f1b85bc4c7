"""GET /api/v1/store: how the store itself is: sizes, how far packing is, how the background jobs went."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.store.condition import Condition
from gpufleet_collector.store.job_table import JobRecord
from gpufleet_collector.web import instants
from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.endpoints import parameters


@dataclass(frozen=True, slots=True)
class StoreCondition:
    read: Callable[[], Awaitable[Condition]]
    pack_after_hours: float

    async def __call__(self, request: Request) -> Response:
        parameters(request, ())
        condition = await self.read()
        return answer(
            {
                "time": instants.write(condition.now),
                "server_version": condition.server_version,
                "database_bytes": condition.database_bytes,
                "packed_until": instants.write(condition.packed_until),
                "packing_lag_seconds": condition.packing_lag_seconds(self.pack_after_hours),
                "late_samples": condition.late_samples,
                "tables": [
                    {"name": table.name, "bytes": table.bytes, "rows": table.rows, "partitions": table.partitions}
                    for table in condition.tables
                ],
                "jobs": [_job(job) for job in condition.jobs],
            }
        )


def _job(job: JobRecord) -> dict[str, object]:
    return {
        "name": job.name,
        "started_at": _instant(job.started_at),
        "finished_at": _instant(job.finished_at),
        "succeeded_at": _instant(job.succeeded_at),
        "error": job.error,
        "detail": job.detail,
        "done": job.done,
    }


def _instant(instant: int | None) -> str | None:
    return None if instant is None else instants.write(instant)
