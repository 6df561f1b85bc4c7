"""The certificate of the gRPC listener, which follows its files while the server runs."""

from typing import Any

import grpc

from gpufleet_collector.tls import Certificates, Identity


def server_credentials(certificates: Certificates) -> grpc.ServerCredentials:
    """Every connection is shown the identity that is in use when it comes. With a client CA agents have to show a
    certificate too."""
    shown = certificates.identity

    def fetch() -> Any:
        """None where nothing has changed, as gRPC asks for it and its stubs do not know."""
        nonlocal shown
        if certificates.identity is shown:
            return None
        shown = certificates.identity
        return _configuration(shown)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(shown),
        fetch,
        require_client_authentication=shown.client_ca is not None,
    )


def _configuration(identity: Identity) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(identity.key, identity.certificate)], identity.client_ca)
