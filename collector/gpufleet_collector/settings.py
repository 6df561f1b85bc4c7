"""The collector's settings as data, so that command line, environment and README name the same ones."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its environment variable, its default for a reader, one line of help, and what a right value is.

    A `switch` needs no value on the command line.
    """

    variable: str
    default: str
    help: str
    expects: str
    switch: bool = False
    is_secret: bool = False
    """It may also come from a file, named by the variable with `_FILE` behind it."""

    @property
    def flag(self) -> str:
        """`GPUFLEET_HTTP_LISTEN` -> `--http-listen`."""
        return "--" + self.variable.removeprefix("GPUFLEET_").lower().replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "DATABASE_URL",
        "unset: own PostgreSQL under the data directory",
        "PostgreSQL 15 or newer to store in",
        "give postgresql://USER:PASSWORD@HOST:PORT/DATABASE",
        is_secret=True,
    ),
    Setting(
        "PG_BIN",
        "the installed wheel's",
        "folder with the initdb and postgres of the own PostgreSQL",
        "give the folder that holds initdb and postgres",
    ),
    Setting(
        "GPUFLEET_DATA_DIR",
        "./.gpufleet under `make run`, else the platform's state directory",
        "where everything is kept",
        "give a folder",
    ),
    Setting(
        "GPUFLEET_HTTP_LISTEN",
        "127.0.0.1:8080",
        "address of dashboard, REST and WebSocket",
        "give HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080",
    ),
    Setting(
        "GPUFLEET_GRPC_LISTEN",
        "127.0.0.1:50051",
        "address that agents stream to",
        "give HOST:PORT, such as 127.0.0.1:50051 or [::1]:50051",
    ),
    Setting("RETENTION_DAYS", "30", "days that samples and processes are kept", "give whole days, 1 to 36500"),
    Setting("GPUFLEET_RETENTION_5M_DAYS", "90", "days that 5-minute buckets are kept", "give whole days, 1 to 36500"),
    Setting("GPUFLEET_RETENTION_1H_DAYS", "730", "days that hourly buckets are kept", "give whole days, 1 to 36500"),
    Setting("GPUFLEET_RETENTION_FLEET_DAYS", "730", "days that fleet minutes are kept", "give whole days, 1 to 36500"),
    Setting("GPUFLEET_RETENTION_EVENTS_DAYS", "730", "days that events are kept", "give whole days, 1 to 36500"),
    Setting(
        "PACK_AFTER_HOURS",
        "2",
        "hours after its end at which an hour of samples is packed",
        "give hours, 0 to 168",
    ),
    Setting(
        "GPUFLEET_ROLLUP_LABELS",
        "none",
        "labels of hosts by whose values the fleet's minutes are kept too",
        "give at most 10 names, separated by commas",
    ),
    Setting(
        "GPUFLEET_BUS_URL",
        "unset: this collector alone",
        "NATS server, or servers, over which collectors on one database share live values",
        "give nats://HOST:PORT, up to 16 of them separated by commas",
        is_secret=True,
    ),
    Setting(
        "GPU_POLL_INTERVAL_SECONDS",
        "unset: each agent's own",
        "seconds between two readings, sent to agents that set none",
        "give seconds, more than 0 and at most 86400",
    ),
    Setting(
        "GPUFLEET_DOWN_AFTER_SECONDS",
        "60",
        "silence after which a host is down, but at least three of its readings or heartbeats",
        "give seconds, more than 0 and at most 86400",
    ),
    Setting(
        "GPUFLEET_WS_EVENTS_MAX_GPUS",
        "1000",
        "GPUs up to which an unfiltered WebSocket gets single events",
        "give a whole number, 1 to 1000000",
    ),
    Setting(
        "GPUFLEET_METRICS_MAX_GPUS",
        "1000",
        "GPUs that one answer of /metrics/gpus has at most",
        "give a whole number, 1 to 20000",
    ),
    Setting(
        "GPUFLEET_TLS_CERT_FILE",
        "unset: no TLS",
        "certificate of both listeners, PEM with its chain; read again when it changes",
        "give a file",
    ),
    Setting("GPUFLEET_TLS_KEY_FILE", "unset", "private key of the certificate, PEM", "give a file"),
    Setting(
        "GPUFLEET_TLS_CLIENT_CA_FILE",
        "unset: none is asked for",
        "certificates, PEM, by one of which that of an agent has to be issued",
        "give a file",
    ),
    Setting(
        "GPUFLEET_TOKENS_FILE",
        "unset",
        "tokens beside those of the database: a line `ROLE sha256:DIGEST` for each; read again when it changes",
        "give a file",
    ),
    Setting(
        "GPUFLEET_ALLOW_INSECURE",
        "unset",
        "1 allows listening beyond this machine without TLS and tokens",
        "give 1 or 0",
        switch=True,
    ),
    Setting("GPUFLEET_MAX_STREAMS", "20000", "agents connected at once", "give a whole number, 1 to 1000000"),
    Setting(
        "GPUFLEET_MAX_HOSTS_PER_TOKEN",
        "20000",
        "agents connected at once with the same token",
        "give a whole number, 1 to 1000000",
    ),
    Setting("GPUFLEET_MAX_SOCKETS", "2000", "WebSocket clients at once", "give a whole number, 1 to 1000000"),
    Setting(
        "GPUFLEET_MAX_CONNECTIONS",
        "2000",
        "HTTP connections at once, WebSockets apart; at the limit the one that has asked nothing for longest goes",
        "give a whole number, 1 to 1000000",
    ),
    Setting(
        "GPUFLEET_MAX_MESSAGE_BYTES",
        "4194304",
        "size of one message of an agent",
        "give a whole number of bytes, 65536 to 67108864",
    ),
    Setting(
        "GPUFLEET_MAX_STRING_LENGTH",
        "256",
        "characters of a name or label; longer ones are cut",
        "give a whole number, 64 to 4096",
    ),
    Setting(
        "GPUFLEET_MAX_LABELS",
        "64",
        "labels of a host; further ones are left out",
        "give a whole number, 0 to 1000",
    ),
    Setting(
        "GPUFLEET_MAX_REQUESTS_PER_SECOND",
        "500",
        "HTTP requests of one client address; more are answered 429",
        "give a whole number, 1 to 1000000",
    ),
    Setting(
        "GPUFLEET_MAX_GPU_HOURS",
        "2000",
        "hours of GPUs that one question for series may read of samples; of rollups 125 and 500 times as many",
        "give a whole number, 1 to 1000000",
    ),
    Setting(
        "GPUFLEET_QUERY_TIMEOUT_SECONDS",
        "30",
        "time of one statement of a question about the past",
        "give seconds, 0.001 to 3600",
    ),
)
