"""The generated modules are those of proto/telemetry.proto, and the installed libraries are new enough for them."""

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ("telemetry_pb2.py", "telemetry_pb2.pyi", "telemetry_pb2_grpc.py")


def generate(into: Path) -> None:
    spec = spec_from_file_location("generate_proto", ROOT / "tools" / "generate_proto.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    module.generate(into)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_committed_modules_are_current(tmp_path: Path) -> None:
    generate(tmp_path)
    for name in GENERATED:
        committed = ROOT / "proto" / "gpufleet_proto" / name
        assert committed.read_text() == (tmp_path / "gpufleet_proto" / name).read_text(), "run `make proto`"


def test_the_declared_floors_are_those_of_the_generated_code() -> None:
    project = (ROOT / "proto" / "pyproject.toml").read_text()
    grpc_needed = re.search(r"GRPC_GENERATED_VERSION = '([\d.]+)'", _read("telemetry_pb2_grpc.py"))
    assert grpc_needed is not None
    assert f'"grpcio>={grpc_needed[1]}"' in project
    runtime = re.search(r"# Protobuf Python Version: ([\d.]+)", _read("telemetry_pb2.py"))
    assert runtime is not None
    assert f'"protobuf>={runtime[1]}"' in project


def test_constraints_name_no_address() -> None:
    for line in (ROOT / "constraints.txt").read_text().split():
        assert re.fullmatch(r"[A-Za-z0-9_.-]+==[A-Za-z0-9.+!]+", line), line
    assert "://" not in (ROOT / "collector" / "dashboard" / "package-lock.json").read_text().replace(
        "https://opencollective.com", ""
    ).replace("https://github.com/sponsors", "") or not re.search(
        r'"resolved"', (ROOT / "collector" / "dashboard" / "package-lock.json").read_text()
    )


def _read(name: str) -> str:
    return (ROOT / "proto" / "gpufleet_proto" / name).read_text()


assert sys.version_info >= (3, 11)
