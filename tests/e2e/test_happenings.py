"""What happens on hosts arrives once over REST and at most once on the WebSocket, whatever is killed meanwhile."""

import asyncio
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from fakes import faulty_fleet
from fakes.processes import PATIENCE_SECONDS, Collector, final_count, running_collector, wait_for

ASK = "/api/v1/events?since=2020-01-01T00:00:00Z&until=2100-01-01T00:00:00Z&limit=100"


@contextmanager
def running_faulty_fleet(folder: Path, collector: Collector) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, faulty_fleet.__file__, collector.target.removeprefix("grpc://")]
    with (folder / "fleet.log").open("w") as log:
        fleet = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True)
    try:
        yield fleet
    finally:
        fleet.terminate()
        fleet.communicate(timeout=PATIENCE_SECONDS)


class Listener(threading.Thread):
    """A WebSocket client that notes every event, and comes back when it is cut off."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.events: list[dict[str, Any]] = []
        self._url = url
        self._ended = threading.Event()

    def run(self) -> None:
        asyncio.run(self._listen())

    def end(self) -> None:
        self._ended.set()
        self.join(PATIENCE_SECONDS)

    async def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                async with connect(self._url) as socket:
                    await self._note(socket)
            except (OSError, ConnectionClosed, InvalidStatus):  # who may listen is not known at once
                await asyncio.sleep(0.05)

    async def _note(self, socket: Any) -> None:
        while not self._ended.is_set():
            try:
                async with asyncio.timeout(0.2):
                    message = json.loads(await socket.recv())
            except TimeoutError:
                continue
            if message["type"] == "event":
                self.events.append(message["data"])


def all_events(collector: Collector) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = collector.get(ASK + cursor)
        found += answer["events"]
        if answer["next_cursor"] is None:
            return found
        cursor = f"&cursor={answer['next_cursor']}"


def test_every_event_is_there_once_although_the_collector_was_killed(open_path: Path) -> None:
    with running_collector(open_path) as collector, running_faulty_fleet(open_path, collector) as fleet:
        listener = Listener(f"ws://127.0.0.1:{collector.http_port}/ws")
        listener.start()
        for _ in range(2):
            told = len(listener.events) + 2 * faulty_fleet.HOSTS
            wait_for(lambda: len(listener.events) >= told, "live events are told")  # noqa: B023
            collector.process.kill()
            wait_for(lambda: fleet.poll() is None and collector.status("/healthz") == 0, "the collector is gone")
            collector.start()
        wait_for(lambda: collector.get("/api/v1/processes")["count"] > 0, "processes are told")
        assert_processes(collector)
        fleet.terminate()
        count = final_count(fleet.communicate(timeout=PATIENCE_SECONDS)[0])
        wait_for(lambda: len(all_events(collector)) >= count["events"], "every event is stored")
        listener.end()
        stored = all_events(collector)
        assert count["refused"] == count["dropped"] == count["pending"] == 0
        check(stored, listener.events, count["events"])
        spans = collector.get("/api/v1/processes?since=2020-01-01T00:00:00Z")
        assert spans["count"] > 0
        assert all(span["first_seen"] <= span["last_seen"] for span in spans["processes"])


def assert_processes(collector: Collector) -> None:
    found = collector.get("/api/v1/processes")["processes"]
    uuids = {gpu["gpu_uuid"] for gpu in collector.get("/api/v1/gpus")["gpus"]}
    assert {process["gpu_uuid"] for process in found} <= uuids
    assert all(process["name"] and process["host_state"] and process["gpu_name"] for process in found)


def check(stored: list[dict[str, Any]], heard: list[dict[str, Any]], told: int) -> None:
    times = [event["occurred_at"] for event in stored]
    assert times == sorted(times, reverse=True)
    assert len({event["id"] for event in stored}) == len(stored) == told
    kinds = Counter(event["kind"] for event in stored)
    assert kinds["xid"] == kinds["gpu_lost"] > 40
    assert abs(kinds["gpu_lost"] - kinds["gpu_found"]) <= faulty_fleet.HOSTS
    assert [name for name, times in Counter(event["id"] for event in heard).items() if times > 1] == []
    by_id = {event["id"]: event for event in stored}
    # An event that was sent again is stored as it was received first by whoever stored it.
    told_live = [event | {"received_at": None} for event in heard]
    assert [by_id[event["id"]] | {"received_at": None} for event in heard] == told_live
