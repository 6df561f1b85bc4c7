"""One reading taken by a probe of its own, for the commands that print it: a driver call that hangs or kills the probe
is told, and neither hangs nor kills the command."""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from gpufleet_agent import breadcrumb
from gpufleet_agent.breadcrumb import BreadcrumbReader
from gpufleet_agent.frames import MAX_LINE_BYTES, BadFrame, FrameReader
from gpufleet_agent.readings import Reading

TIMEOUT_SECONDS = 15.0
END_SECONDS = 1.0
"""How long the probe is waited for after its answer, and after it was killed."""
MAX_STDERR_BYTES = 64 * 1024
_INTERVAL_SECONDS = 3600.0
"""One tick is wanted; the next would be this far away."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A reading and its instant (µs of wall time), or in `problem` one sentence on why there is none."""

    instant_us: int = 0
    reading: Reading | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class _Heard:
    line: bytes | None
    """None when the time was up before there was one, empty when the probe ended without one."""
    complaint: str


def take(
    backend: str,
    *,
    nvidia_smi: str,
    host: str,
    environ: Mapping[str, str],
    timeout_seconds: float = TIMEOUT_SECONDS,
    gpm: bool = True,
) -> Taken:
    """One whole reading by `backend`, or the reason why there is none within `timeout_seconds`."""
    descriptor = breadcrumb.create()
    crumbs = BreadcrumbReader(descriptor)
    orders = {
        "backend": backend,
        "interval_seconds": _INTERVAL_SECONDS,
        "nvidia_smi": nvidia_smi,
        "breadcrumb_descriptor": descriptor,
        "simulated_host": host,
        "gpm": gpm,
        "whole": True,
    }
    try:
        process = _start(orders, descriptor, environ)
        try:
            heard = _listen(process, time.monotonic() + timeout_seconds)
            return _taken(heard, process, crumbs, timeout_seconds)
        finally:
            _end(process)
    finally:
        os.close(descriptor)
        crumbs.close()


def _start(orders: Mapping[str, object], descriptor: int, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "gpufleet_agent.probe", json.dumps(orders)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        pass_fds=(descriptor,),
        env=dict(environ),
    )


def _listen(process: subprocess.Popen[bytes], deadline: float) -> _Heard:
    """The first line on standard output, and the last one on standard error."""
    said, complaints = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        _watch(selector, process.stdout, said)
        _watch(selector, process.stderr, complaints)
        while b"\n" not in said and len(said) <= MAX_LINE_BYTES and selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return _Heard(None, _last_line(complaints))
            for key, _ in ready:
                chunk = os.read(key.fd, 65_536)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
            del complaints[:-MAX_STDERR_BYTES]
    return _Heard(bytes(said), _last_line(complaints))


def _watch(selector: selectors.BaseSelector, stream: IO[bytes] | None, into: bytearray) -> None:
    if stream is not None:
        selector.register(stream, selectors.EVENT_READ, into)


def _last_line(output: bytearray) -> str:
    lines = [line.strip() for line in output.decode(errors="replace").splitlines() if line.strip()]
    return "".join(filter(str.isprintable, lines[-1]))[:200] if lines else ""


def _taken(heard: _Heard, process: subprocess.Popen[bytes], crumbs: BreadcrumbReader, timeout_seconds: float) -> Taken:
    if heard.line is None:
        call = crumbs.read()
        where = "the call is not known" if call is None else f"it hangs in {call.describe(time.monotonic())}"
        return Taken(problem=f"No reading within {timeout_seconds:g} s; {where}. See the kernel log for Xid lines.")
    if not heard.line:
        return Taken(problem=_death(process, crumbs, heard.complaint))
    try:
        instant_us, reading = FrameReader().decode(heard.line)
    except BadFrame as error:
        return Taken(problem=f"Not a reading: {error}.")
    return Taken(instant_us, reading)


def _death(process: subprocess.Popen[bytes], crumbs: BreadcrumbReader, complaint: str) -> str:
    try:
        status = process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        return "The process that reads the GPUs fell silent without ending."
    how = f"with signal {signal.Signals(-status).name}" if status < 0 else f"with exit status {status}"
    call = crumbs.read()
    where = "" if call is None else f" in {call.name}{f' on {call.gpu}' if call.gpu else ''}"
    return f"The process that reads the GPUs died {how}{where}{f': {complaint}' if complaint else ''}."


def _end(process: subprocess.Popen[bytes]) -> None:
    """A probe ends when its input closes; one that hangs is killed, and one that cannot be killed is left behind."""
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    for _ in range(2):
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
