"""What the backend reads is what the command was told, whatever it does not know and however it fails."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.nvidia_smi import (
    LOST,
    MISMATCH,
    NO_DEVICES,
    NOT_LOADED,
    SYNONYMS,
    UNITS,
    gpu,
    install,
    queried_fields,
    starts,
)
from gpufleet_agent.probe.nvidia_smi import NvidiaSmiBackend
from gpufleet_agent.probe.nvidia_smi.fields import IDENTITY_FIELDS, NAME_FIELDS, NOT_OFFERED, first_plan
from gpufleet_agent.readings import Reading
from gpufleet_proto.catalog import BY_NAME, METRICS, Metric

NOW = 1_767_225_600_000_000
WHOLE = gpu(
    0,
    temperature__gpu=41,
    temperature__memory=48,
    power__draw=69.85,
    power__limit=700.0,
    memory__used=0,
    memory__total=81559,
    memory__reserved=479,
    utilization__gpu=0,
    utilization__memory=3,
    utilization__encoder=0,
    utilization__decoder=1,
    clocks__current__sm=345,
    clocks__current__memory=2619,
    fan__speed=30,
    pstate="P0",
    clocks_event_reasons__active="0x0000000000000005",
    pcie__link__gen__gpucurrent=5,
    pcie__link__width__current=16,
    ecc__errors__corrected__aggregate__total=2,
    ecc__errors__uncorrected__aggregate__total=0,
    remapped_rows__correctable=1,
    remapped_rows__uncorrectable=0,
    remapped_rows__pending="No",
    remapped_rows__failure="Yes",
    clocks_event_reasons_counters__sw_power_cap=1234567,
    clocks_event_reasons_counters__sw_thermal_slowdown=0,
    gpu_recovery_action="Drain P2P",
)
WHOLE_VALUES = {
    "temperature_celsius": 41,
    "memory_temperature_celsius": 48,
    "power_watts": 69.85,
    "power_limit_watts": 700.0,
    "memory_used_mb": 0,
    "memory_total_mb": 81559,
    "memory_reserved_mb": 479,
    "gpu_utilization_percent": 0,
    "memory_utilization_percent": 3,
    "encoder_utilization_percent": 0,
    "decoder_utilization_percent": 1,
    "sm_clock_mhz": 345,
    "memory_clock_mhz": 2619,
    "fan_speed_percent": 30,
    "performance_state": 0,
    "throttle_reasons": 5,
    "pcie_link_generation": 5,
    "pcie_link_width": 16,
    "ecc_corrected_total": 2,
    "ecc_uncorrected_total": 0,
    "remapped_rows_corrected_total": 1,
    "remapped_rows_uncorrected_total": 0,
    "remapped_rows_pending": 0,
    "remapped_rows_failed": 1,
    "power_throttle_seconds_total": 1.234567,
    "thermal_throttle_seconds_total": 0.0,
    "recovery_action": 3,
}


class Crumbs:
    """Remembers every call that was announced and every return."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def enter(self, call: str, gpu: str, deadline_seconds: float | None = None) -> None:
        self.seen.append((call, gpu, deadline_seconds))

    def leave(self) -> None:
        self.seen.append("left")


class Host:
    """A host with one nvidia-smi whose script can be changed, and one backend that lives through it."""

    def __init__(self, folder: Path, timeout_seconds: float = 20.0) -> None:
        self.folder = folder
        self.crumbs = Crumbs()
        self.backend = NvidiaSmiBackend(
            str(folder / "nvidia-smi"), self.crumbs, environ=os.environ, timeout_seconds=timeout_seconds
        )

    def read(self, script: Mapping[str, Any]) -> Reading:
        install(self.folder, script)
        return self.backend.read(NOW)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_everything_that_was_told_is_read_and_nothing_else(host: Host) -> None:
    reading = host.read({"gpus": [WHOLE]})
    (one,) = reading.gpus
    assert one.values == WHOLE_VALUES
    assert one.absent == dict.fromkeys(NOT_OFFERED, "BACKEND")
    assert one.gpu.uuid == WHOLE["uuid"]
    assert (one.gpu.index, one.gpu.name, one.gpu.serial) == (0, "NVIDIA H200", WHOLE["serial"])
    assert (one.gpu.pci_bus_id, one.gpu.vbios) == (WHOLE["pci.bus_id"], "96.00.CF.00.04")
    assert (one.state, reading.backend, reading.driver_version) == ("ok", "nvidia-smi", "590.48.01")
    assert (reading.note, reading.simulated) == (None, False)


