"""Every metric of the catalogue has a reader in the NVML backend or a stated absence, and no reader lacks a metric."""

import subprocess
import sys
from collections.abc import Iterable

import pynvml
import pytest

from gpufleet_agent.probe import readers
from gpufleet_agent.probe.readers import CORE, METRICS, NOT_READ, PROFILING, SLOW, merge
from gpufleet_proto.catalog import BY_NAME, Tier
from gpufleet_proto.catalog import METRICS as CATALOGUE_METRICS

CATALOGUE = [metric.name for metric in CATALOGUE_METRICS]


def gaps(catalogue: Iterable[str], readers: Iterable[str], not_read: Iterable[str]) -> list[str]:
    """What is wrong between the catalogue and the two tables of a backend, one sentence each."""
    known, read, absent = set(catalogue), set(readers), set(not_read)
    return [
        *(f"{name} has neither a reader nor a stated absence" for name in sorted(known - read - absent)),
        *(f"{name} has a reader and is no metric" for name in sorted(read - known)),
        *(f"{name} has a stated absence and is no metric" for name in sorted(absent - known)),
        *(f"{name} has both a reader and a stated absence" for name in sorted(read & absent)),
    ]


def test_nvml_reads_every_metric_or_says_why_not() -> None:
    assert gaps(CATALOGUE, METRICS, NOT_READ) == []
    assert all(NOT_READ.values())


@pytest.mark.parametrize(("tier", "read"), [(Tier.CORE, CORE), (Tier.PROFILING, PROFILING), (Tier.SLOW, SLOW)])
def test_nvml_reads_every_tier_in_full_and_at_its_own_pace(tier: Tier, read: Iterable[str]) -> None:
    assert gaps([metric.name for metric in CATALOGUE_METRICS if metric.tier is tier], read, []) == []


def test_every_recovery_action_that_nvml_knows_has_a_name() -> None:
    known = {value for name, value in vars(pynvml).items() if name.startswith("NVML_GPU_RECOVERY_ACTION_")}
    assert len(known) >= 8
    assert {value for value, _ in BY_NAME["recovery_action"].names} == known


def test_limits_of_the_readers_are_those_of_the_catalogue() -> None:
    most = {metric.name: metric.max for metric in CATALOGUE_METRICS}
    assert most["remapped_rows_corrected_total"] == readers.remapping.MOST_ROWS
    assert most["ecc_corrected_total"] == readers.ecc.MOST_ERRORS
    assert most["nvlink_errors_total"] == readers.nvlink.MOST_ERRORS
    assert most["nvlink_tx_mb_per_second"] == readers.profiling.FASTEST_MEBIBYTES
    assert most["power_throttle_seconds_total"] == readers.throttling.MOST_SECONDS
    assert most["recovery_action"] == readers.recovery.LAST_ACTION
    assert most["pcie_link_width"] == readers.pcie.WIDEST_LANES
    assert most["pcie_link_generation"] == readers.pcie.NEWEST_GENERATION


@pytest.mark.parametrize(
    ("read", "not_read", "complaint"),
    [
        ({*METRICS} - {"power_watts"}, NOT_READ, "power_watts has neither a reader nor a stated absence"),
        ({*METRICS} - {"sm_active_percent"}, NOT_READ, "sm_active_percent has neither"),
        ({*METRICS, "horsepower"}, NOT_READ, "horsepower has a reader and is no metric"),
        (METRICS, {*NOT_READ, "horsepower"}, "horsepower has a stated absence and is no metric"),
        (METRICS, {*NOT_READ, "power_watts"}, "power_watts has both"),
    ],
)
def test_the_guard_fires_on_a_broken_table(read: Iterable[str], not_read: Iterable[str], complaint: str) -> None:
    (found,) = gaps(CATALOGUE, read, not_read)
    assert found.startswith(complaint)


def test_two_readers_of_one_metric_are_refused() -> None:
    with pytest.raises(ValueError, match="two readers for power_watts"):
        merge(CORE, {"power_watts": CORE["power_watts"]})


def test_the_backend_knows_the_metrics_without_protobuf_and_without_loading_nvml() -> None:
    code = "import sys, gpufleet_agent.probe.nvml; sys.stdout.write(' '.join(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "gpufleet_agent.probe.readers" in told
    assert not {"google.protobuf", "gpufleet_proto", "pynvml"} & set(told)
