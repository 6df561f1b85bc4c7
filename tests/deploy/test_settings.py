"""Whatever deploy/ says can be set can be set."""

from pathlib import Path

import pytest

from deploy.rendering import DEPLOY
from deploy.settings import AGENT, COLLECTOR, named_in

FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
OF_AGENTS, OF_COLLECTORS = ("agent.env", "gpufleet-agent.service"), ("collector.env", "gpufleet-collector.service")


@pytest.mark.parametrize("path", FILES, ids=[str(path.relative_to(DEPLOY)) for path in FILES])
def test_every_setting_that_is_named_exists(path: Path) -> None:
    known = AGENT if path.name in OF_AGENTS else COLLECTOR if path.name in OF_COLLECTORS else AGENT | COLLECTOR
    assert set(named_in(path.read_text())) <= known


def test_the_guard_fires() -> None:
    text = "GPUFLEET_HTTP_LISTEN=0.0.0.0:8080 GPUFLEET_HTTPS_LISTEN=0.0.0.0:8443"
    assert set(named_in(text)) - COLLECTOR == {"GPUFLEET_HTTPS_LISTEN"}
