"""The dashboard lists the kinds and severities of events by which it filters: they are those that there are."""

import re
from pathlib import Path

from gpufleet_collector.model import EVENT_KINDS, SEVERITIES

SOURCE = Path(__file__).parent.parent.parent / "collector" / "dashboard" / "src" / "model" / "happening.ts"


def listed(name: str, source: str) -> set[str]:
    found = re.search(rf"export const {name} = \[(.*?)\] as const", source, re.DOTALL)
    assert found is not None, f"{name} is not declared in {SOURCE.name}"
    return set(re.findall(r"'(\w+)'", found[1]))


def test_the_page_knows_every_kind_and_severity() -> None:
    source = SOURCE.read_text()
    assert listed("KINDS", source) == set(EVENT_KINDS)
    assert listed("SEVERITIES", source) == set(SEVERITIES)


def test_a_kind_that_the_page_lacks_is_noticed() -> None:
    assert listed("KINDS", "export const KINDS = ['xid', 'gpu_lost'] as const") != set(EVENT_KINDS)
