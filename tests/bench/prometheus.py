"""Prometheus beside ours, where it is installed: the same fleet, in the manner of a DCGM exporter."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.loading import BOARD, GPUS_PER_HOST, gpu_uuid, host_name

from gpufleet_proto.catalog import BY_NAME


def family(metric: str) -> str:
    """The name that DCGM's exporter gives; ours in its manner where it has none."""
    return BY_NAME[metric].dcgm or f"DCGM_FI_DEV_{metric.upper()}"


def labels(gpu: int) -> str:
    """As DCGM's exporter labels a GPU."""
    index, host = gpu % GPUS_PER_HOST, host_name(gpu // GPUS_PER_HOST)
    return (
        f'gpu="{index}",UUID="{gpu_uuid(gpu)}",pci_bus_id="00000000:{index:02X}:00.0",device="nvidia{index}",'
        f'modelName="{BOARD}",Hostname="{host}"'
    )


def configuration(targets: Sequence[tuple[str, str]] = ()) -> str:
    """YAML, of which JSON is a part. Each target is the address of an exporter and a path there."""
    jobs: list[dict[str, Any]] = [
        {
            "job_name": path.strip("/"),
            "metrics_path": path,
            "honor_labels": True,
            "static_configs": [{"targets": [address]}],
        }
        for address, path in targets
    ]
    return json.dumps({"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs})


def make_blocks(text: Path, data: Path) -> None:
    """From OpenMetrics text to blocks as Prometheus would have written them after two hours."""
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
