"""What carries messages between collectors, as the bus needs it."""

from collections.abc import Callable
from typing import Protocol

from gpufleet_collector.errors import BusAway

__all__ = ["BusAway", "Wire"]


class Wire(Protocol):
    """Carries each message at most once, in the order in which one sender sent them unless it is disturbed."""

    @property
    def is_up(self) -> bool:
        """Whether it can carry messages now."""

    @property
    def trouble(self) -> str:
        """Why it could not last time, in a few words."""

    @property
    def dropped(self) -> int:
        """Messages that came and were not handed over, because too many were waiting."""

    async def start(self, fleet: str, take: Callable[[bytes], None]) -> None:
        """Begin to connect, and go on until stopped; what comes from collectors of this fleet is handed over. Returns
        at once."""

    async def stop(self) -> None:
        """Safe to call twice and unstarted."""

    async def tell(self, data: bytes) -> None:
        """To every other collector. Raises BusAway."""

    async def send(self, to: str, data: bytes) -> None:
        """To the collector of this id. Raises BusAway."""
