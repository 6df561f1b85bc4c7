"""The units are understood by systemd, are as closed as the README says, and leave the programs what they need."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.rendering import DEPLOY
from fakes.browser import skip_or_fail
from gpufleet_agent.__main__ import build_parser as agent_parser
from gpufleet_agent.agent import STOP_SECONDS
from gpufleet_collector.__main__ import build_parser as collector_parser
from gpufleet_collector.store.embedded.launch import STOP_STEPS

FOLDER = DEPLOY / "systemd"
MOST_EXPOSED = {"gpufleet-agent": 2.0, "gpufleet-collector": 1.5}
"""Of 10, as `systemd-analyze security` counts."""


def _systemd_analyze() -> str:
    found = shutil.which("systemd-analyze")
    if found is None:
        skip_or_fail("systemd-analyze is not installed")
    return str(found)


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_a_unit_is_closed(unit: str) -> None:
    assert _exposure(FOLDER / f"{unit}.service") <= MOST_EXPOSED[unit]


def test_the_figure_tells_an_open_unit(tmp_path: Path) -> None:
    text = (FOLDER / "gpufleet-agent.service").read_text()
    path = tmp_path / "gpufleet-agent.service"
    path.write_text(re.sub(r"^(Protect|Restrict|SystemCall|Capability).*\n", "", text, flags=re.MULTILINE))
    assert _exposure(path) > MOST_EXPOSED["gpufleet-agent"]


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_systemd_understands_every_line(unit: str, tmp_path: Path) -> None:
    assert _complaints(_runnable(unit, tmp_path)) == ""


def test_systemd_says_what_it_does_not_understand(tmp_path: Path) -> None:
    path = _runnable("gpufleet-agent", tmp_path)
    path.write_text(path.read_text().replace("ProtectClock=yes", "ProtectClocks=yes"))
    assert "ProtectClocks" in _complaints(path)


@pytest.mark.parametrize(
    ("unit", "seconds"),
    [("gpufleet-agent", STOP_SECONDS), ("gpufleet-collector", sum(patience for _, patience in STOP_STEPS))],
)
def test_it_is_given_the_time_that_it_takes_to_end(unit: str, seconds: float) -> None:
    service = _service(unit)
    assert float(service["TimeoutStopSec"]) > 2 * seconds
    assert service["KillMode"] == "mixed", "probe and PostgreSQL are ended by whoever has started them"


def test_the_agent_may_open_the_gpus_and_no_other_device() -> None:
    service = _service("gpufleet-agent")
    assert (service["DevicePolicy"], service["DeviceAllow"]) == ("closed", "char-nvidia* rw")
    assert "PrivateDevices" not in service


@pytest.mark.parametrize("unit", MOST_EXPOSED)
def test_each_has_a_user_and_a_folder_of_its_own(unit: str) -> None:
    service = _service(unit)
    assert service["User"] == service["StateDirectory"] == unit
    assert service["Environment"] == f"GPUFLEET_DATA_DIR=/var/lib/{unit}"
    users = re.findall(r"^u +(\S+)", (FOLDER / "gpufleet.sysusers").read_text(), re.MULTILINE)
    assert unit in users


def test_commands_are_understood() -> None:
    for unit, parser in (("gpufleet-agent", agent_parser()), ("gpufleet-collector", collector_parser())):
        program, *arguments = _service(unit)["ExecStart"].split()
        assert Path(program).name == unit
        parser.parse_args(arguments)


def _service(unit: str) -> dict[str, str]:
    """The last value of each setting in [Service]."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((FOLDER / f"{unit}.service").read_text())
    return dict(parser["Service"])


def _exposure(path: Path) -> float:
    """The overall figure; the table before it says what it is made of."""
    command = [_systemd_analyze(), "security", "--offline=true", "--no-pager", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", result.stdout)
    assert found is not None, result.stdout + result.stderr
    return float(found[1])


def _runnable(unit: str, folder: Path) -> Path:
    """The unit with a program that this machine has."""
    text = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", (FOLDER / f"{unit}.service").read_text(), flags=re.MULTILINE)
    path = folder / f"{unit}.service"
    path.write_text(text)
    return path


def _complaints(path: Path) -> str:
    command = [_systemd_analyze(), "verify", "--man=no", "--recursive-errors=no", str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout + result.stderr
