"""The agent's configuration: a frozen value built once from environment and flags, with a reason for every refusal."""

import math
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gpufleet_agent.access.address import DEFAULT_COLLECTOR, CollectorAddress, parse_collectors
from gpufleet_agent.access.config import ALLOW_INSECURE, AccessConfig, parse_access
from gpufleet_agent.breadcrumb import DEFAULT_DEADLINE_SECONDS
from gpufleet_agent.errors import ConfigurationError

DEFAULT_INTERVAL_SECONDS = 5.0
BACKENDS = ("auto", "nvml", "nvidia-smi", "simulated")
SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
MAX_HOST_NAME = 253
MAX_LABELS = 64
MAX_LABEL_LENGTH = 256
MAX_INTERVAL_SECONDS = 86_400.0
ROOT_STATE_DIRECTORY = Path("/var/lib/gpufleet")
DEFAULT_SPOOL_MEBIBYTES = 256.0
MAX_SPOOL_MEBIBYTES = 1024.0 * 1024
DEFAULT_SPOOL_HOURS = 72.0
MAX_SPOOL_HOURS = 366.0 * 24
MEBIBYTE = 1024 * 1024
SHORTEST_CALL_DEADLINE_SECONDS, LONGEST_CALL_DEADLINE_SECONDS = 0.5, 600.0
"""Calls of a sound driver take tens of milliseconds; what has not come back after ten minutes does not."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """`interval_explicit` says that the operator chose the interval. `data_dir` is None where no directory is given and
    there is no home; `spool_max_bytes` 0 is no spool."""

    collectors: tuple[CollectorAddress, ...]
    access: AccessConfig
    host_name: str
    labels: Mapping[str, str]
    interval_seconds: float
    interval_explicit: bool
    backend: str
    nvidia_smi: str
    gpm: bool
    release_handles: bool
    call_deadline_seconds: float
    data_dir: Path | None
    spool_max_bytes: int
    spool_max_seconds: float


def read_config(
    environ: Mapping[str, str], flags: Mapping[str, str | None], *, user_id: int | None = None
) -> AgentConfig:
    """The configuration from environment variables and flags (by variable name); flags win.

    Raises ConfigurationError that names the setting, the value and the remedy.
    """
    given = {**environ, **{name: value for name, value in flags.items() if value is not None}}
    interval = given.get("GPU_POLL_INTERVAL_SECONDS") or None
    return AgentConfig(
        collectors=parse_collectors(given.get("GPUFLEET_COLLECTOR") or DEFAULT_COLLECTOR),
        access=parse_access(given, allow_insecure=parse_switch(ALLOW_INSECURE, given.get(ALLOW_INSECURE) or "false")),
        host_name=parse_host_name(given.get("GPUFLEET_HOST_NAME") or socket.gethostname()),
        labels=parse_labels(given.get("GPUFLEET_LABELS") or ""),
        interval_seconds=DEFAULT_INTERVAL_SECONDS if interval is None else parse_interval(interval),
        interval_explicit=interval is not None,
        backend=parse_backend(given.get("GPUFLEET_BACKEND") or "auto"),
        nvidia_smi=given.get("GPUFLEET_NVIDIA_SMI") or "nvidia-smi",
        gpm=parse_switch("GPUFLEET_GPM", given.get("GPUFLEET_GPM") or "true"),
        release_handles=parse_switch("GPUFLEET_RELEASE_HANDLES", given.get("GPUFLEET_RELEASE_HANDLES") or "false"),
        call_deadline_seconds=parse_call_deadline(
            given.get("GPUFLEET_CALL_DEADLINE_SECONDS") or f"{DEFAULT_DEADLINE_SECONDS}"
        ),
        data_dir=data_directory(given, os.geteuid() if user_id is None else user_id),
        spool_max_bytes=parse_spool_size(given.get("GPUFLEET_SPOOL_MAX_MB") or f"{DEFAULT_SPOOL_MEBIBYTES}"),
        spool_max_seconds=parse_spool_age(given.get("GPUFLEET_SPOOL_MAX_HOURS") or f"{DEFAULT_SPOOL_HOURS}"),
    )


def data_directory(given: Mapping[str, str], user_id: int) -> Path | None:
    """GPUFLEET_DATA_DIR, else where this platform keeps the state of programs; None where there is no home."""
    if given.get("GPUFLEET_DATA_DIR"):
        return Path(given["GPUFLEET_DATA_DIR"])
    if user_id == 0:
        return ROOT_STATE_DIRECTORY
    state, home = given.get("XDG_STATE_HOME", ""), given.get("HOME", "")
    if state.startswith("/"):
        return Path(state) / "gpufleet"
    return Path(home) / ".local" / "state" / "gpufleet" if home.startswith("/") else None


def parse_interval(text: str, setting: str = "GPU_POLL_INTERVAL_SECONDS") -> float:
    """Seconds, more than 0 and at most a day. `setting` is what to name when it is wrong."""
    seconds = _number(text)
    if not 0 < seconds <= MAX_INTERVAL_SECONDS:
        raise ConfigurationError(f"{setting}={text!r} is not an interval: give seconds, more than 0 and at most a day")
    return seconds


def parse_call_deadline(text: str) -> float:
    """Seconds within the bounds above."""
    seconds = _number(text)
    if not SHORTEST_CALL_DEADLINE_SECONDS <= seconds <= LONGEST_CALL_DEADLINE_SECONDS:
        raise ConfigurationError(
            f"GPUFLEET_CALL_DEADLINE_SECONDS={text!r} is not a deadline: give seconds, "
            f"{SHORTEST_CALL_DEADLINE_SECONDS:g} to {LONGEST_CALL_DEADLINE_SECONDS:g}"
        )
    return seconds


def parse_spool_size(text: str) -> int:
    """MiB, 0 or at least 1, as bytes."""
    size = _number(text)
    if size != 0 and not 1 <= size <= MAX_SPOOL_MEBIBYTES:
        raise ConfigurationError(
            f"GPUFLEET_SPOOL_MAX_MB={text!r} is not a size: give MiB, 1 to {MAX_SPOOL_MEBIBYTES:.0f}, or 0 for none"
        )
    return round(size * MEBIBYTE)


def parse_spool_age(text: str) -> float:
    """Hours, more than 0 and at most a year, as seconds."""
    hours = _number(text)
    if not 0 < hours <= MAX_SPOOL_HOURS:
        raise ConfigurationError(
            f"GPUFLEET_SPOOL_MAX_HOURS={text!r} is not a time: give hours, more than 0 and at most a year"
        )
    return hours * 3600


def _number(text: str) -> float:
    """NaN, which no comparison lets pass, where it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def parse_backend(text: str) -> str:
    """One of `BACKENDS`."""
    if text not in BACKENDS:
        raise ConfigurationError(f"GPUFLEET_BACKEND={text!r} is not a backend: choose one of {', '.join(BACKENDS)}")
    return text


