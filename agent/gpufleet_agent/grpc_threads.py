"""How gRPC waits for the network and what it says meanwhile, told before it is loaded: its default costs an idle agent
more than its own work, and a line in the log for each try."""

from collections.abc import MutableMapping

VARIABLE, ONE_POLLER = "GRPC_EXPERIMENTS", "-event_engine_client"
VERBOSITY, SILENT = "GRPC_VERBOSITY", "NONE"


def wait_in_one_thread(environ: MutableMapping[str, str]) -> None:
    """Let the thread that waits for events of asyncio wait for the connection too. By default the connection belongs to
    a pool of threads (EventEngine), whose idle ones look for work over and over after every message: 20 wake-ups and
    0.8 ms of CPU a second for one small message a second (gRPC 1.85). A choice made in the environment stands. To be
    called before grpc is imported."""
    environ.setdefault(VARIABLE, ONE_POLLER)


def leave_words_to_us(environ: MutableMapping[str, str]) -> None:
    """Of every handshake that fails gRPC writes lines of its own to standard error, past all logging; what is in them
    comes with the status too. A choice made in the environment stands. To be called before grpc is imported."""
    environ.setdefault(VERBOSITY, SILENT)
