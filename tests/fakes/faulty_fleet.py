"""A simulated fleet whose faulty GPUs come and go within seconds, as a process: `python faulty_fleet.py TARGET`."""

import asyncio
import logging
import sys

from gpufleet_agent.access.address import parse_collectors
from gpufleet_agent.fleet_orders import FleetOrders
from gpufleet_agent.simulate import simulate
from gpufleet_agent.simulation.faults import Faults

HOSTS = 3


def main(target: str) -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    orders = FleetOrders(
        targets=parse_collectors(f"grpc://{target}"),
        hosts=HOSTS,
        gpus=2,
        interval_seconds=0.2,
        seed=0,
        faults=True,
        backfill_seconds=60.0,
        fault_times=Faults(every_seconds=1.5, lost_seconds=0.5),
    )
    sys.stdout.write(asyncio.run(simulate(orders, logging.getLogger("gpufleet_agent"))).as_json() + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
