"""The doctor tries what the agent would do at a collector, without a word in the host's name, and says how it went."""

import asyncio
import sys
import time
from pathlib import Path

import pytest

from fakes.certificates import Authority
from fakes.gate import Gate, running_gate, tls_of
from fakes.ingest import hello, raw_agent, report, running_ingest
from fakes.tokens import grant_of
from gpufleet_agent.access.address import CollectorAddress, parse_collectors
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.doctor.access import access_findings
from gpufleet_agent.doctor.collector import collector_findings
from gpufleet_agent.doctor.finding import Finding, Mark
from gpufleet_collector.access.book import Book
from gpufleet_collector.access.grants import Role
from gpufleet_collector.ingest.limits import IngestLimits

OURS, STRANGERS = Authority("ours"), Authority("strangers")
SERVER = OURS.issue(["localhost", "127.0.0.1"])
TOKEN = "gpf_first_token"


async def findings(port: int, access: AccessConfig = NO_ACCESS, *, tls: bool = True) -> list[Finding]:
    """What is found after the connection itself."""
    address = CollectorAddress("127.0.0.1", port, tls)
    found = await asyncio.to_thread(
        collector_findings, [address], access, host_name="node-1", now=time.time(), timeout_seconds=5.0
    )
    at = [finding.text for finding in found].index(f"{address} accepts connections")
    return found[at + 1 :]


def marks(found: list[Finding], port: int) -> list[tuple[str, str]]:
    return [(finding.mark.value, finding.text.replace(str(port), "PORT")) for finding in found]


async def test_a_collector_over_tls_that_accepts_the_token(tmp_path: Path) -> None:
    access = AccessConfig(ca_file=OURS.save(tmp_path), token=TOKEN)
    async with running_gate(Gate([TOKEN]), tls_of(SERVER)) as gate:
        assert marks(await findings(gate.port, access), gate.port) == [
            ("ok", "grpcs://127.0.0.1:PORT: its certificate is good for 29 days"),
            ("ok", "grpcs://127.0.0.1:PORT lets streams in with the token that is set"),
        ]


async def test_a_collector_that_asks_for_no_token() -> None:
    async with running_gate(Gate()) as gate:
        (finding,) = await findings(gate.port, tls=False)
    assert finding.text.endswith("lets streams in; it asks for no token")
    assert finding.mark is Mark.OK


async def test_a_token_that_may_read_and_not_stream_has_failed() -> None:
    book = Book()
    book.replace("file", [grant_of("agents", Role.AGENT, hosts=("gpu-*",)), grant_of("viewers", Role.VIEWER)])
    async with running_ingest(book=book) as ingest:
        (agents,) = await findings(ingest.server.port, AccessConfig(token="agents"), tls=False)
        (viewers,) = await findings(ingest.server.port, AccessConfig(token="viewers"), tls=False)
        assert ingest.count("gpufleet_streams_admitted_total") == 0
    assert agents.mark is Mark.OK
    assert viewers.mark is Mark.FAIL
    assert "viewer may not stream" in viewers.text
    assert viewers.remedy is not None
    assert "--role agent" in viewers.remedy


async def test_a_collector_that_is_full_says_so_and_what_helps() -> None:
    async with running_ingest(IngestLimits(streams=0)) as ingest:
        (finding,) = await findings(ingest.server.port, tls=False)
    assert finding.mark is Mark.WARN
    assert finding.text.endswith("its limit (GPUFLEET_MAX_STREAMS)")
    assert finding.remedy == "add a collector"


@pytest.mark.parametrize("access", [NO_ACCESS, AccessConfig(token="gpf_another_token")])
async def test_a_token_that_is_missing_or_wrong_has_failed_with_the_remedy(access: AccessConfig) -> None:
    async with running_gate(Gate([TOKEN])) as gate:
        (finding,) = await findings(gate.port, access, tls=False)
    assert finding.mark is Mark.FAIL
    assert "token" in finding.text
    assert finding.remedy is not None
    assert "gpufleet-collector token create --role agent" in finding.remedy


@pytest.mark.parametrize(
    ("days", "expired", "expected"),
    [
        (5, False, ("warn", "its certificate expires in 4 days")),
        (5, True, ("fail", "its certificate has expired 24 h ago")),
    ],
)
async def test_a_certificate_that_ends_soon_or_has_ended(
    tmp_path: Path, days: float, expired: bool, expected: tuple[str, str]
) -> None:
    server = OURS.issue(["127.0.0.1"], days=days, expired=expired)
    async with running_gate(Gate(), tls_of(server)) as gate:
        found = await findings(gate.port, AccessConfig(ca_file=OURS.save(tmp_path)))
    assert marks(found, gate.port)[0] == (expected[0], f"grpcs://127.0.0.1:PORT: {expected[1]}")
    assert found[1].mark is (Mark.FAIL if expired else Mark.OK)


