"""The page of a GPU on a real collector with a simulated fleet: charts, zoom, back, reload, keys, themes, CSV."""

import csv
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import PHONE, Scheme, Watched, shifted, watched
from fakes.processes import Collector, running_collector, running_fleet, wait_for

pytestmark = pytest.mark.browser
MINUTES = 40
CHART = "[data-chart=power_watts]"


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    orders = ("--hosts", "3", "--gpus", "4", "--interval", "1", "--faults", "--backfill", f"{MINUTES}m")
    with corner() as folder, running_collector(folder) as collector, running_fleet(folder, collector, *orders):

        def stored() -> bool:
            buckets = collector.get("/api/system/gpu-stats/history?step=60&metrics=process_count&limit=10000")[
                "buckets"
            ]
            return len(buckets) > 12 * (MINUTES - 12)

        wait_for(stored, "the time before the start is stored")
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def gpus(collector: Collector) -> list[str]:
    return [gpu["gpu_uuid"] for gpu in collector.get("/api/v1/gpus")["gpus"]]


def faulty(collector: Collector) -> str:
    """A GPU that was lost within the last forty minutes."""
    uuid: str = collector.get("/api/v1/events?kind=gpu_lost&limit=1")["events"][0]["gpu_uuid"]
    return uuid


@pytest.fixture
def opened(browser: Browser, collector: Collector) -> Iterator[Watched]:
    with watched(browser, collector.url) as opened:
        opened.open(f"/gpus/{gpus(collector)[1]}")
        opened.page.wait_for_selector(f"{CHART} canvas")
        yield opened


def drag(opened: Watched, begin: float, end: float) -> None:
    box = opened.page.locator(f"{CHART} .u-over").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    opened.page.mouse.move(box["x"] + box["width"] * begin, y)
    opened.page.mouse.down()
    opened.page.mouse.move(box["x"] + box["width"] * end, y, steps=4)
    opened.page.mouse.up()


def test_a_gpu_says_who_it_is_what_it_does_and_what_it_did(opened: Watched, collector: Collector) -> None:
    page = opened.page
    expect(page.locator("h1")).to_have_text("GPU 1 on sim-001")
    expect(page).to_have_title("GPU 1 on sim-001 · gpufleet")
    expect(page.get_by_text(gpus(collector)[1], exact=True).first).to_be_visible()
    for tile in ("utilization", "memory", "power", "temperature", "clock"):
        assert (
            page.get_by_test_id(f"tile-{tile}")
            .locator(".tile-figure")
            .inner_text()
            .split()[0]
            .replace(",", "")[0]
            .isdigit()
        )
    charts = page.get_by_test_id("chart").evaluate_all("charts => charts.map(chart => chart.dataset.chart)")
    assert charts[:3] == ["gpu_utilization_percent", "memory_used_mb", "power_watts"]
    assert len(charts) >= 8
    expect(page.get_by_test_id("without-chart")).to_contain_text("Did not grow in this time")


def test_what_is_read_now_reaches_the_charts_while_one_looks(opened: Watched) -> None:
    # Several of them: one idle board may show the same whole watts for a while.
    names = ["power_watts", "gpu_utilization_percent", "sm_clock_mhz", "sm_active_percent", "pcie_rx_mb_per_second"]
    found = ", ".join(f"[data-testid=legend-{name}]" for name in names)
    values = f"[...document.querySelectorAll('{found}')].map(value => value.innerText).join()"
    before = opened.page.evaluate(values)
    opened.page.wait_for_function(f"before => {values} !== before", arg=before, timeout=20_000)


def test_a_zoom_is_in_the_address_and_back_and_reload_keep_their_word(opened: Watched) -> None:
    page, whole = opened.page, opened.address
    drag(opened, 0.5, 0.9)
    expect(page.get_by_test_id("range-span")).to_be_visible()
    zoomed = opened.address
    assert zoomed.startswith(f"{whole}?range=")
    page.reload()
    expect(page.get_by_test_id("range-span")).to_be_visible()
    assert opened.address == zoomed
    page.go_back()
    expect(page.get_by_test_id("range-span")).to_have_count(0)
    assert opened.address == whole
    page.go_forward()
    expect(page.get_by_test_id("range-span")).to_be_visible()
    page.locator(f"{CHART} .u-over").dblclick()
    expect(page.get_by_test_id("range-span")).to_have_count(0)
    assert opened.address == whole


def test_dragging_with_shift_takes_the_time_along(opened: Watched) -> None:
    drag(opened, 0.5, 0.9)
    expect(opened.page.get_by_test_id("range-span")).to_be_visible()
    before = opened.address.split("range=")[1].split("-")
    opened.page.keyboard.down("Shift")
    drag(opened, 0.3, 0.6)
    opened.page.keyboard.up("Shift")
    opened.page.wait_for_function("address => !location.href.endsWith(address)", arg="-".join(before))
    after = opened.address.split("range=")[1].split("-")
    assert after[0] < before[0]
    assert after[1] < before[1]


def test_one_crosshair_goes_through_all_charts(opened: Watched) -> None:
    opened.page.locator(f"{CHART} .u-over").hover(position={"x": 200, "y": 50})
    expect(opened.page.get_by_test_id("crosshair")).to_contain_text("UTC")
    shown = "[...document.querySelectorAll('.u-cursor-x')].filter(line => !line.classList.contains('u-off')).length"
    opened.page.wait_for_function(f"() => {shown} >= 4")


def test_a_chart_can_be_read_and_zoomed_with_keys_alone(opened: Watched) -> None:
    page = opened.page
    page.locator(f"{CHART} .chart-plot").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("[aria-live=polite]", has_text="Power")).to_have_count(1)
    for _ in range(40):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("range-span")).to_be_visible()
    page.keyboard.press("Backspace")
    expect(page.get_by_test_id("range-span")).to_have_count(0)


