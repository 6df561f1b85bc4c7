"""Opens a backend by its name, and `auto`, which takes the first that reads a GPU and looks again while none does."""

from collections.abc import Callable, Sequence
from functools import partial

from gpufleet_agent.breadcrumb import NoBreadcrumb
from gpufleet_agent.readings import Backend, Breadcrumb, CanLeaveAlone, CanWarmUp, Reading

NAMES = ("auto", "nvml", "nvidia-smi", "simulated")
LOOK_AGAIN_US = 60_000_000
"""Without a GPU `auto` tries the backends again this long (wall time of the ticks) after it tried them last."""


def open_backend(
    name: str,
    *,
    nvidia_smi: str = "nvidia-smi",
    breadcrumb: Breadcrumb,
    slow_breadcrumb: Breadcrumb | None = None,
    gpm: bool = True,
    release_handles: bool = False,
    simulated_host: str = "",
    seed: int = 0,
    interval_seconds: float = 5.0,
) -> Backend:
    """The backend called `name`. Only its own modules are imported: the probe is to stay small.

    `slow_breadcrumb` is for the calls of a second thread; `gpm` is whether NVML's activity counters are read, and
    `release_handles` whether NVML is closed between two readings; `nvidia_smi` is that command's name or path;
    `simulated_host`, `seed` and `interval_seconds` shape a simulated one. Raises ValueError for a name that is not in
    `NAMES`.
    """
    open_nvml = partial(_open_nvml, breadcrumb, slow_breadcrumb, gpm=gpm, release_handles=release_handles)
    if name == "auto":
        return AutoBackend([open_nvml, lambda: _open_nvidia_smi(nvidia_smi, breadcrumb)])
    if name == "nvml":
        return open_nvml()
    if name == "nvidia-smi":
        return _open_nvidia_smi(nvidia_smi, breadcrumb)
    if name == "simulated":
        return _open_simulated(simulated_host or "simulated", breadcrumb, seed, interval_seconds)
    raise ValueError(f"{name!r} is not a backend: choose one of {', '.join(NAMES)}")


def _open_nvml(
    breadcrumb: Breadcrumb, slow_breadcrumb: Breadcrumb | None, *, gpm: bool, release_handles: bool
) -> Backend:
    from gpufleet_agent.probe.nvml import NvmlBackend
    from gpufleet_agent.probe.slow_tier import SlowTier

    slow_tier = SlowTier(slow_breadcrumb or NoBreadcrumb())
    return NvmlBackend(breadcrumb, gpm=gpm, slow_tier=slow_tier, release_handles=release_handles)


def _open_nvidia_smi(command: str, breadcrumb: Breadcrumb) -> Backend:
    from gpufleet_agent.probe.nvidia_smi import NvidiaSmiBackend

    return NvidiaSmiBackend(command, breadcrumb)


def _open_simulated(host: str, breadcrumb: Breadcrumb, seed: int, interval_seconds: float) -> Backend:
    from gpufleet_agent.probe.simulated import SimulatedBackend

    return SimulatedBackend(host, breadcrumb, seed=seed, interval_seconds=interval_seconds)


class AutoBackend:
    """The first of several backends that reads a GPU; while none does, a reading of `none` that says why."""

    name = "auto"

    def __init__(self, openers: Sequence[Callable[[], Backend]], look_again_us: int = LOOK_AGAIN_US) -> None:
        """`openers` in order of preference; each is called at most once, when it is first needed."""
        self._openers = list(openers)
        self._opened: list[Backend] = []
        self._look_again_us = look_again_us
        self._looked_us: int | None = None
        self._chosen: Backend | None = None
        self._nothing = Reading(backend="none")
        self._left_alone: frozenset[int] = frozenset()

    @property
    def needs_new_process(self) -> bool:
        """Whether only a new process can load the driver's library that is now installed. Not while another backend
        reads the GPUs: then it is not the process that is wrong."""
        asked = self._opened if self._chosen is None else [self._chosen]
        return any(getattr(backend, "needs_new_process", False) for backend in asked)

    def read(self, instant_us: int) -> Reading:
        """What the chosen backend reads; when there is none or it reads no GPU, all are tried, at a bounded rate."""
        reading = self._nothing if self._chosen is None else self._chosen.read(instant_us)
        if reading.gpus or not self._may_look(instant_us):
            return reading
        return self._look(instant_us)

    def warm_up(self, instant_us: int) -> None:
        """Choose a backend, and warm it up."""
        self.read(instant_us)
        if self._chosen is not None:
            _warm_up(self._chosen, instant_us)

    def leave_alone(self, indexes: frozenset[int]) -> None:
        """Passed on to whatever is open, and to what is opened later."""
        self._left_alone = indexes
        for backend in self._opened:
            _leave_alone(backend, indexes)

    def close(self) -> None:
        """Release every driver that was opened."""
        for backend in self._opened:
            backend.close()

    def _may_look(self, instant_us: int) -> bool:
        """Also when the clock was set back: it says nothing then about how long ago the last look was."""
        return self._looked_us is None or not 0 <= instant_us - self._looked_us < self._look_again_us

    def _look(self, instant_us: int) -> Reading:
        self._looked_us = instant_us
        self._chosen = None
        reasons = []
        for position in range(len(self._opened) + len(self._openers)):
            backend = self._backend(position)
            reading = backend.read(instant_us)
            if reading.gpus:
                self._chosen = backend
                return reading
            reasons.append(f"{backend.name}: {reading.note or 'no GPU.'}")
        self._nothing = Reading(backend="none", note="No GPU can be read. " + " ".join(reasons))
        return self._nothing

    def _backend(self, position: int) -> Backend:
        if position == len(self._opened):
            self._opened.append(self._openers.pop(0)())
            _leave_alone(self._opened[position], self._left_alone)
        return self._opened[position]


def _leave_alone(backend: Backend, indexes: frozenset[int]) -> None:
    if isinstance(backend, CanLeaveAlone):
        backend.leave_alone(indexes)


def _warm_up(backend: Backend, instant_us: int) -> None:
    if isinstance(backend, CanWarmUp):
        backend.warm_up(instant_us)
