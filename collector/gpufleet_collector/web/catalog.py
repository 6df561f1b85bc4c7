"""GET /api/v1/catalog: every metric as its declaration has it, so that no client has to know one in advance."""

from starlette.requests import Request
from starlette.responses import Response

from gpufleet_collector.web.answers import answer
from gpufleet_collector.web.endpoints import parameters
from gpufleet_proto.catalog import METRICS, Metric

PROMETHEUS_PREFIX = "gpufleet_gpu_"


def metric_object(metric: Metric) -> dict[str, object]:
    return {
        "name": metric.name,
        "unit": metric.unit,
        "help": metric.help,
        "panel": metric.panel,
        "tier": metric.tier.value,
        "kind": metric.kind.value,
        "resolution": metric.resolution,
        "max": metric.max,
        "prometheus": PROMETHEUS_PREFIX + metric.prometheus,
        "dcgm": metric.dcgm,
        "names": {str(value): name for value, name in metric.names},
    }


async def catalog(request: Request) -> Response:
    parameters(request, ())
    return answer({"metrics": [metric_object(metric) for metric in METRICS]})
