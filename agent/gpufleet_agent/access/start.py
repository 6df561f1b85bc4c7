"""What is said of access, or refused, when an agent starts."""

import logging
from collections.abc import Sequence

from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.access.config import ALLOW_INSECURE, AccessConfig, in_plain_text, refuse_plain_text
from gpufleet_agent.access.credentials import CredentialSource


def open_source(access: AccessConfig, addresses: Sequence[CollectorAddress], log: logging.Logger) -> CredentialSource:
    """As `check_access`, and what is to be warned of is said."""
    source = check_access(access, addresses, log)
    for line in warnings(access, addresses):
        log.warning("%s", line)
    return source


def check_access(access: AccessConfig, addresses: Sequence[CollectorAddress], log: logging.Logger) -> CredentialSource:
    """Raises ConfigurationError where a token would go in plain text, or a file cannot be used."""
    refuse_plain_text(access, addresses)
    return CredentialSource(access, log)


def warnings(access: AccessConfig, addresses: Sequence[CollectorAddress]) -> list[str]:
    """One line for each thing that is allowed and should not be, or set and not used."""
    lines = []
    if access.allow_insecure:
        bare = ", ".join(map(str, in_plain_text(access, addresses)))
        means = f"the token goes without TLS to {bare}" if bare else "a token may go to other machines without TLS"
        lines.append(f"{ALLOW_INSECURE}=true: {means}")
    if access.has_tls_files and not any(address.tls for address in addresses):
        lines.append("certificates are set, but no collector is grpcs://: they are not used")
    return lines
