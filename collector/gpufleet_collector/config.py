"""The collector's configuration: a frozen value built once from environment and flags, a reason with every refusal."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, InstanceOf, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.settings import SETTINGS, Setting
from gpufleet_collector.tls import TlsFiles

MAX_PORT = 65_535
MAX_RETENTION_DAYS = 36_500
MAX_PACK_AFTER_HOURS = 168.0
MAX_ROLLUP_LABELS = 10
MAX_BUS_SERVERS = 16
MAX_INTERVAL_SECONDS = 86_400.0
MAX_DOWN_AFTER_SECONDS = 86_400.0
MAX_EVENT_GPUS = 1_000_000
MAX_METRICS_GPUS = 20_000
"""An answer about so many GPUs has 170 MB, and takes more than a second of a core to make."""
MAX_COUNT = 1_000_000
MIN_QUERY_SECONDS, MAX_QUERY_SECONDS = 0.001, 3_600.0
"""PostgreSQL counts in milliseconds, and takes none of them for no limit."""
MAX_SECRET_FILE_BYTES = 64 * 1024
MAX_VALUE_SHOWN = 100
ROOT_STATE_DIRECTORY = Path("/var/lib/gpufleet")


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. `host` is without brackets; port 0 means any free one."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`127.0.0.1:8080` or `[::1]:8080`. Raises ValueError."""
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:\[\]/@]+)):([0-9]{1,5})", text)
        if match is None or int(match[3]) > MAX_PORT:
            raise ValueError(f"{text!r} is not HOST:PORT")
        if match[1] is not None:
            ipaddress.IPv6Address(match[1])
        return cls(match[1] or match[2], int(match[3]))

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect. A name other than localhost is taken to reach beyond it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _listen(value: object) -> object:
    return Listen.parse(value) if isinstance(value, str) else value


def _folder(value: object) -> object:
    if isinstance(value, str) and "\0" in value:
        raise ValueError("a path holds no NUL")
    return Path(value).absolute() if isinstance(value, str | Path) else value


def _names(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = tuple(name.strip() for name in value.split(","))
    if not all(names):
        raise ValueError("a name is empty")
    return tuple(dict.fromkeys(names))


def _bus_servers(value: object) -> object:
    servers = _names(value) if value else ()
    if isinstance(servers, tuple):
        if len(servers) > MAX_BUS_SERVERS:
            raise ValueError("too many servers")
        for server in servers:
            _check_bus_server(server)
    return servers


def _check_bus_server(server: str) -> None:
    """`nats://HOST:PORT`, with `USER:PASSWORD@` or `TOKEN@` before the host where the server wants it. Raises
    ValueError."""
    scheme, separator, rest = server.partition("://")
    secret, _, address = rest.rpartition("@")
    if scheme != "nats" or not separator or not (rest.isascii() and rest.isprintable()) or " " in rest or "/" in secret:
        raise ValueError("not a NATS server")
    if not Listen.parse(address).port:
        raise ValueError("a server has a port")


Days = Annotated[int, Field(gt=0, le=MAX_RETENTION_DAYS)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
BusServers = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_bus_servers)]
ListenAddress = Annotated[InstanceOf[Listen], NoDecode, BeforeValidator(_listen)]
Folder = Annotated[Path, BeforeValidator(_folder)]
File = Folder
Count = Annotated[int, Field(gt=0, le=MAX_COUNT)]


