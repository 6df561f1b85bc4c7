"""Pages that are gone to while the collector does not answer: there already, or there as soon as it answers again."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import Scheme, Watched, watched
from fakes.processes import Collector, running_collector, running_fleet, wait_for

pytestmark = pytest.mark.browser

#: A browser that is never idle.
BUSY = "window.requestIdleCallback = () => 0"
LOADED = "performance.getEntriesByType('resource').filter(({name}) => /events-[^/]*[.]js$/.test(name)).length"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with (
        corner() as folder,
        running_collector(folder) as collector,
        running_fleet(folder, collector, "--hosts", "2", "--gpus", "2", "--interval", "1"),
    ):
        wait_for(lambda: len(collector.get("/api/system/gpu-stats")["gpus"]) == 4, "every GPU is known")
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@contextmanager
def fleet_shown(
    browser: Browser, collector: Collector, script: str = "", scheme: Scheme = "light"
) -> Iterator[Watched]:
    """That nothing is heard of a collector that is stopped is the browser's to say."""
    with watched(browser, collector.url, scheme=scheme) as opened:
        opened.page.add_init_script(script)
        opened.open("/")
        opened.page.wait_for_selector("[data-testid=host]")
        yield opened
        opened.complaints[:] = [
            said
            for said in opened.complaints
            if not any(word in said for word in ("ERR_", "WebSocket", "503", "Failed to fetch"))
        ]


@contextmanager
def away(page: Page, collector: Collector) -> Iterator[None]:
    collector.process.stop()
    try:
        expect(page.locator("[data-testid=connection][data-state=live]")).to_have_count(0)
        yield
    finally:
        collector.start()


def go_to_events(page: Page) -> None:
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Events").click()


def test_a_page_that_could_not_be_loaded_is_as_soon_as_the_collector_is_there_again(
    browser: Browser, collector: Collector
) -> None:
    with fleet_shown(browser, collector, BUSY) as opened:
        page = opened.page
        with away(page, collector):
            go_to_events(page)
            expect(page.get_by_test_id("missing")).to_contain_text("appears as soon as")
            opened.photograph("page-in-an-outage")
        expect(page.locator("h1")).to_have_text("Events")
        expect(page.get_by_test_id("missing")).to_have_count(0)
        # With its styles, which came in the same outage.
        expect(page.get_by_test_id("eventbars")).to_be_visible()
        assert page.locator(".eventbars-plot").evaluate("plot => getComputedStyle(plot).display") == "flex"


#: How far the most colourful pixel of the first cells is from a grey; marks, in the grey of text, are at 22.
COLOUR = """(() => {
    const canvas = document.querySelector('[data-testid=map] canvas')
    const copy = new OffscreenCanvas(300, 30).getContext('2d', { willReadFrequently: true })
    copy.drawImage(canvas, 0, -18)
    const { data } = copy.getImageData(0, 0, 300, 30)
    const pixels = Array.from({length: data.length / 4}, (_, pixel) => [...data.slice(4 * pixel, 4 * pixel + 4)])
    // Of what is hardly painted the colour is rounded to anything.
    const painted = pixels.filter(([,,, alpha]) => alpha > 200)
    return Math.max(...painted.map(parts => Math.max(...parts.slice(0, 3)) - Math.min(...parts.slice(0, 3))))
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("view", ["map", "table"])
def test_what_was_before_an_outage_can_be_read_and_has_no_colour(
    browser: Browser, collector: Collector, view: str, scheme: Scheme
) -> None:
    with fleet_shown(browser, collector, scheme=scheme) as opened:
        page = opened.page
        page.get_by_role("radio", name=view.capitalize()).click()
        page.wait_for_selector("[data-testid=map] canvas" if view == "map" else "tbody a")
        if view == "map":
            page.wait_for_function(f"() => {COLOUR} > 40")
        with away(page, collector):
            opened.photograph(f"fleet-outage-{view}-{scheme}")
            assert opened.faults() == []
            if view == "map":
                assert page.evaluate(COLOUR) <= 24


def test_pages_are_there_before_an_outage_begins(browser: Browser, collector: Collector) -> None:
    with fleet_shown(browser, collector) as opened:
        page = opened.page
        page.wait_for_function(f"() => {LOADED} > 0")
        with away(page, collector):
            go_to_events(page)
            expect(page.locator("h1")).to_have_text("Events")
            expect(page.get_by_test_id("missing")).to_have_count(0)
