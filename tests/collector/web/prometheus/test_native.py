"""The fleet in families of its own: what is read now in base units, nothing old, and who and how everybody is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.exposition import generate_latest

from fakes.exposition import Labels, read_series
from fakes.fleet import agent, inventory, sample
from fakes.web import Site
from fakes.web_surfaces import PART, WHOLE, small_fleet
from gpufleet_collector.model import GPU_STATES, HOST_STATES, AgentCost, Gpu
from gpufleet_collector.web.prometheus.fleet import render
from gpufleet_collector.web.prometheus.forms import Form
from gpufleet_collector.web.prometheus.snapshot import Snapshot

INTERVAL = 5.0


async def fleet(site: Site, query: str = "") -> dict[str, list[tuple[Labels, float]]]:
    answer = await site.get(f"/metrics/gpus{query}")
    assert answer.status_code == 200, answer.text
    return read_series(answer.text)


def one_gpu(gpu: Gpu | str = "GPU-a", host: str = "alpha") -> Site:
    site = Site()
    site.live.connected(host, agent(), inventory(gpu), interval_seconds=INTERVAL, skew_seconds=0.0)
    return site


def state(series: list[tuple[Labels, float]], host: str) -> list[str]:
    """The states that are 1."""
    return [labels["state"] for labels, value in series if labels["host"] == host and value == 1]


async def test_values_are_in_base_units_and_what_was_not_read_has_no_series() -> None:
    site = one_gpu()
    read = {"power_watts": 300.5, "gpu_utilization_percent": 0, "memory_used_mb": 1024, "tensor_active_percent": 57.3}
    site.live.samples("alpha", [sample("GPU-a", 1, **read)])
    series = await fleet(site)
    where = {"host": "alpha", "gpu_uuid": "GPU-a", "gpu_index": "0", "gpu_name": "NVIDIA H200"}
    assert series["gpufleet_gpu_power_watts"] == [(where, 300.5)]
    assert series["gpufleet_gpu_utilization_ratio"] == [(where, 0.0)]
    assert series["gpufleet_gpu_memory_used_bytes"] == [(where, 1_073_741_824.0)]
    assert series["gpufleet_gpu_tensor_active_ratio"] == [(where, 0.573)]
    assert "gpufleet_gpu_temperature_celsius" not in series


async def test_what_is_too_old_to_be_called_now_is_gone_but_for_when_it_was_read() -> None:
    site = one_gpu()
    site.live.samples("alpha", [sample("GPU-a", 1, power_watts=300, pcie_link_width=16)])
    site.clock.advance(2.5 * INTERVAL + 1)
    site.live.refresh()
    series = await fleet(site)
    assert "gpufleet_gpu_power_watts" not in series
    assert series["gpufleet_gpu_pcie_link_width"][0][1] == 16, "the slow tier is read every 10 s"
    assert series["gpufleet_gpu_last_reading_timestamp_seconds"][0][1] == 1_767_225_601
    site.clock.advance(60)
    site.live.refresh()
    assert "gpufleet_gpu_pcie_link_width" not in await fleet(site)


async def test_an_instance_of_mig_has_labels_that_a_whole_gpu_has_not() -> None:
    series = await fleet(small_fleet(), "?host=alpha")
    (labels, active), *_ = series["gpufleet_gpu_sm_active_ratio"]
    assert (labels["gpu_uuid"], active) == (PART.uuid, 0.125)
    assert (labels["parent_uuid"], labels["mig_profile"], labels["mig_instance"]) == (WHOLE.uuid, "1g.18gb", "7")
    (of_whole, _), *_ = series["gpufleet_gpu_power_watts"]
    assert "parent_uuid" not in of_whole
    assert "mig_profile" not in of_whole


async def test_who_a_gpu_is() -> None:
    series = await fleet(small_fleet())
    identity = {labels["gpu_uuid"]: labels for labels, _ in series["gpufleet_gpu_info"]}
    assert identity[WHOLE.uuid]["serial"] == WHOLE.serial
    assert identity[WHOLE.uuid]["pci_bus_id"] == WHOLE.pci_bus_id
    assert identity[WHOLE.uuid]["vbios"] == WHOLE.vbios


@pytest.mark.parametrize("now", GPU_STATES)
async def test_a_gpu_is_in_one_state(now: str) -> None:
    series = await fleet(one_gpu(Gpu("GPU-a", 0, state=now)))
    assert {labels["state"] for labels, _ in series["gpufleet_gpu_state"]} == set(GPU_STATES)
    assert state(series["gpufleet_gpu_state"], "alpha") == [now]


async def test_nobody_knows_how_the_gpus_of_a_silent_host_are() -> None:
    site = one_gpu()
    seen = []
    for seconds in (0, 11, 60):
        site.clock.advance(seconds)
        site.live.refresh()
        series = await fleet(site)
        (host,) = state(series["gpufleet_host_state"], "alpha")
        seen.append((host, *state(series["gpufleet_gpu_state"], "alpha")))
    assert seen == [("up", "ok"), ("late", "ok"), ("down", "unknown")]


async def test_a_gpu_that_its_host_has_not_declared_yet_is_known_by_its_uuid() -> None:
    site = Site()
    site.live.connected("alpha", agent(), None, interval_seconds=INTERVAL, skew_seconds=0.0)
    site.live.samples("alpha", [sample("GPU-new", 1, power_watts=5)])
    assert (await fleet(site))["gpufleet_gpu_power_watts"] == [({"host": "alpha", "gpu_uuid": "GPU-new"}, 5.0)]


async def test_hosts_say_how_they_are_and_what_they_run() -> None:
    series = await fleet(small_fleet())
    assert {labels["host"]: labels["simulated"] for labels, _ in series["gpufleet_host_info"]} == {
        "alpha": "false",
        "beta": "true",
    }
    assert series["gpufleet_host_label"] == [({"host": "alpha", "name": "rack", "value": "r1"}, 1.0)]
    assert {labels["state"] for labels, _ in series["gpufleet_host_state"]} == set(HOST_STATES)
    assert [state(series["gpufleet_host_state"], host) for host in ("alpha", "beta")] == [["up"], ["left"]]
    assert series["gpufleet_host_clock_skew_seconds"] == [({"host": "alpha"}, 0.25)], "beta has left"


async def test_an_agent_says_what_it_takes_and_loses_for_as_long_as_it_is_heard() -> None:
    site = one_gpu()
    cost = AgentCost(supervisor_rss_bytes=40, samples_dropped_total=3, tick_milliseconds={"core": 2.5})
    site.live.heartbeat("alpha", cost, INTERVAL, 0.0)
    series = await fleet(site)
    assert series["gpufleet_agent_resident_memory_bytes"] == [({"host": "alpha", "process": "supervisor"}, 40.0)]
    assert series["gpufleet_agent_samples_dropped_total"] == [({"host": "alpha"}, 3.0)]
    assert series["gpufleet_agent_tick_seconds"] == [({"host": "alpha", "group": "core"}, 0.0025)]
    site.clock.advance(30)
    site.live.refresh()
    assert not any(name.startswith("gpufleet_agent_") for name in await fleet(site))


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(host=TEXTS, gpu_name=TEXTS, uuid=TEXTS, label=TEXTS, open_metrics=st.booleans())
def test_names_of_every_kind_are_told_as_they_are(
    host: str, gpu_name: str, uuid: str, label: str, open_metrics: bool
) -> None:
    site = Site()
    gpu = Gpu(uuid, 0, gpu_name, state="ok")
    site.live.connected(host, agent({label: gpu_name}), inventory(gpu), interval_seconds=INTERVAL, skew_seconds=0.0)
    site.live.samples(host, [sample(uuid, 1, power_watts=300)])
    form = Form("application/openmetrics-text" if open_metrics else "text/plain", generate_latest)
    text = render(Snapshot.take(site.live, ()), ("native", "dcgm"), form, is_packed=False).decode()
    series = read_series(text, open_metrics=open_metrics)
    where = {"host": host, "gpu_uuid": uuid, "gpu_index": "0", "gpu_name": gpu_name}
    assert series["gpufleet_gpu_power_watts"] == [(where, 300.0)]
    assert series["gpufleet_host_label"] == [({"host": host, "name": label, "value": gpu_name}, 1.0)]
    of_dcgm = {"Hostname": host, "UUID": uuid, "gpu": "0", "device": "nvidia0", "modelName": gpu_name}
    assert series["DCGM_FI_DEV_POWER_USAGE"] == [(of_dcgm, 300.0)]


async def test_only_the_hosts_that_are_asked_for() -> None:
    series = await fleet(small_fleet(), "?host=beta&host=nobody")
    assert {labels["host"] for found in series.values() for labels, _ in found} == {"beta"}
    assert await fleet(small_fleet(), "?host=nobody") == {}
