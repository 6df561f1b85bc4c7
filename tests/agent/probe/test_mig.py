"""GPUs split into MIG instances, over the stand-in library."""

from collections.abc import Callable
from typing import Any

import pytest

from fakes.nvml.library import (
    GPU_IS_LOST,
    NO_PERMISSION,
    FakeDriver,
    FakeGpu,
    NvmlProcess,
    by_uuid,
    full_gpu,
    gpm_counters,
    mig_instance,
    split_gpu,
    uuid_of,
)
from gpufleet_agent.probe.readers import CORE, METRICS, PROFILING
from gpufleet_agent.probe.readers.utilization import READERS as UTILIZATION

TICK, PERIOD = "pass 1000", "pass 10000"
INVALID_ARGUMENT, NOT_FOUND = 2, 6
MEMORY = {"memory_used_mb", "memory_total_mb", "memory_reserved_mb"}


@pytest.fixture
def mig(start_nvml: Callable[..., NvmlProcess]) -> NvmlProcess:
    return start_nvml(options=("--gpm",))


def sevenths(number: int, numbers: range = range(7, 14)) -> FakeGpu:
    return split_gpu(number, *(mig_instance(number, instance) for instance in numbers))


def read(nvml: NvmlProcess, *gpus: FakeGpu) -> dict[str, dict[str, Any]]:
    nvml.tell(FakeDriver(gpus=list(gpus)))
    return by_uuid(nvml.read())


def test_instances_are_gpus_with_a_parent(mig: NvmlProcess) -> None:
    gpu = sevenths(3)
    gpus = read(mig, full_gpu(0), gpu)
    assert len(gpus) == 2 + 7
    assert gpus[gpu.instances[2].uuid]["gpu"] == {
        **gpus[gpu.uuid]["gpu"],
        "uuid": gpu.instances[2].uuid,
        "parent_uuid": gpu.uuid,
        "mig_profile": "1g.10gb",
        "mig_instance": 9,
    }
    assert gpus[gpu.uuid]["gpu"]["parent_uuid"] is None
    assert gpus[gpu.uuid]["gpu"]["index"] == 1


def test_an_instance_tells_its_memory_and_processes_and_the_parent_temperature_and_power(mig: NvmlProcess) -> None:
    gpu = sevenths(1)
    gpus = read(mig, gpu)
    one = gpus[gpu.instances[0].uuid]
    assert one["state"] == "ok"
    assert one["values"] == {
        "memory_used_mb": 107,
        "memory_total_mb": 9856,
        "memory_reserved_mb": 12,
        "process_count": 1,
    }
    assert one["absent"] == {name: "MIG" for name in METRICS if name not in {*one["values"], *PROFILING}}
    parent = gpus[gpu.uuid]
    assert (parent["values"]["temperature_celsius"], parent["values"]["power_watts"]) == (31, 300.251)
    assert parent["absent"] == dict.fromkeys((*UTILIZATION, *PROFILING), "MIG")
    assert parent["values"].keys() == CORE.keys() - UTILIZATION.keys()


