"""MIG instances: which ones a GPU is split into now, looked up again every few seconds and whenever a handle fails, and
what each of them tells. They come and go by an administrator's word, so that one that is gone is not lost.

What belongs to a GPU instance (memory, activity) is told once, by the first of its compute instances; the others share
it, and to tell it again would count it twice. Temperature, power and clocks are the board's: the parent tells them.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gpufleet_agent.probe.gpm import GpmSampler, Subject
from gpufleet_agent.probe.nvml_driver import FORBIDDEN, CallFailed, GpuLost, NvmlDriver
from gpufleet_agent.probe.readers import METRICS, PROFILING, memory, processes, utilization
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.probe.slow_tier import read_metrics
from gpufleet_agent.readings import ERROR, NO_PERMISSION, NOT_SUPPORTED, GpuIdentity, GpuReading

LOOK_AGAIN_SECONDS = 10.0
MAX_INSTANCES = 64
"""Of one GPU; today's have at most 7."""

MIG_REASON = "MIG"
NOT_WITH_MIG = frozenset((*utilization.READERS, *PROFILING))
"""What the driver does not tell of a GPU in MIG mode (nvml.h, nvmlDeviceGetUtilizationRates): its instances may."""

OF_GPU_INSTANCE = memory.READERS
OF_COMPUTE_INSTANCE = processes.READERS
OF_BOTH = {**OF_GPU_INSTANCE, **OF_COMPUTE_INSTANCE}
_PROFILE = re.compile(r"\bMIG (\S+)")


@dataclass(frozen=True, slots=True)
class Instance:
    """One MIG device: a compute instance in a GPU instance. `first` is whether it speaks for its GPU instance."""

    gpu: GpuIdentity
    handle: Any
    compute_instance: int
    first: bool = False

    @property
    def gpu_instance(self) -> int:
        return self.gpu.mig_instance or 0


@dataclass(frozen=True, slots=True)
class Partition:
    """How a GPU was split at `seen` (monotonic seconds). `denied` is whether the driver lets this user not look."""

    parent: GpuIdentity
    seen: float
    on: bool = False
    denied: bool = False
    instances: tuple[Instance, ...] = ()


