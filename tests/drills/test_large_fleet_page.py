"""The dashboard of ten thousand GPUs in a real browser: soon drawn, smooth while it scrolls, and no larger after
thousands of frames. The fleet ticks at 10 s and gives way to the rest, so that what is measured is the page."""

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, CDPSession, expect

from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import Watched, watched
from fakes.processes import Collector, running_collector, running_fleet, wait_for

pytestmark = [pytest.mark.drill, pytest.mark.browser]
HOSTS, GPUS, INTERVAL_SECONDS = 1_250, 8, 10
CONNECT_SECONDS = 120.0
LOWEST_PRIORITY = 19

FIRST_VIEW_MS = 1_000
LEAST_FRAMES_PER_SECOND = 30
SCROLL_MS = 6_000

FAST_SECONDS = 0.1
"""Ten times the frame rate of the page."""
HEAP_SECONDS = int(os.environ.get("HEAP_SECONDS", "300"))
MOST_GROWTH = 0.02
"""Of the heap after a collection, from the first half of the time to the second."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    orders = ("--hosts", f"{HOSTS}", "--gpus", f"{GPUS}", "--interval", f"{INTERVAL_SECONDS}")
    with corner() as folder, running_collector(folder) as collector, running_fleet(folder, collector, *orders) as fleet:
        os.setpriority(os.PRIO_PROCESS, fleet.running.pid, LOWEST_PRIORITY)

        def all_read() -> bool:
            committed = collector.metric("gpufleet_samples_committed_total")
            return collector.metric("gpufleet_streams") == HOSTS and committed > 2 * HOSTS * GPUS

        wait_for(all_read, "every GPU was read", CONNECT_SECONDS)
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


# When the socket opened, and when the map had something on it for the first time.
WATCH_FIRST_VIEW = """
    const Plain = window.WebSocket
    window.WebSocket = class extends Plain {
        constructor(...given) {
            super(...given)
            this.addEventListener('open', () => { window.openedAt ??= performance.now() })
        }
    }
    const look = () => {
        const canvas = document.querySelector('[data-testid=map] canvas')
        const isDrawn = canvas !== null && canvas.width > 0 && canvas.height > 0
            && canvas.getContext("2d").getImageData(0, 0, canvas.width, 120).data.some(part => part > 0)
        if (isDrawn) window.drawnAt = performance.now()
        else requestAnimationFrame(look)
    }
    requestAnimationFrame(look)
"""

SCROLL = """
    duration => new Promise(resolve => {
        const times = []
        const begun = performance.now()
        const most = document.documentElement.scrollHeight - innerHeight
        const step = now => {
            times.push(now)
            const share = Math.min(1, (now - begun) / duration)
            scrollTo(0, most * Math.abs(Math.sin(share * Math.PI * 3)))
            if (share < 1) requestAnimationFrame(step)
            else resolve(times.slice(1).map((time, position) => time - times[position]))
        }
        requestAnimationFrame(step)
    })
"""

FASTER = f"""
    const send = WebSocket.prototype.send
    WebSocket.prototype.send = function (text) {{
        const message = JSON.parse(text)
        if (message.format === 'frames') message.interval_seconds = {FAST_SECONDS}
        return send.call(this, JSON.stringify(message))
    }}
    window.framesHeard = 0
    const Plain = window.WebSocket
    window.WebSocket = class extends Plain {{
        constructor(...given) {{
            super(...given)
            this.addEventListener('message', () => {{ window.framesHeard += 1 }})
        }}
    }}
"""


@contextmanager
def opened_map(browser: Browser, collector: Collector, script: str = "") -> Iterator[Watched]:
    with watched(browser, collector.url) as opened:
        if script:
            opened.page.add_init_script(f"(() => {{ {script} }})()")
        opened.open("/")
        expect(opened.page.get_by_test_id("found")).to_have_text(f"{HOSTS * GPUS:,} GPUs")
        yield opened


def test_the_first_view_is_drawn_within_a_second_of_the_socket(browser: Browser, collector: Collector) -> None:
    """Of three loads the quickest: what is promised is what the page takes, not what else the machine does."""
    taken = []
    for _ in range(3):
        with opened_map(browser, collector, WATCH_FIRST_VIEW) as opened:
            opened.page.wait_for_function("() => window.drawnAt !== undefined")
            taken.append(opened.page.evaluate("window.drawnAt - window.openedAt"))
            # That a canvas is read back, which browsers warn of, is the test's doing.
            opened.complaints[:] = [said for said in opened.complaints if "readback" not in said]
    assert min(taken) <= FIRST_VIEW_MS, taken


@pytest.mark.parametrize("view", ["map", "table"])
def test_scrolling_stays_smooth_while_frames_come(browser: Browser, collector: Collector, view: str) -> None:
    with opened_map(browser, collector) as opened:
        opened.open(f"/?view={view}")
        opened.page.wait_for_selector(f"[data-testid={view}]")
        expect(opened.page.get_by_test_id("found")).to_have_text(f"{HOSTS * GPUS:,} GPUs")
        opened.page.wait_for_timeout(2_000)
        gaps: list[float] = opened.page.evaluate(SCROLL, SCROLL_MS)
        opened.photograph(f"large-{view}")
        rate = 1_000 * len(gaps) / sum(gaps)
        assert rate >= LEAST_FRAMES_PER_SECOND, f"{rate:.1f} frames a second, the longest took {max(gaps):.0f} ms"


def heap_bytes(session: CDPSession) -> int:
    session.send("HeapProfiler.collectGarbage")
    found: int = session.send("Runtime.getHeapUsage")["usedSize"]
    return found


WARM_SECONDS = 40
"""Code that is compiled, and caches that fill, in the first half minute are no growth."""


@pytest.mark.timeout(HEAP_SECONDS + 240)
def test_the_page_does_not_grow_with_the_frames_that_it_shows(browser: Browser, collector: Collector) -> None:
    with opened_map(browser, collector, FASTER) as opened:
        session = opened.page.context.new_cdp_session(opened.page)
        opened.page.wait_for_timeout(1000 * WARM_SECONDS)
        before = opened.page.evaluate("window.framesHeard")
        heaps = []
        for _ in range(10):
            opened.page.wait_for_timeout(100 * HEAP_SECONDS)
            heaps.append(heap_bytes(session))
        heard = opened.page.evaluate("window.framesHeard") - before
        first, second = statistics.median(heaps[:5]), statistics.median(heaps[5:])
        assert second <= first * (1 + MOST_GROWTH), heaps
        # One that is behind shows the newest, and does not queue: five times the usual rate has to come all the same.
        assert heard > HEAP_SECONDS * 5, heard
