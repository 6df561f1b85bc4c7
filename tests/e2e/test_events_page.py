"""The page of events on a real collector: found by severity, kind, place and time, and each the way to its charts."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import PHONE, Scheme, Watched, watched
from fakes.processes import Collector, running_collector, running_fleet, wait_for

pytestmark = pytest.mark.browser
MINUTES = 40


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    orders = ("--hosts", "6", "--gpus", "4", "--interval", "1", "--faults", "--backfill", f"{MINUTES}m")
    with corner() as folder, running_collector(folder) as collector, running_fleet(folder, collector, *orders):

        def happened() -> bool:
            found = collector.get("/api/v1/events?limit=1000")["events"]
            return {"gpu_lost", "gpu_found", "xid"} <= {event["kind"] for event in found} and len(found) > 40

        wait_for(happened, "GPUs were lost and found")
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, collector: Collector) -> Iterator[Watched]:
    with watched(browser, collector.url) as opened:
        opened.open("/events")
        opened.page.wait_for_selector("[data-testid=event]")
        yield opened


def only(page: Page, attribute: str, value: str) -> None:
    """Every event that is listed is one of these."""
    others = f"[data-testid=event]:not([data-{attribute}='{value}'])"
    expect(page.locator(others)).to_have_count(0)
    expect(page.get_by_test_id("event").first).to_be_visible()


def test_what_happened_is_listed_with_its_time_place_and_words(opened: Watched) -> None:
    page = opened.page
    expect(page).to_have_title("Events · gpufleet")
    expect(page.get_by_test_id("event-count")).to_have_text(re.compile(r"\d+ events"))
    assert page.get_by_test_id("event").count() >= 40
    lost = page.locator("[data-kind=gpu_lost]").first
    expect(lost).to_contain_text("GPU lost")
    expect(lost.locator("time")).to_have_attribute("data-tip", re.compile("UTC"))
    expect(lost.locator("a").first).to_have_text(re.compile("sim-"))
    opened.photograph("events-light")


def test_the_times_below_the_bars_are_round(opened: Watched) -> None:
    ticks = opened.page.locator(".eventbars-axis span").all_inner_texts()
    assert 6 <= len(ticks) <= 9
    assert [tick for tick in ticks if not re.fullmatch(r"(\d\d:00|\d+ \w+|)", tick)] == []


def test_filters_are_in_the_address_and_can_be_taken_away(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("severity-critical").click()
    only(page, "severity", "critical")
    page.get_by_test_id("kind").locator("summary").click()
    page.get_by_label("GPU lost").check()
    only(page, "kind", "gpu_lost")
    expect(page).to_have_url(opened.site + "/events?kind=gpu_lost&severity=critical")
    page.keyboard.press("Escape")
    page.reload()
    only(page, "kind", "gpu_lost")
    expect(page.get_by_test_id("severity-critical")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("severity-critical").click()
    page.get_by_test_id("kind").locator("summary").click()
    page.get_by_label("GPU lost").uncheck()
    expect(page.locator("[data-testid=event][data-kind=gpu_found]").first).to_be_visible()
    expect(page).to_have_url(opened.site + "/events")


def test_a_host_or_a_gpu_is_found_as_one_types_and_chosen_with_keys(opened: Watched) -> None:
    page = opened.page
    field = page.get_by_test_id("places")
    field.click()
    field.press_sequentially("sim-002")
    expect(page.get_by_role("option").first).to_have_text("sim-002")
    field.press("Enter")
    expect(page.get_by_test_id("place")).to_have_text("sim-002")
    expect(page.locator("[data-testid=event] a", has_text="sim-001")).to_have_count(0)
    expect(page).to_have_url(opened.site + "/events?host=sim-002")
    field.press_sequentially("sim-003")
    field.press("ArrowDown")
    field.press("Enter")
    expect(page.get_by_test_id("place").nth(1)).to_have_text("sim-003 · GPU 0")
    expect(page).to_have_url(re.compile("gpu=GPU-"))
    page.get_by_role("button", name="Not only sim-002").click()
    expect(page.get_by_test_id("place")).to_have_count(1)


def test_an_event_leads_to_the_charts_around_its_moment_and_back_leads_here(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("severity-critical").click()
    only(page, "severity", "critical")
    page.locator("[data-kind=gpu_lost] [data-row]").first.click()
    expect(page.locator("h1")).to_have_text(re.compile(r"GPU \d on sim-"))
    expect(page.get_by_test_id("range-span")).to_be_visible()
    expect(page.locator(".mark-critical").first).to_be_visible()
    page.go_back()
    only(page, "severity", "critical")
    expect(page).to_have_url(opened.site + "/events?severity=critical")


def test_keys_go_from_event_to_event(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("[data-row]").nth(1)).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("[data-row]").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text(re.compile("sim-"))
    page.keyboard.press("g")
    page.keyboard.press("e")
    expect(page.locator("h1")).to_have_text("Events")


def test_a_bar_leads_into_its_time(opened: Watched) -> None:
    page = opened.page
    page.get_by_role("radio", name="1h").click()
    bar = page.locator(".eventbar:has(.eventbar-part)").first
    bar.hover()
    expect(page.locator(".tooltip")).to_contain_text("event")
    bar.click()
    expect(page.get_by_test_id("range-span")).to_be_visible()
    expect(page.get_by_test_id("event").first).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("range-span")).to_have_count(0)


def test_where_nothing_happened_it_is_said_with_the_way_out(opened: Watched) -> None:
    page = opened.page
    opened.open("/events?host=nobody")
    expect(page.get_by_test_id("events")).to_contain_text("Nothing of this kind happened in this time.")
    page.get_by_role("button", name="Show all events").click()
    expect(page.get_by_test_id("event").first).to_be_visible()


def test_what_happens_while_one_looks_is_on_top(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url) as opened, corner() as folder:
        opened.open("/events?range=1h")
        events = opened.page.get_by_test_id("event")
        expect(events.first).to_be_visible()
        newest = events.first.inner_text()
        with running_fleet(folder, collector, "--hosts", "60", "--gpus", "8", "--interval", "1", "--faults"):
            expect(events.first).not_to_have_text(newest)
            opened.page.wait_for_function(
                "newest => document.querySelector('[data-testid=event]').innerText !== newest",
                arg=newest,
                timeout=60_000,
            )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, collector: Collector, scheme: Scheme) -> None:
    with watched(browser, collector.url, scheme=scheme) as opened:
        opened.open("/events?host=sim-001&severity=critical&severity=info")
        opened.page.wait_for_selector("[data-testid=event]")
        assert opened.faults() == []
        opened.page.get_by_test_id("kind").locator("summary").click()
        opened.page.get_by_test_id("places").press_sequentially("sim")
        assert opened.faults() == []
        opened.open("/events")
        opened.page.wait_for_selector("[data-testid=event]")
        opened.photograph(f"events-{scheme}")


def test_a_telephone_shows_all_of_it_without_scrolling_sideways(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url, PHONE, has_touch=True) as opened:
        opened.open("/events")
        opened.page.wait_for_selector("[data-testid=event]")
        assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        opened.photograph("events-phone")
        assert opened.faults() == []
