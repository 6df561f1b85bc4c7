"""The generated parts of the README: what is declared elsewhere is written there once more by a program only."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from gpufleet_agent.probe.nvidia_smi.fields import NOT_OFFERED
from gpufleet_agent.probe.readers import METRICS as READ_BY_NVML
from gpufleet_agent.settings import SETTINGS as AGENT_SETTINGS
from gpufleet_collector.settings import SETTINGS as COLLECTOR_SETTINGS
from gpufleet_proto.catalog import METRICS

README = Path(__file__).resolve().parent.parent / "README.md"


def sections() -> Mapping[str, str]:
    """The text of every generated part, by its name."""
    return {
        "collector settings": _settings(COLLECTOR_SETTINGS),
        "agent settings": _settings(AGENT_SETTINGS),
        "metrics": _metrics(),
    }


def with_sections(text: str, parts: Mapping[str, str]) -> str:
    """The README with its generated parts renewed. Raises KeyError for a part that it has no place for."""
    for name in parts:
        pattern = re.compile(rf"(<!-- (?P<name>{name}): [^\n]*-->\n).*?(<!-- end -->)", re.DOTALL)
        if not pattern.search(text):
            raise KeyError(name)
        text = pattern.sub(lambda match: match[1] + parts[match["name"]] + match[3], text, count=1)
    return text


class Described(Protocol):
    """What a setting says of itself."""

    @property
    def variable(self) -> str: ...
    @property
    def default(self) -> str: ...
    @property
    def help(self) -> str: ...


def _settings(settings: Sequence[Described]) -> str:
    rows = [f"| `{each.variable}` | {each.default} | {each.help} |" for each in settings]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows]) + "\n"


def _metrics() -> str:
    head = ["| metric | unit | tier | meaning | nvml | nvidia-smi |", "|---|---|---|---|---|---|"]
    rows = [
        f"| `{metric.name}` | {metric.unit} | {metric.tier.value} | {metric.help} "
        f"| {_yes(metric.name in READ_BY_NVML)} | {_yes(metric.name not in NOT_OFFERED)} |"
        for metric in METRICS
    ]
    return "\n".join([*head, *rows]) + "\n"


def _yes(answer: bool) -> str:
    return "yes" if answer else ""