def test_what_was_not_told_is_absent(host: Host) -> None:
    (one,) = host.read({"gpus": [gpu()]}).gpus
    assert one.values == {}
    assert set(one.absent) == {metric.name for metric in METRICS}
    assert one.absent["fan_speed_percent"] == "NOT_SUPPORTED"
    assert one.state == "ok"


@pytest.mark.parametrize("count", [1, 8, 32])
def test_every_gpu_of_a_host(host: Host, count: int) -> None:
    reading = host.read({"gpus": [gpu(index, temperature__gpu=30 + index) for index in range(count)]})
    assert [one.gpu.index for one in reading.gpus] == list(range(count))
    assert [one.values["temperature_celsius"] for one in reading.gpus] == [30 + index for index in range(count)]


def test_a_name_with_commas(host: Host) -> None:
    reading = host.read({"gpus": [gpu(name="Board, Rev A,2", temperature__gpu=41)]})
    assert reading.gpus[0].gpu.name == "Board, Rev A,2"
    assert reading.gpus[0].values == {"temperature_celsius": 41}


def test_the_query_asks_once_for_rows_without_a_heading(host: Host) -> None:
    host.read({"gpus": [WHOLE]})
    (start,) = starts(host.folder)
    assert start["arguments"][1] == "--format=csv,noheader"
    assert start["locale"] == "C"
    assert host.crumbs.seen == [("nvidia-smi --query-gpu", "", 22.0), "left"]


def test_an_unknown_field_gives_way_to_its_alias_at_once_and_for_good(host: Host) -> None:
    script = {"gpus": [WHOLE], "unknown": ["clocks_event_reasons.active", "pcie.link.gen.gpucurrent"]}
    script["gpus"] = [WHOLE | {"pcie.link.gen.current": 4}]
    (one,) = host.read(script).gpus
    assert (one.values["throttle_reasons"], one.values["pcie_link_generation"]) == (5, 4)
    assert len(starts(host.folder)) == 3
    host.read(script)
    assert len(starts(host.folder)) == 4
    assert "clocks_throttle_reasons.active" in queried_fields(host.folder)[-1]


def test_a_field_unknown_by_every_name_costs_that_metric(host: Host) -> None:
    names = BY_NAME["power_watts"].nvidia_smi
    (one,) = host.read({"gpus": [WHOLE], "unknown": names}).gpus
    assert one.absent["power_watts"] == "BACKEND"
    assert one.values == {name: value for name, value in WHOLE_VALUES.items() if name != "power_watts"}
    assert len(starts(host.folder)) == 1 + len(names)


def test_a_command_that_knows_no_metric_still_lists_the_gpus(host: Host) -> None:
    identity = {name for names in (*IDENTITY_FIELDS.values(), NAME_FIELDS) for name in names}
    unknown = [field for field in (*UNITS, *SYNONYMS) if field not in identity]
    reading = host.read({"gpus": [WHOLE], "unknown": unknown})
    assert (reading.gpus[0].gpu.uuid, reading.gpus[0].values) == (WHOLE["uuid"], {})
    assert len(starts(host.folder)) <= first_plan().size


def test_a_command_that_does_not_know_uuids_is_of_no_use(host: Host) -> None:
    reading = host.read({"gpus": [WHOLE], "unknown": ["uuid", "gpu_uuid"]})
    assert reading.gpus == ()
    assert reading.note == "This nvidia-smi does not know the UUID of a GPU: update the NVIDIA driver."


