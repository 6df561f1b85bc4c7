"""The doctor says what works, what does not and what to do, and its status says whether GPUs are read."""

import io
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from fakes.nvidia_smi import gpu, install
from gpufleet_agent import doctor
from gpufleet_agent.access.address import CollectorAddress
from gpufleet_agent.doctor.backends import absences, backend_findings
from gpufleet_agent.doctor.collector import collector_findings
from gpufleet_agent.doctor.finding import Finding, Mark, fail, render
from gpufleet_agent.doctor.host import host_findings
from gpufleet_agent.doctor.storage import storage_findings
from gpufleet_agent.one_reading import Taken
from gpufleet_agent.probe.pid_namespace import HOST_PID_NAMESPACE
from gpufleet_agent.readings import GpuIdentity, GpuReading, Reading

NO_LIBRARY = Taken(1, Reading("nvml", note="libnvidia-ml.so.1 was not found: install the driver."))
HIDDEN = "the host's PID namespace is hidden: process_count is absent where NVML says 0"


def _reads(name: str, *gpus: GpuReading, note: str | None = None) -> Taken:
    return Taken(1, Reading(name, gpus, driver_version="590.48.01", note=note))


def _gpu(index: int, absent: Mapping[str, str] | None = None, state: str = "ok") -> GpuReading:
    return GpuReading(GpuIdentity(f"GPU-{index}", index=index), state, {}, absent or {})


def _marks(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.mark.value, finding.text) for finding in findings]


def test_a_backend_that_works_is_ok_and_the_other_a_warning() -> None:
    findings = backend_findings({"nvml": NO_LIBRARY, "nvidia-smi": _reads("nvidia-smi", _gpu(0))})
    assert _marks(findings) == [
        ("warn", "nvml reads no GPU"),
        ("ok", "nvidia-smi reads 1 GPU (driver 590.48.01)"),
    ]
    assert findings[0].remedy == "libnvidia-ml.so.1 was not found: install the driver."


def test_without_a_backend_that_works_every_one_has_failed() -> None:
    findings = backend_findings({"nvml": NO_LIBRARY, "nvidia-smi": Taken(problem="No reading within 15 s.")})
    assert _marks(findings) == [
        ("fail", "nvml reads no GPU"),
        ("fail", "nvidia-smi reads no GPU"),
        ("fail", "no backend reads a GPU"),
    ]


def test_a_gpu_that_is_not_well_is_named() -> None:
    (finding,) = backend_findings({"nvml": _reads("nvml", _gpu(0), _gpu(3, state="lost"), note="Reboot.")})
    assert (finding.mark, finding.remedy) == (Mark.WARN, "Reboot.")
    assert finding.text == "nvml reads 2 GPUs (driver 590.48.01); not well: lost (GPU 3)"


def test_absences_are_counted_by_reason_with_a_remedy_where_there_is_one() -> None:
    first = _gpu(0, {"fan_speed_percent": "NOT_SUPPORTED", "process_count": "NAMESPACE"})
    second = _gpu(1, {"fan_speed_percent": "NOT_SUPPORTED"})
    findings = absences({"nvml": NO_LIBRARY, "nvidia-smi": _reads("nvidia-smi", first, second)})
    assert _marks(findings) == [
        ("warn", "nvidia-smi: absent with NAMESPACE (another PID namespace hides it): process_count (1 of 2)"),
        (
            "ok",
            (
                "nvidia-smi: absent with NOT_SUPPORTED (the GPU or its driver does not offer it): "
                "fan_speed_percent (2 of 2)"
            ),
        ),
    ]


def _host(root: Path) -> Path:
    """A host with a driver and one GPU."""
    for folder in ("proc/driver/nvidia", "proc/self/ns", "dev"):
        (root / folder).mkdir(parents=True)
    (root / "proc/driver/nvidia/version").write_text("NVRM version: NVIDIA UNIX Open Kernel Module  590.48.01\nGCC\n")
    (root / "proc/self/ns/pid").symlink_to(HOST_PID_NAMESPACE)
    for node in ("nvidiactl", "nvidia0", "nvidia-uvm", "null"):
        (root / "dev" / node).touch()
    return root


def test_a_host_with_everything(tmp_path: Path) -> None:
    command = install(tmp_path, {})
    assert _marks(host_findings(_host(tmp_path), {"PATH": str(tmp_path)}, "nvidia-smi")) == [
        ("ok", f"nvidia-smi is {command}"),
        ("ok", "kernel module: NVIDIA UNIX Open Kernel Module  590.48.01"),
        ("ok", "device nodes: nvidia0, nvidiactl"),
        ("ok", "the host's PID namespace is visible"),
    ]


def test_a_host_with_nothing(tmp_path: Path) -> None:
    findings = host_findings(tmp_path, {"PATH": ""}, "nvidia-smi")
    assert _marks(findings) == [
        ("warn", "nvidia-smi not found"),
        ("fail", "the kernel module nvidia is not loaded"),
        ("fail", "no device node /dev/nvidia*"),
        ("warn", HIDDEN),
    ]
    assert all(finding.remedy for finding in findings)