class MigReader:
    """The partitions of one session with the driver."""

    def __init__(self, driver: NvmlDriver, gpm: GpmSampler | None, *, pid_namespace_is_host: bool) -> None:
        self._driver = driver
        self._gpm = gpm
        self._pid_namespace_is_host = pid_namespace_is_host
        self._partitions: dict[str, Partition] = {}

    def partition(self, handle: Any, parent: GpuIdentity, now: float) -> Partition:
        """How the GPU of `handle` is split. Raises the errors that cost the GPU."""
        known = self._partitions.get(parent.uuid)
        if known is not None and known.parent is parent and now - known.seen < LOOK_AGAIN_SECONDS:
            return known
        return self._look(handle, parent, now)

    def read(self, handle: Any, partition: Partition, now: float) -> list[GpuReading]:
        """One reading of each instance. After a failure the GPU is looked at again, and what is there now is read."""
        sound = {instance.gpu: self._read_sound(handle, instance, now) for instance in partition.instances}
        if None in sound.values():
            return list(self._read_again(handle, partition.parent, now, sound))
        return [reading for reading in sound.values() if reading is not None]

    def _read_again(
        self, handle: Any, parent: GpuIdentity, now: float, sound: Mapping[GpuIdentity, GpuReading | None]
    ) -> Iterator[GpuReading]:
        for gpu, reading in sound.items():
            if reading is None:
                self._forget(gpu.uuid)
        for instance in self._look(handle, parent, now).instances:
            again = sound.get(instance.gpu) or self._read_one(handle, instance, now)
            if again is not None:
                yield again

    def _read_sound(self, handle: Any, instance: Instance, now: float) -> GpuReading | None:
        """None where the handle may be that of an instance that is gone: then what fails has no reason of its own."""
        reading = self._read_one(handle, instance, now)
        if reading is None or ERROR in (reading.absent.get(name) for name in OF_BOTH):
            return None
        return reading

    def _read_one(self, handle: Any, instance: Instance, now: float) -> GpuReading | None:
        try:
            values, absent = self._read_parts(handle, instance, now)
        except GpuLost:
            return None
        return GpuReading(gpu=instance.gpu, values=values, absent=absent)

    def _read_parts(self, handle: Any, instance: Instance, now: float) -> tuple[dict[str, int | float], dict[str, str]]:
        label = label_of(instance.gpu)
        device = Device(self._driver, instance.handle, label, self._pid_namespace_is_host)
        values, absent = read_metrics(device, OF_BOTH if instance.first else OF_COMPUTE_INSTANCE)
        told: tuple[str, ...] = (*values, *absent)
        if self._gpm is not None and instance.first:
            activity, inactive = self._gpm.read(Subject(instance.gpu.uuid, label, handle, instance.gpu_instance), now)
            values |= activity
            absent |= inactive
            told += PROFILING
        return values, {name: MIG_REASON for name in METRICS if name not in told} | absent

    def _look(self, handle: Any, parent: GpuIdentity, now: float) -> Partition:
        before = self._partitions.get(parent.uuid)
        found = self._find(handle, parent, now)
        self._partitions[parent.uuid] = found
        if before is not None:
            now_here = {(instance.gpu, instance.compute_instance) for instance in found.instances}
            for instance in before.instances:
                if (instance.gpu, instance.compute_instance) not in now_here:
                    self._forget(instance.gpu.uuid)
        return found

    def _forget(self, uuid: str) -> None:
        if self._gpm is not None:
            self._gpm.forget(uuid)

    def _find(self, handle: Any, parent: GpuIdentity, now: float) -> Partition:
        label = label_of(parent)
        try:
            if not self._driver.call("nvmlDeviceGetMigMode", label, handle)[0]:
                return Partition(parent, now)
            count = self._driver.call("nvmlDeviceGetMaxMigDeviceCount", label, handle)
        except CallFailed:
            return Partition(parent, now)
        found: list[Instance] = []
        denied = False
        for place in range(min(count, MAX_INSTANCES)):
            try:
                found.append(self._instance(handle, parent, place))
            except (CallFailed, GpuLost) as failed:
                # An empty place answers NOT_FOUND. Whether the GPU itself is lost shows in its own metrics.
                denied = denied or failed.code == FORBIDDEN
        return Partition(parent, now, on=True, denied=denied, instances=tuple(_with_speakers(found)))

    def _instance(self, handle: Any, parent: GpuIdentity, place: int) -> Instance:
        label = label_of(parent)
        ask: Callable[..., Any] = self._driver.call
        instance = ask("nvmlDeviceGetMigDeviceHandleByIndex", label, handle, place)
        gpu = replace(
            parent,
            uuid=ask("nvmlDeviceGetUUID", label, instance),
            parent_uuid=parent.uuid,
            mig_profile=self._profile(label, instance),
            mig_instance=ask("nvmlDeviceGetGpuInstanceId", label, instance),
        )
        return Instance(gpu, instance, ask("nvmlDeviceGetComputeInstanceId", label, instance))

    def _profile(self, label: str, instance: Any) -> str | None:
        """`1g.10gb` of `NVIDIA H100 80GB HBM3 MIG 1g.10gb`."""
        try:
            match = _PROFILE.search(self._driver.call("nvmlDeviceGetName", label, instance))
        except CallFailed:
            return None
        return match[1] if match else None


def label_of(gpu: GpuIdentity) -> str:
    """How driver calls on this GPU, or on an instance of it, are announced."""
    return f"GPU {gpu.index}"


def parent_absences(absent: Mapping[str, str], partition: Partition) -> dict[str, str]:
    """The reasons of a GPU in MIG mode: what its instances tell instead is absent for that reason."""
    reason = NO_PERMISSION if partition.denied and not partition.instances else MIG_REASON
    hidden = {name for name, why in absent.items() if why == NOT_SUPPORTED and name in NOT_WITH_MIG}
    return {name: reason if name in hidden else why for name, why in absent.items()}


def _with_speakers(instances: list[Instance]) -> Iterator[Instance]:
    """In order of their ids; the first compute instance of each GPU instance speaks for it."""
    spoken: set[int] = set()
    for instance in sorted(instances, key=lambda each: (each.gpu_instance, each.compute_instance)):
        yield replace(instance, first=instance.gpu_instance not in spoken)
        spoken.add(instance.gpu_instance)
