"""The whole way over TLS with tokens: agent, collector, browser and WebSocket, as real processes; and the end of all of
them when their tokens are revoked."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import websockets.exceptions
import websockets.sync.client
from playwright.sync_api import Browser, expect

from deploy.rendering import kubectl
from fakes.apart import apart
from fakes.browser import chromium
from fakes.machine import corner
from fakes.pages import Watched, watched
from fakes.processes import BIN, Collector, Process, running_closed_collector, running_collector, wait_for
from fakes.secured import Secured, secured
from fakes.web import Site
from gpufleet_collector.web.settings import WebSettings

REVOKED_SECONDS = 5.0
HOST = "gpu-1"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with corner() as folder:
        yield folder


@pytest.fixture(scope="module")
def keys(folder: Path) -> Secured:
    return secured(folder / "secrets")


@pytest.fixture(scope="module")
def collector(folder: Path, keys: Secured) -> Iterator[Collector]:
    with running_closed_collector(folder, keys) as collector:
        yield collector


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def token(collector: Collector, *arguments: str) -> str:
    """What `gpufleet-collector token` prints."""
    environ = {**os.environ, "GPUFLEET_DATA_DIR": str(collector.data_dir)}
    environ.pop("DATABASE_URL", None)
    command = [str(BIN / "gpufleet-collector"), "token", *arguments]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def settings_of(collector: Collector, keys: Secured, text: str) -> dict[str, str]:
    """Of an agent with this token."""
    return {
        "GPUFLEET_COLLECTOR": collector.target,
        "GPUFLEET_TLS_CA_FILE": str(keys.ca_file),
        "GPUFLEET_TOKEN": text,
    }


@contextmanager
def running_agent(folder: Path, settings: Mapping[str, str], host: str = HOST) -> Iterator[Process]:
    environ = {
        **settings,
        "GPUFLEET_HOST_NAME": host,
        "GPUFLEET_DATA_DIR": str(folder / f"agent-{host}"),
        "GPU_POLL_INTERVAL_SECONDS": "0.5",
    }
    agent = Process("gpufleet-agent", "run", "--backend", "simulated", log=folder / f"{host}.log", environ=environ)
    try:
        agent.start()
        yield agent
    finally:
        agent.stop()


def state(collector: Collector, host: str = HOST) -> str | None:
    found = collector.get(f"/api/v1/hosts?host={host}")["hosts"]
    return found[0]["state"] if found else None


def accepts(collector: Collector, keys: Secured, text: str) -> bool:
    """Whether this token may read."""
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=keys.context()))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("Authorization", f"Bearer {text}")]
    try:
        with opener.open(f"{collector.url}/api/v1/catalog", timeout=10) as answer:
            return bool(answer.status == 200)
    except urllib.error.HTTPError:
        return False


@contextmanager
def listening(collector: Collector, keys: Secured, text: str) -> Iterator[websockets.sync.client.ClientConnection]:
    url = collector.url.replace("https", "wss") + "/ws"
    headers = {"Authorization": f"Bearer {text}"}
    with websockets.sync.client.connect(
        url, proxy=None, ssl=keys.context(), additional_headers=headers, max_size=None
    ) as socket:
        yield socket


@contextmanager
def page(browser: Browser, collector: Collector) -> Iterator[Watched]:
    """The browser knows this authority no more than any other's: what is tested is the page."""
    with watched(browser, collector.url, ignore_https_errors=True) as opened:
        yield opened
        # That an answer was 401 is the browser's to say.
        opened.complaints[:] = [said for said in opened.complaints if "401" not in said and "WebSocket" not in said]


def log_in(opened: Watched, text: str) -> None:
    opened.page.get_by_test_id("token").fill(text)
    opened.page.get_by_role("button", name="Log in").click()


def test_without_a_token_nothing_is_told_and_probes_are_answered(collector: Collector, keys: Secured) -> None:
    with pytest.raises(websockets.exceptions.InvalidStatus, match="401"), listening(collector, keys, "wrong"):
        pass
    assert collector.status("/healthz") == 200
    assert collector.status("/readyz") == 200


