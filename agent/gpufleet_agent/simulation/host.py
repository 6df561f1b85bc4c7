"""One simulated host: GPUs of one model, one of them too hot, and with faults on one that comes and goes."""

from hashlib import sha256

from gpufleet_agent.readings import Reading
from gpufleet_agent.simulation.boards import BOARDS
from gpufleet_agent.simulation.gpu import SimulatedGpu

DRIVER_VERSION = "590.48.01"
HOT_ONE_IN = 3
"""One host in so many has a GPU that runs too hot."""


class SimulatedHost:
    """`gpus` GPUs in the host called `name`, the same for the same seed."""

    def __init__(self, name: str, gpus: int, *, seed: int = 0, faults: bool = False) -> None:
        self.name = name
        draw = int.from_bytes(sha256(f"{seed}/{name}".encode()).digest()[:8])
        board = BOARDS[draw % len(BOARDS)]
        hot = (draw >> 8) % max(1, gpus) if (draw >> 16) % HOT_ONE_IN == 0 else None
        faulty = (draw >> 24) % max(1, gpus) if faults else None
        self.gpus = tuple(
            SimulatedGpu(seed, name, index, board, hot=index == hot, faulty=index == faulty) for index in range(gpus)
        )

    def read(self, instant_us: int, interval_seconds: float) -> Reading:
        return Reading(
            backend="simulated",
            gpus=tuple(gpu.read(instant_us, interval_seconds) for gpu in self.gpus),
            driver_version=DRIVER_VERSION,
            nvml_version=DRIVER_VERSION.rpartition(".")[0],
            simulated=True,
        )
