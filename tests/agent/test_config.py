"""Every wrong setting is refused with a line that names it, its value and the remedy; flags win."""

import pytest

from gpufleet_agent.access.config import NO_ACCESS
from gpufleet_agent.config import MAX_LABELS, read_config
from gpufleet_agent.errors import ConfigurationError
from gpufleet_agent.settings import SETTINGS


def test_defaults() -> None:
    config = read_config({"GPUFLEET_HOST_NAME": "node-1"}, {})
    assert list(map(str, config.collectors)) == ["grpc://127.0.0.1:50051"]
    assert config.access == NO_ACCESS
    assert (config.interval_seconds, config.interval_explicit, config.backend) == (5.0, False, "auto")
    assert (config.nvidia_smi, config.labels, config.host_name) == ("nvidia-smi", {}, "node-1")


def test_flags_win_over_the_environment_and_an_interval_given_is_explicit() -> None:
    config = read_config({"GPU_POLL_INTERVAL_SECONDS": "7"}, {"GPU_POLL_INTERVAL_SECONDS": "0.5"})
    assert (config.interval_seconds, config.interval_explicit) == (0.5, True)


def test_labels() -> None:
    config = read_config({"GPUFLEET_LABELS": "rack=r1, pool=train"}, {})
    assert config.labels == {"rack": "r1", "pool": "train"}


def test_the_data_directory_is_the_one_that_is_set_else_that_of_the_platform() -> None:
    def chosen(user_id: int, **environ: str) -> str:
        return str(read_config(environ, {}, user_id=user_id).data_dir)

    assert chosen(1000, GPUFLEET_DATA_DIR="/data", HOME="/home/me") == "/data"
    assert chosen(1000, XDG_STATE_HOME="/state", HOME="/home/me") == "/state/gpufleet"
    assert chosen(1000, HOME="/home/me") == "/home/me/.local/state/gpufleet"
    assert chosen(0, HOME="/home/me") == "/var/lib/gpufleet"
    assert chosen(1000) == "None"


def test_the_spool_is_bounded_in_size_and_age() -> None:
    config = read_config({}, {})
    assert (config.spool_max_bytes, config.spool_max_seconds) == (256 * 2**20, 72 * 3600)
    config = read_config({"GPUFLEET_SPOOL_MAX_MB": "0", "GPUFLEET_SPOOL_MAX_HOURS": "0.5"}, {})
    assert (config.spool_max_bytes, config.spool_max_seconds) == (0, 1800)


def test_a_driver_call_has_five_seconds_unless_it_is_given_others() -> None:
    assert read_config({}, {}).call_deadline_seconds == 5.0
    assert read_config({"GPUFLEET_CALL_DEADLINE_SECONDS": "0.5"}, {}).call_deadline_seconds == 0.5
    assert read_config({}, {"GPUFLEET_CALL_DEADLINE_SECONDS": "30"}).call_deadline_seconds == 30.0


def test_a_switch_is_true_or_false() -> None:
    assert read_config({}, {}).gpm
    assert not read_config({"GPUFLEET_GPM": "false"}, {}).gpm
    assert read_config({"GPUFLEET_GPM": "0"}, {"GPUFLEET_GPM": " On "}).gpm


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GPUFLEET_COLLECTOR", "http://x:1"),
        ("GPUFLEET_COLLECTOR", "x:50051"),
        ("GPUFLEET_COLLECTOR", "grpc://x:99999"),
        ("GPUFLEET_COLLECTOR", "grpc://x:0"),
        ("GPUFLEET_COLLECTOR", "grpc://x:1/path"),
        ("GPUFLEET_COLLECTOR", "grpc://"),
        ("GPUFLEET_COLLECTOR", ","),
        ("GPUFLEET_COLLECTOR", "grpc://a b"),
        ("GPUFLEET_COLLECTOR", "grpc://a;b:1"),
        ("GPUFLEET_SPOOL_MAX_MB", "-1"),
        ("GPUFLEET_SPOOL_MAX_MB", "0.5"),
        ("GPUFLEET_SPOOL_MAX_MB", "nan"),
        ("GPUFLEET_SPOOL_MAX_HOURS", "0"),
        ("GPUFLEET_SPOOL_MAX_HOURS", "for ever"),
        ("GPUFLEET_CALL_DEADLINE_SECONDS", "0.4"),
        ("GPUFLEET_CALL_DEADLINE_SECONDS", "601"),
        ("GPUFLEET_CALL_DEADLINE_SECONDS", "nan"),
        ("GPUFLEET_CALL_DEADLINE_SECONDS", "never"),
        ("GPU_POLL_INTERVAL_SECONDS", "0"),
        ("GPU_POLL_INTERVAL_SECONDS", "-1"),
        ("GPU_POLL_INTERVAL_SECONDS", "nan"),
        ("GPU_POLL_INTERVAL_SECONDS", "inf"),
        ("GPU_POLL_INTERVAL_SECONDS", "soon"),
        ("GPUFLEET_BACKEND", "rocm"),
        ("GPUFLEET_GPM", "perhaps"),
        ("GPUFLEET_ALLOW_INSECURE", "perhaps"),
        ("GPUFLEET_HOST_NAME", "a\x00b"),
        ("GPUFLEET_HOST_NAME", "x" * 300),
        ("GPUFLEET_LABELS", "rack"),
        ("GPUFLEET_LABELS", "=x"),
        ("GPUFLEET_LABELS", ",".join(f"k{n}=" for n in range(MAX_LABELS + 1))),
    ],
)
def test_a_wrong_value_is_named_on_one_line(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as refusal:
        read_config({variable: value}, {})
    message = str(refusal.value)
    assert variable in message
    assert "\n" not in message


def test_flags_follow_from_variable_names() -> None:
    flags = {setting.variable: setting.flag for setting in SETTINGS}
    assert flags["GPUFLEET_HOST_NAME"] == "--host-name"
    assert flags["GPU_POLL_INTERVAL_SECONDS"] == "--gpu-poll-interval-seconds"


@pytest.mark.parametrize(("text", "kept"), [("", True), ("false", True), ("true", False), ("1", False), ("Yes", False)])
def test_the_driver_is_kept_between_readings_unless_it_is_to_be_released(text: str, kept: bool) -> None:
    assert read_config({"GPUFLEET_RELEASE_HANDLES": text}, {}).release_handles is not kept


def test_a_switch_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="GPUFLEET_RELEASE_HANDLES='perhaps'"):
        read_config({"GPUFLEET_RELEASE_HANDLES": "perhaps"}, {})
