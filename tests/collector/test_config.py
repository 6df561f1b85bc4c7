"""Settings of the collector: what is read, who wins, and how a wrong value is refused."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gpufleet_collector.config import CollectorConfig, Listen, read_config, refuse_without_tokens, state_directory
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.settings import SETTINGS

ENVIRON = {"HOME": "/home/ada"}


def read(environ: dict[str, str] | None = None, flags: dict[str, str | None] | None = None) -> CollectorConfig:
    return read_config(ENVIRON | (environ or {}), flags or {}, user_id=1000)


def refusal(environ: dict[str, str] | None = None, flags: dict[str, str | None] | None = None) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read(environ, flags)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_without_settings_everything_has_its_default() -> None:
    config = read()
    assert config.database_url is None
    assert config.pg_bin is None
    assert config.http_listen == Listen("127.0.0.1", 8080)
    assert config.grpc_listen == Listen("127.0.0.1", 50051)
    assert config.retention_days == 30
    assert config.poll_interval_seconds is None
    assert config.down_after_seconds == 60
    assert config.ws_events_max_gpus == 1000
    assert config.metrics_max_gpus == 1000
    assert not config.allow_insecure


def test_every_setting_of_the_table_is_read_from_its_variable() -> None:
    values = {
        "DATABASE_URL": "postgresql://h/d",
        "PG_BIN": "/pg/bin",
        "GPUFLEET_DATA_DIR": "/data",
        "GPUFLEET_HTTP_LISTEN": "[::1]:0",
        "GPUFLEET_GRPC_LISTEN": "localhost:7",
        "RETENTION_DAYS": "7",
        "GPUFLEET_RETENTION_5M_DAYS": "8",
        "GPUFLEET_RETENTION_1H_DAYS": "9",
        "GPUFLEET_RETENTION_FLEET_DAYS": "10",
        "GPUFLEET_RETENTION_EVENTS_DAYS": "11",
        "PACK_AFTER_HOURS": "0.5",
        "GPUFLEET_ROLLUP_LABELS": "rack, pool,rack",
        "GPUFLEET_BUS_URL": "nats://bus-1:4222,nats://me:secret@[::1]:7",
        "GPU_POLL_INTERVAL_SECONDS": "0.5",
        "GPUFLEET_DOWN_AFTER_SECONDS": "90.5",
        "GPUFLEET_WS_EVENTS_MAX_GPUS": "12",
        "GPUFLEET_METRICS_MAX_GPUS": "13",
        "GPUFLEET_TLS_CERT_FILE": "/tls/crt",
        "GPUFLEET_TLS_KEY_FILE": "/tls/key",
        "GPUFLEET_TLS_CLIENT_CA_FILE": "/tls/ca",
        "GPUFLEET_TOKENS_FILE": "/tokens",
        "GPUFLEET_ALLOW_INSECURE": "1",
        "GPUFLEET_MAX_STREAMS": "13",
        "GPUFLEET_MAX_HOSTS_PER_TOKEN": "14",
        "GPUFLEET_MAX_SOCKETS": "15",
        "GPUFLEET_MAX_CONNECTIONS": "16",
        "GPUFLEET_MAX_MESSAGE_BYTES": "65536",
        "GPUFLEET_MAX_STRING_LENGTH": "65",
        "GPUFLEET_MAX_LABELS": "0",
        "GPUFLEET_MAX_REQUESTS_PER_SECOND": "16",
        "GPUFLEET_MAX_GPU_HOURS": "18",
        "GPUFLEET_QUERY_TIMEOUT_SECONDS": "0.5",
    }
    assert set(values) == {setting.variable for setting in SETTINGS}
    from_environment, from_flags = read(values), read({}, dict(values))
    assert from_environment == from_flags
    assert {name: getattr(from_environment, name) for name in CollectorConfig.model_fields} == {
        "database_url": "postgresql://h/d",
        "pg_bin": Path("/pg/bin"),
        "data_dir": Path("/data"),
        "http_listen": Listen("::1", 0),
        "grpc_listen": Listen("localhost", 7),
        "retention_days": 7,
        "retention_5m_days": 8,
        "retention_1h_days": 9,
        "retention_fleet_days": 10,
        "retention_events_days": 11,
        "pack_after_hours": 0.5,
        "rollup_labels": ("rack", "pool"),
        "bus_servers": ("nats://bus-1:4222", "nats://me:secret@[::1]:7"),
        "poll_interval_seconds": 0.5,
        "down_after_seconds": 90.5,
        "ws_events_max_gpus": 12,
        "metrics_max_gpus": 13,
        "tls_cert_file": Path("/tls/crt"),
        "tls_key_file": Path("/tls/key"),
        "tls_client_ca_file": Path("/tls/ca"),
        "tokens_file": Path("/tokens"),
        "allow_insecure": True,
        "max_streams": 13,
        "max_hosts_per_token": 14,
        "max_sockets": 15,
        "max_connections": 16,
        "max_message_bytes": 65_536,
        "max_string_length": 65,
        "max_labels": 0,
        "max_requests_per_second": 16,
        "max_gpu_hours": 18,
        "query_timeout_seconds": 0.5,
    }


def test_the_table_shows_the_defaults_that_hold() -> None:
    shown = {setting.variable: setting.default for setting in SETTINGS}
    config = read()
    assert shown["GPUFLEET_HTTP_LISTEN"] == str(config.http_listen)
    assert shown["GPUFLEET_GRPC_LISTEN"] == str(config.grpc_listen)
    assert shown["RETENTION_DAYS"] == str(config.retention_days)
    assert float(shown["GPUFLEET_DOWN_AFTER_SECONDS"]) == config.down_after_seconds
    for variable, value in (
        ("GPUFLEET_WS_EVENTS_MAX_GPUS", config.ws_events_max_gpus),
        ("GPUFLEET_METRICS_MAX_GPUS", config.metrics_max_gpus),
        ("GPUFLEET_MAX_STREAMS", config.max_streams),
        ("GPUFLEET_MAX_HOSTS_PER_TOKEN", config.max_hosts_per_token),
        ("GPUFLEET_MAX_SOCKETS", config.max_sockets),
        ("GPUFLEET_MAX_CONNECTIONS", config.max_connections),
        ("GPUFLEET_MAX_MESSAGE_BYTES", config.max_message_bytes),
        ("GPUFLEET_MAX_STRING_LENGTH", config.max_string_length),
        ("GPUFLEET_MAX_LABELS", config.max_labels),
        ("GPUFLEET_MAX_REQUESTS_PER_SECOND", config.max_requests_per_second),
        ("GPUFLEET_MAX_GPU_HOURS", config.max_gpu_hours),
        ("GPUFLEET_QUERY_TIMEOUT_SECONDS", f"{config.query_timeout_seconds:g}"),
    ):
        assert shown[variable] == str(value)


def test_flags_are_named_after_variables() -> None:
    assert [setting.flag for setting in SETTINGS] == [
        "--database-url",
        "--pg-bin",
        "--data-dir",
        "--http-listen",
        "--grpc-listen",
        "--retention-days",
        "--retention-5m-days",
        "--retention-1h-days",
        "--retention-fleet-days",
        "--retention-events-days",
        "--pack-after-hours",
        "--rollup-labels",
        "--bus-url",
        "--gpu-poll-interval-seconds",
        "--down-after-seconds",
        "--ws-events-max-gpus",
        "--metrics-max-gpus",
        "--tls-cert-file",
        "--tls-key-file",
        "--tls-client-ca-file",
        "--tokens-file",
        "--allow-insecure",
        "--max-streams",
        "--max-hosts-per-token",
        "--max-sockets",
        "--max-connections",
        "--max-message-bytes",
        "--max-string-length",
        "--max-labels",
        "--max-requests-per-second",
        "--max-gpu-hours",
        "--query-timeout-seconds",
    ]


def test_flags_win_over_the_environment() -> None:
    assert read({"RETENTION_DAYS": "7"}, {"RETENTION_DAYS": "9"}).retention_days == 9


def test_an_empty_variable_is_unset_and_an_empty_flag_unsets_the_database() -> None:
    assert read({"RETENTION_DAYS": "", "DATABASE_URL": ""}) == read()
    assert read({"DATABASE_URL": "postgresql://h/d"}, {"DATABASE_URL": ""}).database_url is None


def test_the_environment_of_the_process_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_DAYS", "3")
    monkeypatch.setenv("retention_days", "3")
    assert read().retention_days == 30


def test_a_configuration_is_frozen() -> None:
    with pytest.raises(ValidationError):
        read().retention_days = 3


def test_an_address_with_a_password_is_not_in_the_repr() -> None:
    assert "secret" not in repr(read({"DATABASE_URL": "postgresql://u:secret@h/d"}))
    assert "secret" not in repr(read({"GPUFLEET_BUS_URL": "nats://u:secret@h:1"}))


def test_a_password_is_not_in_a_refusal() -> None:
    refused = refusal({"GPUFLEET_BUS_URL": "nats://u:secret@h"})
    assert "secret" not in refused
    assert "GPUFLEET_BUS_URL='nats://***@h' cannot be used: give nats://HOST:PORT" in refused


def test_a_bus_has_at_most_sixteen_servers() -> None:
    servers = [f"nats://bus-{number}:4222" for number in range(17)]
    assert "GPUFLEET_BUS_URL" in refusal({"GPUFLEET_BUS_URL": ",".join(servers)})
    assert len(read({"GPUFLEET_BUS_URL": ",".join(servers[:16])}).bus_servers) == 16


def test_an_empty_flag_unsets_the_bus() -> None:
    assert read({"GPUFLEET_BUS_URL": "nats://h:1"}, {"GPUFLEET_BUS_URL": ""}).bus_servers == ()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GPUFLEET_HTTP_LISTEN", "8080"),
        ("GPUFLEET_HTTP_LISTEN", ":8080"),
        ("GPUFLEET_HTTP_LISTEN", "::1:8080"),
        ("GPUFLEET_GRPC_LISTEN", "127.0.0.1:65536"),
        ("GPUFLEET_GRPC_LISTEN", "http://127.0.0.1:1"),
        ("RETENTION_DAYS", "0"),
        ("GPUFLEET_RETENTION_5M_DAYS", "0"),
        ("PACK_AFTER_HOURS", "-1"),
        ("PACK_AFTER_HOURS", "169"),
        ("GPUFLEET_ROLLUP_LABELS", "rack,,pool"),
        ("GPUFLEET_BUS_URL", "bus:4222"),
        ("GPUFLEET_BUS_URL", "http://bus:4222"),
        ("GPUFLEET_BUS_URL", "nats://bus"),
        ("GPUFLEET_BUS_URL", "nats://bus:0"),
        ("GPUFLEET_BUS_URL", "nats://bus:4222/x"),
        ("GPUFLEET_BUS_URL", "nats://bus:4222,"),
        ("GPUFLEET_ROLLUP_LABELS", "a,b,c,d,e,f,g,h,i,j,k"),
        ("RETENTION_DAYS", "1.5"),
        ("RETENTION_DAYS", "36501"),
        ("GPU_POLL_INTERVAL_SECONDS", "0"),
        ("GPU_POLL_INTERVAL_SECONDS", "nan"),
        ("GPU_POLL_INTERVAL_SECONDS", "inf"),
        ("GPU_POLL_INTERVAL_SECONDS", "-1"),
        ("GPUFLEET_DOWN_AFTER_SECONDS", "0"),
        ("GPUFLEET_DOWN_AFTER_SECONDS", "nan"),
        ("GPUFLEET_DOWN_AFTER_SECONDS", "86401"),
        ("GPUFLEET_DOWN_AFTER_SECONDS", "a minute"),
        ("GPUFLEET_WS_EVENTS_MAX_GPUS", "0"),
        ("GPUFLEET_ALLOW_INSECURE", "perhaps"),
        ("GPUFLEET_DATA_DIR", "a\0b"),
    ],
)
def test_a_wrong_value_is_refused_with_setting_value_and_remedy(variable: str, value: str) -> None:
    setting = next(setting for setting in SETTINGS if setting.variable == variable)
    assert refusal({variable: value}) == f"{variable}={value!r} cannot be used: {setting.expects}"
    assert refusal({}, {variable: value}) == f"{setting.flag}={value!r} cannot be used: {setting.expects}"


@pytest.mark.parametrize("variable", ["GPUFLEET_HTTP_LISTEN", "GPUFLEET_GRPC_LISTEN"])
@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "gpu-host"])
def test_a_listener_beyond_this_machine_needs_a_word(variable: str, host: str) -> None:
    said = refusal({variable: f"{host}:1"})
    assert said.startswith(f"{variable}='{host}:1'")
    assert "TLS" in said
    assert "tokens" in said
    assert "GPUFLEET_ALLOW_INSECURE=true" in said
    assert read({variable: f"{host}:1", "GPUFLEET_ALLOW_INSECURE": "true"}).allow_insecure
    tls = {"GPUFLEET_TLS_CERT_FILE": "/crt", "GPUFLEET_TLS_KEY_FILE": "/key"}
    with_tls = read({variable: f"{host}:1", **tls})
    refuse_without_tokens(with_tls, is_open=False)
    with pytest.raises(ConfigurationError, match=r"there are no tokens.*gpufleet-collector token create"):
        refuse_without_tokens(with_tls, is_open=True)
    refuse_without_tokens(read(tls), is_open=True)


def test_half_of_what_tls_needs_is_refused_by_name() -> None:
    assert refusal({"GPUFLEET_TLS_CERT_FILE": "/crt"}).startswith("GPUFLEET_TLS_KEY_FILE is not set")
    assert refusal({"GPUFLEET_TLS_KEY_FILE": "/key"}).startswith("GPUFLEET_TLS_CERT_FILE is not set")
    assert "GPUFLEET_TLS_CERT_FILE" in refusal({"GPUFLEET_TLS_CLIENT_CA_FILE": "/ca"})


def test_what_is_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("postgresql://u:secret@h/d\n")
    assert read({"DATABASE_URL_FILE": str(file)}).database_url == "postgresql://u:secret@h/d"
    file.write_text("nats://token@bus:4222\n")
    assert read({"GPUFLEET_BUS_URL_FILE": str(file)}).bus_servers == ("nats://token@bus:4222",)
    assert "both set" in refusal({"DATABASE_URL": "postgresql://h/d", "DATABASE_URL_FILE": str(file)})
    assert "No such file" in refusal({"DATABASE_URL_FILE": str(tmp_path / "none")})
    file.write_text("\n")
    assert "is empty" in refusal({"DATABASE_URL_FILE": str(file)})
    file.write_bytes(b"\xff\xfe")
    assert "is no text" in refusal({"DATABASE_URL_FILE": str(file)})
    file.write_text("secret nonsense")
    assert "secret" not in refusal({"GPUFLEET_BUS_URL_FILE": str(file)})


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        listen = Listen.parse(text)
    except ValueError:
        return
    assert Listen.parse(str(listen)) == listen
    assert 0 <= listen.port <= 65_535


@given(st.ip_addresses(), st.integers(0, 65_535))
def test_an_address_is_read_as_it_is_written(address: object, port: int) -> None:
    listen = Listen(str(address), port)
    assert Listen.parse(str(listen)) == listen


def test_the_state_directory_is_the_platforms() -> None:
    assert state_directory({"HOME": "/root"}, 0) == Path("/var/lib/gpufleet")
    assert state_directory({"HOME": "/h", "XDG_STATE_HOME": "/s"}, 1000) == Path("/s/gpufleet")
    assert state_directory({"HOME": "/h", "XDG_STATE_HOME": "relative"}, 1000) == Path("/h/.local/state/gpufleet")
    with pytest.raises(ConfigurationError, match="GPUFLEET_DATA_DIR"):
        state_directory({}, 1000)


def test_the_collector_has_a_folder_of_its_own_in_the_data_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert read({"GPUFLEET_DATA_DIR": "data"}).collector_dir == tmp_path / "data" / "collector"
