"""From HTTP to a WebSocket on the same connection: refused in the words of everything else, and never cut off for what
waited to go out while it was no WebSocket yet."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest

from fakes.certificates import Authority
from fakes.web import Site, listening
from gpufleet_collector.tls import Certificates, TlsFiles
from gpufleet_collector.web.serving import flow, http

KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
VERSION = "Sec-WebSocket-Version: 13\r\n"
PING, PONG = b"\x89\x80\0\0\0\0", b"\x8a\x00"


def upgrade(path: str, more: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{more}\r\n".encode()


@pytest.mark.parametrize(
    ("path", "more", "status"),
    [
        ("/ws", VERSION, 400),
        ("/ws", KEY + "Sec-WebSocket-Version: 7\r\n", 400),
        ("/elsewhere", KEY + VERSION, 404),
        ("/api/v1/gpus", KEY + VERSION, 404),
    ],
    ids=["no key", "another version", "a path of the page", "a path of the API"],
)
async def test_what_is_no_websocket_is_refused_as_everything_else_is(
    path: str, more: str, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with Site().listening() as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(upgrade(path, more))
        async with asyncio.timeout(10):
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"default-src 'none'" in head
    assert b"nosniff" in head
    assert b"content-type: application/problem+json" in head.lower()
    assert json.loads(body)["status"] == status
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


class Together:
    """A client of TLS that sends its request with the last bytes of the handshake, so that what the server says at the
    end of it waits to go out while the request is read."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: Authority) -> None:
        context = ssl.create_default_context(cadata=authority.pem.decode())
        self._reader, self._writer = reader, writer
        self._came, self._go = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._came, self._go, server_hostname="localhost")

    async def begin(self, request: bytes) -> None:
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                await self._exchange()
        self._tls.write(request)
        self._writer.write(self._go.read())

    async def send(self, content: bytes) -> None:
        self._tls.write(content)
        self._writer.write(self._go.read())

    async def until(self, ending: bytes) -> bytes:
        read = b""
        while not read.endswith(ending):
            try:
                read += self._tls.read(65536)
            except ssl.SSLWantReadError:
                await self._exchange()
        return read

    async def _exchange(self) -> None:
        if waiting := self._go.read():
            self._writer.write(waiting)
        came = await self._reader.read(65536)
        if not came:
            raise ConnectionResetError
        self._came.write(came)


async def test_a_websocket_that_was_asked_for_with_the_end_of_the_handshake_lives_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for module, patience in ((flow, "LINGER_SECONDS"), (http, "HEAD_SECONDS"), (http, "BODY_SECONDS")):
        monkeypatch.setattr(module, patience, 0.2)
    authority = Authority("ours")
    certificates = Certificates(TlsFiles(*authority.issue(["localhost"]).save(tmp_path)))
    async with listening(Site().app(), certificates=certificates) as address, asyncio.timeout(20):
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        client = Together(reader, writer, authority)
        await client.begin(upgrade("/ws", KEY + VERSION))
        assert (await client.until(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        await asyncio.sleep(1.0)  # several times as long as one that takes nothing is borne
        await client.send(PING)
        assert (await client.until(PONG)).endswith(PONG)
        writer.transport.abort()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
