"""The sizing table is arithmetic over measured figures."""

from bench.sizing import table


def test_a_fleet_needs_as_much_as_its_samples_cost() -> None:
    lines = table(
        {"ingest_cpu_us_per_gpu_sample": 30.0, "pack_cpu_us_per_gpu_sample": 10.0, "disk_bytes_per_gpu_sample": 25.0}
    ).splitlines()
    assert lines[-1] == "| 10,000 | 16,000 | 0.64 | 39.2 GB | 51.7 | 3,376 GB |"
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["160", "1,600", "16,000"]
