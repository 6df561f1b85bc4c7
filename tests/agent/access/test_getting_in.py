"""Agents and real servers with TLS and tokens: who gets in, what is said of who does not, and that nothing is lost."""

import asyncio
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import pytest

from fakes.certificates import Authority, Issued
from fakes.gate import Gate, running_gate, tls_of
from fakes.ingest import running_ingest
from fakes.streaming_host import Host
from fakes.tokens import grant_of
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.access.credentials import CredentialSource
from gpufleet_agent.access.door import Door
from gpufleet_agent.stream import BROKE_OFF
from gpufleet_agent.uplink import REFUSED_CAP_SECONDS
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.tls import Certificates, TlsFiles

OURS, STRANGERS = Authority("ours"), Authority("strangers")
SERVER = OURS.issue(["localhost", "127.0.0.1"])
CLIENT = OURS.issue(["node-1"], client=True)
FIRST, SECOND = "gpf_first_token", "gpf_second_token"
LOG = logging.getLogger("test.access")


@dataclass
class Tries:
    """How long an agent waits between its tries; it does not really wait."""

    delays: list[float]

    async def sleep(self, seconds: float) -> None:
        self.delays.append(seconds)
        await asyncio.sleep(0.001)


class Listening(Protocol):
    port: int


def host_at(gate: Listening, access: AccessConfig, *, tls: bool = True, name: str = "127.0.0.1") -> tuple[Host, Tries]:
    tries = Tries([])
    door = Door(CredentialSource(access, LOG))
    return Host(f"{name}:{gate.port}", sleep=tries.sleep, door=door, tls=tls), tries


def trusting(folder: Path, authority: Authority = OURS, **others: object) -> AccessConfig:
    return replace(AccessConfig(ca_file=authority.save(folder)), **others)  # type: ignore[arg-type]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What an agent warns of, without what gRPC now and then says instead of a reason."""
    lines = [record.getMessage() for record in caplog.records if _is_the_agents(record)]
    return [line for line in lines if BROKE_OFF not in line]


def _is_the_agents(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING and record.name in ("test.uplink", LOG.name)


async def test_over_tls_with_a_token_and_a_client_certificate(tmp_path: Path) -> None:
    cert, key = CLIENT.save(tmp_path, "client")
    access = trusting(tmp_path, token=FIRST, cert_file=cert, key_file=key)
    async with running_gate(Gate([FIRST]), tls_of(SERVER, OURS.pem)) as gate:
        host, _ = host_at(gate, access)
        host.take(3)
        async with host.streaming():
            await host.until(lambda: len(host.outbox) == 0)
    assert gate.shown == [f"Bearer {FIRST}"]
    assert host.outbox.tally.settled == 6


async def test_a_token_without_tls_on_this_machine() -> None:
    async with running_gate(Gate([FIRST])) as gate:
        host, _ = host_at(gate, AccessConfig(token=FIRST), tls=False)
        async with host.streaming():
            await host.until(lambda: host.uplink.state.connected)
    assert gate.shown == [f"Bearer {FIRST}"]


async def test_without_a_token_nothing_is_shown() -> None:
    async with running_gate(Gate()) as gate:
        host, _ = host_at(gate, NO_ACCESS, tls=False)
        async with host.streaming():
            await host.until(lambda: host.uplink.state.connected)
    assert gate.shown == [None]


async def test_a_token_that_is_revoked_ends_the_stream_and_the_next_one_in_the_file_is_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token").write_text(FIRST)
    async with running_gate(Gate([FIRST])) as gate:
        host, tries = host_at(gate, AccessConfig(token_file=tmp_path / "token"), tls=False)
        host.take()
        async with host.streaming():
            await host.until(lambda: len(host.outbox) == 0)
            gate.tokens = [SECOND]
            host.take(2)
            await host.until(lambda: len(tries.delays) >= 8)
            assert not host.uplink.state.connected
            assert len(host.outbox) == 2
            (tmp_path / "token").write_text(SECOND)
            await host.until(lambda: len(host.outbox) == 0)
    assert host.outbox.tally.settled == host.outbox.tally.taken == 6
    (line,) = said(caplog)
    assert "does not accept the token, which is wrong, expired or revoked" in line
    assert f"put it into GPUFLEET_TOKEN_FILE={tmp_path}/token" in line
    assert not any(token in caplog.text for token in (FIRST, SECOND))


async def test_another_wrong_token_is_said_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "token").write_text(FIRST)
    async with running_gate(Gate([])) as gate:
        host, _ = host_at(gate, AccessConfig(token_file=tmp_path / "token"), tls=False)
        async with host.streaming():
            await host.until(lambda: len(gate.shown) > 4)
            (tmp_path / "token").write_text(SECOND)
            await host.until(lambda: f"Bearer {SECOND}" in gate.shown[:-3])
    assert len(said(caplog)) == 2


