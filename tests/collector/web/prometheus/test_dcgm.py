"""The fleet as NVIDIA's exporter tells of it: names, units and labels on which dashboards rely."""

from dataclasses import replace

from fakes.exposition import Labels, read_series
from fakes.fleet import agent, inventory, sample
from fakes.web import Site
from fakes.web_surfaces import PART, WHOLE

OF_THE_BOARD = {
    "gpu": "0",
    "UUID": WHOLE.uuid,
    "pci_bus_id": "00000000:19:00.0",
    "device": "nvidia0",
    "modelName": "NVIDIA H200",
    "Hostname": "alpha",
}


async def read(site: Site, query: str = "?families=dcgm") -> dict[str, list[tuple[Labels, float]]]:
    return read_series((await site.get(f"/metrics/gpus{query}")).text)


def site(*more: object) -> Site:
    made = Site()
    others = [replace(PART, uuid=f"MIG-{number}") for number, _ in enumerate(more)]
    made.live.connected("alpha", agent(), inventory(WHOLE, PART, *others), interval_seconds=5.0, skew_seconds=0.0)
    return made


async def test_values_are_in_the_units_of_dcgm() -> None:
    made = site()
    values = {
        "temperature_celsius": 62,
        "power_watts": 412.3,
        "sm_clock_mhz": 1980,
        "gpu_utilization_percent": 97,
        "memory_used_mb": 65_536,
        "tensor_active_percent": 57.3,
        "energy_joules_total": 81_234,
        "pcie_tx_mb_per_second": 3,
        "nvlink_rx_mb_per_second": 2,
        "power_throttle_seconds_total": 1.5,
    }
    made.live.samples("alpha", [sample(WHOLE.uuid, 1, **values)])
    shown = await read(made)
    assert all(found[0][0] == OF_THE_BOARD for found in shown.values())
    assert {name: found[0][1] for name, found in shown.items()} == {
        "DCGM_FI_DEV_GPU_TEMP": 62,
        "DCGM_FI_DEV_POWER_USAGE": 412.3,
        "DCGM_FI_DEV_SM_CLOCK": 1980,
        "DCGM_FI_DEV_GPU_UTIL": 97,
        "DCGM_FI_DEV_FB_USED": 65_536,
        "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": 0.573,
        "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": 81_234_000,
        "DCGM_FI_PROF_PCIE_TX_BYTES": 3_000_000,
        "DCGM_FI_PROF_NVLINK_RX_BYTES": 2_097_152,
        "DCGM_FI_DEV_POWER_VIOLATION": 1_500_000_000,
    }


async def test_an_instance_of_mig_is_its_board_with_a_number_and_a_profile() -> None:
    made = site()
    made.live.samples("alpha", [sample(PART.uuid, 1, sm_active_percent=12.5)])
    assert (await read(made))["DCGM_FI_PROF_SM_ACTIVE"] == [
        ({**OF_THE_BOARD, "GPU_I_ID": "7", "GPU_I_PROFILE": "1g.18gb"}, 0.125)
    ]


async def test_of_compute_instances_that_look_the_same_one_speaks() -> None:
    made = site("second", "third")
    made.live.samples("alpha", [sample(uuid, 1, memory_used_mb=1) for uuid in (PART.uuid, "MIG-0", "MIG-1")])
    assert len((await read(made))["DCGM_FI_DEV_FB_USED"]) == 1
    native = (await read(made, ""))["gpufleet_gpu_memory_used_bytes"]
    assert len(native) == 3


async def test_an_instance_whose_board_is_not_known_has_its_uuid_nonetheless() -> None:
    made = Site()
    made.live.connected("alpha", agent(), inventory(PART), interval_seconds=5.0, skew_seconds=0.0)
    made.live.samples("alpha", [sample(PART.uuid, 1, memory_used_mb=1)])
    ((labels, _),) = (await read(made))["DCGM_FI_DEV_FB_USED"]
    assert (labels["UUID"], labels["modelName"]) == (WHOLE.uuid, "NVIDIA H200")


async def test_both_sets_come_in_one_answer_when_both_are_asked_for() -> None:
    made = site()
    made.live.samples("alpha", [sample(WHOLE.uuid, 1, power_watts=300)])
    for query in ("?families=native,dcgm", "?families=dcgm&families=native"):
        both = await read(made, query)
        assert both["gpufleet_gpu_power_watts"][0][1] == both["DCGM_FI_DEV_POWER_USAGE"][0][1] == 300
    assert "DCGM_FI_DEV_POWER_USAGE" not in await read(made, "")
