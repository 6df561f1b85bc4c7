"""How many hosts speak with one token: a token that leaked, or that a whole fleet shares by mistake, has an end."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from gpufleet_collector.access.grants import Grant
from gpufleet_collector.ingest.refusals import too_many_hosts_of_token


class HostsOfToken:
    """Counts hosts, not streams: a host that comes back while its old stream still seems to be there is the same, and
    a stream that did not say yet whose it is speaks for none."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hosts: dict[bytes, Counter[str]] = {}

    @contextmanager
    def speaking(self, grant: Grant | None, host: str) -> Iterator[None]:
        """While a stream with this grant speaks for `host`. Raises StreamRefused where that would be one too many."""
        if grant is None:
            yield
            return
        hosts = self._hosts.setdefault(grant.digest, Counter())
        if host not in hosts and len(hosts) >= self._limit:
            raise too_many_hosts_of_token(self._limit)
        hosts[host] += 1
        try:
            yield
        finally:
            self._leave(grant.digest, host)

    def _leave(self, digest: bytes, host: str) -> None:
        hosts = self._hosts[digest]
        hosts[host] -= 1
        if not hosts[host]:
            del hosts[host]
        if not hosts:
            del self._hosts[digest]
