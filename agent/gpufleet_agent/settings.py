"""The agent's settings as data, so that command line, environment and README name the same ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment variable, its default for a reader, and one line of help."""

    variable: str
    default: str
    help: str
    secret: bool = False
    """It has no flag: what is in a command's arguments everybody on the machine can read."""

    @property
    def flag(self) -> str:
        """`GPUFLEET_HOST_NAME` -> `--host-name`."""
        return "--" + self.variable.removeprefix("GPUFLEET_").lower().replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "GPUFLEET_COLLECTOR",
        "grpc://127.0.0.1:50051",
        "collectors to stream to, comma-separated: one of them, another when it fails; grpcs:// for TLS",
    ),
    Setting("GPUFLEET_TOKEN_FILE", "none", "file with the token that collectors ask for; read at every connection"),
    Setting("GPUFLEET_TOKEN", "none", "the token itself, instead of a file; has no flag", secret=True),
    Setting("GPUFLEET_TLS_CA_FILE", "the roots that gRPC brings", "certificates (PEM) of the CAs to trust in TLS"),
    Setting("GPUFLEET_TLS_CERT_FILE", "none", "client certificate (PEM) for collectors that ask for one"),
    Setting("GPUFLEET_TLS_KEY_FILE", "none", "the client certificate's private key (PEM, not encrypted)"),
    Setting("GPUFLEET_ALLOW_INSECURE", "false", "true lets a token go to other machines without TLS"),
    Setting("GPUFLEET_HOST_NAME", "the host's name", "name under which this host appears"),
    Setting("GPUFLEET_LABELS", "none", "labels of this host, such as rack=r1,pool=train"),
    Setting("GPU_POLL_INTERVAL_SECONDS", "5.0", "seconds between two readings; wins over the collector's wish"),
    Setting("GPUFLEET_BACKEND", "auto", "how GPUs are read: auto, nvml, nvidia-smi or simulated"),
    Setting("GPUFLEET_GPM", "true", "false leaves the activity counters of Hopper and newer to another profiler"),
    Setting(
        "GPUFLEET_RELEASE_HANDLES",
        "false",
        "true closes NVML between readings so that the driver can be unloaded; no activity, and no XIDs through NVML",
    ),
    Setting("GPUFLEET_CALL_DEADLINE_SECONDS", "5.0", "a driver call that takes longer hangs: the probe is replaced"),
    Setting("GPUFLEET_NVIDIA_SMI", "nvidia-smi from PATH", "the nvidia-smi command"),
    Setting("GPUFLEET_DATA_DIR", "the platform's state directory", "where readings wait on disk for a collector"),
    Setting("GPUFLEET_SPOOL_MAX_MB", "256", "how much of them is kept there, in MiB; 0 keeps none"),
    Setting("GPUFLEET_SPOOL_MAX_HOURS", "72", "how long they are kept there"),
)

ACCESS_SETTINGS = tuple(
    setting
    for setting in SETTINGS
    if setting.variable.startswith(("GPUFLEET_TOKEN", "GPUFLEET_TLS_", "GPUFLEET_ALLOW_"))
)
"""Those of getting in at a collector: whoever streams has them, simulated hosts too."""