def parse_switch(variable: str, text: str) -> bool:
    """`true` or `false`, also as 1 or 0, yes or no, on or off."""
    switch = SWITCHES.get(text.strip().lower())
    if switch is None:
        raise ConfigurationError(f"{variable}={text[:80]!r} is not a switch: write true or false")
    return switch


def parse_host_name(text: str, setting: str = "GPUFLEET_HOST_NAME") -> str:
    """A printable name of at most 253 characters. `setting` is what to name when it is wrong."""
    if not text.isprintable() or not text.strip() or len(text) > MAX_HOST_NAME:
        raise ConfigurationError(
            f"{setting}={text[:80]!r} is not a host name: give 1 to {MAX_HOST_NAME} printable characters"
        )
    return text.strip()


def parse_labels(text: str) -> dict[str, str]:
    """`rack=r1,pool=train` -> `{"rack": "r1", "pool": "train"}`."""
    labels: dict[str, str] = {}
    for part in (part.strip() for part in text.split(",")):
        key, separator, value = (piece.strip() for piece in part.partition("="))
        if not part:
            continue
        if not separator or not key or len(key) > MAX_LABEL_LENGTH or len(value) > MAX_LABEL_LENGTH:
            raise ConfigurationError(f"GPUFLEET_LABELS: {part[:80]!r} is not a label: write KEY=VALUE,KEY=VALUE")
        labels[key] = value
    if len(labels) > MAX_LABELS:
        raise ConfigurationError(f"GPUFLEET_LABELS holds {len(labels)} labels: give at most {MAX_LABELS}")
    return labels
