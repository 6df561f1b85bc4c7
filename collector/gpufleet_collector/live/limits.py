"""How much of a fleet is kept in memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LiveLimits:
    """At `max_hosts`, the host that has been silent longest makes room if it is not up; otherwise the new one is not
    shown. At `max_gpus`, GPUs beyond it are not shown. Both are counted, and neither keeps a sample from the store."""

    max_hosts: int = 20_000
    max_gpus: int = 200_000