def test_a_container_that_sees_neither_processes_nor_gpus(tmp_path: Path) -> None:
    root = _host(tmp_path)
    (root / ".dockerenv").touch()
    (root / "proc/self/ns/pid").unlink()
    (root / "proc/self/ns/pid").symlink_to("pid:[4026533000]")
    findings = host_findings(root, {"PATH": "", "NVIDIA_DRIVER_CAPABILITIES": "compute,video"}, "nvidia-smi")
    assert _marks(findings)[3:] == [
        ("warn", HIDDEN),
        ("warn", "a container without NVIDIA_VISIBLE_DEVICES"),
        ("warn", "NVIDIA_DRIVER_CAPABILITIES=compute,video leaves NVML and nvidia-smi out"),
    ]


def test_inside_wsl_the_driver_is_that_of_windows(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/dxg").touch()
    (tmp_path / "usr/lib/wsl/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/wsl/lib/nvidia-smi").touch()
    findings = host_findings(tmp_path, {"PATH": ""}, "nvidia-smi")
    assert _marks(findings)[:2] == [
        ("ok", "nvidia-smi is /usr/lib/wsl/lib/nvidia-smi"),
        ("ok", "the driver is that of Windows (WSL)"),
    ]
    assert not [finding for finding in findings if "device node" in finding.text]


def test_a_device_node_that_may_not_be_opened(tmp_path: Path) -> None:
    findings = host_findings(_host(tmp_path), {"PATH": ""}, "nvidia-smi", may_open=lambda node: node.name != "nvidia0")
    assert ("fail", "this user may not open /dev/nvidia0") in _marks(findings)


def test_a_collector_that_listens_not_and_something_else_that_does() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = CollectorAddress("127.0.0.1", listener.getsockname()[1])
        first, second = _marks(collector_findings([address], timeout_seconds=0.2))
        assert first == ("ok", f"{address} accepts connections")
        assert second == ("fail", f"{address} does not answer as a collector does (DEADLINE_EXCEEDED)")
    (finding,) = collector_findings([address])
    assert finding.mark is Mark.FAIL
    assert finding.text.startswith(f"{address} cannot be reached: ")


@pytest.mark.parametrize(("host", "port"), [("", 1), ("127.0.0.1", 99999), ("bad host", 1), ("[::1", 50051)])
def test_an_address_that_is_none_is_told(host: str, port: int) -> None:
    (finding,) = collector_findings([CollectorAddress(host, port)])
    assert finding.mark is Mark.FAIL


def test_a_data_directory_that_can_be_written_or_made_or_not(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = [storage_findings(path) for path in (tmp_path, tmp_path / "new/deep", tmp_path / "file/below")]
    assert [(one.mark, one.text.rpartition(" ")[2]) for (one,) in found] == [
        (Mark.OK, "writable"),
        (Mark.OK, "made"),
        (Mark.WARN, "written"),
    ]
    assert not (tmp_path / "new").exists()
    (none,) = storage_findings(None)
    assert none.mark is Mark.WARN


def test_a_finding_is_printed_in_plain_text_with_its_remedy_below() -> None:
    assert render(fail("no\x1b GPU é", "buy one")) == "  fail  no? GPU ?\n        -> buy one"


def _doctor(read: Mapping[str, Taken]) -> tuple[int, str]:
    out = io.StringIO()
    environ = {"PATH": "", "HOME": "/"}
    status = doctor.run(
        nvidia_smi="nvidia-smi", collectors=[], environ=environ, stdout=out, host_name="node-1", read=read.__getitem__
    )
    return status, out.getvalue()


def test_the_status_says_whether_a_backend_reads_gpus() -> None:
    works = {"nvml": NO_LIBRARY, "nvidia-smi": _reads("nvidia-smi", _gpu(0))}
    assert _doctor(works)[0] == 0
    status, printed = _doctor({"nvml": NO_LIBRARY, "nvidia-smi": NO_LIBRARY})
    assert status == 1
    assert "  fail  no backend reads a GPU\n" in printed


def test_the_whole_report_of_a_host_with_nvidia_smi(tmp_path: Path) -> None:
    out = io.StringIO()
    command = install(tmp_path, {"gpus": [gpu(temperature__gpu=41)]})
    status = doctor.run(
        nvidia_smi=command,
        collectors=[],
        environ=os.environ,
        stdout=out,
        host_name="node-1",
        root=_host(tmp_path / "root"),
    )
    assert status == 0
    titles = [line for line in out.getvalue().splitlines() if line and not line.startswith(" ")]
    assert titles == [
        "gpufleet-agent doctor",
        "Reading GPUs",
        "This host",
        "The agent that runs",
        "Collector",
        "Storage",
    ]
    assert "nvidia-smi reads 1 GPU (driver 590.48.01)" in out.getvalue()
