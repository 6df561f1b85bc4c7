"""The dashboard in a real browser, watched: what it complains of, what it asks of others, and what axe finds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from playwright.sync_api import Browser, Page, expect

ROOT = Path(__file__).resolve().parent.parent.parent
AXE = ROOT / "collector" / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"
SCREENSHOTS = ROOT / "build" / "screenshots"
DESK = (1440, 1000)
PHONE = (390, 844)
Scheme: TypeAlias = Literal["light", "dark"]
WORTH_A_FAILURE = {"serious", "critical"}

# A browser shares its cores with a collector, a database and other tests.
expect.set_options(timeout=30_000)


@dataclass
class Watched:
    """A page, and everything it should not have said or asked."""

    page: Page
    site: str
    complaints: list[str]

    def open(self, path: str) -> None:
        self.page.goto(self.site + path)

    @property
    def address(self) -> str:
        return self.page.url.removeprefix(self.site)

    def faults(self) -> list[str]:
        """What axe finds that is serious or critical, each with where. It is put in past the content policy, which
        would keep it out as it does every other script. What is asked for anew is paler until the answer comes: waited
        for."""
        expect(self.page.locator(".is-loading")).to_have_count(0)
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text()})
        asked = {"expression": "axe.run().then(found => JSON.stringify(found.violations))", "awaitPromise": True}
        answer = session.send("Runtime.evaluate", asked)
        session.detach()
        found: list[dict[str, Any]] = json.loads(answer["result"]["value"])
        return [
            f"{fault['id']}: {node['target']} {node['failureSummary']}"
            for fault in found
            if fault["impact"] in WORTH_A_FAILURE
            for node in fault["nodes"]
        ]

    def photograph(self, name: str) -> None:
        """To build/screenshots/NAME.png, to be looked at."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")


@contextmanager
def watched(
    browser: Browser, site: str, size: tuple[int, int] = DESK, scheme: Scheme = "light", **settings: Any
) -> Iterator[Watched]:
    """A fresh page. It must not have complained of anything in the end."""
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme=scheme, timezone_id="Europe/Berlin", **settings
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith((site, "data:", "blob:")) else complaints.append(asked.url),
    )
    try:
        yield Watched(page, site, complaints)
        assert complaints == []
    finally:
        context.close()


SHIFTS = """
    window.shifted = 0
    new PerformanceObserver(list => list.getEntries().forEach(shift => { window.shifted += shift.value }))
        .observe({type: 'layout-shift', buffered: true})
"""


def shifted(browser: Browser, url: str, path: str, drawn: str, *, latency_ms: int = 0) -> float:
    """How much of a page moved until it was drawn, and 2 s after: the sum of its layout shifts. `drawn` is the
    selector of what is there when a page has what it was opened for. Every answer takes `latency_ms` longer."""
    with watched(browser, url) as opened:
        opened.page.add_init_script(SHIFTS)
        _delay(opened.page, latency_ms)
        opened.open(path)
        opened.page.wait_for_selector(drawn)
        opened.page.wait_for_timeout(2_000)
        moved: float = opened.page.evaluate("window.shifted")
        return moved


def _delay(page: Page, latency_ms: int) -> None:
    conditions = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)
