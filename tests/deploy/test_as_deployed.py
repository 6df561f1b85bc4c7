"""With the settings of the manifests and the files of `make kubernetes-secrets` real programs find each other over TLS,
and nobody else comes in."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.workloads import ask_whether_ready, environment, source_of, workload
from fakes.nats import NATS_SERVER
from fakes.processes import Process, free_port, wait_for
from kubernetes_secrets import BUS, SECRETS, main

VARIANT = "large-with-all"
HOST = "node-7"


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    assert main(["--output", str(folder)]) == 0
    return folder


def test_a_cluster_is_closed_and_works(secrets: Path, tmp_path: Path, database_url: str) -> None:
    (secrets / "database").write_text(f"{database_url}\n")
    http, grpc = free_port(), free_port()
    with _bus(secrets), _program("collector", secrets, tmp_path, _listening(http, grpc)):
        ask = _asking(secrets, http)
        wait_for(lambda: ask("/readyz", None)[0] == 200, "the collector is ready")
        assert ask("/readyz", None)[1]["bus"] == "up"
        own = {
            "GPUFLEET_COLLECTOR": f"grpcs://localhost:{grpc}",
            "GPUFLEET_HOST_NAME": HOST,
            "GPUFLEET_BACKEND": "simulated",
        }
        with _program("agent", secrets, tmp_path, own):
            wait_for(lambda: _hosts(ask("/api/v1/hosts", "viewer")[1]) == [(HOST, "up")], "the agent streams")
            wait_for(lambda: ask_whether_ready(tmp_path / "agent") == 0, "the agent is ready")
        assert [ask("/api/v1/hosts", role)[0] for role in (None, "agent", "admin")] == [401, 403, 200]
        without = own | {"GPUFLEET_TLS_CERT_FILE": "", "GPUFLEET_TLS_KEY_FILE": "", "GPUFLEET_HOST_NAME": "stranger"}
        (tmp_path / "elsewhere").mkdir()
        with _program("agent", secrets, tmp_path / "elsewhere", without) as stranger:
            wait_for(lambda: "client certificate" in stranger.errors, "it was not let in")
            assert HOST in str(ask("/api/v1/hosts", "viewer")[1])
            assert "stranger" not in str(ask("/api/v1/hosts", "viewer")[1])


@contextmanager
def _program(name: str, secrets: Path, folder: Path, own: dict[str, str]) -> Iterator[Process]:
    """As the manifest starts it, but for `own`, which is of this machine."""
    given = environment(VARIANT, f"gpufleet-{name}")
    environ = {variable: value for variable, value in given.items() if value is not None}
    for variable, path in environ.items():
        if variable.endswith("_FILE"):
            secret, key = source_of(workload(VARIANT, f"gpufleet-{name}"), path)
            environ[variable] = str(secrets / (SECRETS[secret][1][key] if secret in SECRETS else "database"))
    environ |= {"GPUFLEET_DATA_DIR": str(folder / name), **own}
    command = workload(VARIANT, f"gpufleet-{name}")["spec"]["template"]["spec"]["containers"][0]["command"]
    program = Process(command[0], *command[1:], log=folder / f"{name}.log", environ=environ)
    try:
        program.start()
        yield program
    finally:
        program.stop()


@contextmanager
def _bus(secrets: Path) -> Iterator[None]:
    """A server with the settings that were written; the address leads to it afterwards."""
    port = free_port()
    listening = ["-a", "127.0.0.1", "-p", str(port), "-m", str(free_port())]
    server = subprocess.Popen(
        [str(NATS_SERVER), "-c", str(secrets / "nats.conf"), *listening], stderr=subprocess.DEVNULL
    )
    address = (secrets / "bus-url").read_text()
    assert BUS in address
    (secrets / "bus-url").write_text(address.replace(BUS, f"127.0.0.1:{port}"))
    try:
        yield
    finally:
        server.terminate()
        server.wait(10)


def _listening(http: int, grpc: int) -> dict[str, str]:
    return {"GPUFLEET_HTTP_LISTEN": f"127.0.0.1:{http}", "GPUFLEET_GRPC_LISTEN": f"127.0.0.1:{grpc}"}


def _asking(secrets: Path, port: int) -> Callable[[str, str | None], tuple[int, Any]]:
    """Asks a path with the token of a role, or none: status and answer; 0 where nobody listens yet."""
    trust = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(secrets / "ca.crt")))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trust)

    def ask(path: str, role: str | None) -> tuple[int, Any]:
        request = urllib.request.Request(f"https://localhost:{port}{path}")
        if role is not None:
            request.add_header("authorization", f"Bearer {(secrets / f'{role}-token').read_text().strip()}")
        try:
            with opener.open(request, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, None
        except OSError:
            return 0, None

    return ask


def _hosts(answer: Any) -> list[tuple[str, str]]:
    return [(host["host"], host["state"]) for host in answer["hosts"]] if answer else []
