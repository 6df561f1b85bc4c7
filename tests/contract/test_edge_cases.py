"""The cases of the field that an agent must survive, each with the tests that show it does; a case that cannot be shown
here says why. The guard below fails when a test named here is no longer there."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
NVML, FAULTS = "agent/probe/test_nvml.py", "agent/probe/test_nvml_faults.py"
SMI, SMI_PROCESS = "agent/probe/nvidia_smi/test_backend.py", "agent/probe/nvidia_smi/test_process.py"
SMI_VALUES, SMI_ROWS = "agent/probe/nvidia_smi/test_values.py", "agent/probe/nvidia_smi/test_rows.py"
PROBE, PROCESSES = "agent/test_probe_process.py", "agent/probe/test_processes.py"


@dataclass(frozen=True, slots=True)
class Case:
    """A case, the tests that show it (file, function), and what cannot be shown without a machine of that kind."""

    number: int
    name: str
    shown_by: tuple[tuple[str, str], ...]
    not_shown: str = ""


GPM, MIG, SLEEP = "agent/probe/test_gpm.py", "agent/probe/test_mig.py", "agent/probe/test_nvml_sleep.py"
FAULTY, SLOW, KMSG = "agent/test_probe_faults.py", "agent/test_slow_probe.py", "agent/test_kmsg.py"
OUTBOX, TABLE, DOCTOR = "agent/test_outbox.py", "agent/probe/test_process_table.py", "agent/doctor/test_doctor.py"

NO_D_STATE = "a process in D state cannot be made without a broken driver; probes that wait there are bounded by name"
NO_WINDOWS = "the agent runs on Linux; under WSL the library of Windows is found, see case 19"
NO_HARDWARE = "whether GPM disturbs DCGM on the same board can be told by a real Hopper GPU alone"


def case(number: int, name: str, *shown_by: tuple[str, str], not_shown: str = "") -> Case:
    return Case(number, name, shown_by, not_shown)


CASES: tuple[Case, ...] = (
    case(1, "one field is not supported", (NVML, "test_a_failing_field_costs_that_field")),
    case(
        2,
        "a GPU is lost",
        (FAULTS, "test_a_lost_gpu_costs_that_gpu_and_keeps_its_name"),
        (SMI, "test_one_lost_gpu_costs_that_gpu"),
    ),
    case(
        3,
        "a driver call hangs",
        (PROBE, "test_a_driver_call_that_hangs_is_named_and_its_child_replaced_until_the_driver_answers_again"),
        (SLOW, "test_a_slow_call_that_hangs_is_named_while_the_ticks_go_on"),
        not_shown=NO_D_STATE,
    ),
    case(
        4,
        "nvidia-smi cannot be killed",
        (SMI_PROCESS, "test_a_command_that_cannot_be_killed_blocks_the_next_until_it_is_gone"),
        (FAULTY, "test_an_nvidia_smi_that_misbehaves_blocks_nobody_and_leaves_no_child"),
        not_shown=NO_D_STATE,
    ),
    case(
        5,
        "driver and library differ after an upgrade",
        (FAULTY, "test_a_driver_upgrade_is_told_once_and_cured_by_a_new_process"),
        (SMI, "test_a_driver_mismatch_is_told_of_the_gpus_seen_before"),
    ),
    case(
        6,
        "Unknown Error in a container",
        (FAULTY, "test_an_unknown_error_is_explained_and_no_reason_for_another_process"),
    ),
    case(
        7,
        "no library, no GPU",
        (FAULTS, "test_without_the_library_there_is_a_note_and_later_it_is_found"),
        (FAULTS, "test_without_a_gpu_there_is_a_note"),
        ("agent/probe/test_backends.py", "test_without_a_gpu_it_looks_again_at_a_bounded_rate"),
    ),
    case(
        8,
        "MIG is on",
        (MIG, "test_instances_are_gpus_with_a_parent"),
        (MIG, "test_an_instance_tells_its_memory_and_processes_and_the_parent_temperature_and_power"),
        (MIG, "test_who_may_not_see_instances_is_told_that_it_is_the_permission"),
    ),
    case(
        9,
        "MIG is reconfigured while it is watched",
        (MIG, "test_a_reconfiguration_is_seen_within_a_period_and_what_is_gone_is_not_lost"),
        (MIG, "test_a_gpu_instance_made_anew_under_the_same_number_is_not_compared_with_its_former_self"),
    ),
    case(
        10,
        "unified memory",
        (NVML, "test_unified_memory_is_absent_and_not_zero"),
        (SMI_ROWS, "test_a_gpu_without_memory_of_its_own_has_no_memory_figures"),
    ),
    case(
        11,
        "sentinel texts",
        (SMI_VALUES, "test_a_sentinel_says_why_there_is_no_value"),
        (SMI_VALUES, "test_any_text_is_a_possible_value_or_absent"),
    ),
    case(
        12,
        "renamed and unknown fields, names with commas",
        (SMI, "test_an_unknown_field_gives_way_to_its_alias_at_once_and_for_good"),
        (SMI, "test_a_deprecated_field_gives_way_to_its_alias"),
        (SMI, "test_a_name_with_commas"),
    ),
    case(
        13,
        "a GPU is removed, or its driver unloaded",
        (FAULTS, "test_a_gpu_that_vanishes_stays_as_lost_until_the_backend_is_reopened"),
        (SLEEP, "test_a_driver_that_is_let_go_of_may_be_unloaded_and_come_back"),
    ),
    case(14, "indexes move", (FAULTS, "test_values_follow_the_gpu_when_indexes_move")),
    case(
        15,
        "many GPUs",
        (MIG, "test_seven_instances_on_four_of_thirty_two_gpus"),
        (FAULTS, "test_more_gpus_than_the_limit_are_not_read_and_the_note_says_so"),
    ),
    case(
        16,
        "process shares that are missing or garbage",
        (PROCESSES, "test_garbage_about_dead_processes_is_dropped"),
        (PROCESSES, "test_shares_are_asked_for_from_the_last_sample_on"),
        (PROCESSES, "test_shares_that_fail_cost_nothing_else"),
    ),
    case(
        17,
        "structures of other versions",
        (NVML, "test_older_libraries_are_asked_by_the_older_names"),
        (NVML, "test_without_memory_version_2_version_1_is_read_and_reserved_is_absent"),
    ),
    case(18, "a process ends while it is read", (TABLE, "test_a_process_that_has_ended_has_neither")),
    case(
        19,
        "WSL",
        (DOCTOR, "test_inside_wsl_the_driver_is_that_of_windows"),
        (NVML, "test_the_library_is_found_where_the_loader_does_not_look"),
        (PROBE, "test_a_child_that_dies_is_replaced"),
    ),
    case(
        20,
        "a suspended GPU",
        (SLEEP, "test_a_gpu_that_sleeps_is_not_touched_and_keeps_its_name"),
        (SLEEP, "test_while_all_sleep_the_driver_is_not_called_at_all"),
    ),
    case(21, "Windows", not_shown=NO_WINDOWS),
    case(
        22,
        "a fault that NVML does not tell",
        (KMSG, "test_an_xid_becomes_an_event_of_the_gpu_in_that_slot"),
        (KMSG, "test_a_gpu_that_falls_off_the_bus_without_an_xid_is_lost"),
    ),
    case(23, "a counter starts again", ("agent/test_reset_events.py", "test_a_counter_that_begins_anew_is_a_reset")),
    case(
        24,
        "activity counters",
        (GPM, "test_each_tick_is_compared_with_the_one_before"),
        (GPM, "test_samples_that_are_too_far_apart_are_not_compared"),
        (GPM, "test_who_opts_out_is_not_asked"),
        not_shown=NO_HARDWARE,
    ),
    case(25, "a PCIe call that blocks", (SLOW, "test_instants_stay_regular_while_the_pcie_counters_block")),
    case(
        26,
        "the clock jumps",
        ("agent/test_ticks.py", "test_while_the_clock_stands_still_no_stamp_is_given_twice"),
        (TABLE, "test_a_process_stays_what_it_was_when_the_clock_is_set"),
        (KMSG, "test_a_wall_clock_that_was_set_back_gives_no_instant_in_the_future"),
    ),
    case(
        27,
        "a storm of backfill",
        (OUTBOX, "test_a_backlog_has_only_so_many_reports_under_way_and_live_ones_overtake_it"),
    ),
)


def names_in(source: str) -> set[str]:
    return set(re.findall(r"^(?:async )?def (test_\w+)", source, re.MULTILINE))


@pytest.mark.parametrize("shown", CASES, ids=lambda one: f"{one.number}-{one.name.replace(' ', '-')}")
def test_every_test_named_here_is_there(shown: Case) -> None:
    assert shown.shown_by or shown.not_shown
    for file, test in shown.shown_by:
        assert test in names_in((TESTS / file).read_text()), f"{file} has no {test}"


def test_every_case_is_named_once() -> None:
    assert [case.number for case in CASES] == list(range(1, 28))


def test_the_guard_finds_the_tests_of_a_file() -> None:
    assert names_in("async def test_a() -> None: ...\ndef helper(): ...\ndef test_b(): ...\n") == {"test_a", "test_b"}
