"""The time of driver calls is told by group, once."""

import itertools

from gpufleet_agent.probe.call_times import CallTimes, group_of


def test_calls_belong_to_the_group_that_their_name_tells() -> None:
    assert group_of("nvmlDeviceGetTemperatureV") == "core"
    assert group_of("nvmlGpmSampleGet") == "activity"
    assert group_of("nvmlEventSetWait_v2") == "events"
    assert group_of("nvmlDeviceGetComputeRunningProcesses") == "processes"
    assert group_of("nvmlDeviceGetProcessUtilization") == "processes"


def test_times_of_a_group_add_up_and_are_told_once() -> None:
    ticks = itertools.count(0.0, 0.001)
    times = CallTimes(clock=lambda: next(ticks))
    for call in ("nvmlDeviceGetUUID", "nvmlDeviceGetPowerUsage", "nvmlGpmSampleGet"):
        times.add(call, times.clock())
    assert times.take() == {"core": 2.0, "activity": 1.0}
    assert times.take() == {}


def test_a_tier_may_have_one_group_for_all() -> None:
    times = CallTimes("slow", clock=lambda: 2.0)
    times.add("nvmlDeviceGetPcieThroughput", 1.98)
    assert times.take() == {"slow": 20.0}
