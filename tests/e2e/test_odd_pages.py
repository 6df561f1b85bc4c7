"""The pages on a fleet of everything that pages trip over, most of it wrong at once."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from fakes.apart import apart
from fakes.browser import chromium
from fakes.odd_fleet import CROWDED, DOWN, HOSTILE, LONG, LOST, MANY, PARTS, WHOLE, odd_fleet
from fakes.pages import PHONE, Scheme, watched

pytestmark = pytest.mark.browser
CARDS = "/?view=cards"


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with apart(odd_fleet().listening) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def host_path(name: str) -> str:
    return f"/hosts/{quote(name, safe='')}"


@pytest.mark.parametrize(
    "path", [CARDS, "/?view=table", host_path(HOSTILE), f"/gpus/{LOST.uuid}", f"/gpus/{PARTS[0].uuid}", "/events"]
)
def test_a_hostile_name_is_text(browser: Browser, site: str, path: str) -> None:
    with watched(browser, site) as opened:
        opened.open(path)
        expect(opened.page.get_by_text(HOSTILE).first).to_be_visible()
        assert opened.page.locator("main img").count() == 0
        assert opened.page.title() != "taken"


def test_from_the_fleet_to_a_host_of_any_name_and_back(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        for name in (HOSTILE, LONG, CROWDED):
            opened.open(CARDS)
            opened.page.get_by_test_id("open-host").get_by_text(name, exact=True).click()
            expect(opened.page.locator("h1")).to_have_text(name)
            opened.page.reload()
            expect(opened.page.locator("h1")).to_have_text(name)
            opened.page.go_back()
            expect(opened.page.get_by_test_id("totals")).to_be_visible()


def test_a_host_of_any_name_is_found_as_one_types_and_listed_as_chosen(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open("/events")
        for name in (HOSTILE, LONG):
            opened.page.get_by_test_id("places").press_sequentially(name[:12])
            expect(opened.page.get_by_role("option").get_by_text(name, exact=True)).to_be_visible()
            opened.page.get_by_test_id("places").press("Enter")
            expect(opened.page.get_by_test_id("place").get_by_text(name, exact=True)).to_be_visible()
        assert opened.page.locator("main img").count() == 0
        assert opened.faults() == []


def test_a_lost_gpu_says_since_when(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open(f"/gpus/{LOST.uuid}")
        trouble = opened.page.get_by_test_id("trouble")
        expect(trouble).to_contain_text("Lost since")
        expect(trouble).to_contain_text(re.compile(r"For \d+.min now"))
        expect(trouble).to_contain_text("fallen off the bus")
        # There are none.
        expect(trouble).not_to_contain_text("Values below")
        assert opened.faults() == []
        opened.photograph("gpu-lost")


def test_an_absent_metric_says_why(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open(f"/gpus/{WHOLE.uuid}")
        values = opened.page.get_by_test_id("all-values")
        expect(values.locator("[data-metric=fan_speed_percent]")).to_contain_text("This GPU does not offer it.")
        expect(values.locator("[data-metric=gpu_utilization_percent]")).to_contain_text("while MIG is on")
        expect(opened.page.get_by_test_id("tile-utilization")).to_contain_text("n/a")
        expect(opened.page.get_by_test_id("tile-power")).to_contain_text("250 W")


def test_mig_instances_are_listed_under_their_gpu_and_lead_back_to_it(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open(f"/gpus/{WHOLE.uuid}")
        instances = opened.page.get_by_test_id("instances")
        expect(instances.get_by_test_id("gpu")).to_have_count(len(PARTS))
        instances.get_by_test_id("open-gpu").first.click()
        expect(opened.page.locator("h1")).to_contain_text("1g.18gb · 0 of GPU 1")
        expect(opened.page.get_by_test_id("process")).to_contain_text("4711")
        opened.page.get_by_role("link", name=WHOLE.uuid).click()
        expect(opened.page.get_by_test_id("instances")).to_be_visible()


def test_a_host_tells_how_it_is_and_what_its_agent_costs(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open(host_path(HOSTILE))
        expect(opened.page.get_by_test_id("why")).to_contain_text("nvmlDeviceGetPowerUsage on GPU 0, for 94")
        expect(opened.page.get_by_test_id("skew")).to_contain_text("behind")
        agent = opened.page.get_by_test_id("agent")
        for words in ("38 MiB and 20 MiB", "15.8", "123,456", "3 on disk (3"):
            expect(agent).to_contain_text(words)
        expect(opened.page.get_by_test_id("process")).to_have_count(2)
        expect(opened.page.get_by_test_id("happening")).to_have_count(1)
        expect(opened.page.get_by_text("الرؤية الحاسوبية")).to_be_visible()
        assert opened.faults() == []
        opened.photograph("host-odd")


def test_a_host_that_is_down_says_since_when_and_what_to_look_at(browser: Browser, site: str) -> None:
    with watched(browser, site, scheme="dark") as opened:
        opened.open(host_path(DOWN))
        why = opened.page.get_by_test_id("why")
        expect(why).to_have_attribute("data-state", "down")
        expect(why).to_contain_text(re.compile(r"Nothing has been heard from the agent for \d+.(s|min)\. Last heard"))
        expect(why).to_contain_text("gpufleet-agent doctor")
        assert opened.faults() == []
        opened.photograph("host-down")


def test_a_host_that_nobody_knows_is_said_to_be_unknown(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open("/hosts/nobody")
        expect(opened.page.get_by_test_id("unknown-host")).to_be_visible()


def test_an_address_without_a_page_says_so(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open("/no/such/page")
        expect(opened.page.get_by_test_id("nowhere")).to_be_visible()


def test_what_is_broken_in_an_address_goes_from_it(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open("/?view=cubes&q=dgx&host=&x=1")
        opened.page.wait_for_function("() => location.search === '?q=dgx'")
        opened.open("/gpus/GPU-6?range=tomorrow")
        opened.page.wait_for_function("() => location.search === ''")


@pytest.mark.parametrize(
    "path",
    ["/", host_path(LONG), host_path(CROWDED), "/gpus/GPU-6", f"/gpus/{MANY[31].uuid}", f"/events?host={quote(LONG)}"],
)
def test_nothing_reaches_beyond_the_screen_of_a_telephone(browser: Browser, site: str, path: str) -> None:
    with watched(browser, site, PHONE, has_touch=True) as opened:
        opened.open(path)
        opened.page.wait_for_selector("h1")
        opened.page.wait_for_timeout(500)
        assert opened.page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        assert opened.faults() == []


@pytest.mark.parametrize("path", [host_path(HOSTILE), f"/gpus/{PARTS[0].uuid}"])
def test_processes_are_read_on_a_telephone_down_to_their_age(browser: Browser, site: str, path: str) -> None:
    with watched(browser, site, PHONE, has_touch=True) as opened:
        opened.open(path)
        processes = opened.page.get_by_test_id("processes")
        name = processes.locator(".process-name").first
        name.scroll_into_view_if_needed()
        # As wide as they become.
        widest = "cells => cells.forEach((cell, at) => { cell.textContent = ['118.4 GiB', '100 %', '97 min'][at % 3] })"
        processes.locator("td.number").evaluate_all(widest)
        box = name.bounding_box()
        assert box is not None
        assert box["width"] >= 100
        assert processes.locator(".table-scroll").evaluate("table => table.scrollWidth - table.clientWidth") <= 0
        expect(processes.locator(".process-pid").first).to_be_hidden()
        opened.photograph(f"processes-phone-{'host' if 'hosts' in path else 'gpu'}")


def test_all_32_gpus_of_a_host_are_there(browser: Browser, site: str) -> None:
    with watched(browser, site) as opened:
        opened.open(host_path(CROWDED))
        expect(opened.page.get_by_test_id("gpu")).to_have_count(32)
        opened.photograph("host-32")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found_by_axe_on_the_fleet(browser: Browser, site: str, scheme: Scheme) -> None:
    with watched(browser, site, scheme=scheme) as opened:
        opened.open(CARDS)
        opened.page.wait_for_selector("[data-testid=gpu]")
        assert opened.faults() == []
        opened.photograph(f"fleet-odd-{scheme}")
