"""Every metric of the catalogue has a reader in the NVML backend or a stated absence, and no reader lacks a metric."""

import subprocess
import sys
from collections.abc import Iterable

import pytest

from gpufleet_agent.probe.readers import NOT_READ, READERS, merge
from gpufleet_proto.catalog import METRICS, Tier

CATALOGUE = [metric.name for metric in METRICS]
CORE = [metric.name for metric in METRICS if metric.tier is Tier.CORE]


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
    assert gaps(CATALOGUE, READERS, NOT_READ) == []
    assert all(NOT_READ.values())


def test_nvml_reads_the_core_tier_in_full() -> None:
    assert gaps(CORE, [name for name in READERS if name in CORE], []) == []


@pytest.mark.parametrize(
    ("readers", "not_read", "complaint"),
    [
        (READERS.keys() - {"power_watts"}, NOT_READ, "power_watts has neither a reader nor a stated absence"),
        (READERS, NOT_READ.keys() - {"ecc_corrected_total"}, "ecc_corrected_total has neither"),
        ({*READERS, "horsepower"}, NOT_READ, "horsepower has a reader and is no metric"),
        (READERS, {*NOT_READ, "horsepower"}, "horsepower has a stated absence and is no metric"),
        (READERS, {*NOT_READ, "power_watts"}, "power_watts has both"),
    ],
)
def test_the_guard_fires_on_a_broken_table(readers: Iterable[str], not_read: Iterable[str], complaint: str) -> None:
    (found,) = gaps(CATALOGUE, readers, not_read)
    assert found.startswith(complaint)


def test_two_readers_of_one_metric_are_refused() -> None:
    with pytest.raises(ValueError, match="two readers for power_watts"):
        merge(READERS, {"power_watts": READERS["power_watts"]})


def test_the_backend_knows_the_metrics_without_protobuf_and_without_loading_nvml() -> None:
    code = "import sys, gpufleet_agent.probe.nvml; sys.stdout.write(' '.join(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "gpufleet_agent.probe.readers" in told
    assert not {"google.protobuf", "gpufleet_proto", "pynvml"} & set(told)
