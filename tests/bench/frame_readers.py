"""Many clients of `frames` as a process of its own, so cheap that they can share a machine with the collector: of most
of them the system throws away what it need not look at, of some every message is read.

It connects, says so in one line, answers each line on its standard input with its counts, and stops at the end of the
input.
"""

import argparse
import base64
import json
import os
import select
import socket
import sys
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime

READ_WHOLE = 10
"""Of so many clients every message is read."""
AT_ONCE = 20
"""So many clients are opened together, and the next when they have their first frames."""
LOOK_BYTES = 64
RECEIVE_BYTES = 256 * 1024
"""Of the system's memory for each client: a thousand browsers are not on one machine. Linux would take up to 32 MB
for each, run short of what it has for all sockets, and drop what they are sent."""
CLOSE = 8
BUFFER = bytearray(1 << 20)
TEXT, PING, PONG = 1, 9, 10


@dataclass
class Counts:
    """Frames of all clients so far; `fewest` is of the client with the fewest. Ages are seconds from the instant of the
    newest sample in a frame to its receipt, the last of each client that reads whole."""

    clients: int = 0
    frames: int = 0
    fewest: int = 0
    payload_bytes: int = 0
    layouts: int = 0
    mistaken: int = 0
    """Frames without their layout."""
    closed: list[str] = field(default_factory=list)
    """What was said to each client whose connection was closed."""
    longest_gap: float = 0.0
    """Seconds between two frames of one client since the last line."""
    first_frame: list[float] = field(default_factory=list)
    """Seconds from the subscription to the first frame, of each client."""
    gpus: int = 0
    current: int = 0
    """GPUs with a value, and of all, in the last frame that was read whole."""
    ages: list[float] = field(default_factory=list)
    frame_bytes: int = 0


