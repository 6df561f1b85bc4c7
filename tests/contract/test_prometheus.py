"""Every metric of the catalogue is a family for Prometheus, no two families clash, and promtool has nothing to say."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric as MetricFamily

from fakes.exposition import OPEN_METRICS, read_families
from fakes.fleet import agent, inventory, sample
from fakes.prometheus import promtool, require_prometheus
from fakes.web import Site
from fakes.web_surfaces import PART, WHOLE
from gpufleet_collector.model import GPU_STATES, AgentCost
from gpufleet_collector.web.catalog import PROMETHEUS_PREFIX
from gpufleet_collector.web.prometheus.hosts import LABELLED, OF_AGENTS
from gpufleet_proto import telemetry_pb2 as pb
from gpufleet_proto.catalog import METRICS, Kind

OWN, NATIVE, DCGM = "/metrics", "/metrics/gpus", "/metrics/gpus?families=dcgm"
DEPLOYED = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "prometheus.yml"
ONLY_COMPLAINTS = 3
"""How promtool ends when all was read, and something is to be said of it."""
NVIDIAS_NAMES = {
    "label names should be written in 'snake_case' not 'camelCase'",
    "metric name should not include type 'counter'",
}
"""What there is to say of DCGM's own: `modelName`, and DCGM_FI_DEV_PCIE_REPLAY_COUNTER."""


def whole_fleet() -> Site:
    """A GPU and an instance of which everything was read, and an agent that has told all of itself."""
    site = Site()
    site.live.connected("alpha", agent({"rack": "r1"}), inventory(WHOLE, PART), interval_seconds=5.0, skew_seconds=0.0)
    everything = {metric.name: 1 for metric in METRICS}
    site.live.samples("alpha", [sample(gpu.uuid, 1, **everything) for gpu in (WHOLE, PART)])
    told = {field.name: 1 for field in fields(AgentCost) if field.name not in LABELLED}
    cost = AgentCost(**told, hung_call="nvmlDeviceGetPowerUsage", tick_milliseconds={"core": 1})
    site.live.heartbeat("alpha", cost, 5.0, 0.0)
    return site


async def exposed(path: str, accept: str = "") -> list[MetricFamily]:
    answer = await whole_fleet().request("GET", path, {"accept": accept})
    return read_families(answer.text, open_metrics=accept == OPEN_METRICS)


def clashes(families: Iterable[MetricFamily]) -> list[str]:
    """Names of families and of series that more than one family has."""
    names = Counter(name for family in families for name in {family.name, *(sample.name for sample in family.samples)})
    return [name for name, times in names.items() if times > 1]


@pytest.mark.parametrize("accept", ["", OPEN_METRICS])
async def test_every_metric_is_a_family(accept: str) -> None:
    shown = {sample.name: family for family in await exposed(NATIVE, accept) for sample in family.samples}
    for metric in METRICS:
        family = shown[PROMETHEUS_PREFIX + metric.prometheus]
        assert family.type == ("counter" if metric.kind is Kind.COUNTER else "gauge")
        assert family.documentation.startswith(metric.help)
        assert all(name in family.documentation for _, name in metric.names)
        assert len(family.samples) == 2


async def test_every_metric_that_dcgm_has_a_name_for_is_told_under_it() -> None:
    shown = {sample.name for family in await exposed(DCGM) for sample in family.samples}
    assert shown == {metric.dcgm for metric in METRICS if metric.dcgm is not None}
    assert {"DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_POWER_USAGE", "DCGM_FI_DEV_SM_CLOCK"} < shown
    assert {"DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_FB_USED", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"} < shown


async def test_every_figure_of_an_agent_is_told() -> None:
    told = {field for family in OF_AGENTS for field, _ in family.fields}
    assert told | LABELLED == {field.name for field in fields(AgentCost)}
    shown = {sample.name for family in await exposed(NATIVE) for sample in family.samples}
    assert {f"gpufleet_agent_{family.name}" for family in OF_AGENTS} < shown


def test_the_states_of_gpus_are_those_of_the_declaration() -> None:
    assert set(GPU_STATES) == {state.name.lower() for state in pb.Gpu.DESCRIPTOR.enum_types_by_name["State"].values}


async def test_no_two_families_clash() -> None:
    assert clashes([*await exposed(OWN), *await exposed(NATIVE), *await exposed(DCGM)]) == []


async def test_the_guard_fires_on_a_clash() -> None:
    assert clashes([*await exposed(NATIVE), MetricFamily("gpufleet_gpu_power_watts", "", "gauge")])
    counter = MetricFamily("gpufleet_gpu", "", "gauge")
    counter.add_sample("gpufleet_gpu_energy_joules_total", {}, 1)
    assert clashes([*await exposed(NATIVE), counter])


async def checked(path: str) -> tuple[int, list[str]]:
    text = (await whole_fleet().get(path)).content
    return promtool("check", "metrics", given=text)


@pytest.mark.parametrize("path", [OWN, NATIVE])
async def test_promtool_has_nothing_to_say(path: str) -> None:
    require_prometheus()
    assert await checked(path) == (0, [])


async def test_promtool_reads_the_families_of_dcgm_and_minds_nothing_but_their_names() -> None:
    require_prometheus()
    status, said = await checked(DCGM)
    assert status == ONLY_COMPLAINTS
    assert {line.partition(" ")[2] for line in said} == NVIDIAS_NAMES, said


def test_the_guard_fires_on_what_promtool_does_not_accept() -> None:
    require_prometheus()
    assert promtool("check", "metrics", given=b"gpu_power_watts{host=} 1\n")[0] != 0


def test_promtool_accepts_the_configuration_that_is_deployed() -> None:
    require_prometheus()
    assert promtool("check", "config", str(DEPLOYED))[0] == 0
