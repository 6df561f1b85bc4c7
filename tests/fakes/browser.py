"""A real Chromium for tests, and what to do where there is none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def skip_or_fail(reason: str) -> None:
    """Skips the test, or fails it where everything is required."""
    if os.environ.get("GPUFLEET_REQUIRE_ALL") == "1":
        pytest.fail(f"GPUFLEET_REQUIRE_ALL=1, but {reason}")
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium; skips with a reason where none is found."""
    path = os.environ.get("GPUFLEET_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        skip_or_fail("no Chromium is installed: install it, or name one with GPUFLEET_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()
