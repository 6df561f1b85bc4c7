"""The agent's configuration: a frozen value built once from environment and flags, with a reason for every refusal."""

import math
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from gpufleet_agent.errors import ConfigurationError

DEFAULT_INTERVAL_SECONDS = 5.0
DEFAULT_COLLECTOR = "grpc://127.0.0.1:50051"
BACKENDS = ("auto", "nvml", "nvidia-smi", "simulated")
SWITCHES = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
MAX_HOST_NAME = 253
MAX_LABELS = 64
MAX_LABEL_LENGTH = 256
MAX_INTERVAL_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """`collectors` are `host:port` targets. `interval_explicit` says that the operator chose the interval."""

    collectors: tuple[str, ...]
    host_name: str
    labels: Mapping[str, str]
    interval_seconds: float
    interval_explicit: bool
    backend: str
    nvidia_smi: str
    gpm: bool
    release_handles: bool


def read_config(environ: Mapping[str, str], flags: Mapping[str, str | None]) -> AgentConfig:
    """The configuration from environment variables and flags (by variable name); flags win.

    Raises ConfigurationError that names the setting, the value and the remedy.
    """
    given = {**environ, **{name: value for name, value in flags.items() if value is not None}}
    interval = given.get("GPU_POLL_INTERVAL_SECONDS") or None
    return AgentConfig(
        collectors=parse_collectors(given.get("GPUFLEET_COLLECTOR") or DEFAULT_COLLECTOR),
        host_name=parse_host_name(given.get("GPUFLEET_HOST_NAME") or socket.gethostname()),
        labels=parse_labels(given.get("GPUFLEET_LABELS") or ""),
        interval_seconds=DEFAULT_INTERVAL_SECONDS if interval is None else parse_interval(interval),
        interval_explicit=interval is not None,
        backend=parse_backend(given.get("GPUFLEET_BACKEND") or "auto"),
        nvidia_smi=given.get("GPUFLEET_NVIDIA_SMI") or "nvidia-smi",
        gpm=parse_switch("GPUFLEET_GPM", given.get("GPUFLEET_GPM") or "true"),
        release_handles=parse_switch("GPUFLEET_RELEASE_HANDLES", given.get("GPUFLEET_RELEASE_HANDLES") or "false"),
    )


def parse_collectors(text: str) -> tuple[str, ...]:
    """`grpc://a:50051,grpc://b` -> `("a:50051", "b:50051")`."""
    targets = tuple(_parse_collector(part.strip()) for part in text.split(",") if part.strip())
    if not targets:
        raise ConfigurationError(f"GPUFLEET_COLLECTOR={text!r} names no collector: write {DEFAULT_COLLECTOR}")
    return targets


def _parse_collector(url: str) -> str:
    wrong = f"GPUFLEET_COLLECTOR={url!r} is not a collector's address: write grpc://HOST:PORT"
    try:
        parts = urlsplit(url)
        port = 50051 if parts.port is None else parts.port
    except ValueError:
        raise ConfigurationError(wrong) from None
    extra = parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None
    hostname = parts.hostname or ""
    if parts.scheme != "grpc" or not re.fullmatch(r"[\w.:%-]+", hostname) or extra or port == 0:
        raise ConfigurationError(wrong)
    host = f"[{hostname}]" if ":" in hostname else hostname
    return f"{host}:{port}"


def parse_interval(text: str) -> float:
    """Seconds, more than 0 and at most a day."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_INTERVAL_SECONDS:
        raise ConfigurationError(
            f"GPU_POLL_INTERVAL_SECONDS={text!r} is not an interval: give seconds, more than 0 and at most a day"
        )
    return seconds


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


def parse_host_name(text: str) -> str:
    """A printable name of at most 253 characters."""
    if not text.isprintable() or not text.strip() or len(text) > MAX_HOST_NAME:
        raise ConfigurationError(
            f"GPUFLEET_HOST_NAME={text[:80]!r} is not a host name: give 1 to {MAX_HOST_NAME} printable characters"
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
