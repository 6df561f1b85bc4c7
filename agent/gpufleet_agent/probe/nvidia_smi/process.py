"""Runs the nvidia-smi command, once at a time, with a time limit that holds even when the driver keeps it alive."""

import enum
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

from gpufleet_agent.errors import AgentError

MAX_STDOUT_BYTES = 4 * 1024 * 1024
"""An answer that is longer is none: the command is killed."""
MAX_STDERR_BYTES = 64 * 1024
"""What is said beyond this is read and dropped."""
KILL_GRACE_SECONDS = 0.2
"""How long a killed command is waited for; one that hangs in the driver does not die before that call returns."""
WSL_COMMAND = "/usr/lib/wsl/lib/nvidia-smi"
"""Where Windows puts it inside WSL, often without PATH knowing."""
_CHUNK = 65_536


class Cause(enum.Enum):
    """Why a command gave no answer."""

    NOT_FOUND = "not found"
    NOT_STARTED = "not started"
    TIMED_OUT = "timed out"
    TOO_LONG = "too long"
    STILL_RUNNING = "still running"


class NoAnswer(AgentError):
    """The command did not answer; `cause` says in which way."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(detail)
        self.cause = cause


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command printed, and how it ended (a negative exit code is a signal's number)."""

    exit_code: int
    stdout: str
    stderr: str


class CommandRunner:
    """Starts one command again and again, never twice at the same time.

    The command runs in a session of its own, so that everything it starts is killed with it. When it does not die,
    `run` refuses to start another until it is gone.
    """

    def __init__(
        self,
        command: str,
        *,
        environ: Mapping[str, str],
        timeout_seconds: float,
        kill_group: Callable[[int, int], None] = os.killpg,
    ) -> None:
        self._command = command
        self._environ = {name: value for name, value in environ.items() if not name.startswith("GPUFLEET_")}
        self._environ["LC_ALL"] = "C"
        self._timeout = timeout_seconds
        self._kill_group = kill_group
        self._undead: subprocess.Popen[bytes] | None = None
        self._undead_since = 0.0

    def run(self, arguments: Sequence[str]) -> Answer:
        """Start the command and wait for its answer. Raises NoAnswer."""
        self._refuse_a_second()
        process = self._start(arguments)
        try:
            return _answer(process, time.monotonic() + self._timeout)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise NoAnswer(Cause.TIMED_OUT, f"no answer within {self._timeout:g} s") from error
        finally:
            _close(process)
            if process.returncode is None:
                self._kill(process)

    def close(self) -> None:
        """Forget a command that has ended meanwhile; one that cannot be killed is left to the system."""
        if self._undead is not None and self._undead.poll() is not None:
            self._undead = None

    def _refuse_a_second(self) -> None:
        if self._undead is None:
            return
        self.close()
        if self._undead is not None:
            seconds = time.monotonic() - self._undead_since
            detail = f"process {self._undead.pid} was killed {seconds:.0f} s ago and hangs in the driver"
            raise NoAnswer(Cause.STILL_RUNNING, detail)

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        for command in (self._command, WSL_COMMAND) if self._command == "nvidia-smi" else (self._command,):
            try:
                return self._spawn(command, arguments)
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                raise NoAnswer(Cause.NOT_STARTED, f"{command} cannot be started ({error})") from error
        raise NoAnswer(Cause.NOT_FOUND, f"{self._command} not found")

    def _spawn(self, command: str, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self._environ,
            start_new_session=True,
        )

    def _kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill the command and whatever it started, and remember it when it does not die."""
        try:
            self._kill_group(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # it has just ended, or belongs to somebody else (a set-user-id command): the wait below tells
        try:
            process.wait(KILL_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._undead, self._undead_since = process, time.monotonic()


def _answer(process: subprocess.Popen[bytes], deadline: float) -> Answer:
    stdout, stderr = _collect(process, deadline)
    exit_code = process.wait(max(0.0, deadline - time.monotonic()))
    return Answer(exit_code, stdout.decode(errors="replace"), stderr.decode(errors="replace"))


def _close(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _collect(process: subprocess.Popen[bytes], deadline: float) -> tuple[bytes, bytes]:
    """Everything the command prints until it closes both streams. Raises TimeoutError, and NoAnswer when too long."""
    stdout, stderr = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        _watch(selector, process.stdout, stdout)
        _watch(selector, process.stderr, stderr)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK)
                if not chunk:
                    selector.unregister(key.fileobj)
                key.data.extend(chunk)
            del stderr[MAX_STDERR_BYTES:]
            if len(stdout) > MAX_STDOUT_BYTES:
                raise NoAnswer(Cause.TOO_LONG, f"more than {MAX_STDOUT_BYTES} bytes")
            if time.monotonic() > deadline:
                raise TimeoutError
    return bytes(stdout), bytes(stderr)


def _watch(selector: selectors.BaseSelector, stream: IO[bytes] | None, into: bytearray) -> None:
    if stream is not None:
        selector.register(stream, selectors.EVENT_READ, into)