class CollectorConfig(BaseSettings):
    """Everything an operator can set. Built by `read_config`; never reads the process's environment by itself.

    `poll_interval_seconds` is None unless it was set. Folders are absolute.
    """

    model_config = SettingsConfigDict(frozen=True, extra="forbid", populate_by_name=True, case_sensitive=True)

    database_url: str | None = Field(default=None, alias="DATABASE_URL", repr=False)
    pg_bin: Folder | None = Field(default=None, alias="PG_BIN")
    data_dir: Folder = Field(alias="GPUFLEET_DATA_DIR")
    http_listen: ListenAddress = Field(default=Listen("127.0.0.1", 8080), alias="GPUFLEET_HTTP_LISTEN")
    grpc_listen: ListenAddress = Field(default=Listen("127.0.0.1", 50051), alias="GPUFLEET_GRPC_LISTEN")
    retention_days: Days = Field(default=30, alias="RETENTION_DAYS")
    retention_5m_days: Days = Field(default=90, alias="GPUFLEET_RETENTION_5M_DAYS")
    retention_1h_days: Days = Field(default=730, alias="GPUFLEET_RETENTION_1H_DAYS")
    retention_fleet_days: Days = Field(default=730, alias="GPUFLEET_RETENTION_FLEET_DAYS")
    retention_events_days: Days = Field(default=730, alias="GPUFLEET_RETENTION_EVENTS_DAYS")
    pack_after_hours: float = Field(
        default=2, ge=0, le=MAX_PACK_AFTER_HOURS, allow_inf_nan=False, alias="PACK_AFTER_HOURS"
    )
    rollup_labels: Names = Field(default=(), max_length=MAX_ROLLUP_LABELS, alias="GPUFLEET_ROLLUP_LABELS")
    bus_servers: BusServers = Field(default=(), alias="GPUFLEET_BUS_URL", repr=False)
    poll_interval_seconds: float | None = Field(
        default=None, gt=0, le=MAX_INTERVAL_SECONDS, allow_inf_nan=False, alias="GPU_POLL_INTERVAL_SECONDS"
    )
    down_after_seconds: float = Field(
        default=60, gt=0, le=MAX_DOWN_AFTER_SECONDS, allow_inf_nan=False, alias="GPUFLEET_DOWN_AFTER_SECONDS"
    )
    ws_events_max_gpus: int = Field(default=1000, gt=0, le=MAX_EVENT_GPUS, alias="GPUFLEET_WS_EVENTS_MAX_GPUS")
    metrics_max_gpus: int = Field(default=1000, gt=0, le=MAX_METRICS_GPUS, alias="GPUFLEET_METRICS_MAX_GPUS")
    tls_cert_file: File | None = Field(default=None, alias="GPUFLEET_TLS_CERT_FILE")
    tls_key_file: File | None = Field(default=None, alias="GPUFLEET_TLS_KEY_FILE")
    tls_client_ca_file: File | None = Field(default=None, alias="GPUFLEET_TLS_CLIENT_CA_FILE")
    tokens_file: File | None = Field(default=None, alias="GPUFLEET_TOKENS_FILE")
    allow_insecure: bool = Field(default=False, alias="GPUFLEET_ALLOW_INSECURE")
    max_streams: Count = Field(default=20_000, alias="GPUFLEET_MAX_STREAMS")
    max_hosts_per_token: Count = Field(default=20_000, alias="GPUFLEET_MAX_HOSTS_PER_TOKEN")
    max_sockets: Count = Field(default=2_000, alias="GPUFLEET_MAX_SOCKETS")
    max_connections: Count = Field(default=2_000, alias="GPUFLEET_MAX_CONNECTIONS")
    max_message_bytes: int = Field(default=4 * 2**20, ge=2**16, le=2**26, alias="GPUFLEET_MAX_MESSAGE_BYTES")
    max_string_length: int = Field(default=256, ge=64, le=4_096, alias="GPUFLEET_MAX_STRING_LENGTH")
    max_labels: int = Field(default=64, ge=0, le=1_000, alias="GPUFLEET_MAX_LABELS")
    max_requests_per_second: Count = Field(default=500, alias="GPUFLEET_MAX_REQUESTS_PER_SECOND")
    max_gpu_hours: Count = Field(default=2_000, alias="GPUFLEET_MAX_GPU_HOURS")
    query_timeout_seconds: float = Field(
        default=30,
        ge=MIN_QUERY_SECONDS,
        le=MAX_QUERY_SECONDS,
        allow_inf_nan=False,
        alias="GPUFLEET_QUERY_TIMEOUT_SECONDS",
    )

    @property
    def collector_dir(self) -> Path:
        """The collector's own folder in the data directory; agents keep theirs beside it."""
        return self.data_dir / "collector"

    @property
    def has_tls(self) -> bool:
        return self.tls_cert_file is not None

    @property
    def tls_files(self) -> TlsFiles | None:
        if self.tls_cert_file is None or self.tls_key_file is None:
            return None
        return TlsFiles(self.tls_cert_file, self.tls_key_file, self.tls_client_ca_file)

    @property
    def is_reached_from_elsewhere(self) -> bool:
        return not (self.http_listen.is_loopback and self.grpc_listen.is_loopback)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: `read_config` reads the environment it was given."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


def read_config(environ: Mapping[str, str], flags: Mapping[str, str | None], *, user_id: int) -> CollectorConfig:
    """The configuration from environment variables and flags (by variable name); flags win, empty variables are unset.

    Raises ConfigurationError that names the setting, the value and the remedy.
    """
    given = {name: value for name, value in flags.items() if value is not None}
    values = _from_environment(environ) | given
    from_files = secrets_from_files(environ, values)
    values |= from_files
    if not values.get("DATABASE_URL"):
        values.pop("DATABASE_URL", None)
    if "GPUFLEET_DATA_DIR" not in values:
        values["GPUFLEET_DATA_DIR"] = state_directory(environ, user_id)
    try:
        config = CollectorConfig(**values)
    except ValidationError as error:
        raise _refusal(error, values, given, from_files) from None
    _refuse_half_of_tls(config)
    _refuse_open_listeners(config, given)
    return config


