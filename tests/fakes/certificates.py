"""Certificates made in the test that needs them: real ones, of a real authority that nobody else trusts.

    authority = Authority("test")                        # a CA; `authority.pem` is what a GPUFLEET_TLS_CA_FILE holds
    server = authority.issue(["localhost", "127.0.0.1"])  # Issued(cert_pem, key_pem), for a server; names or addresses
    authority.issue(["localhost"], expired=True)          # was good until a day ago
    authority.issue(["node-1"], client=True)              # for a client; the first name is its common name
    Authority("other").issue(["localhost"])               # of another CA: strangers to each other
    cert_file, key_file = server.save(tmp_path)           # as server.crt and server.key
    ca_file = authority.save(tmp_path)                    # as ca.crt

All PEM is bytes. One authority takes a few milliseconds, and so does each certificate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from certificates import issue_client, issue_server, make_authority

DAY = timedelta(days=1)
AUTHORITY_DAYS, USUAL_DAYS = 365, 30


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key. The certificate is followed by no other: the authority has no one above it."""

    cert_pem: bytes
    key_pem: bytes

    def save(self, folder: Path, name: str = "server") -> tuple[Path, Path]:
        """Write `name`.crt and `name`.key, over what is there; the paths of the two."""
        cert, key = folder / f"{name}.crt", folder / f"{name}.key"
        cert.write_bytes(self.cert_pem)
        key.write_bytes(self.key_pem)
        key.chmod(0o600)
        return cert, key


class Authority:
    """A CA of its own."""

    def __init__(self, name: str) -> None:
        self._made_at = datetime.now(UTC).replace(microsecond=0)
        self._own = make_authority(name, self._made_at - 30 * DAY, AUTHORITY_DAYS * DAY)

    @property
    def pem(self) -> bytes:
        """Its own certificate."""
        return self._own.certificate

    def save(self, folder: Path, name: str = "ca") -> Path:
        """Write `name`.crt; its path."""
        path = folder / f"{name}.crt"
        path.write_bytes(self.pem)
        return path

    def issue(
        self, names: Sequence[str], *, expired: bool = False, client: bool = False, days: float = USUAL_DAYS
    ) -> Issued:
        """A certificate for `names`, good for `days` from now, or `expired` a day ago. A client's is for the first."""
        since, life = (self._made_at - 10 * DAY, 9 * DAY) if expired else (self._made_at, days * DAY)
        own = self._own
        made = issue_client(own, names[0], since, life) if client else issue_server(own, names, since, life)
        return Issued(made.certificate, made.key)
