"""The page that explores the past of the fleet on a real collector: any metric, grouping, order and comparison."""

import csv
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.odd_fleet import HOSTILE
from fakes.pages import PHONE, Scheme, Watched, watched
from fakes.processes import Collector, Process, running_collector, running_fleet, wait_for

pytestmark = pytest.mark.browser
MINUTES = 40
HOSTS, GPUS = 10, 4


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    orders = ("--hosts", f"{HOSTS}", "--gpus", f"{GPUS}", "--interval", "5", "--backfill", f"{MINUTES}m")
    with (
        corner() as folder,
        running_collector(folder) as collector,
        running_fleet(folder, collector, *orders),
        running_agent(folder, collector, HOSTILE),
    ):

        def stored() -> bool:
            asked = "metrics=power_watts&group_by=host&step=300"
            series = collector.get(f"/api/v1/series?{asked}")["series"]
            points = {one["group"]["host"]: len(one["points"]) for one in series}
            return points.pop(HOSTILE, 0) > 0 and len(points) == HOSTS and min(points.values()) > 7

        wait_for(stored, "the time before the start is stored")
        yield collector


@contextmanager
def running_agent(folder: Path, collector: Collector, host: str) -> Iterator[None]:
    """One host of this name."""
    environ = {
        "GPUFLEET_COLLECTOR": collector.target,
        "GPUFLEET_HOST_NAME": host,
        "GPUFLEET_DATA_DIR": str(folder / "agent"),
    }
    agent = Process("gpufleet-agent", "run", "--backend", "simulated", log=folder / "agent.log", environ=environ)
    try:
        agent.start()
        yield
    finally:
        agent.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, collector: Collector) -> Iterator[Watched]:
    with watched(browser, collector.url) as opened:
        opened.open("/explore?range=1h")
        answered(opened.page)
        yield opened


def answered(page: Page) -> None:
    expect(page.locator("[data-testid=answer]:not(.is-loading) canvas").first).to_be_visible()


def figures(page: Page) -> list[float]:
    return [float(re.sub(r"[^\d.]", "", text)) for text in page.locator(".ranking-value").all_inner_texts()]


def test_the_mean_of_the_fleet_is_what_one_sees_first(opened: Watched) -> None:
    page = opened.page
    expect(page).to_have_title("Explore · gpufleet")
    expect(page.locator(".chart-title")).to_have_text("Mean of GPU utilization")
    expect(page.get_by_test_id("ranked")).to_have_count(1)
    expect(page.get_by_test_id("ranked")).to_contain_text("Whole fleet")


