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

MAX_PORT = 65_535
MAX_RETENTION_DAYS = 36_500
MAX_PACK_AFTER_HOURS = 168.0
MAX_ROLLUP_LABELS = 10
MAX_BUS_SERVERS = 16
MAX_INTERVAL_SECONDS = 86_400.0
MAX_DOWN_AFTER_SECONDS = 86_400.0
MAX_EVENT_GPUS = 1_000_000
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
    allow_insecure: bool = Field(default=False, alias="GPUFLEET_ALLOW_INSECURE")

    @property
    def collector_dir(self) -> Path:
        """The collector's own folder in the data directory; agents keep theirs beside it."""
        return self.data_dir / "collector"

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
    if not values.get("DATABASE_URL"):
        values.pop("DATABASE_URL", None)
    if "GPUFLEET_DATA_DIR" not in values:
        values["GPUFLEET_DATA_DIR"] = state_directory(environ, user_id)
    try:
        config = CollectorConfig(**values)
    except ValidationError as error:
        raise _refusal(error, values, given) from None
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


def _refusal(error: ValidationError, values: Mapping[str, Any], given: Mapping[str, str]) -> ConfigurationError:
    culprit = str(error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"][0])
    setting = _setting(culprit)
    shown = re.sub(r"//[^/,@]*@", "//***@", str(values.get(setting.variable, "")))[:MAX_VALUE_SHOWN]
    return ConfigurationError(f"{_name(setting, given)}={shown!r} cannot be used: {setting.expects}")


def _setting(variable: str) -> Setting:
    return next(setting for setting in SETTINGS if setting.variable == variable)


def _name(setting: Setting, given: Mapping[str, str]) -> str:
    return setting.flag if setting.variable in given else setting.variable


def _refuse_open_listeners(config: CollectorConfig, given: Mapping[str, str]) -> None:
    if config.allow_insecure:
        return
    for variable, listen in (
        ("GPUFLEET_HTTP_LISTEN", config.http_listen),
        ("GPUFLEET_GRPC_LISTEN", config.grpc_listen),
    ):
        if not listen.is_loopback:
            raise ConfigurationError(
                f"{_name(_setting(variable), given)}={str(listen)!r} is reached from other machines, and without TLS "
                "and tokens anybody there may read and write: listen on 127.0.0.1, or set GPUFLEET_ALLOW_INSECURE=1"
            )
