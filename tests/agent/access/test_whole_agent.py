"""Real agents that are not let in: one line of their own says so, gRPC adds none, and no secret is said anywhere."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fakes.certificates import Authority
from fakes.gate import Gate, running_gate, tls_of
from fakes.processes import Process

OURS = Authority("ours")
SERVER = OURS.issue(["localhost", "127.0.0.1"])
FIRST, SECOND = "gpf_first_token", "gpf_second_token"
PATIENCE_SECONDS = 30.0
RUN = ("run", "--backend", "simulated", "--gpu-poll-interval-seconds", "0.2", "--host-name", "node-1")
SIMULATE = ("simulate", "--hosts", "2", "--gpus", "1", "--interval", "0.2", "--processes", "2")


@asynccontextmanager
async def running_agent(folder: Path, gate: Gate, *arguments: str, **environ: str) -> AsyncIterator[Process]:
    """The gate goes on while the agent ends."""
    settings = {
        "GPUFLEET_COLLECTOR": f"grpcs://localhost:{gate.port}",
        "GPUFLEET_TLS_CA_FILE": str(OURS.save(folder)),
        "GPUFLEET_DATA_DIR": str(folder),
        **environ,
    }
    agent = Process("gpufleet-agent", *arguments, "--log-level", "debug", log=folder / "agent.log", environ=settings)
    try:
        agent.start()
        yield agent
    finally:
        await asyncio.to_thread(agent.stop)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def warnings(agent: Process) -> list[str]:
    return [line for line in agent.errors.splitlines() if " WARNING " in line and "broke off" not in line]


@pytest.mark.parametrize("command", [RUN, SIMULATE], ids=["run", "simulate"])
async def test_a_wrong_token_is_said_once_and_never_shown(tmp_path: Path, command: tuple[str, ...]) -> None:
    (tmp_path / "token").write_text(FIRST)
    gate = Gate([SECOND])
    token = str(tmp_path / "token")
    async with (
        running_gate(gate, tls_of(SERVER)),
        running_agent(tmp_path, gate, *command, GPUFLEET_TOKEN_FILE=token) as agent,
    ):
        await until(lambda: len(gate.shown) >= 4)
        (tmp_path / "token").write_text(SECOND)
        await until(lambda: f"Bearer {SECOND}" in gate.shown and "streaming to grpcs://" in agent.errors)
    assert set(gate.shown) == {f"Bearer {FIRST}", f"Bearer {SECOND}"}
    said = warnings(agent)
    assert len(said) == 1, said
    assert "it does not accept the token" in said[0]
    assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in agent.errors.splitlines()), agent.errors
    kept = [path for path in (tmp_path / "agent").glob("*") if path.is_file()]
    for text in (agent.errors.encode(), *(path.read_bytes() for path in kept)):
        assert FIRST.encode() not in text
        assert SECOND.encode() not in text


async def test_a_client_certificate_that_is_wanted_is_said_once_and_does_when_it_is_set(tmp_path: Path) -> None:
    gate = Gate()
    async with running_gate(gate, tls_of(SERVER, OURS.pem)):
        async with running_agent(tmp_path, gate, *RUN) as agent:
            await until(lambda: "GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE" in agent.errors)
            await asyncio.sleep(2)
        assert len(warnings(agent)) == 1
        assert all(re.match(r"\d{4}-\d\d-\d\d ", line) for line in agent.errors.splitlines()), agent.errors
        cert, key = OURS.issue(["node-1"], client=True).save(tmp_path, "client")
        environ = {"GPUFLEET_TLS_CERT_FILE": str(cert), "GPUFLEET_TLS_KEY_FILE": str(key)}
        async with running_agent(tmp_path, gate, *RUN, **environ) as agent:
            await until(lambda: len(gate.samples("node-1")) > 0)
        assert "PRIVATE KEY" not in agent.errors


async def test_a_token_in_plain_text_is_said_at_every_start_where_it_is_allowed(tmp_path: Path) -> None:
    gate = Gate([FIRST])
    async with running_gate(gate):
        environ = {
            "GPUFLEET_COLLECTOR": f"grpc://127.0.0.1:{gate.port}",
            "GPUFLEET_TOKEN": FIRST,
            "GPUFLEET_ALLOW_INSECURE": "true",
        }
        async with running_agent(tmp_path, gate, *RUN, **environ) as agent:
            await until(lambda: len(gate.samples("node-1")) > 0)
    assert "GPUFLEET_ALLOW_INSECURE=true: " in agent.errors
    assert FIRST not in agent.errors
