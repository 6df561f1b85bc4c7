"""The shape of every answer is a promise: a change of it shows as a difference of a golden file."""

import pytest

from fakes.web_surfaces import GOLDEN, render


async def test_every_answer_is_as_its_golden_file_has_it() -> None:
    texts = await render()
    assert {path.name for path in (GOLDEN / "api").glob("*.json")} == {
        path.name for path in texts if path.suffix == ".json"
    }
    for path, text in texts.items():
        if path.read_text() != text:
            pytest.fail(f"{path.name} differs; `make golden` rewrites it:\n{text}")


async def test_a_changed_answer_is_noticed() -> None:
    texts = await render()
    assert "gpu_uuid" in texts[GOLDEN / "api" / "gpu-stats.json"]
    assert "# TYPE gpufleet_streams gauge" in texts[GOLDEN / "metrics.prom"]
