"""Opens channels to collectors with what is to be shown to them now: besides `stream.py` the only place of the agent
that knows gRPC."""

from dataclasses import dataclass

import grpc
import grpc.aio

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import NO_ACCESS, AccessConfig
from gpufleet_agent.access.credentials import NO_CREDENTIALS, Credentials, CredentialSource
from gpufleet_agent.stream import CHANNEL_OPTIONS, Metadata

AUTHORIZATION = "authorization"


@dataclass(frozen=True, slots=True)
class Way:
    """An open channel, and what every stream on it has to carry. `credentials` are those that it was opened with."""

    channel: grpc.aio.Channel
    metadata: Metadata
    credentials: Credentials


class Door:
    """Without a source nothing is shown, and TLS trusts the roots that gRPC brings."""

    def __init__(self, source: CredentialSource | None = None) -> None:
        self._source = source
        self._credentials = NO_CREDENTIALS
        self._tls: grpc.ChannelCredentials | None = None

    @property
    def access(self) -> AccessConfig:
        """What has been set for it."""
        return NO_ACCESS if self._source is None else self._source.access

    def open(self, address: CollectorAddress) -> Way:
        """A channel that connects when it is first used."""
        credentials = NO_CREDENTIALS if self._source is None else self._source.now()
        if not address.tls:
            channel = grpc.aio.insecure_channel(address.target, options=CHANNEL_OPTIONS)
        else:
            tls = self._tls_credentials(credentials)
            channel = grpc.aio.secure_channel(address.target, tls, options=CHANNEL_OPTIONS)
        return Way(channel, metadata_of(credentials), credentials)

    def _tls_credentials(self, credentials: Credentials) -> grpc.ChannelCredentials:
        """Made anew only when they have changed: each has parsed all the roots, and many hosts may share them."""
        if self._tls is None or credentials != self._credentials:
            self._tls = tls_credentials(credentials)
            self._credentials = credentials
        return self._tls


def tls_credentials(credentials: Credentials) -> grpc.ChannelCredentials:
    pair = credentials.pair
    return grpc.ssl_channel_credentials(
        credentials.ca_pem, None if pair is None else pair.key_pem, None if pair is None else pair.cert_pem
    )


def metadata_of(credentials: Credentials) -> tuple[tuple[str, str], ...]:
    return () if credentials.token is None else ((AUTHORIZATION, f"Bearer {credentials.token}"),)
