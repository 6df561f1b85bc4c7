"""Whether the bus between collectors answers."""

from collections.abc import AsyncIterator, Sequence

from gpufleet_collector.doctor.finding import Finding, ok, warn
from gpufleet_collector.errors import BusAway


async def bus_findings(servers: Sequence[str]) -> AsyncIterator[Finding]:
    """One for each server."""
    from gpufleet_collector.bus.nats_wire import round_trip, shown  # not for those who have no bus

    for server in servers:
        try:
            seconds = await round_trip([server])
        except BusAway as error:
            yield warn(
                f"{shown(server)} does not answer: {error}",
                "start NATS there, or correct GPUFLEET_BUS_URL; meanwhile each collector shows its own hosts only",
            )
        else:
            yield ok(f"{shown(server)} answers within {1000 * seconds:.1f} ms")
