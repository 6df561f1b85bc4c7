"""`make run`: a collector and an agent on this machine, or a simulated fleet where it has no GPU, until Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
READY_SECONDS = 120.0
STOP_SECONDS = 40.0
SAY_SECONDS = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FLEET = ("--hosts", "8", "--gpus", "8", "--backfill", "1h")


LOOPBACK = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""A proxy named in the environment is for what is far away."""


class Refusal(Exception):
    """Something the person at the terminal has to change; one line."""


def settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of everything that is started."""
    ours = dict(environ)
    ours["GPUFLEET_DATA_DIR"] = environ.get("GPUFLEET_DATA_DIR") or str(ROOT / ".gpufleet")
    ours["GPUFLEET_HTTP_LISTEN"] = environ.get("GPUFLEET_HTTP_LISTEN") or "127.0.0.1:8080"
    ours["GPUFLEET_GRPC_LISTEN"] = environ.get("GPUFLEET_GRPC_LISTEN") or "127.0.0.1:50051"
    ours["GPUFLEET_COLLECTOR"] = f"grpc://{reachable(ours['GPUFLEET_GRPC_LISTEN'])}"
    return ours


def reachable(listen: str) -> str:
    """Where something that listens at `listen` is reached from this machine."""
    host, _, port = listen.rpartition(":")
    return f"{ {'0.0.0.0': '127.0.0.1', '[::]': '[::1]'}.get(host, host) }:{port}"


def refuse_taken(variable: str, listen: str) -> None:
    """Raises Refusal when somebody listens there already, or when it is no address."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise Refusal(f"{variable}={listen!r} is not HOST:PORT: write {variable}=127.0.0.1:8081")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except OSError as error:
            other = f"{host}:{int(port) + 1}"
            raise Refusal(
                f"{listen} cannot be used ({error.strerror}): choose another, `{variable}={other} make run`"
            ) from None


def has_gpu(environ: Mapping[str, str]) -> bool:
    """Whether a backend of the agent reads a GPU of this machine."""
    command = [str(BIN / "gpufleet-agent"), "snapshot", "--json"]
    answer = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    try:
        return bool(json.loads(answer.stdout)["gpus"])
    except (ValueError, KeyError):
        return False


def wait_ready(url: str, collector: "subprocess.Popen[bytes]") -> None:
    """Until the collector answers that it is ready, with a sign of life. Raises Refusal."""
    started = said = time.monotonic()
    while time.monotonic() - started < READY_SECONDS:
        if collector.poll() is not None:
            raise Refusal(f"the collector ended with status {collector.returncode}; its last lines above say why")
        try:
            with LOOPBACK.open(f"{url}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        if time.monotonic() - said >= SAY_SECONDS:
            said = time.monotonic()
            say(f"still waiting for the collector ({said - started:.0f} s) ...")
    raise Refusal(f"the collector was not ready after {READY_SECONDS:.0f} s")


def interrupt(_number: int, _frame: object) -> NoReturn:
    """The first signal ends the run."""
    ignore_signals()
    raise KeyboardInterrupt


def ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def stop(processes: list["subprocess.Popen[bytes]"]) -> None:
    """End agents first, so that what they hold still arrives. A second Ctrl-C must not leave anything running."""
    ignore_signals()
    for process in reversed(processes):
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(environ: Mapping[str, str]) -> int:
    ours = settings(environ)
    for variable in ("GPUFLEET_HTTP_LISTEN", "GPUFLEET_GRPC_LISTEN"):
        refuse_taken(variable, ours[variable])
    url = f"http://{reachable(ours['GPUFLEET_HTTP_LISTEN'])}"
    processes: list[subprocess.Popen[bytes]] = []
    try:
        say("Starting the collector and its PostgreSQL ...")
        # Own sessions: Ctrl-C reaches this program alone, which then ends the others in order.
        collector = subprocess.Popen([str(BIN / "gpufleet-collector"), "serve"], env=ours, start_new_session=True)
        processes.append(collector)
        wait_ready(url, collector)
        real = has_gpu(ours)
        command = ["run"] if real else ["simulate", *FLEET]
        say(
            "Reading this machine's GPUs."
            if real
            else "No NVIDIA GPU here: showing a SIMULATED fleet of 8 hosts × 8 GPUs."
        )
        agent = [str(BIN / "gpufleet-agent"), *command]
        processes.append(subprocess.Popen(agent, env=ours, stdout=subprocess.DEVNULL, start_new_session=True))
        say(f"\n  gpufleet is at  {url}\n  data in         {ours['GPUFLEET_DATA_DIR']}\n  stop with       Ctrl-C\n")
        while all(process.poll() is None for process in processes):
            time.sleep(0.2)
        return 1
    except KeyboardInterrupt:
        say("\nStopping ...")
        return 0
    finally:
        stop(processes)


def main() -> int:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, interrupt)
    try:
        return run(os.environ)
    except Refusal as refusal:
        say(f"gpufleet: {refusal}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