def test_a_command_that_rejects_what_was_not_asked_is_asked_once(host: Host) -> None:
    said = 'Field "something.else" is not a valid field to query.\n\n'
    reading = host.read({"mode": "fail", "exit_code": 2, "stdout": said})
    assert reading.gpus == ()
    assert "something.else" in (reading.note or "")
    assert len(starts(host.folder)) == 1


def test_a_deprecated_field_gives_way_to_its_alias(host: Host) -> None:
    (one,) = host.read({"gpus": [WHOLE], "deprecated": ["clocks_event_reasons.active", "fan.speed"]}).gpus
    assert one.values["throttle_reasons"] == 5
    assert one.absent["fan_speed_percent"] == "BACKEND"
    assert len(starts(host.folder)) == 2


def test_no_devices(host: Host) -> None:
    reading = host.read(NO_DEVICES)
    assert reading.gpus == ()
    assert "finds no GPU" in (reading.note or "")


def test_a_driver_that_is_not_loaded(host: Host) -> None:
    reading = host.read(NOT_LOADED)
    assert reading.gpus == ()
    assert "couldn't communicate with the NVIDIA driver" in (reading.note or "")


def test_exit_255(host: Host) -> None:
    reading = host.read({"mode": "fail", "exit_code": 255, "stderr": "boom\n"})
    assert reading.gpus == ()
    assert reading.note == 'nvidia-smi failed (exit status 255): "boom": run it by hand to see more.'


def test_a_driver_mismatch_is_told_of_the_gpus_seen_before(host: Host) -> None:
    assert host.read(MISMATCH).gpus == ()
    host.read({"gpus": [WHOLE]})
    reading = host.read(MISMATCH)
    assert [(one.gpu.uuid, one.state, dict(one.values)) for one in reading.gpus] == [
        (WHOLE["uuid"], "driver_mismatch", {})
    ]
    assert "Driver/library version mismatch" in (reading.note or "")
    assert host.read({"gpus": [WHOLE]}).gpus[0].state == "ok"


def test_no_command(host: Host) -> None:
    reading = host.backend.read(NOW)
    assert reading.gpus == ()
    assert "not found: install the NVIDIA driver's tools" in (reading.note or "")


def test_a_command_that_hangs_costs_the_reading(tmp_path: Path) -> None:
    host = Host(tmp_path, timeout_seconds=2.0)
    host.read({"gpus": [WHOLE]})
    reading = host.read({"mode": "hang"})
    assert [(one.state, set(one.absent.values())) for one in reading.gpus] == [("hung", {"HUNG"})]
    assert "no answer within 2 s" in (reading.note or "")
    assert host.crumbs.seen[-1] == "left"
    assert host.read({"gpus": [WHOLE]}).gpus[0].state == "ok"


def test_a_flood_costs_the_reading(host: Host) -> None:
    reading = host.read({"mode": "flood"})
    assert reading.gpus == ()
    assert "was stopped" in (reading.note or "")


def test_half_a_line_costs_that_gpu(host: Host) -> None:
    reading = host.read({"mode": "half_line", "gpus": [WHOLE, gpu(1, temperature__gpu=44)]})
    assert [one.gpu.index for one in reading.gpus] == [0]
    assert "1 line(s) that are not about a GPU" in (reading.note or "")


def test_lines_that_are_not_about_a_gpu_are_noted(host: Host) -> None:
    lines = [{"line": "WARNING: infoROM is corrupted at gpu 0000:01:00.0"}, WHOLE, {"line": "1, 2, 3"}]
    reading = host.read({"gpus": lines, "exit_code": 14})
    assert [one.gpu.uuid for one in reading.gpus] == [WHOLE["uuid"]]
    assert "infoROM is corrupted" in (reading.note or "")


def test_an_answer_followed_by_a_failure_is_used_and_noted(host: Host) -> None:
    reading = host.read({"gpus": [WHOLE], "exit_code": 10})
    assert reading.gpus[0].values == WHOLE_VALUES
    assert reading.note == "nvidia-smi answered and then failed (exit status 10)."


def test_a_gpu_listed_twice_is_one(host: Host) -> None:
    assert len(host.read({"gpus": [WHOLE, WHOLE]}).gpus) == 1


