"""Which processes hold a GPU, with their memory and their share of its multiprocessors: read now and then and whenever
the lists that are read anyway, to count them, show others."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from gpufleet_agent.probe.nvml_driver import CallFailed, GpuLost, SessionFailed, Unreadable
from gpufleet_agent.probe.process_table import NOTHING, Facts, ProcessTable
from gpufleet_agent.probe.readers.device import NOT_AVAILABLE, Device
from gpufleet_agent.probe.readers.memory import MEBIBYTE, MOST_MEBIBYTES, memory_total_mb
from gpufleet_agent.probe.readers.processes import COMPUTE, GRAPHICS
from gpufleet_agent.readings import NOT_SUPPORTED, GpuProcess

PERIOD_US = 10_000_000
EARLY_US = 500_000
"""A tick so much before its time counts: the next one may be seconds later."""

MAX_PER_GPU = 256
"""Of more, those with the most memory are told; `process_count` counts all."""
MAX_PROCESSES = 4096
"""Of one host, so that a reading stays far below the longest frame."""
MAX_SAMPLES = 4096
WHOLE = 100
NO_LISTS: tuple[Sequence[Any], Sequence[Any]] = ((), ())
NO_INSTANCES: Mapping[tuple[str, int], str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Context:
    """One process on one GPU as NVML lists it. `instance` is the GPU instance it runs in, where the GPU is split."""

    pid: int
    memory_used_mb: int | None
    graphics: bool
    instance: int | None = None


def lists_of(device: Device) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """NVML's lists of a GPU's processes, of compute and of graphics; None when they are not known now."""
    lists: list[Sequence[Any]] = []
    for names in (COMPUTE, GRAPHICS):
        try:
            lists.append(device.first_known(*names))
        except CallFailed as failed:
            if failed.reason != NOT_SUPPORTED:
                return None
            lists.append(())
        except (GpuLost, SessionFailed):
            return None
    return lists[0], lists[1]


def contexts_of(lists: Iterable[Sequence[Any]]) -> tuple[Context, ...]:
    """The processes on a GPU, by PID. A process in both lists is one of compute."""
    by_pid: dict[int, Context] = {}
    for entries, graphics in zip(lists, (False, True), strict=True):
        for context in (_context(entry, graphics) for entry in entries):
            known = by_pid.get(context.pid)
            # PID 0 is what is left of a structure that the library filled in another layout (gpustat#161).
            if context.pid and (known is None or (known.memory_used_mb or 0) < (context.memory_used_mb or 0)):
                by_pid[context.pid] = replace(known or context, memory_used_mb=context.memory_used_mb)
    return tuple(by_pid[pid] for pid in sorted(by_pid))


def _context(entry: Any, graphics: bool) -> Context:
    used = entry.usedGpuMemory
    memory = None if used is None or used in NOT_AVAILABLE else round(used / MEBIBYTE)
    instance = getattr(entry, "gpuInstanceId", None)
    return Context(entry.pid, memory, graphics, None if instance in NOT_AVAILABLE else instance)


def sm_shares(samples: Iterable[Any], pids: Collection[int]) -> tuple[dict[int, int], int]:
    """The newest believable share of each of these processes in percent, and the time of the newest sample used (µs, 0
    for none). Where a process has died NVML has been seen to answer with thousands of percent, and for PIDs that
    nobody has (Syllo/nvtop#110)."""
    newest: dict[int, tuple[int, int]] = {}
    for sample in samples:
        if sample.pid in pids and 0 <= sample.smUtil <= WHOLE:
            newest[sample.pid] = max(newest.get(sample.pid, (-1, 0)), (sample.timeStamp, sample.smUtil))
    return {pid: share for pid, (_, share) in newest.items()}, max((at for at, _ in newest.values()), default=0)


class ProcessWatch:
    """Decides at every tick whether processes are to be read, and reads them.

    `table` is None where the host's processes are not visible: NVML's PIDs are then nobody's, and its empty list
    means nothing (NVIDIA/nvidia-docker#1483).
    """

    def __init__(self, table: ProcessTable | None) -> None:
        self._table = table
        self._pids: dict[str, frozenset[int]] = {}
        self._read_at_us: int | None = None
        self._last_sample_us: dict[str, int] = {}
        self._told = False

    def read(
        self, devices: Mapping[str, Device], instant_us: int, instances: Mapping[tuple[str, int], str] = NO_INSTANCES
    ) -> tuple[GpuProcess, ...] | None:
        """The processes on these GPUs (by UUID, all that were read at this tick), None when it is not their time.
        `instances` are the UUIDs of MIG instances by that of their GPU and the number of the GPU instance: a process
        is on its instance."""
        lists = {uuid: lists_of(device) for uuid, device in devices.items()}
        pids = {uuid: self._pids_of(uuid, found) for uuid, found in lists.items()}
        if pids == self._pids and not self._due(instant_us):
            return None
        self._pids, self._read_at_us = pids, instant_us
        self._last_sample_us = {uuid: at for uuid, at in self._last_sample_us.items() if uuid in devices}
        chosen = {uuid: _chosen(contexts_of(found or NO_LISTS), devices[uuid]) for uuid, found in lists.items()}
        found = tuple(self._found(devices, chosen, instant_us))[:MAX_PROCESSES]
        processes = tuple(_on_instance(process, number, instances) for process, number in found)
        if self._table is None and not processes and not self._told:
            return None
        self._told = bool(processes)
        return processes

    def _pids_of(self, uuid: str, lists: Iterable[Sequence[Any]] | None) -> frozenset[int]:
        """Where the lists cannot be read now, they count as unchanged."""
        if lists is None:
            return self._pids.get(uuid, frozenset())
        return frozenset([entry.pid for entries in lists for entry in entries if entry.pid])

    def _due(self, instant_us: int) -> bool:
        """Also when the clock was set back: it says nothing then about how long ago that was."""
        before = self._read_at_us
        return before is None or not 0 <= instant_us - before < PERIOD_US - EARLY_US

    def _found(
        self, devices: Mapping[str, Device], chosen: Mapping[str, list[Context]], instant_us: int
    ) -> Iterable[tuple[GpuProcess, int | None]]:
        """Each process as one of the whole GPU, and the GPU instance that it runs in."""
        facts = self._facts({context.pid for contexts in chosen.values() for context in contexts})
        for uuid, contexts in chosen.items():
            shares = self._shares(uuid, devices[uuid], [context.pid for context in contexts], instant_us)
            for context in contexts:
                known = facts.get(context.pid, NOTHING)
                process = GpuProcess(
                    gpu_uuid=uuid,
                    pid=context.pid,
                    started_at_us=known.started_at_us,
                    name=known.name,
                    memory_used_mb=context.memory_used_mb,
                    sm_utilization_percent=shares.get(context.pid),
                    graphics=context.graphics,
                )
                yield process, context.instance

    def _facts(self, pids: Collection[int]) -> dict[int, Facts]:
        return {} if self._table is None else self._table.look(pids)

    def _shares(self, uuid: str, device: Device, pids: list[int], instant_us: int) -> dict[int, int]:
        """What NVML cannot tell costs the shares alone; an idle GPU answers NOT_FOUND."""
        if not pids:
            return {}
        since = self._last_sample_us.get(uuid, 0)
        try:
            samples = device.call("nvmlDeviceGetProcessUtilization", since if since <= instant_us else 0) or ()
        except (CallFailed, GpuLost, SessionFailed):
            return {}
        shares, newest = sm_shares(samples[:MAX_SAMPLES], frozenset(pids))
        self._last_sample_us[uuid] = newest or since
        return shares


def _on_instance(process: GpuProcess, number: int | None, instances: Mapping[tuple[str, int], str]) -> GpuProcess:
    uuid = None if number is None else instances.get((process.gpu_uuid, number))
    return process if uuid is None else replace(process, gpu_uuid=uuid)


def _total_mb(device: Device) -> int:
    """Without memory of its own a GPU shares that of the host, whatever that is."""
    try:
        return memory_total_mb(device)
    except (Unreadable, GpuLost, SessionFailed):
        return MOST_MEBIBYTES


def _chosen(contexts: Iterable[Context], device: Device) -> list[Context]:
    """At most MAX_PER_GPU by memory. More memory than the GPU has is no reading, only its process is."""
    most = _total_mb(device)
    believable = [
        context if (context.memory_used_mb or 0) <= most else replace(context, memory_used_mb=None)
        for context in contexts
    ]
    return sorted(believable, key=lambda context: -(context.memory_used_mb or 0))[:MAX_PER_GPU]