def test_keys_go_to_the_neighbour_the_host_and_the_fleet_and_say_what_they_do(
    opened: Watched, collector: Collector
) -> None:
    page = opened.page
    page.keyboard.press("j")
    expect(page.locator("h1")).to_have_text("GPU 2 on sim-001")
    expect(page.locator("h1")).to_be_focused()
    page.keyboard.press("?")
    expect(page.get_by_test_id("help")).to_be_visible()
    expect(page.get_by_test_id("help")).to_contain_text("Next GPU on this host")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("help")).to_be_hidden()
    page.keyboard.press("g")
    page.keyboard.press("h")
    expect(page.locator("h1")).to_have_text("sim-001")
    page.keyboard.press("g")
    page.keyboard.press("f")
    page.wait_for_selector("[data-testid=host]")
    assert opened.address == "/"
    page.keyboard.press("/")
    page.keyboard.type("sim-002")
    expect(page.get_by_test_id("host")).to_have_count(1)
    page.wait_for_function("() => location.search === '?q=sim-002'")


def test_a_search_from_elsewhere_leads_to_the_fleet(opened: Watched) -> None:
    opened.page.get_by_test_id("filter").fill("sim-003")
    opened.page.keyboard.press("Enter")
    expect(opened.page.get_by_test_id("host")).to_have_count(1)
    assert opened.address == "/?q=sim-003"


def test_events_are_marked_on_the_charts_and_listed(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url) as opened:
        opened.open(f"/gpus/{faulty(collector)}")
        mark = opened.page.locator(f"{CHART} .mark-critical .mark-head").first
        mark.hover()
        expect(opened.page.locator(".tooltip")).to_contain_text("GPU lost")
        expect(opened.page.get_by_test_id("happening").first).to_be_visible()
        opened.page.mouse.move(5, 5)
        opened.photograph("gpu-events")


def test_what_is_shown_can_be_had_as_a_file(opened: Watched) -> None:
    with opened.page.expect_download() as download:
        opened.page.get_by_test_id("csv").click()
    assert download.value.suggested_filename.startswith("gpufleet-GPU-")
    with download.value.path().open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 60
    assert all(
        float(row["power_watts_min"]) <= float(row["power_watts_avg"]) <= float(row["power_watts_max"])
        for row in rows
        if row["power_watts_avg"]
    )
    assert "energy_joules_total_increase" in rows[0]


def test_a_gpu_that_nobody_knows_is_said_to_be_unknown(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url) as opened:
        opened.open("/gpus/GPU-nobody")
        expect(opened.page.get_by_test_id("unknown-gpu")).to_be_visible()
        opened.page.get_by_role("link", name="Show the fleet").click()
        opened.page.wait_for_selector("[data-testid=host]")


def test_a_lost_connection_is_said_and_what_was_missed_is_asked_for_again(opened: Watched) -> None:
    page = opened.page
    page.context.set_offline(True)
    opened.complaints.clear()
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    page.get_by_test_id("connection-notice").wait_for(timeout=60_000)
    page.context.set_offline(False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.locator("[data-testid=connection][data-state=live]")).to_be_visible(timeout=30_000)
    # That requests fail while there is no network is the browser's to say.
    opened.complaints[:] = [
        complaint for complaint in opened.complaints if "ERR_INTERNET_DISCONNECTED" not in complaint
    ]


DRAWN = {
    "": "[data-testid=gpu]",
    "hosts": "[data-testid=gpu]",
    "gpus": "canvas",
    "events": "[data-testid=event]",
    "explore": "canvas",
}
"""What is there when a page has what it was opened for."""
MOST_SHIFT = 0.1
"""Of which web.dev says that it is good."""


def test_next_to_nothing_moves_once_it_is_drawn(browser: Browser, collector: Collector) -> None:
    """Of two loads the calmer one counts: the answers of a machine that is busy come far apart."""
    for path in ("/", "/hosts/sim-001", f"/gpus/{gpus(collector)[1]}", "/events", "/explore?by=host&range=1h"):
        drawn = DRAWN[path.split("/")[1].split("?")[0]]
        assert min(shifted(browser, collector.url, path, drawn) for _ in range(2)) < MOST_SHIFT, path


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, collector: Collector, scheme: Scheme) -> None:
    with watched(browser, collector.url, scheme=scheme) as opened:
        opened.open(f"/gpus/{faulty(collector)}")
        opened.page.wait_for_selector(f"{CHART} canvas")
        assert opened.faults() == []
        opened.page.locator("body").press("?")
        assert opened.faults() == []
        opened.page.keyboard.press("Escape")
        opened.photograph(f"gpu-{scheme}")


def test_a_telephone_shows_all_of_it_without_scrolling_sideways(browser: Browser, collector: Collector) -> None:
    with watched(browser, collector.url, PHONE, has_touch=True) as opened:
        opened.open(f"/gpus/{gpus(collector)[1]}")
        opened.page.wait_for_selector(CHART)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        opened.photograph("gpu-phone")
        opened.page.locator(CHART).scroll_into_view_if_needed()
        opened.page.wait_for_selector(f"{CHART} canvas")
        opened.photograph("gpu-phone-charts")
        assert opened.faults() == []


def test_leaving_a_page_leaves_no_chart_behind(opened: Watched) -> None:
    page = opened.page
    for _ in range(3):
        page.keyboard.press("j")
        page.wait_for_selector(f"{CHART} canvas")
    page.get_by_role("link", name="Fleet").first.click()
    page.wait_for_selector("[data-testid=host]")
    assert page.locator(".uplot").count() == 0
