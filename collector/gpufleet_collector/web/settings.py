"""What of the web side an operator or a test may set."""

from dataclasses import dataclass
from pathlib import Path

STATIC_DIRECTORY = Path(__file__).parent / "static"
DOCS_DIRECTORY = Path(__file__).parent / "docs_static"


@dataclass(frozen=True, slots=True)
class WebSettings:
    """A WebSocket client beyond `max_websocket_clients` is answered 503. One that asks for events of everything on a
    fleet of more than `events_max_gpus` gets an error, and one that has not read for `stall_seconds` is closed, as is
    one that exports. On a fleet of more than `metrics_max_gpus` /metrics/gpus has to be asked about some hosts. An
    export beyond `max_exports` is answered 503: each holds a connection to the database. More than
    `requests_per_second` of one client address are answered 429. `is_insecure`: the operator let the collector listen
    beyond this machine without TLS and tokens. `is_local`: only this
    machine can connect. `agents` is how agents connect, scheme and port."""

    events_max_gpus: int = 1000
    metrics_max_gpus: int = 1000
    max_websocket_clients: int = 2000
    stall_seconds: float = 30.0
    max_exports: int = 2
    requests_per_second: float = 500.0
    is_insecure: bool = False
    is_local: bool = False
    agents: str = "grpc:50051"
    static_directory: Path = STATIC_DIRECTORY
    docs_directory: Path = DOCS_DIRECTORY
