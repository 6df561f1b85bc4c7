"""How many connections there may be that are no WebSockets: whoever has a token is not to be kept out, nor the memory
taken, by those who connect and say nothing."""

from typing import Protocol

from gpufleet_collector.selfmetrics import SelfMetrics

MAX_CONNECTIONS = 2000
MAX_SILENT = 500
"""Connections that have asked nothing yet: each takes up to 270 kB with TLS, and needs no token."""


class Connection(Protocol):
    def cut_off(self) -> None:
        """End it at once; it leaves later."""


class Crowd:
    """At either limit the connection that has been silent for longest goes: who means to ask does so at once. Where all
    others have asked, that is the one that came last."""

    def __init__(self, metrics: SelfMetrics, most: int = MAX_CONNECTIONS, most_silent: int = MAX_SILENT) -> None:
        self._metrics = metrics
        self._most = most
        self._most_silent = most_silent
        self._here: set[Connection] = set()
        self._silent: dict[Connection, None] = {}

    def enter(self, newcomer: Connection) -> None:
        self._here.add(newcomer)
        self._silent[newcomer] = None
        self._metrics.connections.set(len(self._here))
        if len(self._here) > self._most or len(self._silent) > self._most_silent:
            self._cut_off(next(iter(self._silent)), "too_many")

    def has_asked(self, connection: Connection) -> None:
        self._silent.pop(connection, None)

    def is_slow(self, connection: Connection) -> None:
        self._cut_off(connection, "slow")

    def leave(self, connection: Connection) -> None:
        """Safe to call again."""
        self._silent.pop(connection, None)
        self._here.discard(connection)
        self._metrics.connections.set(len(self._here))

    def _cut_off(self, connection: Connection, reason: str) -> None:
        self.leave(connection)
        self._metrics.connections_cut_off.labels(reason=reason).inc()
        connection.cut_off()
