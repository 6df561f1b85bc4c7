"""The list of driver calls that are tested for hanging is the list of those that the agent makes: it is compared with
what the library saw of an agent, and with the names written in the probe."""

import re
from pathlib import Path

import pynvml
import pytest

from fakes.nvml.calls import AMONG_SLEEPERS, CALLS, every_kind_of_gpu, plain_names
from fakes.nvml.library import TRACE_VARIABLE, FakeDriver, compile_library, environment
from gpufleet_agent import probe
from gpufleet_agent.one_reading import take

FUNCTIONS = {call.function for call in CALLS}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


def called(library: Path, folder: Path, driver: FakeDriver) -> set[str]:
    """The functions of the library that a probe calls for one whole reading, and to end."""
    script, trace = folder / "script", folder / "trace"
    script.write_text(driver.text())
    environ = {**environment(script, library), TRACE_VARIABLE: str(trace)}
    taken = take("nvml", nvidia_smi="nvidia-smi", host="node-1", environ=environ)
    assert taken.reading is not None, taken.problem
    return set(trace.read_text().split())


def test_every_function_that_a_probe_calls_is_among_those_that_are_tested_for_hanging(
    library: Path, tmp_path: Path
) -> None:
    """Some are called only where others fail, so these fail the second time."""
    failing = {function: code for call in CALLS for function, code in call.without.items()}
    seen = called(library, tmp_path, every_kind_of_gpu()) | called(library, tmp_path, every_kind_of_gpu(failing))
    assert seen == FUNCTIONS


def test_every_function_that_the_probe_names_is_among_them() -> None:
    """Also one that no driver of these tests makes it call."""
    sources = Path(probe.__path__[0]).rglob("*.py")
    names = {name for source in sources for name in re.findall(r'"(nvml[A-Z]\w+)"', source.read_text())}
    named = {name for name in names if hasattr(pynvml, name)}
    assert len(named) > 40, "the names are found"
    assert plain_names(named) <= plain_names(FUNCTIONS | AMONG_SLEEPERS)
