"""Who else is on the bus, how far each of them was heard, and whom to ask for everything: a pure state that is told
what came and when."""

from dataclasses import dataclass, field

from gpufleet_collector.bus.limits import ASK_SECONDS, MAX_PEERS, PEER_SILENT_SECONDS
from gpufleet_collector.bus.message import Envelope

CREEP = 0.001
"""Seconds per second by which two monotonic clocks may drift apart, and more."""


class Transit:
    """Where the sender's monotonic clock stands, seen from here: the quickest message so far tells best. A message that
    was held up on its way is thereby known to be as old as it is."""

    def __init__(self) -> None:
        self._offset: float | None = None
        self._at = 0.0

    def sent(self, sent_at: float, now: float) -> float:
        """When a message that came now was sent, by the clock of this side."""
        offset = now - sent_at
        if self._offset is not None:
            offset = min(offset, self._offset + CREEP * (now - self._at))
        self._offset, self._at = offset, now
        return sent_at + offset


@dataclass(slots=True)
class _Peer:
    heard_at: float
    sequence: int = -1
    is_whole: bool = False
    asked_at: float | None = None
    parts: set[int] = field(default_factory=set)
    parts_of: int = -1
    transit: Transit = field(default_factory=Transit)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a message is to be taken in, and when it was sent by the clock of this side."""

    is_taken: bool
    sent_at: float = 0.0


REFUSED = Verdict(is_taken=False)


class Peers:
    """Times are monotonic seconds. At most `max_peers` are listened to."""

    def __init__(self, max_peers: int = MAX_PEERS) -> None:
        self._peers: dict[str, _Peer] = {}
        self._max_peers = max_peers
        self.refused = 0

    def __len__(self) -> int:
        return len(self._peers)

    def hear(self, envelope: Envelope, now: float) -> Verdict:
        """A message of a peer: what is older than what was heard already is not taken. After a gap everything is to be
        asked for."""
        peer = self._peers.get(envelope.sender)
        if peer is None:
            if len(self._peers) >= self._max_peers:
                self.refused += 1
                return REFUSED
            peer = self._peers[envelope.sender] = _Peer(now)
        peer.heard_at = now
        sent_at = peer.transit.sent(envelope.sent_at, now)
        is_taken = _take_news(peer, envelope) if envelope.kind == "news" else _take_part(peer, envelope)
        return Verdict(is_taken, sent_at)

    def suspect(self, sender: str) -> None:
        """Something of this peer is missing."""
        if peer := self._peers.get(sender):
            peer.is_whole = False

    def suspect_all(self) -> None:
        for sender in self._peers:
            self.suspect(sender)

    def to_ask(self, now: float) -> list[str]:
        """Peers that are to be asked for everything now."""
        due = [
            sender
            for sender, peer in self._peers.items()
            if not peer.is_whole and (peer.asked_at is None or now - peer.asked_at >= ASK_SECONDS)
        ]
        for sender in due:
            self._peers[sender].asked_at = now
        return due

    def forget_silent(self, now: float) -> list[str]:
        """Peers that say nothing any more."""
        gone = [sender for sender, peer in self._peers.items() if now - peer.heard_at >= PEER_SILENT_SECONDS]
        for sender in gone:
            del self._peers[sender]
        return gone


def _take_news(peer: _Peer, envelope: Envelope) -> bool:
    if envelope.sequence <= peer.sequence:
        return False
    if envelope.sequence != peer.sequence + 1:
        peer.is_whole = False
    peer.sequence = envelope.sequence
    return True


def _take_part(peer: _Peer, envelope: Envelope) -> bool:
    """A part of everything known as of some news. It brings up to date unless later news were heard already."""
    if envelope.sequence < peer.sequence:
        return False
    if (envelope.sequence, envelope.parts) != (peer.sequence, peer.parts_of):
        peer.parts.clear()
        peer.is_whole = peer.is_whole and envelope.sequence == peer.sequence
    peer.sequence, peer.parts_of = envelope.sequence, envelope.parts
    peer.parts.add(envelope.part)
    peer.is_whole = peer.is_whole or len(peer.parts) == envelope.parts
    return True
