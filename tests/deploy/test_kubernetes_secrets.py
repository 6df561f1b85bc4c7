"""`make kubernetes-secrets`: what is written opens what it is for, nothing else, and for its user alone."""

import base64
import hashlib
import json
import re
import shutil
import socket
import ssl
import stat
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from certificates import LIFE, issue_server, make_authority, names_of
from deploy.rendering import ROOT, find, rendered
from fakes.nats import NATS_SERVER
from fakes.processes import free_port, wait_for
from kubernetes_secrets import BUS, ROLES, SECRETS, main, service_names

LINE = re.compile(r"(?P<role>agent|viewer|admin) sha256:(?P<digest>[0-9a-f]{64}) id=[a-z2-7]{10} name=\S+")
TOKEN = re.compile(r"gpf_[a-z2-7]{10}_[A-Za-z0-9_-]{43}\n")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("secrets") / "kubernetes-secrets"
    assert main(["--output", str(folder), "--names", "collector.example.org,192.0.2.7"]) == 0
    return folder


def test_everything_is_for_its_user_alone(made: Path) -> None:
    everything = [made, *made.rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in everything if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in everything if path.is_file()} == {0o600}


def test_it_is_written_where_git_does_not_look() -> None:
    command = ["git", "-C", str(ROOT), "check-ignore", "--quiet", "build/kubernetes-secrets/ca.key"]
    assert subprocess.run(command, check=False).returncode == 0


def test_tokens_are_listed_by_their_digests(made: Path) -> None:
    lines = [LINE.fullmatch(line) for line in (made / "tokens").read_text().splitlines()]
    digests = {match["role"]: match["digest"] for match in lines if match is not None}
    assert len(lines) == len(ROLES)
    for role in ROLES:
        token = (made / f"{role}-token").read_text()
        assert TOKEN.fullmatch(token)
        assert hashlib.sha256(token.strip().encode()).hexdigest() == digests[role]
        assert token.strip() not in (made / "tokens").read_text()


def test_every_secret_is_valid_and_has_what_its_files_hold(made: Path) -> None:
    found = {path.stem: yaml.safe_load(path.read_text()) for path in (made / "manifests").iterdir()}
    assert found.keys() == SECRETS.keys()
    for name, secret in found.items():
        kubernetes_validate.validate(secret, "1.36", strict=True)
        assert secret["metadata"]["namespace"] == "gpufleet"
        held = {key: (made / file).read_bytes() for key, file in SECRETS[name][1].items()}
        assert {key: base64.b64decode(value) for key, value in secret["data"].items()} == held


def test_the_key_of_the_authority_stays_at_home(made: Path) -> None:
    assert "ca.key" not in {file for _, files in SECRETS.values() for file in files.values()}
    key = base64.b64encode((made / "ca.key").read_bytes()).decode()
    assert not [path for path in (made / "manifests").iterdir() if key in path.read_text()]


def test_the_certificate_is_for_the_name_that_agents_are_given(made: Path) -> None:
    config = find(rendered("small"), "ConfigMap", _config_name())
    name = urlsplit(config["data"]["GPUFLEET_COLLECTOR"]).hostname
    assert name is not None
    for reached in (name, *service_names("gpufleet"), "collector.example.org", "192.0.2.7"):
        _shake_hands(_client(made), _server(made), reached)


