"""A real agent over the stand-in for NVML: what the driver tells reaches the API once, and a hang is told."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fakes.nvml.library import FakeDriver, FakeGpu, compile_library, environment, uuid_of, whole_gpu
from fakes.processes import Collector, Process, running_collector, wait_for

XID_EVENTS = 0x8
"""nvmlEventTypeXidCriticalError of nvml.h"""


class Host:
    """A host with two GPUs whose driver does as it is told."""

    def __init__(self, folder: Path, collector: Collector, *flags: str) -> None:
        self._script = folder / "nvml.txt"
        self.gpus: list[FakeGpu] = [whole_gpu(0), whole_gpu(1)]
        for gpu in self.gpus:
            gpu.values["nvmlDeviceGetSupportedEventTypes"] = XID_EVENTS
        self.tell()
        environ = {
            **environment(self._script, compile_library(folder)),
            "GPUFLEET_COLLECTOR": collector.target,
            "GPUFLEET_HOST_NAME": "node-1",
            "GPUFLEET_DATA_DIR": str(folder / "agent-data"),
            "GPU_POLL_INTERVAL_SECONDS": "0.3",
        }
        arguments = ("run", "--backend", "nvml", *flags)
        self.process = Process("gpufleet-agent", *arguments, log=folder / "agent.log", environ=environ)

    def tell(self) -> None:
        fresh = self._script.with_suffix(".new")
        fresh.write_text(FakeDriver(gpus=self.gpus).text())
        fresh.replace(self._script)


@contextmanager
def running_host(folder: Path, collector: Collector, *flags: str) -> Iterator[Host]:
    host = Host(folder, collector, *flags)
    host.process.start()
    try:
        wait_for(lambda: collector.get("/api/system/gpu-stats")["count"] == 2, "both GPUs are known")
        yield host
    finally:
        host.process.stop()


def events(collector: Collector, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = collector.get(f"/api/v1/events?kind={kind}")["events"]
    return found


def states(collector: Collector) -> list[str]:
    return [gpu["state"] for gpu in collector.get("/api/system/gpu-stats")["gpus"]]


def test_what_the_driver_tells_is_an_event_once(open_path: Path) -> None:
    with running_collector(open_path) as collector, running_host(open_path, collector) as host:
        wait_for(lambda: len(events(collector, "agent_started")) == 1, "the agent's start is told")
        host.gpus[1].xids = [79]
        host.tell()
        wait_for(lambda: len(events(collector, "xid")) == 1, "the XID is told")
        (xid,) = events(collector, "xid")
        assert (xid["host"], xid["gpu_uuid"], xid["gpu_index"], xid["code"]) == ("node-1", uuid_of(1), 1, 79)
        assert xid["severity"] == "critical"
        host.gpus[1].xids = []
        host.gpus[1].lost = True
        host.tell()
        wait_for(lambda: len(events(collector, "gpu_lost")) == 1, "the loss is told")
        assert states(collector) == ["ok", "lost"]
        host.gpus[1].lost = False
        host.tell()
        wait_for(lambda: len(events(collector, "gpu_found")) == 1, "the return is told")
        assert len(events(collector, "xid")) == 1


def test_a_hang_is_told_with_its_call_while_the_other_gpu_streams_on(open_path: Path) -> None:
    with running_collector(open_path) as collector, running_host(open_path, collector) as host:
        host.gpus[1].hangs.add("nvmlDeviceGetPowerUsage")
        host.tell()
        wait_for(lambda: "nvmlDeviceGetPowerUsage on GPU 1" in host.process.errors, "the call is named", 20)
        wait_for(lambda: states(collector) == ["ok", "hung"], "the GPU is hung")
        wait_for(lambda: len(events(collector, "gpu_hung")) == 1, "the hang is an event")
        (hung,) = events(collector, "gpu_hung")
        assert hung["gpu_uuid"] == uuid_of(1)
        seen: str = collector.get("/api/system/gpu-stats?gpu_index=0")["gpus"][0]["recorded_at"]

        def streams_on() -> bool:
            now: str = collector.get("/api/system/gpu-stats?gpu_index=0")["gpus"][0]["recorded_at"]
            return now > seen

        wait_for(streams_on, "the other GPU has a newer reading")
        (about,) = collector.get("/api/v1/hosts")["hosts"]
        assert about["state"] == "up"