async def test_a_certificate_of_strangers_has_failed_with_the_remedy(tmp_path: Path) -> None:
    async with running_gate(Gate(), tls_of(SERVER)) as gate:
        *_, last = await findings(gate.port, AccessConfig(ca_file=STRANGERS.save(tmp_path)))
    assert last.mark is Mark.FAIL
    assert last.remedy is not None
    assert "GPUFLEET_TLS_CA_FILE" in last.remedy


async def test_the_stream_that_a_host_has_goes_on_while_the_doctor_looks() -> None:
    async with running_ingest() as ingest, raw_agent(ingest.target) as agent:
        await agent.send(hello())
        assert (await agent.receive()).WhichOneof("message") == "welcome"
        (finding,) = await findings(ingest.server.port, tls=False)
        assert finding.mark is Mark.OK
        assert ingest.count("gpufleet_streams_admitted_total") == 1
        await agent.send(report(1))
        assert (await agent.receive()).WhichOneof("message") == "ack"


def test_what_is_set_is_judged_before_it_is_tried(tmp_path: Path) -> None:
    now = time.time()
    cert, key = OURS.issue(["node-1"], client=True, days=3).save(tmp_path, "client")
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "token").chmod(0o644)
    access = AccessConfig(
        token_file=tmp_path / "token", ca_file=OURS.save(tmp_path), cert_file=cert, key_file=key, allow_insecure=True
    )
    found, credentials = access_findings(access, parse_collectors("grpcs://node"), now)
    told = [(finding.mark.value, finding.text.replace(f"{tmp_path}/", "")) for finding in found]
    assert told == [
        ("warn", "GPUFLEET_ALLOW_INSECURE=true: a token may go to other machines without TLS"),
        ("ok", "a token is set (GPUFLEET_TOKEN_FILE=token)"),
        ("ok", "GPUFLEET_TLS_CA_FILE=ca.crt: 1 certificate, good for 334 days"),
        ("warn", "GPUFLEET_TLS_CERT_FILE=client.crt expires in 2 days"),
        ("warn", "GPUFLEET_TOKEN_FILE=token can be read by every user of this host"),
    ]
    assert credentials is not None
    assert credentials.token == TOKEN


@pytest.mark.parametrize("text", ["", "two words"])
def test_what_an_agent_would_not_start_with_has_failed(tmp_path: Path, text: str) -> None:
    (tmp_path / "token").write_text(text)
    (finding,), credentials = access_findings(AccessConfig(token_file=tmp_path / "token"), [], time.time())
    assert (finding.mark, credentials) == (Mark.FAIL, None)
    assert finding.remedy
    (finding,), credentials = access_findings(AccessConfig(token=TOKEN), parse_collectors("grpc://node"), time.time())
    assert (finding.mark, credentials) == (Mark.FAIL, None)
    assert "without TLS" in finding.text


def test_a_ca_file_of_which_nothing_is_good_any_more(tmp_path: Path) -> None:
    access = AccessConfig(ca_file=OURS.save(tmp_path))
    year = 366 * 86_400
    (finding,), _ = access_findings(access, parse_collectors("grpcs://node"), time.time() + year)
    assert finding.mark is Mark.FAIL
    assert "none of its 1 certificates is good now" in finding.text


async def test_the_command_says_it_and_never_the_token(tmp_path: Path) -> None:
    agent = Path(sys.executable).parent / "gpufleet-agent"
    async with running_gate(Gate([TOKEN]), tls_of(SERVER)) as gate:
        environ = {
            "PATH": "",
            "GPUFLEET_DATA_DIR": str(tmp_path),
            "GPUFLEET_COLLECTOR": f"grpcs://localhost:{gate.port}",
            "GPUFLEET_TLS_CA_FILE": str(OURS.save(tmp_path)),
            "GPUFLEET_TOKEN": TOKEN,
        }
        doctor = await asyncio.create_subprocess_exec(
            agent, "doctor", env=environ, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        told = (await doctor.communicate())[0].decode()
    assert f"  ok    grpcs://localhost:{gate.port} lets streams in with the token that is set\n" in told
    assert TOKEN not in told
