"""`gpufleet-agent doctor`: what works on this host, what does not, and what to do about it."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TextIO

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.config import data_directory
from gpufleet_agent.doctor.agent import agent_findings
from gpufleet_agent.doctor.backends import REAL_BACKENDS, absences, backend_findings
from gpufleet_agent.doctor.collector import collector_findings
from gpufleet_agent.doctor.finding import Finding, render
from gpufleet_agent.doctor.host import host_findings
from gpufleet_agent.doctor.storage import storage_findings
from gpufleet_agent.one_reading import Taken, take


def run(
    *,
    nvidia_smi: str,
    collectors: Sequence[CollectorAddress],
    environ: Mapping[str, str],
    stdout: TextIO,
    host_name: str,
    access: AccessConfig = NO_ACCESS,
    data_dir: Path | None = None,
    root: Path = Path("/"),
    read: Callable[[str], Taken] | None = None,
    gpm: bool = True,
) -> int:
    """Print what was found; the exit status: 0 when a backend reads GPUs, else 1.

    `access` is how to get in at the `collectors`; `root` is where /dev and /proc are looked for; `read` takes one
    reading by a backend's name (by default in a process of its own, with a time limit). `data_dir` None is that of the
    environment; in it lies what the agent of `host_name` says of itself.
    """
    if read is None:
        read = partial(take, nvidia_smi=nvidia_smi, host="", environ=environ, gpm=gpm)
    stdout.write("gpufleet-agent doctor\n")
    taken: dict[str, Taken] = {}
    for name in REAL_BACKENDS:
        taken[name] = read(name)
    _write(stdout, "Reading GPUs", [*backend_findings(taken), *absences(taken)])
    _write(stdout, "This host", host_findings(root, environ, nvidia_smi))
    directory = data_dir or data_directory(environ, os.geteuid())
    now_us = time.time_ns() // 1000
    _write(stdout, "The agent that runs", agent_findings(directory, host_name, now_us, root))
    _write(stdout, "Collector", collector_findings(collectors, access, host_name=host_name, now=time.time()))
    _write(stdout, "Storage", storage_findings(directory))
    return 0 if any(one.reading is not None and one.reading.gpus for one in taken.values()) else 1


def _write(stdout: TextIO, title: str, findings: Sequence[Finding]) -> None:
    stdout.write(f"\n{title}\n")
    stdout.writelines(render(finding) + "\n" for finding in findings)
    stdout.flush()
