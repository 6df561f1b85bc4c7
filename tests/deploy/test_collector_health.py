"""The health check in the collector's image asks where the collector listens, as it listens there."""

import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from fakes.certificates import Authority
from fakes.processes import free_port

SCRIPT = Path(__file__).parents[2] / "deploy" / "docker" / "collector_health.py"


@contextmanager
def site(status: int, certificate: Path | None = None) -> Iterator[int]:
    """The port of one that answers /healthz so."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a name by which nobody asks here, with its key in the same file."""
    issued = Authority("of nobody").issue(["elsewhere"])
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    file.write_bytes(issued.cert_pem + issued.key_pem)
    return file


def check(**environ: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(SCRIPT)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_one_that_answers_is_well(listen: str) -> None:
    with site(200) as port:
        done = check(GPUFLEET_HTTP_LISTEN=f"{listen}:{port}")
    assert (done.returncode, done.stderr) == (0, "")


def test_with_a_certificate_it_asks_over_https(certificate: Path) -> None:
    with site(200, certificate) as port:
        listen = f"0.0.0.0:{port}"
        assert check(GPUFLEET_HTTP_LISTEN=listen, GPUFLEET_TLS_CERT_FILE=str(certificate)).returncode == 0
        assert check(GPUFLEET_HTTP_LISTEN=listen).returncode == 1


def test_one_that_answers_otherwise_is_not_well() -> None:
    with site(503) as port:
        done = check(GPUFLEET_HTTP_LISTEN=f"127.0.0.1:{port}")
    assert (done.returncode, done.stderr) == (1, "the collector answers /healthz with 503\n")


@pytest.mark.parametrize("listen", ["127.0.0.1:{}", "[::1]:{}", "nowhere"])
def test_where_nobody_listens_nobody_is_well(listen: str) -> None:
    done = check(GPUFLEET_HTTP_LISTEN=listen.format(free_port()))
    assert done.returncode == 1
    assert done.stderr.startswith("the collector does not answer: ")
