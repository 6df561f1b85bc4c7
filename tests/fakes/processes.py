"""Real processes of the product on loopback, started with settings of their own and always ended."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from fakes.secured import Secured

BIN = Path(sys.executable).parent
LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy named in the environment is for what is far away."""

PATIENCE_SECONDS = 60.0
STOP_SECONDS = 45.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Until the condition holds; fails the test with `what` when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"after {seconds:g} s still not: {what}"
        time.sleep(0.05)


class Process:
    """One program with its standard error in a file."""

    def __init__(self, program: str, *arguments: str, log: Path, environ: dict[str, str]) -> None:
        self._command = [str(BIN / program), *arguments]
        self._log = log
        self._environ = {**os.environ, **environ}
        self._environ.pop("DATABASE_URL", None)
        self._environ.update(environ)
        self._process: subprocess.Popen[str] | None = None

    @property
    def running(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    @property
    def errors(self) -> str:
        return self._log.read_text()

    def start(self) -> None:
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environ,
                text=True,
                start_new_session=True,
            )

    def kill(self) -> None:
        self.running.kill()
        self.running.communicate()

    def stop(self) -> str:
        """Ask it to end; what it printed."""
        if self._process is None:
            return ""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.communicate(timeout=STOP_SECONDS)[0]
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise


def _secure_opener(secured: Secured) -> urllib.request.OpenerDirector:
    handlers = (urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=secured.context()))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = list(secured.headers().items())
    return opener


class Collector:
    """A collector with ports and data of its own."""

    def __init__(self, folder: Path, database_url: str | None = None, **settings: str) -> None:
        self.http_port, self.grpc_port = free_port(), free_port()
        self._secured: Secured | None = None
        self._opener = LOOPBACK
        self.data_dir = folder / "data"
        environ = {
            "GPUFLEET_DATA_DIR": str(self.data_dir),
            "GPUFLEET_HTTP_LISTEN": f"127.0.0.1:{self.http_port}",
            "GPUFLEET_GRPC_LISTEN": f"127.0.0.1:{self.grpc_port}",
            **settings,
        }
        if database_url is not None:
            environ["DATABASE_URL"] = database_url
        self.process = Process("gpufleet-collector", "serve", log=folder / "collector.log", environ=environ)
        self.address = Process("gpufleet-collector", "database-url", log=folder / "address.log", environ=environ)

    @classmethod
    def closed(cls, folder: Path, secured: Secured, **settings: str) -> Self:
        """One that speaks TLS and wants tokens; it is asked with a viewer's."""
        made = cls(folder, None, **secured.settings, **settings)
        made._secured, made._opener = secured, _secure_opener(secured)
        return made

    @property
    def url(self) -> str:
        return f"{'http' if self._secured is None else 'https'}://127.0.0.1:{self.http_port}"

    @property
    def target(self) -> str:
        return f"{'grpc' if self._secured is None else 'grpcs'}://127.0.0.1:{self.grpc_port}"

    @property
    def agent_settings(self) -> dict[str, str]:
        return {} if self._secured is None else self._secured.agent_settings()

    def status(self, path: str) -> int:
        try:
            with self._opener.open(self.url + path, timeout=5) as answer:
                status: int = answer.status
                return status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def get(self, path: str) -> Any:
        with self._opener.open(self.url + path, timeout=10) as answer:
            return json.load(answer)

    def text(self, path: str) -> str:
        with self._opener.open(self.url + path, timeout=10) as answer:
            found: str = answer.read().decode()
            return found

    def metric(self, name: str) -> float:
        """The value on /metrics of one without labels."""
        (value,) = self.metrics(name)
        return value

    def metrics(self, *names: str) -> list[float]:
        """The same for several, of one moment."""
        found = dict(line.split(" ")[:2] for line in self.text("/metrics").splitlines() if line[0] != "#")
        return [float(found[name]) for name in names]

    def database_url(self) -> str:
        self.address.start()
        return self.address.running.communicate(timeout=PATIENCE_SECONDS)[0].strip()

    def start(self) -> None:
        self.process.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        def ready() -> bool:
            assert self.process.running.poll() is None, self.process.errors[-2000:]
            return self.status("/readyz") == 200

        wait_for(ready, "/readyz is 200")


@contextmanager
def running_collector(folder: Path, database_url: str | None = None, **settings: str) -> Iterator[Collector]:
    """Ready to be used, and stopped at the end."""
    with _running(Collector(folder, database_url, **settings)) as collector:
        yield collector


@contextmanager
def running_closed_collector(folder: Path, secured: Secured, **settings: str) -> Iterator[Collector]:
    with _running(Collector.closed(folder, secured, **settings)) as collector:
        yield collector


@contextmanager
def _running(collector: Collector) -> Iterator[Collector]:
    try:
        collector.start()
        yield collector
    finally:
        collector.process.stop()


@contextmanager
def running_fleet(
    folder: Path, collector: Collector | Sequence[Collector], *arguments: str, name: str = "fleet"
) -> Iterator[Process]:
    """`gpufleet-agent simulate` against the collector, or all of them."""
    collectors = [collector] if isinstance(collector, Collector) else collector
    environ = {"GPUFLEET_COLLECTOR": ",".join(one.target for one in collectors), **collectors[0].agent_settings}
    fleet = Process("gpufleet-agent", "simulate", *arguments, log=folder / f"{name}.log", environ=environ)
    try:
        fleet.start()
        yield fleet
    finally:
        fleet.stop()


def final_count(printed: str) -> dict[str, int]:
    """What a fleet says of its samples when it ends."""
    counts: dict[str, int] = json.loads(printed.strip().splitlines()[-1])
    return counts
