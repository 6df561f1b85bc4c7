"""The fleet as a map and as a table on a real collector: what is found, coloured and sorted, by pointer and by keys."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import DESK, PHONE, Scheme, Watched, shifted, watched
from fakes.processes import Collector, running_collector, running_fleet, wait_for

pytestmark = pytest.mark.browser
HOSTS, GPUS = 20, 4


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    orders = ("--hosts", str(HOSTS), "--gpus", str(GPUS), "--interval", "2")
    settings = {"GPUFLEET_WS_EVENTS_MAX_GPUS": str(HOSTS * GPUS - 1)}
    with (
        corner() as folder,
        running_collector(folder, **settings) as collector,
        running_fleet(folder, collector, *orders),
    ):

        def all_read() -> bool:
            gpus = collector.get("/api/system/gpu-stats")["gpus"]
            return sum(gpu["power_watts"] is not None for gpu in gpus) == HOSTS * GPUS

        wait_for(all_read, "every GPU was read")
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def opened(browser: Browser, collector: Collector) -> Iterator[Watched]:
    with watched(browser, collector.url) as opened:
        opened.open("/")
        opened.page.wait_for_selector("[data-testid=map] canvas")
        yield opened


def found(page: Page, text: str | re.Pattern[str]) -> None:
    expect(page.get_by_test_id("found")).to_have_text(text)


def test_a_fleet_too_large_for_cards_is_a_map_with_its_totals(opened: Watched) -> None:
    page = opened.page
    found(page, f"{HOSTS * GPUS} GPUs")
    expect(page.get_by_test_id("total-hosts")).to_contain_text(str(HOSTS))
    expect(page.get_by_test_id("total-gpus")).to_contain_text(str(HOSTS * GPUS))
    expect(page.get_by_test_id("total-power")).to_contain_text("kW")
    expect(page.get_by_test_id("legend")).to_contain_text("100 %")
    # Too many to be told one by one, which a page that asks for frames need not say.
    expect(page.get_by_test_id("error")).to_have_count(0)


@pytest.mark.parametrize("latency_ms", [0, 300])
def test_the_map_lies_where_it_lay_once_it_is_drawn(browser: Browser, collector: Collector, latency_ms: int) -> None:
    """Who points at a cell as soon as there is one must not miss it, whether hosts are listed before or after."""
    assert shifted(browser, collector.url, "/", "[data-testid=map] canvas", latency_ms=latency_ms) < 0.01


def test_a_fleet_is_shown_though_no_socket_opens(browser: Browser, collector: Collector) -> None:
    """Behind a proxy that lets no WebSocket pass."""
    with watched(browser, collector.url) as opened:
        opened.page.add_init_script("window.WebSocket = class { send() {} close() {} }")
        opened.open("/")
        expect(opened.page.get_by_test_id("total-hosts")).to_contain_text(str(HOSTS))
        expect(opened.page.get_by_test_id("empty")).to_have_count(0)


def test_a_search_is_in_the_address_and_restricts_map_and_totals(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type("host=sim-00* util>=0")
    found(page, f"{9 * GPUS} GPUs of {HOSTS * GPUS} GPUs match")
    expect(page.get_by_test_id("total-gpus")).to_contain_text(str(9 * GPUS))
    page.keyboard.type(" heat>5")
    expect(page.get_by_test_id("unread")).to_have_text("heat>5: there is no metric “heat”")
    expect(page).to_have_url(re.compile("heat"))
    page.reload()
    found(page, f"{9 * GPUS} GPUs of {HOSTS * GPUS} GPUs match")


@pytest.mark.parametrize("view", ["map", "table", "cards"])
def test_totals_count_what_is_found_and_a_search_without_a_match_says_so(opened: Watched, view: str) -> None:
    page = opened.page
    opened.open(f"/?view={view}&q=host%3Dsim-00*")
    for title, figure in (("hosts", 9), ("gpus", 9 * GPUS)):
        expect(page.get_by_test_id(f"total-{title}").locator(".tile-figure")).to_have_text(str(figure))
    opened.open(f"/?view={view}&q=no-such-host")
    expect(page.get_by_test_id("nothing-found")).to_contain_text("no-such-host")
    expect(page.get_by_test_id("total-hosts").locator(".tile-figure")).to_have_text("0")
    opened.photograph(f"fleet-nothing-found-{view}")
    page.get_by_role("button", name="Clear the filter").click()
    expect(page.get_by_test_id("total-hosts").locator(".tile-figure")).to_have_text(str(HOSTS))


def test_how_the_map_is_looked_at_is_in_the_address(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("group").select_option("model")
    page.get_by_test_id("colour").select_option("power_watts")
    expect(page).to_have_url(re.compile("power_watts"))
    expect(page.get_by_test_id("legend")).to_contain_text("W")
    page.reload()
    expect(page.get_by_test_id("group")).to_have_value("model")
    expect(page.get_by_test_id("colour")).to_have_value("power_watts")


def test_what_is_no_quantity_has_a_legend_of_classes(opened: Watched) -> None:
    page = opened.page
    classes = page.get_by_test_id("legend-classes").locator("li")
    page.get_by_test_id("colour").select_option("throttle_reasons")
    expect(classes).to_have_text(["None", "Idle, or clocks as set", "Power cap or another limit", "Heat or hardware"])
    opened.photograph("fleet-map-throttle-reasons")
    # Styles of charts, which also have legends, leave it its room.
    legend, cells = page.get_by_test_id("legend").bounding_box(), page.get_by_test_id("map").bounding_box()
    assert legend is not None
    assert cells is not None
    assert cells["y"] - legend["y"] - legend["height"] >= 10
    page.get_by_test_id("colour").select_option("state")
    expect(classes).to_have_text(["OK"])
    opened.photograph("fleet-map-state")
    page.get_by_test_id("colour").select_option("memory_used_mb")
    expect(classes).to_have_count(0)
    expect(page.get_by_test_id("legend")).to_contain_text(re.compile(r"0\sGiB\s*\d+\sGiB"))


def test_a_cell_says_what_its_gpu_does_and_leads_to_it(opened: Watched, collector: Collector) -> None:
    page = opened.page
    box = page.get_by_test_id("map").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 8, box["y"] + 24)
    expect(page.get_by_test_id("hovercard")).to_contain_text("sim-001 · GPU 0")
    page.mouse.click(box["x"] + 8, box["y"] + 24)
    expect(page.locator("h1")).to_have_text("GPU 0 on sim-001")
    page.go_back()
    expect(page.get_by_test_id("map")).to_be_visible()


def test_the_keyboard_goes_from_gpu_to_gpu_and_opens_one(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("hovercard")).to_contain_text("sim-001 · GPU 1")
    expect(page.get_by_test_id("map").locator("[aria-live]")).to_contain_text("sim-001, GPU 1")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("GPU 1 on sim-001")


def test_the_place_on_the_map_is_kept_while_the_window_is_left(opened: Watched) -> None:
    page = opened.page
    cells, card = page.get_by_test_id("map"), page.get_by_test_id("hovercard")
    cells.focus()
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text("sim-001 · GPU 0")
    # As a window tells that is left for another one: the map is still what has the focus in it.
    cells.dispatch_event("blur")
    expect(card).to_have_count(0)
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text("sim-001 · GPU 1")
    page.get_by_test_id("filter").focus()
    expect(card).to_have_count(0)
    cells.focus()
    expect(card).to_contain_text("sim-001 · GPU 1")
    page.keyboard.press("Escape")
    expect(card).to_have_count(0)


def test_a_pointer_that_rests_leaves_the_map_to_the_keyboard(opened: Watched) -> None:
    page = opened.page
    cells, card = page.get_by_test_id("map"), page.get_by_test_id("hovercard")
    box = cells.bounding_box()
    assert box is not None
    at = {"clientX": box["x"] + 8, "clientY": box["y"] + 24, "bubbles": True}
    page.mouse.move(at["clientX"], at["clientY"])
    expect(card).to_contain_text("sim-001 · GPU 0")
    cells.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(card).to_contain_text("sim-001 · GPU 1")
    cells.dispatch_event("pointermove", at)
    cells.dispatch_event("pointerleave")
    expect(card).to_contain_text("sim-001 · GPU 1")
    page.mouse.move(box["x"] + 8, box["y"] + 26)
    expect(card).to_contain_text("sim-001 · GPU 0")


def test_the_ring_of_a_gpu_at_the_edge_is_whole(opened: Watched) -> None:
    page = opened.page
    page.get_by_test_id("map").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_test_id("hovercard")).to_contain_text("sim-001 · GPU 0")
    # Beside the first cell, which lies at the edge of the map, the ring is two pixels wide.
    alpha = """(() => {
        const canvas = document.querySelector('[data-testid=map] canvas')
        const copy = new OffscreenCanvas(8, 60).getContext('2d', { willReadFrequently: true })
        copy.drawImage(canvas, 0, 0)
        const { left } = document.querySelector('[data-testid=map]').getBoundingClientRect()
        const edge = left - canvas.getBoundingClientRect().left
        return [1, 2].map(beside => copy.getImageData(edge - beside, 32, 1, 1).data[3])
    })()"""
    assert page.evaluate(alpha) == [255, 255]


def test_the_help_tells_the_keys_of_the_map_and_what_can_be_searched_for(opened: Watched) -> None:
    page = opened.page
    page.keyboard.press("?")
    words = page.get_by_test_id("help")
    for word in ("From GPU to GPU", "util<5", "mem>40g", "state:lost,down", "host=a*"):
        expect(words).to_contain_text(word)
    opened.photograph("help-fleet")
    page.keyboard.press("Escape")
    page.get_by_role("radio", name="Table").click()
    page.keyboard.press("?")
    expect(words).to_contain_text("util<5")
    expect(words).not_to_contain_text("From GPU to GPU")


def test_the_page_that_is_shown_is_not_taken_for_one_that_is_pointed_at(opened: Watched) -> None:
    links = opened.page.get_by_role("navigation", name="Pages")
    links.get_by_role("link", name="Explore").hover()
    grounds = [
        links.get_by_role("link", name=name).evaluate("link => getComputedStyle(link).backgroundColor")
        for name in ("Fleet", "Explore")
    ]
    assert grounds[0] != grounds[1]


def test_the_table_sorts_by_any_column_and_the_address_keeps_it(opened: Watched) -> None:
    page = opened.page
    page.get_by_role("radio", name="Table").click()
    page.get_by_test_id("sort-power_watts").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Power")
    expect(page).to_have_url(re.compile("sort=power_watts"))
    powers = [int(text.split()[0]) for text in page.locator("tbody td:last-child").all_inner_texts() if "W" in text]
    assert powers == sorted(powers, reverse=True)
    assert len(powers) > 10
    page.reload()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Power")
    page.get_by_test_id("sort-host").click()
    expect(page.locator("tbody tr td:first-child a").first).to_have_text("sim-001")


def test_the_table_has_the_column_that_is_asked_for_and_nothing_to_choose_that_does_nothing(opened: Watched) -> None:
    page = opened.page
    page.get_by_role("radio", name="Table").click()
    expect(page.get_by_test_id("group")).to_have_count(0)
    expect(page.locator("th.is-chosen")).to_have_text("Utilization")
    expect(page.locator("tbody tr").first).to_contain_text(re.compile(r"[\d.]+ / [\d.]+\sGiB"))
    for column, title in (
        ("sm_active_percent", "SM active"),
        ("memory_share", "Memory used of total"),
        ("state", "State"),
    ):
        page.get_by_label("Column").select_option(column)
        expect(page.locator("th.is-chosen")).to_have_text(title)
    page.get_by_label("Column").select_option("memory_share")
    page.get_by_test_id("sort-memory_share").click()
    shares = [int(text.split()[0]) for text in page.locator("td.is-chosen").all_inner_texts() if "%" in text]
    assert shares == sorted(shares, reverse=True)
    assert len(shares) > 10
    opened.photograph("fleet-table-column")


def test_the_map_goes_on_every_second(opened: Watched) -> None:
    total = "document.querySelector('[data-testid=total-power]').innerText"
    before = opened.page.evaluate(total)
    opened.page.wait_for_function(f"before => {total} !== before", arg=before, timeout=20_000)


@pytest.mark.parametrize("view", ["map", "table"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe(browser: Browser, collector: Collector, view: str, scheme: Scheme) -> None:
    with watched(browser, collector.url, scheme=scheme) as opened:
        opened.open(f"/?view={view}")
        found(opened.page, f"{HOSTS * GPUS} GPUs")
        opened.page.wait_for_selector(f"[data-testid={view}]")
        assert opened.faults() == []


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("light", DESK, "light"), ("dark", DESK, "dark"), ("phone", PHONE, "light")]
)
def test_pictures_of_the_map_are_taken(
    browser: Browser, collector: Collector, name: str, size: tuple[int, int], scheme: Scheme
) -> None:
    with watched(browser, collector.url, size, scheme) as opened:
        opened.open("/?view=map")
        found(opened.page, f"{HOSTS * GPUS} GPUs")
        opened.photograph(f"fleet-map-{name}")
        width = opened.page.evaluate("document.documentElement.scrollWidth")
        assert width <= size[0]
