"""What a collector that is closed needs, in a folder: a certificate, its authority, and a token of each role."""

import secrets
import ssl
from dataclasses import dataclass
from pathlib import Path

from fakes.certificates import Authority
from gpufleet_collector.access.grants import Grant, Role
from gpufleet_collector.access.token import make_token
from gpufleet_collector.access.tokens_file import write_line

NAMES = ["localhost", "127.0.0.1"]


@dataclass(frozen=True, slots=True)
class Secured:
    """`tokens` are texts by role; the file has their digests."""

    folder: Path
    authority: Authority
    tokens: dict[str, str]

    @property
    def ca_file(self) -> Path:
        return self.folder / "ca.crt"

    @property
    def tokens_file(self) -> Path:
        return self.folder / "tokens"

    @property
    def settings(self) -> dict[str, str]:
        """Of the collector."""
        return {
            "GPUFLEET_TLS_CERT_FILE": str(self.folder / "server.crt"),
            "GPUFLEET_TLS_KEY_FILE": str(self.folder / "server.key"),
            "GPUFLEET_TOKENS_FILE": str(self.tokens_file),
        }

    def agent_settings(self, role: str = "agent") -> dict[str, str]:
        return {"GPUFLEET_TLS_CA_FILE": str(self.ca_file), "GPUFLEET_TOKEN": self.tokens[role]}

    def context(self) -> ssl.SSLContext:
        """Of a client."""
        return ssl.create_default_context(cafile=self.ca_file)

    def headers(self, role: str = "viewer") -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[role]}"}

    def renew(self) -> None:
        """Another certificate in the place of the one in use."""
        self.authority.issue(NAMES).save(self.folder)


def secured(folder: Path) -> Secured:
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority("gpufleet tests")
    authority.save(folder)
    tokens = {role.value: make_token(secrets.token_bytes) for role in Role}
    made = Secured(folder, authority, {role: token.text for role, token in tokens.items()})
    made.renew()
    lines = [write_line(Grant(token.id, token.digest, Role(role))) for role, token in tokens.items()]
    made.tokens_file.write_text("".join(lines))
    return made
