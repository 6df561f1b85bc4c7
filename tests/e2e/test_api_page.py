"""The page of the API in a real browser: it lists every endpoint, asks one, and bears the strict content policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from fakes.apart import apart
from fakes.browser import chromium
from fakes.web_surfaces import small_fleet
from gpufleet_collector.web.openapi.operations import OPERATIONS


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    with apart(small_fleet().listening) as address:
        yield address


def complaints_of(page: Page, site: str) -> list[str]:
    """What the page says on its console, and what it asks of others, as it goes on."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith((site, "data:")) else found.append(request.url))
    return found


@pytest.mark.browser
def test_it_lists_every_endpoint_and_asks_one(site: str) -> None:
    with chromium() as browser:
        page = browser.new_page(color_scheme="dark", viewport={"width": 1280, "height": 1000})
        complaints = complaints_of(page, site)
        page.goto(f"{site}/api/docs")
        page.wait_for_selector(".opblock")
        assert set(page.locator(".opblock-summary-path").all_inner_texts()) == OPERATIONS.keys()
        assert "/ws" in page.locator(".info").inner_text()
        assert page.locator("html.dark-mode").count() == 1
        hosts = page.locator("[id='operations-Now-hosts']")
        hosts.locator("button").first.click()
        hosts.locator("button.execute").click()
        hosts.locator(".live-responses-table").wait_for()
        assert hosts.locator(".live-responses-table .response-col_status").last.inner_text() == "200"
        assert '"host": "alpha"' in hosts.locator(".live-responses-table").inner_text()
        page.emulate_media(color_scheme="light")
        page.wait_for_selector("html:not(.dark-mode)")
        assert complaints == []


@pytest.mark.browser
def test_a_foreign_script_would_be_heard_of(site: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        complaints = complaints_of(page, site)
        page.goto(f"{site}/api/docs")
        page.wait_for_selector(".opblock")
        page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: '0'}))")
        page.wait_for_timeout(100)
        assert any("Content Security Policy" in complaint for complaint in complaints)