def test_the_certificate_is_for_no_other_name(made: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        _shake_hands(_client(made), _server(made), "collector.elsewhere.org")


def test_agents_have_a_certificate_that_is_asked_for(made: Path) -> None:
    server, client = _server(made), _client(made)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(made / "ca.crt")
    client.load_cert_chain(made / "agent.crt", made / "agent.key")
    _shake_hands(client, server, "localhost")


@pytest.mark.parametrize("shown", [None, "server"])
def test_who_shows_none_or_that_of_the_server_is_refused(made: Path, shown: str | None) -> None:
    server, client = _server(made), _client(made)
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(made / "ca.crt")
    if shown is not None:
        client.load_cert_chain(made / f"{shown}.crt", made / f"{shown}.key")
    with pytest.raises(ssl.SSLError):
        _shake_hands(client, server, "localhost")


def test_what_is_there_is_left_alone(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = _contents(made)
    assert main(["--output", str(made)]) == 2
    assert _contents(made) == before
    assert capsys.readouterr().err.count("\n") == 1


def test_renewed_certificates_keep_authority_names_and_tokens(made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "secrets"))
    assert main(["--output", str(folder), "--renew", "--names", "new.example.org"]) == 0
    changed = {name for name, content in _contents(folder).items() if content != _contents(made)[name]}
    assert changed == {
        *("server.crt", "server.key", "agent.crt", "agent.key"),
        *("manifests/gpufleet-collector-tls.yaml", "manifests/gpufleet-agent-tls.yaml"),
    }
    for name in ("localhost", "collector.example.org", "192.0.2.7", "new.example.org"):
        _shake_hands(_client(made), _server(folder), name)


def test_an_authority_that_is_damaged_is_one_line(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(made, tmp_path / "secrets"))
    (folder / "ca.key").write_text("nothing")
    assert main(["--output", str(folder), "--renew"]) == 2
    assert "ca.key" in capsys.readouterr().err
    assert (folder / "server.crt").read_bytes() == (made / "server.crt").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--names", "no name"], "'no name'"),
        (["--names=-a.example.org"], "'-a.example.org'"),
        (["--names", "a..b"], "'a..b'"),
        (["--names", ",".join(f"n{number}" for number in range(101))], "101 names"),
        (["--namespace", "No"], "'No'"),
        (["--renew"], "run `make kubernetes-secrets` first"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], named: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--output", str(tmp_path / "secrets"), *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert named in said
    assert not (tmp_path / "secrets").exists()


def test_a_certificate_lives_for_a_year_and_an_hour_back() -> None:
    credential = issue_server(make_authority("a", NOW), ["a.example.org", "::1"], NOW)
    assert credential.expires == NOW + LIFE
    assert names_of(credential.certificate) == ["a.example.org", "::1"]
    assert credential.expires - NOW <= timedelta(days=398), "browsers refuse longer ones"


def test_what_the_authority_issues_issues_nothing(tmp_path: Path) -> None:
    authority = make_authority("a", datetime.now(UTC))
    server = issue_server(authority, ["localhost"], datetime.now(UTC))
    forged = issue_server(server, ["localhost"], datetime.now(UTC))
    for name, chain in (("server", server.certificate), ("forged", forged.certificate + server.certificate)):
        (tmp_path / f"{name}.crt").write_bytes(chain)
        (tmp_path / f"{name}.key").write_bytes((server if name == "server" else forged).key)
    client = ssl.create_default_context(cadata=authority.certificate.decode())
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in ("server", "forged")}
    for name, context in contexts.items():
        context.load_cert_chain(tmp_path / f"{name}.crt", tmp_path / f"{name}.key")
    _shake_hands(client, contexts["server"], "localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(client, contexts["forged"], "localhost")


def test_keys_are_not_shown() -> None:
    assert "PRIVATE KEY" not in repr(make_authority("a", NOW))


@pytest.fixture
def bus(made: Path) -> Iterator[int]:
    """A real server with the settings that were written; its port."""
    port, health = free_port(), free_port()
    command: list[str | Path] = [
        NATS_SERVER,
        "-c",
        made / "nats.conf",
        "-a",
        "127.0.0.1",
        "-p",
        str(port),
        "-m",
        str(health),
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.terminate()
        server.wait(10)


def test_the_bus_lets_in_who_has_its_address_and_nobody_else(made: Path, bus: int) -> None:
    url = urlsplit((made / "bus-url").read_text().strip())
    assert (url.scheme, f"{url.hostname}:{url.port}") == ("nats", BUS)
    wait_for(lambda: _answer(bus, {"user": url.username, "pass": url.password}) == b"PONG", "the bus lets us in")
    assert _answer(bus, {}).startswith(b"-ERR 'Authorization")
    assert _answer(bus, {"user": url.username, "pass": "wrong"}).startswith(b"-ERR 'Authorization")


def _answer(port: int, login: dict[str, str | None]) -> bytes:
    """The server's first line after its greeting, in the protocol of NATS; nothing while it is not there yet."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection, connection.makefile("rb") as lines:
            lines.readline()
            connection.sendall(b"CONNECT " + json.dumps({"verbose": False, **login}).encode() + b"\r\nPING\r\n")
            return lines.readline().strip()
    except OSError:
        return b""


def test_the_command_says_what_to_apply(tmp_path: Path) -> None:
    tool, folder = str(ROOT / "tools" / "kubernetes_secrets.py"), tmp_path / "x"
    command = [sys.executable, tool, "--output", str(folder), "--namespace", "n"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert f"kubectl apply --server-side -f {folder / 'manifests'}" in result.stdout
    secret: dict[str, Any] = yaml.safe_load((tmp_path / "x" / "manifests" / "gpufleet-tokens.yaml").read_text())
    assert secret["metadata"]["namespace"] == "n"


def _config_name() -> str:
    [name] = [
        each["metadata"]["name"]
        for each in rendered("small")
        if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("gpufleet-agent")
    ]
    return str(name)


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _server(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.crt", folder / "server.key")
    return context


def _client(folder: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
    """In memory; raises what either side finds wrong. The client says something last: only then does it hear whether
    its certificate was taken."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=name)
    done = [False, False]
    for _ in range(10):
        for number, side in enumerate((theirs, ours)):
            try:
                side.do_handshake()
                done[number] = True
            except ssl.SSLWantReadError:
                continue
    assert done == [True, True]