async def test_who_is_refused_waits_longer_and_longer_with_full_jitter() -> None:
    async with running_gate(Gate([])) as gate:
        host, tries = host_at(gate, NO_ACCESS, tls=False)
        async with host.streaming():
            await host.until(lambda: len(tries.delays) >= 10)
    random = 0.01
    assert tries.delays[:3] == pytest.approx([0.5 * random, 1.0 * random, 2.0 * random])
    assert max(tries.delays) == pytest.approx(REFUSED_CAP_SECONDS * random)


async def test_who_has_no_token_is_told_to_get_one(caplog: pytest.LogCaptureFixture) -> None:
    async with running_gate(Gate([FIRST])) as gate:
        host, tries = host_at(gate, NO_ACCESS, tls=False)
        async with host.streaming():
            await host.until(lambda: len(tries.delays) >= 3)
        assert host.uplink.state.last_error is not None
        assert "it wants a token, and none is set" in host.uplink.state.last_error
    (line,) = said(caplog)
    assert "gpufleet-collector token create --role agent" in line
    assert "set GPUFLEET_TOKEN_FILE or GPUFLEET_TOKEN" in line


async def test_a_token_that_may_not_stream_for_this_host_name(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate([FIRST])
    gate.denied = ["node-1"]
    async with running_gate(gate):
        host, tries = host_at(gate, AccessConfig(token=FIRST), tls=False)
        async with host.streaming():
            await host.until(lambda: len(tries.delays) >= 3)
    (line,) = said(caplog)
    assert "the token may not stream for the host name 'node-1' (not this host): use one" in line


@dataclass(frozen=True)
class Case:
    """A server, what the agent has set for it, and what it then says."""

    says: str
    server: Issued | None = SERVER
    client_ca: Authority | None = None
    trusts: Authority | None = OURS
    client: Issued | None = None
    tls: bool = True


CASES = {
    "of_another_ca": Case("its certificate is of none of the CAs that are set: put", trusts=STRANGERS),
    "of_no_known_ca": Case("of none of the CAs that gRPC brings: set GPUFLEET_TLS_CA_FILE", trusts=None),
    "another_name": Case("its certificate is not for the name '127.0.0.1': use a name", OURS.issue(["node.example"])),
    "expired": Case("has expired: have it renewed", OURS.issue(["127.0.0.1"], expired=True)),
    "client_wanted": Case("set GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE", client_ca=OURS),
    "client_of_another_ca": Case(
        "does not accept GPUFLEET_TLS_CERT_FILE", client_ca=OURS, client=STRANGERS.issue(["node-1"], client=True)
    ),
    "client_expired": Case(
        "does not accept GPUFLEET_TLS_CERT_FILE",
        client_ca=OURS,
        client=OURS.issue(["node-1"], client=True, expired=True),
    ),
    "plain_there": Case("it speaks no TLS: set its certificate there, or write grpc://127.0.0.1:", server=None),
    "plain_here": Case("as one does that expects TLS: see whether it runs, and write grpcs://127.0.0.1:", tls=False),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_a_handshake_that_fails_is_said_once_with_its_remedy(
    case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = NO_ACCESS if case.trusts is None else trusting(tmp_path, case.trusts)
    if case.client is not None:
        cert, key = case.client.save(tmp_path, "client")
        access = replace(access, cert_file=cert, key_file=key)
    client_ca = None if case.client_ca is None else case.client_ca.pem
    server = None if case.server is None else tls_of(case.server, client_ca)
    async with running_gate(Gate(), server) as gate:
        host, tries = host_at(gate, access, tls=case.tls)
        caplog.clear()
        host.take()
        async with host.streaming():
            await host.until(lambda: len(tries.delays) >= 4)
    (line,) = said(caplog)
    assert case.says in line
    assert line.endswith("; readings are kept and sent again, trying on")
    assert len(host.outbox) == 1


async def test_a_collector_with_a_certificate_of_a_new_ca_is_trusted_as_soon_as_the_file_has_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    access = trusting(tmp_path)
    async with running_gate(Gate(), tls_of(SERVER)) as gate:
        host, _ = host_at(gate, access)
        streaming = asyncio.create_task(host.uplink.run())
        await host.until(lambda: host.uplink.state.connected)
    async with running_gate(Gate(), tls_of(STRANGERS.issue(["127.0.0.1"])), port=gate.port):
        await host.until(lambda: any("none of the CAs" in line for line in said(caplog)))
        STRANGERS.save(tmp_path)
        await host.until(lambda: host.uplink.state.connected)
        streaming.cancel()
        await asyncio.gather(streaming, return_exceptions=True)
    assert host.uplink.state.connections == 2


async def test_a_collector_of_ours_says_what_our_words_are_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The gate stands for it in all other tests."""
    files = TlsFiles(*SERVER.save(tmp_path), client_ca=OURS.save(tmp_path))
    book = Book()
    book.replace("file", [grant_of(FIRST, Role.AGENT, hosts=("gpu-*",)), grant_of(SECOND, Role.AGENT)])
    (tmp_path / "token").write_text(FIRST)
    cert, key = CLIENT.save(tmp_path, "client")
    access = trusting(tmp_path, token_file=tmp_path / "token", cert_file=cert, key_file=key)
    async with running_ingest(book=book, certificates=Certificates(files)) as ingest:
        bare, tries = host_at(ingest.server, trusting(tmp_path))
        async with bare.streaming():
            await bare.until(lambda: len(tries.delays) >= 2)
        host, tries = host_at(ingest.server, access)
        host.take()
        async with host.streaming():
            await host.until(lambda: len(tries.delays) >= 3)
            (tmp_path / "token").write_text(SECOND)
            await host.until(lambda: len(host.outbox) == 0)
            book.replace("file", [grant_of(SECOND, Role.AGENT, revoked_at=1)])
            book.sweep(1)
            await host.until(lambda: len(said(caplog)) >= 3)
    certificate, host_name, revoked = said(caplog)
    assert "set GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE" in certificate
    assert "the token may not stream for the host name 'node-1' (this token is not for host 'node-1'): use" in host_name
    assert "which is wrong, expired or revoked" in revoked
    assert host.outbox.tally.settled == 2


async def test_another_collector_of_the_list_may_let_in_who_is_refused_by_the_first(tmp_path: Path) -> None:
    async with running_gate(Gate([SECOND]), tls_of(SERVER)) as refuses, running_gate(Gate([FIRST]), tls_of(SERVER)) as accepts:  # fmt: skip # noqa: E501
        door = Door(CredentialSource(trusting(tmp_path, token=FIRST), LOG))
        host = Host(f"localhost:{refuses.port}", f"localhost:{accepts.port}", door=door, tls=True)
        host.take()
        async with host.streaming():
            await host.until(lambda: len(host.outbox) == 0)
