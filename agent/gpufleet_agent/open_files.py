"""One connection is one open file, and the usual limit is lower than a fleet."""

import resource

from gpufleet_agent.errors import ConfigurationError

FILES_BESIDE_CONNECTIONS = 256


def raise_file_limit(hosts: int) -> None:
    """Raise the soft limit of this process to what so many hosts need, or say what to do. Raises ConfigurationError."""
    needed = hosts + FILES_BESIDE_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise ConfigurationError(
            f"{hosts} hosts in one process need {needed} open files and the hard limit is {hard}: raise it "
            f"(ulimit -Hn {needed}), or share them among several processes (--processes)"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