def test_one_lost_gpu_costs_that_gpu(host: Host) -> None:
    reading = host.read({"gpus": [WHOLE, gpu(1, temperature__gpu=LOST, power__draw=5.0)]})
    assert [(one.gpu.index, one.state) for one in reading.gpus] == [(0, "ok"), (1, "lost")]
    assert dict(reading.gpus[1].values) == {}


def test_a_lost_gpu_that_does_not_say_who_it_is_is_the_one_that_was_there(host: Host) -> None:
    second = gpu(1, temperature__gpu=44)
    host.read({"gpus": [WHOLE, second]})
    mute = dict.fromkeys(second, LOST) | {"index": 1}
    reading = host.read({"gpus": [WHOLE, mute]})
    assert [(one.gpu.uuid, one.state) for one in reading.gpus] == [(WHOLE["uuid"], "ok"), (second["uuid"], "lost")]


def test_a_lost_gpu_never_seen_before_is_noted(host: Host) -> None:
    reading = host.read({"gpus": [WHOLE, dict.fromkeys(WHOLE, LOST) | {"index": 1}]})
    assert [one.gpu.index for one in reading.gpus] == [0]
    assert "does not say who 1 of them are" in (reading.note or "")


@pytest.mark.parametrize(("said", "state"), [("GPU is lost.  Reboot the system", "lost"), ("Unknown Error", "unknown")])
def test_a_gpu_that_cannot_be_opened_is_told_by_its_address(host: Host, said: str, state: str) -> None:
    second = gpu(1, temperature__gpu=44)
    host.read({"gpus": [WHOLE, second]})
    line = {"line": f"Unable to determine the device handle for GPU0000:11:00.0: {said}"}
    reading = host.read({"gpus": [WHOLE, line]})
    assert [(one.gpu.uuid, one.state) for one in reading.gpus] == [(WHOLE["uuid"], "ok"), (second["uuid"], state)]
    assert "cannot open the GPU at PCI 11:00.0" in (reading.note or "")


def test_close_twice_and_without_a_read(host: Host) -> None:
    host.backend.close()
    host.backend.close()


def _told(metric: Metric) -> st.SearchStrategy[tuple[Any, int | float] | None]:
    """What the command may be told for `metric`, with the value that this is."""
    largest = int(min(metric.max, 10**15))
    if metric.names and metric.unit != "flags":
        words = {"drain_p2p": "Drain P2P", "drain_and_reset": "Drain and Reset"}
        known = [(words.get(name, name.capitalize()), value) for value, name in metric.names]
        return st.none() | st.sampled_from(known)
    if metric.unit == "flags":
        return st.none() | st.integers(0, largest).map(lambda bits: (f"0x{bits:016X}", bits))
    if metric.unit == "state":
        return st.none() | st.integers(0, largest).map(lambda state: (f"P{state}", state))
    if metric.unit == "s":
        return st.none() | st.integers(0, 10**15).map(lambda microseconds: (microseconds, microseconds / 1_000_000))
    if metric.unit == "W":
        return st.none() | st.integers(0, 10_000_000).map(lambda hundredths: (hundredths / 100, hundredths / 100))
    return st.none() | st.integers(1 if metric.name == "memory_total_mb" else 0, largest).map(lambda n: (n, n))


TOLD = st.fixed_dictionaries({metric.name: _told(metric) for metric in METRICS if metric.nvidia_smi})


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gpus=st.lists(TOLD, min_size=1, max_size=4))
def test_what_the_command_is_told_comes_back_exactly(
    host: Host, gpus: list[dict[str, tuple[Any, float] | None]]
) -> None:
    script = []
    for index, told in enumerate(gpus):
        fields = {BY_NAME[name].nvidia_smi[0]: pair[0] for name, pair in told.items() if pair is not None}
        script.append(gpu(index) | fields)
    read = host.read({"gpus": script}).gpus
    expected = [{name: pair[1] for name, pair in told.items() if pair is not None} for told in gpus]
    assert [dict(one.values) for one in read] == expected
