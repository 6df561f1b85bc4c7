"""The command line: what it prints, what it refuses, and with which exit status."""

import subprocess
import sys
from pathlib import Path

import pytest

from gpufleet_collector.__main__ import build_parser, run
from gpufleet_collector.errors import CollectorError, DatabaseUnavailable, DataDirectoryError, SchemaError
from gpufleet_collector.settings import SETTINGS


def test_help_names_every_setting_with_variable_and_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        build_parser().parse_args(["serve", "--help"])
    assert ended.value.code == 0
    said = " ".join(capsys.readouterr().out.split())
    for setting in SETTINGS:
        assert setting.flag in said
        assert f"{setting.help} ({setting.variable}) [{setting.default}]" in said


def test_help_needs_no_library() -> None:
    script = (
        "import sys; from gpufleet_collector.__main__ import build_parser; build_parser();"
        "sys.exit(any(name in sys.modules for name in ('grpc', 'pydantic', 'sqlalchemy', 'starlette', 'asyncpg')))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run(["--version"], {})
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("gpufleet-collector ")


@pytest.mark.parametrize("arguments", [[], ["fly"], ["serve", "--http", "1"], ["serve", "--log-level", "loud"]])
def test_a_wrong_command_line_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(arguments, {})
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", ["serve", "migrate", "database-url", "retention", "export", "doctor"])
@pytest.mark.parametrize(
    ("flags", "environ", "named"),
    [
        (["--http-listen", "x"], {}, "--http-listen='x'"),
        (["--http-listen", "0.0.0.0:1"], {}, "GPUFLEET_ALLOW_INSECURE=true"),
        ([], {"RETENTION_DAYS": "x"}, "RETENTION_DAYS='x'"),
    ],
)
def test_a_wrong_value_is_one_line_and_status_2(
    command: str, flags: list[str], environ: dict[str, str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, *flags], {"HOME": "/nowhere"} | environ) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert named in said.err


def test_a_wrong_database_address_is_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["migrate"], {"HOME": "/nowhere", "DATABASE_URL": "mysql://u:hunter2@h/d"}) == 2
    said = capsys.readouterr().err
    assert said.startswith("gpufleet-collector: DATABASE_URL ")
    assert said.count("\n") == 1
    assert "hunter2" not in said


def test_a_database_that_does_not_answer_is_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"HOME": "/nowhere", "DATABASE_URL": "postgresql://u:hunter2@127.0.0.1:1/d"}
    assert run(["migrate"], environ) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "hunter2" not in said


@pytest.mark.parametrize(
    ("error", "status"), [(DataDirectoryError("in\nuse"), 2), (SchemaError("new"), 2), (DatabaseUnavailable("gone"), 1)]
)
def test_what_serving_fails_with_is_one_line(
    error: CollectorError, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def fail(config: object) -> int:
        raise error

    monkeypatch.setattr("gpufleet_collector.__main__._serve", fail)
    assert run(["serve"], {"HOME": "/nowhere"}) == status
    assert capsys.readouterr().err == f"gpufleet-collector: {' '.join(str(error).split())}\n"


def test_migrate_brings_an_empty_database_up_to_date_and_does_nothing_the_second_time(empty_database_url: str) -> None:
    arguments = ["migrate", "--database-url", empty_database_url]
    assert [run(arguments, {"HOME": "/nowhere"}) for _ in range(2)] == [0, 0]


def test_the_given_database_is_printed_as_psql_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["database-url", "--database-url", "postgresql+asyncpg://h/d"], {"HOME": "/nowhere"}) == 0
    assert capsys.readouterr().out == "postgresql://h/d\n"


def test_the_own_database_is_printed_before_it_exists_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["database-url", "--data-dir", str(tmp_path / "data")]
    assert run(arguments, {"HOME": "/nowhere"}) == 0
    first = capsys.readouterr()
    assert first.out.startswith("postgresql://gpufleet@/gpufleet?host=/")
    assert "not running" in first.err
    assert run(arguments, {"HOME": "/nowhere"}) == 0
    assert capsys.readouterr().out == first.out
    assert not (tmp_path / "data").exists()
