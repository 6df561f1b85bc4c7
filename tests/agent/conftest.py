"""The stand-in for NVML under the environment of the test itself, so that a probe that it starts finds it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes.nvml.library import SCRIPT_VARIABLE, FakeDriver, compile_library


@pytest.fixture(scope="session")
def nvml_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def driver(
    nvml_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[FakeDriver], None]]:
    """Writes the script of the stand-in library; it is read again at once."""
    script = tmp_path / "nvml.txt"

    def tell(driver: FakeDriver) -> None:
        fresh = script.with_suffix(".new")
        fresh.write_text(driver.text())
        fresh.replace(script)

    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_folder))
    monkeypatch.setenv(SCRIPT_VARIABLE, str(script))
    yield tell
