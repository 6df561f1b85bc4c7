"""The boards that the simulated fleet is made of, with the figures that decide what their metrics look like."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Board:
    """A model of GPU: what it can do at most, and what it does not offer."""

    name: str
    memory_mb: int
    reserved_mb: int
    power_limit_watts: float
    idle_watts: float
    sm_clock_mhz: int
    idle_clock_mhz: int
    memory_clock_mhz: int
    pcie_generation: int
    has_fan: bool
    is_datacenter: bool
    """Has memory temperature, ECC, row remapping and NVLink."""
    has_profiling: bool


BOARDS: tuple[Board, ...] = (
    Board("NVIDIA H100 80GB HBM3", 81559, 479, 700.0, 70.0, 1980, 345, 2619, 5, False, True, True),
    Board("NVIDIA A100-SXM4-80GB", 81920, 607, 400.0, 55.0, 1410, 210, 1593, 4, False, True, False),
    Board("NVIDIA H200", 143771, 565, 700.0, 75.0, 1980, 345, 3201, 5, False, True, True),
    Board("NVIDIA GeForce RTX 4090", 24564, 434, 450.0, 22.0, 2520, 210, 10501, 4, True, False, False),
)
