"""What the agent knows of its GPUs: when a reading shows another inventory, and what a hang does to it."""

from dataclasses import fields, replace
from operator import attrgetter, eq

from gpufleet_agent.readings import HUNG, OK, SUSPENDED, UNKNOWN, GpuReading, Reading

_OF_THE_TICK = frozenset({"values", "events", "processes", "milliseconds"})
"""What changes from tick to tick and is no part of an inventory."""

_ABOUT_HOST = attrgetter(*(field.name for field in fields(Reading) if field.name not in _OF_THE_TICK | {"gpus"}))
_ABOUT_GPU = attrgetter(*(field.name for field in fields(GpuReading) if field.name not in _OF_THE_TICK))


def outline(reading: Reading) -> Reading:
    """The reading without what changes from tick to tick: equal outlines are the same inventory."""
    gpus = tuple(replace(gpu, values={}) for gpu in reading.gpus)
    return replace(reading, gpus=gpus, events=(), processes=None, milliseconds={})


def same_inventory(one: Reading, other: Reading) -> bool:
    """Whether two readings have equal outlines. Nothing is copied for it: it is asked at every tick."""
    return (
        _ABOUT_HOST(one) == _ABOUT_HOST(other)
        and len(one.gpus) == len(other.gpus)
        and all(map(eq, map(_ABOUT_GPU, one.gpus), map(_ABOUT_GPU, other.gpus)))
    )


class InventoryWatch:
    """Remembers the inventory and since when it holds; there is none before the first reading."""

    def __init__(self) -> None:
        self.current: Reading | None = None
        self.since_us = 0

    def see(self, instant_us: int, reading: Reading) -> bool:
        """Whether this reading shows another inventory than before; it is the current one from now on."""
        if self.current is not None and same_inventory(reading, self.current):
            return False
        self.current, self.since_us = outline(reading), instant_us
        return True

    def knows(self, gpu: str) -> bool:
        """Whether a hang on `gpu` ("GPU 3", or "" for the driver as a whole) concerns a GPU of the inventory."""
        return self.current is not None and any(_concerned(gpu, reading) for reading in self.current.gpus)

    def hang(self, instant_us: int, gpu: str) -> bool:
        """A driver call hangs on `gpu` ("GPU 3"), or in the driver as a whole (""). Whether that changes anything."""
        if self.current is None:
            return False
        gpus = tuple(_hung(gpu, reading) for reading in self.current.gpus)
        return self.see(instant_us, replace(self.current, gpus=gpus))


def with_left_alone(reading: Reading, known: Reading | None, indexes: frozenset[int]) -> Reading:
    """The reading with the GPUs that the probe was told to leave alone, hung as they were seen last: they are there,
    they just are not asked."""
    if known is None or not indexes:
        return reading
    read = {gpu.gpu.uuid for gpu in reading.gpus}
    missing = (gpu for gpu in known.gpus if gpu.gpu.index in indexes and gpu.gpu.uuid not in read)
    return replace(reading, gpus=(*reading.gpus, *(replace(gpu, state=HUNG, values={}) for gpu in missing)))


def with_remembered(reading: Reading, known: Reading | None) -> Reading:
    """The reading, and where it knows neither a GPU nor a driver, the GPUs seen last: while a driver is exchanged a new
    probe cannot know them, and they are still there. What was wrong with them stays; of the others nothing is known.
    A GPU that a new probe cannot ask who it is keeps the identity that it had."""
    if known is None:
        return reading
    if reading.gpus or reading.driver_version is not None:
        return _with_identities(reading, known)
    gpus = (replace(gpu, state=UNKNOWN if gpu.state in (OK, SUSPENDED) else gpu.state, values={}) for gpu in known.gpus)
    return replace(reading, gpus=tuple(gpus))


def _with_identities(reading: Reading, known: Reading) -> Reading:
    strangers = {gpu.gpu.uuid for gpu in reading.gpus if gpu.state != OK and gpu.gpu.name is None}
    if not strangers:
        return reading
    before = {gpu.gpu.uuid: gpu.gpu for gpu in known.gpus if gpu.gpu.uuid in strangers}
    gpus = (
        replace(gpu, gpu=replace(before[gpu.gpu.uuid], index=gpu.gpu.index)) if gpu.gpu.uuid in before else gpu
        for gpu in reading.gpus
    )
    return replace(reading, gpus=tuple(gpus))


def _hung(gpu: str, reading: GpuReading) -> GpuReading:
    return replace(reading, state=HUNG) if _concerned(gpu, reading) else reading


def _concerned(gpu: str, reading: GpuReading) -> bool:
    return gpu in ("", f"GPU {reading.gpu.index}")
