"""HEALTHCHECK of the collector's image: 0 when /healthz answers 200 where GPUFLEET_HTTP_LISTEN says, over https when a
certificate is set. Of the standard library alone: it runs every half minute and starts in some tens of milliseconds."""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping

DEFAULT_LISTEN = "127.0.0.1:8080"
TIMEOUT_SECONDS = 4.0
OWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


def connection(environ: Mapping[str, str]) -> http.client.HTTPConnection:
    """To the collector of this container, not yet open."""
    host, _, port = (environ.get("GPUFLEET_HTTP_LISTEN") or DEFAULT_LISTEN).rpartition(":")
    host = host.strip("[]")
    host = OWN.get(host, host)
    if not environ.get("GPUFLEET_TLS_CERT_FILE"):
        return http.client.HTTPConnection(host, int(port), timeout=TIMEOUT_SECONDS)
    # Its certificate is for the name by which others know it, and nothing secret is said here.
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, int(port), timeout=TIMEOUT_SECONDS, context=context)


def main(environ: Mapping[str, str]) -> int:
    try:
        asked = connection(environ)
        asked.request("GET", "/healthz")
        status = asked.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        sys.stderr.write(f"the collector does not answer: {error}\n")
        return 1
    if status != http.HTTPStatus.OK:
        sys.stderr.write(f"the collector answers /healthz with {status}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(os.environ))