def masked(opcode: int, payload: bytes) -> bytes:
    """A short frame as a client has to send it (RFC 6455, 5.3), under a key of zeros."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


class Reader:
    """One client: reads the head of each frame of the protocol, the first bytes of each message, and skips the rest."""

    def __init__(self, address: tuple[str, int], subscription: bytes, counts: Counts, *, whole: bool) -> None:
        self.frames = 0
        self._counts = counts
        self._whole = whole
        self._head = bytearray()
        self._left = 0
        self._is_last = False
        self._opcode = TEXT
        self._ping = bytearray()
        self._text = bytearray()
        self._size = 0
        self._layout: int | None = None
        self._gpus = 0
        self._last = 0.0
        self._subscription = subscription
        self._answer = bytearray()
        """To the handshake, until it is complete."""
        self._is_open = False
        self._closing = b""
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self.socket.connect(address)
        self.socket.setblocking(False)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: {address[0]}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def subscribe(self) -> None:
        """Wait until it has subscribed."""
        self.socket.setblocking(True)
        while not self._is_open and self._open():
            pass
        self.socket.setblocking(False)

    def read(self) -> bool:
        """What there is; whether the connection is still open."""
        try:
            while self._read_some():
                pass
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        return False

    @property
    def last_words(self) -> str:
        return f"after {self.frames} frames: {self._closing!r}"

    def _open(self) -> bool:
        """Reads the answer to the handshake, byte by byte, for frames may follow."""
        data = self.socket.recv(1)
        self._answer += data
        if self._answer.endswith(b"\r\n\r\n"):
            assert b" 101 " in self._answer, self._answer
            self._is_open = True
            self.socket.sendall(masked(TEXT, self._subscription))
            self._since = time.monotonic()
        return bool(data)

    def _read_some(self) -> bool:
        if not self._is_open:
            return self._open()
        if not self._left:
            return self._read_head()
        if self._opcode == PING:
            self._ping += (data := self.socket.recv(self._left))
            taken = len(data)
        elif self._whole or len(self._text) < LOOK_BYTES:
            most = len(BUFFER) if self._whole else LOOK_BYTES
            data = self.socket.recv(min(self._left, most))
            self._text += data
            taken = len(data)
        else:
            taken = self.socket.recv_into(BUFFER, min(self._left, len(BUFFER)), socket.MSG_TRUNC)
        self._left -= taken
        if not self._left and self._opcode == PING:
            self.socket.sendall(masked(PONG, bytes(self._ping)))
            self._ping.clear()
            return taken > 0
        self._counts.payload_bytes += taken
        self._size += taken
        if not self._left and self._is_last:
            self._end()
        return taken > 0

    def _read_head(self) -> bool:
        wanted = 2
        if len(self._head) >= 2:
            wanted += {126: 2, 127: 8}.get(self._head[1] & 0x7F, 0)
        data = self.socket.recv(wanted - len(self._head))
        self._head += data
        short = self._head[1] & 0x7F if len(self._head) >= 2 else 0
        if len(self._head) == 2 + {126: 2, 127: 8}.get(short, 0) and len(self._head) >= 2:
            self._left = short if short < 126 else int.from_bytes(self._head[2:], "big")
            self._is_last = bool(self._head[0] & 0x80)
            self._opcode = self._head[0] & 0x0F
            self._head.clear()
        return bool(data)

    def _end(self) -> None:
        text, self._text, size, self._size = bytes(self._text), bytearray(), self._size, 0
        if self._opcode == CLOSE:
            self._closing = text
        elif text.startswith(b'{"type":"layout"'):
            self._counts.layouts += 1
            self._layout = self._number(text)
            if self._whole:
                self._gpus = len(json.loads(text)["gpus"])
        elif text.startswith(b'{"type":"frame"'):
            self._take_frame(text, size)

    def _take_frame(self, text: bytes, size: int) -> None:
        now = time.monotonic()
        counts = self._counts
        if self.frames:
            counts.longest_gap = max(counts.longest_gap, now - self._last)
        else:
            counts.first_frame.append(now - self._since)
        self._last = now
        self.frames += 1
        counts.frames += 1
        counts.frame_bytes = size
        counts.mistaken += self._number(text) != self._layout
        if self._whole:
            self._check(text)

    def _check(self, text: bytes) -> None:
        received, frame = time.time(), json.loads(text)
        rows = [frame["recorded_at"], frame["state"], *frame["values"].values()]
        assert {len(row) for row in rows} == {self._gpus}
        counts = self._counts
        counts.gpus = self._gpus
        counts.current = sum(value is not None for value in frame["values"]["power_watts"])
        if newest := max((instant for instant in frame["recorded_at"] if instant), default=None):
            counts.ages = [*counts.ages[1 - READ_WHOLE :], received - datetime.fromisoformat(newest).timestamp()]

    @staticmethod
    def _number(text: bytes) -> int:
        return int(text[text.index(b'"layout":') + 9 :].split(b",", 1)[0])


class Crowd:
    """All readers, and what is asked of them."""

    def __init__(self, address: tuple[str, int], subscription: bytes, clients: int) -> None:
        self.counts = Counts()
        self._readers: dict[int, Reader] = {}
        self._poll = select.epoll()
        while len(self._readers) < clients:
            for _ in range(min(AT_ONCE, clients - len(self._readers))):
                whole = len(self._readers) < READ_WHOLE
                reader = Reader(address, subscription, self.counts, whole=whole)
                self._readers[reader.socket.fileno()] = reader
                self._poll.register(reader.socket, select.EPOLLIN)
            while len(self.counts.first_frame) < len(self._readers) and not self.counts.closed:
                self.read(1.0)
        self.counts.clients = clients

    def run(self) -> None:
        """Until the input ends."""
        self.say()
        self._poll.register(sys.stdin, select.EPOLLIN)
        while self.read(1.0):
            pass

    def read(self, seconds: float) -> bool:
        for number, _ in self._poll.poll(seconds):
            if number == sys.stdin.fileno():
                if not sys.stdin.readline():
                    return False
                self.say()
            elif not self._readers[number].read():
                self._poll.unregister(number)
                self.counts.closed.append(self._readers[number].last_words)
        return True

    def say(self) -> None:
        self.counts.fewest = min(reader.frames for reader in self._readers.values())
        sys.stdout.write(json.dumps(asdict(self.counts)) + "\n")
        sys.stdout.flush()
        self.counts.longest_gap = 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("subscription")
    parser.add_argument("--clients", type=int, default=1000)
    given = parser.parse_args()
    Crowd(("127.0.0.1", given.port), given.subscription.encode(), given.clients).run()