def test_activity_is_that_of_each_gpu_instance(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    read(mig, gpu)
    mig.ask(TICK)
    for place, instance in enumerate(gpu.instances):
        instance.values |= gpm_counters(place * 10_000)
    gpus = read(mig, gpu)
    seen = [gpus[instance.uuid]["values"]["sm_active_percent"] for instance in gpu.instances]
    assert seen == [0, 10, 20, 30, 40, 50, 60]
    assert "sm_active_percent" not in gpus[gpu.uuid]["values"]


def test_compute_instances_of_one_gpu_instance_share_what_the_first_tells(mig: NvmlProcess) -> None:
    first, second = (mig_instance(0, 2, f"{part}c.3g.40gb", compute=part) for part in (0, 1))
    other = mig_instance(0, 5, "3g.40gb")
    gpu = split_gpu(0, second, other, first)
    read(mig, gpu)
    mig.ask(TICK)
    gpus = read(mig, gpu)
    assert gpus[first.uuid]["values"].keys() == {*MEMORY, "process_count", *PROFILING}
    assert gpus[second.uuid]["values"].keys() == {"process_count"}
    assert {gpus[second.uuid]["absent"][name] for name in (*MEMORY, *PROFILING)} == {"MIG"}
    assert gpus[other.uuid]["values"].keys() == {*MEMORY, "process_count", *PROFILING}
    assert [gpus[each.uuid]["gpu"]["mig_profile"] for each in (first, second, other)] == [
        "0c.3g.40gb",
        "1c.3g.40gb",
        "3g.40gb",
    ]


def test_seven_instances_on_four_of_thirty_two_gpus(mig: NvmlProcess) -> None:
    driver = [sevenths(number) if number % 8 == 0 else full_gpu(number) for number in range(32)]
    read(mig, *driver)
    mig.ask(TICK)
    gpus = read(mig, *driver)
    assert len(gpus) == 32 + 4 * 7
    assert {gpu["state"] for gpu in gpus.values()} == {"ok"}
    order = [gpu["gpu"]["index"] for gpu in gpus.values()]
    assert order == sorted(order)
    parents = [gpu["gpu"]["parent_uuid"] for gpu in gpus.values() if gpu["gpu"]["parent_uuid"]]
    assert parents == [uuid_of(number) for number in (0, 8, 16, 24) for _ in range(7)]
    used = {
        gpu["gpu"]["mig_instance"]: gpu["values"]["memory_used_mb"]
        for gpu in gpus.values()
        if gpu["gpu"]["index"] == 24
    }
    assert {instance: mebibytes for instance, mebibytes in used.items() if instance} == {
        number: 2400 + number for number in range(7, 14)
    }


def test_a_reconfiguration_is_seen_within_a_period_and_what_is_gone_is_not_lost(mig: NvmlProcess) -> None:
    read(mig, sevenths(0))
    mig.ask(PERIOD)
    halves = split_gpu(0, mig_instance(0, 1, "3g.40gb"), mig_instance(0, 2, "3g.40gb"))
    gpus = read(mig, halves)
    assert list(gpus) == [uuid_of(0), *(instance.uuid for instance in halves.instances)]
    assert {gpu["state"] for gpu in gpus.values()} == {"ok"}


def test_a_handle_that_fails_shows_a_reconfiguration_at_once(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    read(mig, gpu)
    mig.ask(TICK)
    kept = gpu.instances[:3]
    fresh = mig_instance(0, 1, "2g.20gb")
    gpus = read(mig, split_gpu(0, *kept, fresh))
    assert set(gpus) == {gpu.uuid, fresh.uuid, *(instance.uuid for instance in kept)}
    assert all("sm_active_percent" in gpus[instance.uuid]["values"] for instance in kept)
    assert gpus[fresh.uuid]["gpu"]["mig_profile"] == "2g.20gb"


@pytest.mark.parametrize("code", [INVALID_ARGUMENT, NOT_FOUND, GPU_IS_LOST, 999])
def test_an_instance_whose_handle_fails_is_looked_up_again(mig: NvmlProcess, code: int) -> None:
    gpu = sevenths(0)
    before = read(mig, gpu)
    mig.ask(TICK)
    gpu.instances[0].errors = {name: code for name in gpu.instances[0].values if "[" not in name} | {
        "nvmlDeviceGetMemoryInfo_v2": code,
        "nvmlDeviceGetUUID": code,
    }
    gpus = read(mig, gpu)
    assert set(gpus) == set(before) - {gpu.instances[0].uuid}
    assert gpus[gpu.uuid]["state"] == "ok"


def test_mig_switched_off_leaves_the_whole_gpu(mig: NvmlProcess) -> None:
    read(mig, sevenths(0))
    mig.ask(PERIOD)
    gpus = read(mig, full_gpu(0))
    assert list(gpus) == [uuid_of(0)]
    assert gpus[uuid_of(0)]["values"].keys() >= UTILIZATION.keys()


def test_what_a_gpu_denied_in_mig_mode_is_asked_as_soon_as_that_is_seen_to_end(mig: NvmlProcess) -> None:
    for _ in range(3):
        read(mig, sevenths(0))
        mig.ask(TICK)
    mig.ask(PERIOD)
    assert read(mig, full_gpu(0))[uuid_of(0)]["values"].keys() >= UTILIZATION.keys()


def test_a_gpu_instance_made_anew_under_the_same_number_is_not_compared_with_its_former_self(mig: NvmlProcess) -> None:
    gpu = split_gpu(0, mig_instance(0, 7))
    gpu.instances[0].values |= gpm_counters(90_000)
    read(mig, gpu)
    mig.ask(PERIOD)
    anew = split_gpu(0, mig_instance(0, 7, "1g.20gb"))
    assert anew.instances[0].uuid == gpu.instances[0].uuid
    anew.instances[0].values |= gpm_counters(95_000)
    reading = read(mig, anew)[anew.instances[0].uuid]
    assert reading["gpu"]["mig_profile"] == "1g.20gb"
    assert not reading["values"].keys() & set(PROFILING)
    mig.ask(TICK)
    anew.instances[0].values |= gpm_counters(97_000)
    assert read(mig, anew)[anew.instances[0].uuid]["values"]["sm_active_percent"] == 2


def test_who_may_not_see_instances_is_told_that_it_is_the_permission(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    gpu.errors["nvmlDeviceGetMigDeviceHandleByIndex"] = NO_PERMISSION
    reading = read(mig, gpu)
    assert list(reading) == [gpu.uuid]
    assert reading[gpu.uuid]["absent"] == dict.fromkeys((*UTILIZATION, *PROFILING), "NO_PERMISSION")


def test_a_metric_that_is_forbidden_stays_so(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    gpu.errors |= {"nvmlDeviceGetUtilizationRates": NO_PERMISSION}
    gpu.instances[0].errors = {"nvmlDeviceGetComputeRunningProcesses_v3": NO_PERMISSION}
    gpus = read(mig, gpu)
    assert gpus[gpu.uuid]["absent"]["gpu_utilization_percent"] == "NO_PERMISSION"
    assert gpus[gpu.instances[0].uuid]["absent"]["process_count"] == "NO_PERMISSION"


def test_a_mode_that_may_not_be_asked_for_leaves_the_gpu(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    gpu.errors["nvmlDeviceGetMigMode"] = NO_PERMISSION
    assert list(read(mig, gpu)) == [gpu.uuid]


def test_a_lost_gpu_takes_its_instances_along(mig: NvmlProcess) -> None:
    gpu = sevenths(0)
    read(mig, gpu, full_gpu(1))
    gpu.lost = True
    gpus = read(mig, gpu, full_gpu(1))
    assert {uuid: one["state"] for uuid, one in gpus.items()} == {uuid_of(0): "lost", uuid_of(1): "ok"}


def test_reasons_do_not_change_from_tick_to_tick(mig: NvmlProcess) -> None:
    gpus = (sevenths(0), full_gpu(1))
    seen = []
    for _ in range(25):
        seen.append({uuid: one["absent"] for uuid, one in read(mig, *gpus).items()})
        mig.ask(TICK)
    assert all(one == seen[1] for one in seen[1:])
