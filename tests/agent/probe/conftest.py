from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fakes.nvml.library import NvmlProcess, compile_library


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the compiled stand-in for libnvidia-ml.so.1."""
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def start_nvml(nvml_library: Path, tmp_path: Path) -> Iterator[Callable[..., NvmlProcess]]:
    """Starts processes with the NVML backend in them, all obeying one script; they end with the test."""
    with ExitStack() as stack:

        def start(library: Path | None = nvml_library, options: tuple[str, ...] = ()) -> NvmlProcess:
            return stack.enter_context(NvmlProcess(tmp_path / "nvml.script", library, options=options))

        yield start


@pytest.fixture
def nvml(start_nvml: Callable[..., NvmlProcess]) -> NvmlProcess:
    """A process with the NVML backend in it."""
    return start_nvml()
