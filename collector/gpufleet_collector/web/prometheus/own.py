"""GET /metrics: the collector's own health. It looks at no parameter: there are probes that add some."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.live.live import Live
from gpufleet_collector.model import GPU_STATES, HOST_STATES
from gpufleet_collector.selfmetrics import SelfMetrics
from gpufleet_collector.web.answers import NO_STORE
from gpufleet_collector.web.prometheus.forms import accepted_form


@dataclass(frozen=True, slots=True)
class OwnMetrics:
    metrics: SelfMetrics
    live: Live

    async def __call__(self, request: Request) -> Response:
        self._count_fleet()
        form = accepted_form(request)
        return Response(
            form.encode(self.metrics.registry), headers={"Content-Type": form.content_type, "Cache-Control": NO_STORE}
        )

    def _count_fleet(self) -> None:
        """Counted when asked, so that a fleet too large for /metrics/gpus has its states here."""
        census = self.live.census()
        for state in HOST_STATES:
            self.metrics.hosts.labels(state=state).set(census.hosts[state])
        for state in GPU_STATES:
            self.metrics.gpus.labels(state=state).set(census.gpus[state])
