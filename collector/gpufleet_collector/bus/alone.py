"""The bus of a collector that shares with nobody."""

import asyncio

from gpufleet_collector.model import BusState


class Alone:
    """What `Bus` is for several."""

    state: BusState = "none"

    async def start(self, fleet: str) -> None:
        """Nobody is told anything."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    async def ended(self) -> None:
        """Never returns."""
        await asyncio.get_running_loop().create_future()
