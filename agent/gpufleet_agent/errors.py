"""Every error the agent raises on purpose, and who should do what about it.

AgentError
├── ConfigurationError   the operator: correct the setting that is named; exit status 2
├── StreamEnded          nobody: the uplink tries again; the operator when it lasts
├── SpoolBroken          nobody: reports stay in memory and the disk is tried again; the operator when it lasts
│   └── SpoolCorrupt     nobody: the file is put aside and a new one begun
└── NoAnswer             nobody: the nvidia-smi backend turns it into a note (probe/nvidia_smi/process.py)
"""


class AgentError(Exception):
    """The root. `str()` is one line for a person."""


class ConfigurationError(AgentError):
    """A setting is wrong; the message names it and the remedy."""


class StreamEnded(AgentError):
    """The stream to the collector is over, or never came to be; the message says why. `code` is the name of gRPC's
    status, where it was one that ended it, and the message then what came with it. With `retry_after_seconds` the
    collector is well, and asks to come back then."""

    def __init__(self, reason: str, *, code: str | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.retry_after_seconds = retry_after_seconds


class SpoolBroken(AgentError):
    """The disk does not do its part, or somebody else has the spool; the message says why."""


class SpoolCorrupt(SpoolBroken):
    """What is in the file cannot be trusted."""
