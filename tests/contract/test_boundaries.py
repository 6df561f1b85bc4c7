"""The arrows of the house: who may import whom, read from the imports themselves."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "gpufleet_proto": ROOT / "proto" / "gpufleet_proto",
    "gpufleet_agent": ROOT / "agent" / "gpufleet_agent",
    "gpufleet_collector": ROOT / "collector" / "gpufleet_collector",
}

WIRE = ("google.protobuf", "gpufleet_proto.telemetry_pb2")
DATABASE = ("sqlalchemy", "asyncpg", "alembic")


def _others(*names: str) -> tuple[str, ...]:
    return tuple(f"gpufleet_collector.{name}" for name in names)


FORBIDDEN: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("gpufleet_proto", ("gpufleet_agent", "gpufleet_collector")),
    ("gpufleet_agent", ("gpufleet_collector", "psutil", "sqlalchemy", "starlette")),
    ("gpufleet_agent.probe", ("asyncio", "grpc", "gpufleet_agent.uplink", "gpufleet_agent.stream")),
    ("gpufleet_agent.simulation", ("asyncio", "grpc", "time", "os")),
    ("gpufleet_collector", ("gpufleet_agent", "pynvml")),
    ("gpufleet_collector.store", ("grpc", "starlette", *WIRE, *_others("web", "ingest", "live", "bus"))),
    ("gpufleet_collector.live", ("grpc", "starlette", *DATABASE, *WIRE, *_others("web", "ingest", "store", "bus"))),
    ("gpufleet_collector.bus", ("grpc", "starlette", *DATABASE, *WIRE, *_others("web", "ingest"))),
    (
        "gpufleet_collector.export",
        ("asyncpg", "grpc", "sqlalchemy", "starlette", *WIRE, *_others("web", "ingest", "live", "bus")),
    ),
    ("gpufleet_collector.web", ("grpc", *DATABASE, *WIRE, *_others("ingest", "bus"))),
    ("gpufleet_collector.ingest", ("starlette", *DATABASE, *_others("web", "bus"))),
    ("gpufleet_collector.model", ("gpufleet_collector",)),
    ("gpufleet_collector.clock", ("gpufleet_collector",)),
)
"""(part of the house, what it must not import)"""

ONLY: tuple[tuple[str, str], ...] = (
    ("pynvml", "gpufleet_agent.probe"),
    ("sqlalchemy", "gpufleet_collector.store"),
    ("asyncpg", "gpufleet_collector.store"),
    ("alembic", "gpufleet_collector.store"),
    ("starlette", "gpufleet_collector.web"),
    ("uvicorn", "gpufleet_collector.web"),
    ("nats", "gpufleet_collector.bus.nats_wire"),
    ("pyarrow", "gpufleet_collector.export.parquet_form"),
)
"""(third-party package, the only part of the house that may import it)"""


def imports(source: str) -> set[str]:
    """Every module that this source imports, `from a import b` both as `a` and as `a.b`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def offences(module: str, source: str) -> list[str]:
    """What this module must not import, and why."""
    imported = imports(source)
    found = [
        f"{module} imports {name}: {package} must not"
        for package, banned in FORBIDDEN
        if within(module, package)
        for name in sorted(imported)
        for ban in banned
        if within(name, ban)
    ]
    found += [
        f"{module} imports {name}: only {owner} may"
        for third_party, owner in ONLY
        if within(module, module.split(".")[0]) and not within(module, owner)
        for name in sorted(imported)
        if within(name, third_party)
    ]
    return found


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *parts)).removesuffix(".__init__"), path


@pytest.mark.parametrize(("module", "path"), [pytest.param(*entry, id=entry[0]) for entry in modules()])
def test_a_module_imports_only_what_its_place_allows(module: str, path: Path) -> None:
    if "_pb2" in module or ".migrations" in module:
        return
    assert offences(module, path.read_text()) == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gpufleet_agent.agent", "import gpufleet_collector.model"),
        ("gpufleet_agent.probe.x", "from asyncio import sleep"),
        ("gpufleet_agent.x", "import pynvml"),
        ("gpufleet_collector.store.x", "import grpc.aio"),
        ("gpufleet_collector.live.x", "from gpufleet_collector import store"),
        ("gpufleet_collector.live.x", "from gpufleet_collector.bus.wire import Wire"),
        ("gpufleet_collector.bus.bus", "import nats"),
        ("gpufleet_collector.web.x", "from sqlalchemy import text"),
        ("gpufleet_collector.export.x", "import pyarrow as pa"),
        ("gpufleet_collector.export.x", "from gpufleet_collector.web import instants"),
        ("gpufleet_collector.model", "from gpufleet_collector.clock import Clock"),
    ],
)
def test_the_guard_fires(module: str, source: str) -> None:
    assert offences(module, source)


def test_every_module_says_why_it_exists() -> None:
    silent = [
        module
        for module, path in modules()
        if "_pb2" not in module and ".versions." not in module and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []
