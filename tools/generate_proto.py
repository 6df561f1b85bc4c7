"""Writes the generated protobuf modules, so that images and installs need no compiler."""

import sys
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCE = "gpufleet_proto/telemetry.proto"


def generate(into: Path) -> None:
    """Compile proto/telemetry.proto into `into`/gpufleet_proto."""
    well_known = str(files("grpc_tools") / "_proto")
    arguments = [f"-Igpufleet_proto={ROOT / 'proto'}", f"-I{well_known}"]
    outputs = [f"--{kind}_out={into}" for kind in ("python", "pyi", "grpc_python")]
    status = protoc.main(["protoc", *arguments, *outputs, SOURCE])
    if status != 0:
        raise SystemExit(f"protoc ended with status {status}")


if __name__ == "__main__":
    generate(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "proto")