@pytest.mark.browser
def test_all_of_it_works_with_tokens_and_ends_within_five_seconds_when_they_are_revoked(
    folder: Path, collector: Collector, keys: Secured, browser: Browser
) -> None:
    agents = token(collector, "create", "--role", "agent", "--hosts", "gpu-*", "--name", "rack 1")
    viewers = token(collector, "create", "--role", "viewer", "--expires", "30d")
    wait_for(lambda: accepts(collector, keys, viewers), "the collector has heard of the token", REVOKED_SECONDS)
    with (
        running_agent(folder, settings_of(collector, keys, agents)) as agent,
        listening(collector, keys, viewers) as socket,
        page(browser, collector) as opened,
    ):
        wait_for(lambda: state(collector) == "up", "the agent streams over TLS")
        told = json.loads(socket.recv(timeout=30))
        assert told["data"]["host"] == HOST
        opened.open(f"/hosts/{HOST}")
        expect(opened.page.get_by_test_id("login")).to_be_visible()
        opened.photograph("login")
        assert opened.faults() == []
        log_in(opened, "gpf_aaaaaaaaaa_wrong")
        expect(opened.page.get_by_role("alert")).to_contain_text("this token is not valid")
        log_in(opened, viewers)
        expect(opened.page.locator("h1")).to_have_text(HOST)
        expect(opened.page.locator("[data-testid=connection][data-state=live]")).to_be_visible()
        expect(opened.page.get_by_test_id("who")).to_contain_text("Logged in as viewer")
        assert opened.page.evaluate("document.cookie") == ""

        for text in (agents, viewers):
            token(collector, "revoke", text)
        revoked = time.monotonic()
        with pytest.raises(websockets.exceptions.ConnectionClosed) as closed:
            while True:
                socket.recv(timeout=REVOKED_SECONDS)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401
        wait_for(lambda: collector.metric("gpufleet_streams") == 0, "the stream has ended", REVOKED_SECONDS)
        expect(opened.page.get_by_test_id("login")).to_be_visible(timeout=1_000 * REVOKED_SECONDS)
        assert time.monotonic() - revoked < 2 * REVOKED_SECONDS
        wait_for(lambda: "token" in agent.errors, "the agent says what it lacks")


def test_a_token_that_is_bound_to_hosts_is_refused_for_another_and_counted(
    folder: Path, collector: Collector, keys: Secured
) -> None:
    text = token(collector, "create", "--role", "agent", "--hosts", "gpu-*")
    with running_agent(folder, settings_of(collector, keys, text), "db-1") as agent:
        wait_for(lambda: "db-1" in agent.errors and "token" in agent.errors, "the agent says why")
        assert state(collector, "db-1") is None
    lines = collector.text("/metrics").splitlines()
    refused = [line for line in lines if 'reason="host_not_allowed"' in line and not line.endswith(" 0.0")]
    assert refused


def test_tokens_are_listed_without_themselves(collector: Collector) -> None:
    text = token(collector, "create", "--role", "viewer", "--name", "on-call")
    listed = token(collector, "list")
    assert text not in listed
    assert re.search(r"^\w{10}  viewer +valid +never +any +database +on-call$", listed, re.MULTILINE)


def test_a_token_of_a_file_needs_no_database(folder: Path, collector: Collector) -> None:
    file = folder / "more-tokens"
    text = token(collector, "create", "--role", "agent", "--hosts", "gpu-*", "--for-file", str(file))
    assert text not in file.read_text()
    assert file.read_text().startswith("agent sha256:")
    assert file.stat().st_mode & 0o077 == 0


def test_a_renewed_certificate_is_shown_to_who_comes_next(collector: Collector, keys: Secured) -> None:
    before = keys.folder.joinpath("server.crt").read_bytes()
    keys.renew()
    assert keys.folder.joinpath("server.crt").read_bytes() != before

    def is_taken() -> bool:
        return "the certificate was read again" in collector.process.errors

    wait_for(is_taken, "the certificate is read again")
    assert collector.get("/api/v1/hosts")["count"] >= 0


def test_a_listener_beyond_this_machine_without_tokens_ends_the_start_in_one_line(folder: Path, keys: Secured) -> None:
    environ = {**keys.settings, "GPUFLEET_HTTP_LISTEN": "0.0.0.0:0"}
    del environ["GPUFLEET_TOKENS_FILE"]
    (folder / "lonely").mkdir()
    lonely = Collector(folder / "lonely", None, **environ)
    lonely.process.start()
    lonely.process.running.communicate(timeout=60)
    assert lonely.process.running.returncode == 2
    last = lonely.process.errors.strip().splitlines()[-1]
    assert "there are no tokens" in last
    assert "gpufleet-collector token create" in last


