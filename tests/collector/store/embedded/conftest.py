"""Folders for the PostgreSQL that these tests start themselves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.machine import corner


@pytest.fixture
def home() -> Iterator[Path]:
    """A fresh folder that every user of this machine may pass."""
    with corner() as folder:
        yield folder