def test_hosts_are_put_in_order_and_the_address_keeps_the_question(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("metric").select_option("power_watts")
    page.get_by_test_id("by").select_option("host")
    page.get_by_test_id("n").select_option("5")
    expect(page.get_by_test_id("ranked")).to_have_count(5)
    answered(page)
    highest = figures(page)
    assert highest == sorted(highest, reverse=True)
    page.get_by_role("radio", name="Bottom").click()
    expect(page.get_by_test_id("ranking")).to_contain_text(f"Lowest 5 of {HOSTS + 1}")
    answered(page)
    lowest = figures(page)
    assert lowest == sorted(lowest)
    assert lowest[0] <= highest[-1]
    assert opened.address == "/explore?metric=power_watts&by=host&order=bottom&n=5&range=1h"
    page.reload()
    answered(page)
    assert page.get_by_test_id("by").input_value() == "host"
    page.go_back()
    expect(page.get_by_test_id("ranking")).to_contain_text("Highest 5")


def test_a_group_leads_to_its_page(opened: Watched) -> None:
    opened.open("/explore?by=gpu&range=1h")
    answered(opened.page)
    opened.page.get_by_test_id("ranked").locator("a").first.click()
    expect(opened.page.locator("h1")).to_have_text(re.compile(r"GPU \d on "))


def test_two_times_are_compared(opened: Watched) -> None:
    page = opened.page
    opened.open("/explore?metric=power_watts&range=15m&compare=before")
    answered(page)
    expect(page.get_by_test_id("change")).to_have_text(re.compile(r"[+−±]\d+\s%"))
    expect(page.locator(".legend-name", has_text="before")).to_have_count(1)
    page.get_by_test_id("by").select_option("host")
    expect(page.locator(".chart-title", has_text="the time before")).to_be_visible()
    expect(page.get_by_test_id("change")).to_have_count(8)


def test_per_cents_are_compared_in_points(opened: Watched) -> None:
    opened.open("/explore?by=host&range=15m&compare=before")
    answered(opened.page)
    expect(opened.page.get_by_test_id("change").first).to_have_text(re.compile(r"[+−±][\d.]+\spts"))


def test_the_step_that_is_not_over_is_hatched_and_said(opened: Watched) -> None:
    opened.open("/explore?metric=energy_joules_total&agg=sum&by=host&range=1h")
    answered(opened.page)
    expect(opened.page.get_by_test_id("incomplete")).to_contain_text("still being measured")
    expect(opened.page.get_by_test_id("shade")).to_have_count(1)


def test_a_question_is_confined_to_hosts_that_one_types(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("by").select_option("gpu")
    field = page.get_by_test_id("places")
    field.press_sequentially("sim-003")
    field.press("Enter")
    expect(page.get_by_test_id("ranking")).to_contain_text(f"Highest {GPUS} of {GPUS}")
    expect(page.get_by_test_id("ranked").filter(has_text="sim-003")).to_have_count(GPUS)


def test_a_zoom_on_the_chart_is_a_step_that_back_takes_back(opened: Watched) -> None:
    page = opened.page
    box = page.locator(".u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, y, steps=4)
    page.mouse.up()
    expect(page.get_by_test_id("range-span")).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id("range-span")).to_have_count(0)


def test_a_hostile_name_is_text(opened: Watched) -> None:
    opened.open("/explore?by=host&range=1h&n=20")
    answered(opened.page)
    expect(opened.page.get_by_test_id("ranked").get_by_text(HOSTILE, exact=True)).to_be_visible()
    assert opened.page.locator("main img").count() == 0
    opened.page.get_by_text(HOSTILE, exact=True).last.click()
    expect(opened.page.locator("h1")).to_have_text(HOSTILE)


def test_a_collector_that_is_away_is_said_and_asked_again_when_it_is_back(opened: Watched) -> None:
    page = opened.page
    page.context.set_offline(True)
    page.get_by_test_id("metric").select_option("power_watts")
    expect(page.get_by_test_id("part-failed")).to_contain_text("could not be loaded")
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_test_id("part-failed")).to_have_count(0)
    expect(page.locator(".chart-title")).to_have_text("Mean of Power")
    # That requests fail while there is no network is the browser's to say.
    opened.complaints[:] = [said for said in opened.complaints if "ERR_INTERNET_DISCONNECTED" not in said]


def test_what_cannot_be_asked_is_said_in_words(opened: Watched) -> None:
    page = opened.page
    expect(page.get_by_test_id("metric").locator("option[value=throttle_reasons]")).to_have_count(0)
    opened.open("/explore?metric=throttle_reasons")
    expect(page.get_by_test_id("explore-no-quantity")).to_contain_text("Throttle reasons")
    expect(page.get_by_test_id("answer")).to_have_count(0)
    page.get_by_test_id("metric").select_option("power_watts")
    answered(page)
    opened.open("/explore?metric=unheard_of")
    expect(page.get_by_test_id("explore-unknown")).to_contain_text("unheard_of")
    opened.open("/explore?metric=tensor_active_percent&host=nobody")
    expect(page.get_by_test_id("explore-empty")).to_be_visible()


def test_the_table_can_be_had_as_a_file(opened: Watched) -> None:
    opened.open("/explore?metric=power_watts&by=host&range=1h")
    answered(opened.page)
    with opened.page.expect_download() as download:
        opened.page.get_by_test_id("csv").click()
    with download.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    assert all(float(row["power_watts_avg"]) > 0 for row in rows)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, collector: Collector, scheme: Scheme) -> None:
    with watched(browser, collector.url, scheme=scheme) as opened:
        opened.open("/explore?metric=power_watts&by=host&range=15m&compare=before")
        answered(opened.page)
        assert opened.faults() == []
        opened.photograph(f"explore-compare-{scheme}")
        opened.open("/explore?by=host&range=1h")
        answered(opened.page)
        opened.photograph(f"explore-{scheme}")


def test_a_telephone_shows_all_of_it_without_scrolling_sideways(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url, PHONE, has_touch=True) as opened:
        opened.open("/explore?by=host&range=1h")
        answered(opened.page)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        opened.photograph("explore-phone")
        assert opened.faults() == []