def test_the_first_token_can_be_made_before_the_collector_ever_ran(folder: Path) -> None:
    (folder / "fresh").mkdir()
    fresh = Collector(folder / "fresh")
    assert token(fresh, "create", "--role", "admin").startswith("gpf_")
    with running_collector(folder / "fresh") as collector, pytest.raises(urllib.error.HTTPError, match="401"):
        collector.get("/api/v1/hosts")


def printed(opened: Watched) -> list[str]:
    """The commands of the way that is chosen."""
    return opened.page.get_by_test_id("add-command").all_inner_texts()


def type_on_host(folder: Path, command: str, keys: Secured) -> dict[str, str]:
    """The settings of the agent of a host whose / is `folder`, after this was typed there beside ca.crt."""
    folder.mkdir()
    shutil.copy(keys.ca_file, folder / "ca.crt")
    # Whoever runs the tests is no sudoer, and the unit's group is not on this machine.
    here = command.replace("sudo ", "").replace("-g gpufleet-agent ", "").replace("/etc/", f"{folder}/etc/")
    done = subprocess.run(["bash", "-euc", here], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, ""), here
    lines = (folder / "etc" / "gpufleet" / "agent.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def secret_of(command: str, keys: Secured) -> dict[str, bytes]:
    """What the Secret would hold that this makes."""
    here = command.replace("kubectl ", f"{shlex.quote(kubectl())} ") + " --dry-run=client --output=json"
    folder = keys.ca_file.parent
    done = subprocess.run(["bash", "-euc", here], cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return {name: base64.b64decode(value) for name, value in json.loads(done.stdout)["data"].items()}


@pytest.mark.browser
def test_an_admin_adds_a_host_on_the_page_and_sees_it_appear(
    folder: Path, collector: Collector, keys: Secured, browser: Browser
) -> None:
    with page(browser, collector) as opened:
        opened.open("/add")
        log_in(opened, keys.tokens["admin"])
        opened.page.get_by_test_id("token-hosts").fill("new-*")
        opened.page.get_by_test_id("make-token").click()
        expect(opened.page.get_by_test_id("token-made")).to_be_visible()
        (command,) = [each for each in printed(opened) if "agent.env" in each]
        assert "grpcs://127.0.0.1:" in command
        opened.photograph("add-host")
        assert opened.faults() == []
        opened.page.get_by_role("radio", name="Kubernetes").click()
        (create,) = [each for each in printed(opened) if "create secret" in each]
        settings = type_on_host(folder / "new-7", command, keys)
        assert secret_of(create, keys)["token"] == Path(settings["GPUFLEET_TOKEN_FILE"]).read_bytes()
        with running_agent(folder, settings, "new-7"):
            expect(opened.page.get_by_test_id("arrivals")).to_contain_text("new-7")
            opened.page.get_by_role("link", name="new-7").click()
            expect(opened.page.locator("h1")).to_have_text("new-7")


@pytest.mark.browser
@pytest.mark.parametrize("is_insecure", [True, False])
def test_what_is_open_is_said_on_the_page(browser: Browser, is_insecure: bool) -> None:
    site = Site(settings=WebSettings(is_insecure=is_insecure))
    with apart(site.listening) as address, watched(browser, address) as opened:
        opened.open("/")
        expect(opened.page.get_by_test_id("who")).to_contain_text("Open:")
        expect(opened.page.get_by_test_id("insecure")).to_have_count(int(is_insecure))
        assert opened.faults() == []


@pytest.mark.browser
def test_a_viewer_is_told_who_makes_tokens(collector: Collector, keys: Secured, browser: Browser) -> None:
    with page(browser, collector) as opened:
        opened.open("/add")
        log_in(opened, keys.tokens["viewer"])
        expect(opened.page.get_by_test_id("add-token")).to_contain_text("log in with an admin's token")
        opened.page.get_by_role("button", name="Log out").click()
        expect(opened.page.get_by_test_id("login")).to_be_visible()