def state_directory(environ: Mapping[str, str], user_id: int) -> Path:
    """Where this platform keeps the state of programs: /var/lib for root, else the XDG state directory."""
    if user_id == 0:
        return ROOT_STATE_DIRECTORY
    state = environ.get("XDG_STATE_HOME", "")
    if state.startswith("/"):
        return Path(state) / "gpufleet"
    home = environ.get("HOME", "")
    if not home.startswith("/"):
        raise ConfigurationError("GPUFLEET_DATA_DIR is not set and there is no home folder: give a folder")
    return Path(home) / ".local" / "state" / "gpufleet"


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    source = EnvSettingsSource(CollectorConfig, case_sensitive=True)
    source.env_vars = {name: value for name, value in environ.items() if value}
    names = {setting.variable for setting in SETTINGS}
    return {name: value for name, value in source().items() if name in names}


def _refusal(
    error: ValidationError, values: Mapping[str, Any], given: Mapping[str, str], from_files: Mapping[str, str]
) -> ConfigurationError:
    culprit = str(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
    setting = _setting(culprit)
    if setting.variable in from_files:
        return ConfigurationError(f"what {setting.variable}_FILE names cannot be used: {setting.expects}")
    shown = re.sub(r"//[^/,@]*@", "//***@", str(values.get(setting.variable, "")))[:MAX_VALUE_SHOWN]
    return ConfigurationError(f"{_name(setting, given)}={shown!r} cannot be used: {setting.expects}")


def _setting(variable: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.variable == variable)


def _name(setting: Setting, given: Mapping[str, str]) -> str:
    return setting.flag if setting.variable in given else setting.variable


def _refuse_open_listeners(config: CollectorConfig, given: Mapping[str, str]) -> None:
    if config.allow_insecure or config.has_tls:
        return  # whether there are tokens is known once the database is
    for variable, listen in (
        ("GPUFLEET_HTTP_LISTEN", config.http_listen),
        ("GPUFLEET_GRPC_LISTEN", config.grpc_listen),
    ):
        if not listen.is_loopback:
            raise ConfigurationError(
                f"{_name(_setting(variable), given)}={str(listen)!r} is reached from other machines, and without TLS "
                "and tokens anybody there may read and write: set GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE, "
                "and make tokens with `gpufleet-collector token create` or give GPUFLEET_TOKENS_FILE; or listen on "
                "127.0.0.1, or set GPUFLEET_ALLOW_INSECURE=true"
            )


def _refuse_half_of_tls(config: CollectorConfig) -> None:
    if (config.tls_cert_file is None) != (config.tls_key_file is None):
        lacking = "GPUFLEET_TLS_CERT_FILE" if config.tls_cert_file is None else "GPUFLEET_TLS_KEY_FILE"
        raise ConfigurationError(f"{lacking} is not set: a certificate and its private key go together")
    if config.tls_client_ca_file is not None and not config.has_tls:
        raise ConfigurationError(
            "GPUFLEET_TLS_CLIENT_CA_FILE goes with a certificate of the collector: set GPUFLEET_TLS_CERT_FILE and "
            "GPUFLEET_TLS_KEY_FILE too"
        )


def refuse_without_tokens(config: CollectorConfig, *, is_open: bool) -> None:
    """Once it is known whether there is a token. Raises ConfigurationError."""
    if is_open and config.is_reached_from_elsewhere and not config.allow_insecure:
        raise ConfigurationError(
            "there are no tokens, so that anybody who reaches GPUFLEET_HTTP_LISTEN or GPUFLEET_GRPC_LISTEN may read "
            "and write, with TLS too: make tokens with `gpufleet-collector token create` or give GPUFLEET_TOKENS_FILE; "
            "or listen on 127.0.0.1, or set GPUFLEET_ALLOW_INSECURE=true"
        )


def secrets_from_files(environ: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """What settings hold that are secrets and come from files, such as DATABASE_URL_FILE. Raises ConfigurationError."""
    found = {}
    for setting in SETTINGS:
        variable = f"{setting.variable}_FILE"
        if not setting.is_secret or not environ.get(variable):
            continue
        if given.get(setting.variable):
            raise ConfigurationError(f"{setting.variable} and {variable} are both set: keep one of them")
        found[setting.variable] = _read_secret(variable, environ[variable])
    return found


def _read_secret(variable: str, path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_SECRET_FILE_BYTES + 1)
        text = content.decode()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no text"
        raise ConfigurationError(f"{variable}={path!r} cannot be read: {why}") from None
    if len(content) > MAX_SECRET_FILE_BYTES or not text.strip():
        raise ConfigurationError(f"{variable}={path!r} is {'empty' if not text.strip() else 'too large'}")
    return text.strip()
