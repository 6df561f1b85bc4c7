"""XIDs as NVML tells them: an event set with every GPU in it, emptied at every tick without waiting."""

import ctypes
from collections.abc import Mapping
from typing import Any

from gpufleet_agent.probe.nvml_driver import CallFailed, GpuLost, NvmlDriver, SessionFailed, Unreadable, failure
from gpufleet_agent.probe.readers.device import Device
from gpufleet_agent.readings import NOT_SUPPORTED, GpuEvent
from gpufleet_agent.xids import xid_event

XID_CRITICAL_ERROR = 0x8
"""nvmlEventTypeXidCriticalError of nvml.h"""
WAIT = ("nvmlEventSetWait_v2", 0)
TIMEOUT = 10
"""NVML_ERROR_TIMEOUT: no event waits."""
MAX_EVENTS_PER_TICK = 256
"""The rest waits in the driver for the next tick."""

_FAILURES = (CallFailed, GpuLost, SessionFailed)


class XidEvents:
    """The event set of one session with the driver. What it cannot do costs the XIDs and nothing else."""

    def __init__(self, driver: NvmlDriver) -> None:
        self._driver = driver
        self._set: Any = None
        self._registered: set[str] = set()
        self._refused: dict[str, str] = {}
        """GPUs that tell no XIDs, with the reason; asked again when they have been away."""
        self._uuid_at: dict[int, str] = {}
        """By the address of the handle, also of GPUs that are gone: their last event may come after them."""
        self._no_set: str | None = None

    @property
    def trouble(self) -> str | None:
        """The reason for which XIDs are not told although the GPUs have them; None when there is none."""
        reasons = [*([self._no_set] if self._no_set else []), *self._refused.values()]
        return next((reason for reason in reasons if reason != NOT_SUPPORTED), None)

    def read(self, devices: Mapping[str, Device], instant_us: int) -> tuple[GpuEvent, ...]:
        """The XIDs since the tick before. `devices` are the GPUs that were read at this tick, by UUID: those that are
        new among them are listened to from now on, those that are missing anew when they come back."""
        self._registered &= devices.keys()
        self._refused = {uuid: reason for uuid, reason in self._refused.items() if uuid in devices}
        self._listen(devices)
        if self._set is None:
            return ()
        events: list[GpuEvent] = []
        try:
            self._drain(instant_us, events)
        except _FAILURES:
            # One GPU that is lost makes the whole set say so (nvml.h, nvmlEventSetWait_v2): the others get a new one.
            self.close()
            self._listen(devices)
        return tuple(events)

    def close(self) -> None:
        """Give the event set back. Safe to call twice."""
        if self._set is not None:
            self._quietly("nvmlEventSetFree", self._set)
        self._set = None
        self._registered.clear()
        self._uuid_at.clear()

    def _listen(self, devices: Mapping[str, Device]) -> None:
        if self._set is None and devices and self._no_set is None:
            self._create()
        if self._set is None:
            return
        for uuid, device in devices.items():
            if uuid not in self._registered and uuid not in self._refused:
                self._register(uuid, device)

    def _create(self) -> None:
        try:
            self._set = self._driver.call("nvmlEventSetCreate", "")
        except Unreadable as failed:
            self._no_set = failed.reason
        except (GpuLost, SessionFailed):
            return

    def _register(self, uuid: str, device: Device) -> None:
        try:
            if not device.call("nvmlDeviceGetSupportedEventTypes") & XID_CRITICAL_ERROR:
                self._refused[uuid] = NOT_SUPPORTED
                return
            self._driver.call("nvmlDeviceRegisterEvents", device.gpu, device.handle, XID_CRITICAL_ERROR, self._set)
        except Unreadable as failed:
            self._refused[uuid] = failed.reason
        except (GpuLost, SessionFailed):
            return
        else:
            self._registered.add(uuid)
            self._uuid_at[_address(device.handle)] = uuid

    def _drain(self, instant_us: int, into: list[GpuEvent]) -> None:
        for _ in range(MAX_EVENTS_PER_TICK):
            code, event = self._driver.ask(WAIT, "", self._set)
            if code == TIMEOUT:
                return
            if code:
                raise failure(WAIT[0], code)
            if event.eventType & XID_CRITICAL_ERROR:
                into.append(xid_event(instant_us, event.eventData, self._uuid_at.get(_address(event.device))))

    def _quietly(self, call: str, *arguments: Any) -> None:
        try:
            self._driver.call(call, "", *arguments)
        except _FAILURES:
            # Without a session the driver has forgotten the set already.
            return


def _address(handle: Any) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
