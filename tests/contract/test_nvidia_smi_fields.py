"""Every metric of the catalogue is asked of nvidia-smi or stated as not offered by it, and never both."""

from collections.abc import Iterable

from fakes.nvidia_smi import SYNONYMS, UNITS
from gpufleet_agent.probe.nvidia_smi.fields import IDENTITY_FIELDS, NAME, NOT_OFFERED, first_plan
from gpufleet_proto.catalog import METRICS


def _gaps(asked: Iterable[str], not_offered: Iterable[str], metrics: Iterable[str]) -> list[str]:
    asked, not_offered = set(asked), set(not_offered)
    unstated = [f"{name}: neither asked for nor stated absent" for name in metrics if name not in asked | not_offered]
    return unstated + [f"{name}: asked for and stated absent" for name in sorted(asked & not_offered)]


def _asked() -> list[str]:
    return [column for column in first_plan().columns if column not in IDENTITY_FIELDS and column != NAME]


def test_every_metric_is_asked_for_or_stated_absent() -> None:
    assert _gaps(_asked(), NOT_OFFERED, [metric.name for metric in METRICS]) == []


def test_the_guard_finds_a_metric_that_nobody_states_and_one_stated_twice() -> None:
    assert _gaps(["a", "b"], ["b"], ["a", "b", "new"]) == [
        "new: neither asked for nor stated absent",
        "b: asked for and stated absent",
    ]


def test_nothing_is_stated_absent_that_is_not_a_metric() -> None:
    assert {metric.name for metric in METRICS} >= NOT_OFFERED


def test_an_identity_field_shares_no_name_with_a_metric() -> None:
    assert not {*IDENTITY_FIELDS, NAME} & {metric.name for metric in METRICS}


def test_the_name_is_asked_for_last() -> None:
    assert first_plan().columns[-1] == NAME


def test_no_field_stands_for_two_things() -> None:
    names = [name for candidates in first_plan().candidates.values() for name in candidates]
    assert len(names) == len(set(names))


def test_the_stand_in_knows_every_name_that_is_ever_asked_for() -> None:
    names = {name for candidates in first_plan().candidates.values() for name in candidates}
    assert names <= set(UNITS) | set(SYNONYMS)
