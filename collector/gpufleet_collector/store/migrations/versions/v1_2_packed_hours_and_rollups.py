"""Packed hours, rollups, fleet minutes, late samples and the watermark that says which of them speaks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

revision = "1.2"
down_revision = "1.1"

INDEX_QUERIES = {
    "pk_store_watermark": "that there is one watermark only",
    "pk_gpu_stats_packed": "the packed hours of a GPU over a time: history, merging late samples",
    "pk_gpu_stats_5m": "the 5-minute buckets of a GPU over a time: history",
    "pk_gpu_stats_1h": "the hourly buckets of a GPU over a time: history",
    "pk_fleet_stats_1m": "the minutes of the fleet, a model or a label over a time: series",
    "ix_fleet_stats_1m_minute": "the minutes of an hour, to put exact ones in their place",
    "pk_gpu_stats_late": "the late samples of a GPU over a time: history; and that one sent twice is stored once",
    "pk_jobs": "the state of a job: running it, showing it",
}

Kind: TypeAlias = "sa.types.TypeEngine[Any]"
SMALL: Kind = sa.SmallInteger()
WHOLE: Kind = sa.Integer()
BIG: Kind = sa.BigInteger()
REAL: Kind = sa.REAL()
DOUBLE: Kind = sa.Double()


@dataclass(frozen=True)
class Metric:
    """A metric of the catalogue as it was then."""

    name: str
    type: Kind
    comment: str
    resolution: float = 1
    wide: bool = False
    counter: bool = False
    summed: bool = True


METRICS = (
    Metric("temperature_celsius", SMALL, "GPU core temperature; °C"),
    Metric("power_watts", REAL, "Board power draw; W", resolution=0.1, wide=True),
    Metric("memory_used_mb", WHOLE, "Memory allocated by processes, without what the driver reserves; MiB"),
    Metric("memory_total_mb", WHOLE, "Memory installed; MiB"),
    Metric("gpu_utilization_percent", SMALL, "Share of time in which at least one kernel ran; %"),
    Metric("memory_utilization_percent", SMALL, "Share of time in which memory was read or written; %"),
    Metric("memory_temperature_celsius", SMALL, "Memory temperature; °C"),
    Metric("power_limit_watts", REAL, "Power limit set for the board; W", resolution=0.1, wide=True),
    Metric("energy_joules_total", BIG, "Energy used since the driver was loaded; J", wide=True, counter=True),
    Metric("encoder_utilization_percent", SMALL, "Video encoder utilization; %"),
    Metric("decoder_utilization_percent", SMALL, "Video decoder utilization; %"),
    Metric("memory_reserved_mb", WHOLE, "Memory held back by driver and firmware; MiB"),
    Metric("sm_clock_mhz", SMALL, "Clock of the streaming multiprocessors; MHz"),
    Metric("memory_clock_mhz", SMALL, "Memory clock; MHz"),
    Metric("fan_speed_percent", SMALL, "Fan speed wanted by the GPU, of its maximum; %"),
    Metric("performance_state", SMALL, "Performance state, P0 (fastest) to P15; state"),
    Metric(
        "throttle_reasons", BIG, "Why the clocks are below their maximum, NVML's bits; flags", wide=True, summed=False
    ),
    Metric("process_count", SMALL, "Compute and graphics processes that hold a context; processes"),
    Metric("sm_active_percent", REAL, "Share of multiprocessors with at least one warp; %", resolution=0.1),
    Metric("sm_occupancy_percent", REAL, "Resident warps of the most that fit; %", resolution=0.1),
    Metric("tensor_active_percent", REAL, "Share of cycles in which the tensor cores worked; %", resolution=0.1),
    Metric("dram_active_percent", REAL, "Share of cycles in which memory moved data; %", resolution=0.1),
    Metric("fp64_active_percent", REAL, "Share of cycles in which the FP64 pipe worked; %", resolution=0.1),
    Metric("fp32_active_percent", REAL, "Share of cycles in which the FP32 pipe worked; %", resolution=0.1),
    Metric("fp16_active_percent", REAL, "Share of cycles in which the FP16 pipe worked; %", resolution=0.1),
    Metric("nvlink_tx_mb_per_second", WHOLE, "Sent over NVLink; MiB/s"),
    Metric("nvlink_rx_mb_per_second", WHOLE, "Received over NVLink; MiB/s"),
    Metric("pcie_tx_mb_per_second", WHOLE, "Sent over PCIe; MB/s"),
    Metric("pcie_rx_mb_per_second", WHOLE, "Received over PCIe; MB/s"),
    Metric("pcie_link_generation", SMALL, "PCIe generation of the link now; generation"),
    Metric("pcie_link_width", SMALL, "PCIe lanes of the link now; lanes"),
    Metric("pcie_replay_total", BIG, "PCIe packets sent again; replays", wide=True, counter=True),
    Metric(
        "ecc_corrected_total",
        BIG,
        "Memory errors corrected, over the life of the board; errors",
        wide=True,
        counter=True,
    ),
    Metric(
        "ecc_uncorrected_total",
        BIG,
        "Memory errors that could not be corrected, over the life of the board; errors",
        wide=True,
        counter=True,
    ),
    Metric("remapped_rows_corrected_total", WHOLE, "Rows remapped after corrected errors; rows", counter=True),
    Metric(
        "remapped_rows_uncorrected_total",
        WHOLE,
        "Rows remapped after errors that could not be corrected; rows",
        counter=True,
    ),
    Metric("remapped_rows_pending", SMALL, "A remapped row waits for a reset of the GPU; yes or no"),
    Metric("remapped_rows_failed", SMALL, "Remapping failed: the board has no spare row left; yes or no"),
    Metric(
        "nvlink_errors_total",
        BIG,
        "NVLink errors (CRC, replay, recovery) over all links; errors",
        wide=True,
        counter=True,
    ),
    Metric(
        "power_throttle_seconds_total",
        DOUBLE,
        "Time below full clocks because of power; s",
        resolution=0.001,
        wide=True,
        counter=True,
    ),
    Metric(
        "thermal_throttle_seconds_total",
        DOUBLE,
        "Time below full clocks because of heat; s",
        resolution=0.001,
        wide=True,
        counter=True,
    ),
    Metric("recovery_action", SMALL, "What the driver asks for to heal the GPU; action"),
)


def upgrade() -> None:
    _watermark()
    _packed()
    _rollup("gpu_stats_5m", "One row per GPU and hour: twelve buckets of five minutes", arrays=True)
    _rollup("gpu_stats_1h", "One row per GPU and hour: the hour as one bucket", arrays=False)
    _fleet()
    _late()
    _jobs()
    op.execute(GPU_STATS_ALL)
    op.execute(GPU_STATS_BETWEEN)
    for name, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {name} IS '{query}'")


def _column(name: str, kind: Kind, comment: str) -> "sa.Column[object]":
    return sa.Column(name, kind, nullable=True, comment=comment)


def _needed(name: str, kind: Kind, comment: str) -> "sa.Column[object]":
    return sa.Column(name, kind, autoincrement=False, nullable=False, comment=comment)


def _instant(name: str, comment: str, *, nullable: bool = False) -> "sa.Column[object]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable, comment=comment)


def _watermark() -> None:
    op.create_table(
        "store_watermark",
        sa.Column("id", sa.Boolean(), server_default=sa.text("true"), nullable=False, comment="There is one row only"),
        _instant("packed_until", "Samples before it are packed; rows count from here on"),
        _instant("closed_until", "Samples before it go to gpu_stats_late when they arrive now"),
        sa.PrimaryKeyConstraint("id", name="pk_store_watermark"),
        sa.CheckConstraint("id", name="ck_store_watermark_one_row"),
        sa.CheckConstraint("packed_until <= closed_until", name="ck_store_watermark_order"),
        comment="Which table speaks for which time; whole hours that only move forward",
    )
    op.execute("INSERT INTO store_watermark (packed_until, closed_until) VALUES (to_timestamp(0), to_timestamp(0))")


def _packed() -> None:
    op.create_table(
        "gpu_stats_packed",
        _needed("gpu_id", WHOLE, "Which GPU"),
        _instant("hour", "Begin of the hour"),
        _needed("samples", WHOLE, "How many samples the arrays hold"),
        _instant("first_at", "Instant of the first sample"),
        _column("instants", ARRAY(WHOLE), "Microseconds from the sample before; 0 for the first"),
        _column("instants_wide", ARRAY(BIG), "Instead of instants where a step does not fit it"),
        *(column for metric in METRICS for column in _packed_columns(metric)),
        sa.PrimaryKeyConstraint("gpu_id", "hour", name="pk_gpu_stats_packed"),
        comment="One row per GPU and hour: arrays with an element per sample; read them through gpu_stats_all",
        postgresql_partition_by="RANGE (hour)",
    )


def _packed_columns(metric: Metric) -> "Iterator[sa.Column[object]]":
    steps = f", counted in steps of {metric.resolution:g}" if metric.resolution < 1 else ""
    what = "Differences between neighbouring values: " if metric.counter else ""
    narrow = SMALL if metric.type in (SMALL, REAL) else WHOLE
    yield _column(metric.name, ARRAY(narrow), f"{what}{metric.comment}{steps}")
    if metric.wide:
        yield _column(f"{metric.name}_wide", ARRAY(BIG), f"Instead of {metric.name} where a value does not fit it")
    if metric.counter:
        yield _column(f"{metric.name}_first", BIG, f"First value of {metric.name} in the hour{steps}")


def _rollup(name: str, comment: str, *, arrays: bool) -> None:
    samples = "Samples in each bucket" if arrays else "Samples in the hour"
    op.create_table(
        name,
        _needed("gpu_id", WHOLE, "Which GPU"),
        _instant("hour", "Begin of the hour"),
        _needed("samples", ARRAY(WHOLE) if arrays else WHOLE, samples),
        *(
            _column(f"{metric.name}{suffix}", ARRAY(kind) if arrays else kind, f"{words}; {metric.comment}")
            for metric in METRICS
            for suffix, kind, words in _rollup_parts(metric)
        ),
        sa.PrimaryKeyConstraint("gpu_id", "hour", name=f"pk_{name}"),
        comment=f"{comment}; null where there was no value",
        postgresql_partition_by="RANGE (hour)",
    )


def _rollup_parts(metric: Metric) -> Iterator[tuple[str, Kind, str]]:
    yield "_avg", DOUBLE if metric.type in (BIG, DOUBLE) else REAL, "Average"
    yield "_min", metric.type, "Smallest"
    yield "_max", metric.type, "Largest"
    yield "_last", metric.type, "Last"
    yield "_count", WHOLE, "Values"
    if metric.counter:
        yield "_first", metric.type, "First"
        yield "_increase", DOUBLE, "Increase from first to last, a reset counting as a start from 0"
        yield "_resets", WHOLE, "Steps down"


def _fleet() -> None:
    op.create_table(
        "fleet_stats_1m",
        _needed("scope", sa.Text(collation="C"), "fleet, model or label"),
        _needed("key", sa.Text(collation="C"), "Name of the label, else empty"),
        _needed("value", sa.Text(collation="C"), "Value of the label, or name of the model"),
        _instant("minute", "Begin of the minute"),
        _needed("exact", sa.Boolean(), "From the samples of a packed hour, not from live values"),
        _needed("gpus", WHOLE, "Whole GPUs with a sample"),
        _needed("samples", WHOLE, "Samples of whole GPUs"),
        *(column for metric in METRICS if metric.summed for column in _fleet_columns(metric)),
        sa.PrimaryKeyConstraint("scope", "key", "value", "minute", name="pk_fleet_stats_1m"),
        comment="Minutes of the whole fleet, of each model and of labels, in parts that add up over GPUs",
        postgresql_partition_by="RANGE (minute)",
    )
    op.create_index("ix_fleet_stats_1m_minute", "fleet_stats_1m", ["minute"])


def _fleet_columns(metric: Metric) -> "Iterator[sa.Column[object]]":
    extreme, what = (DOUBLE, "increase of a GPU") if metric.counter else (metric.type, "value")
    summed = "increases" if metric.counter else "averages"
    yield _column(f"{metric.name}_sum", DOUBLE, f"Sum of the GPUs' {summed}; {metric.comment}")
    yield _column(f"{metric.name}_count", WHOLE, f"Values; {metric.comment}")
    yield _column(f"{metric.name}_min", extreme, f"Smallest {what}; {metric.comment}")
    yield _column(f"{metric.name}_max", extreme, f"Largest {what}; {metric.comment}")
    yield _column(f"{metric.name}_gpus", WHOLE, f"GPUs with a value; {metric.comment}")


def _late() -> None:
    op.create_table(
        "gpu_stats_late",
        _needed("gpu_id", WHOLE, "Which GPU"),
        _instant("recorded_at", "When it was read, the agent's clock"),
        *(_column(metric.name, metric.type, metric.comment) for metric in METRICS),
        sa.PrimaryKeyConstraint("gpu_id", "recorded_at", name="pk_gpu_stats_late"),
        comment="Samples that came after their hour was closed, until they are merged into it",
        postgresql_partition_by="RANGE (recorded_at)",
    )


def _jobs() -> None:
    op.create_table(
        "jobs",
        _needed("name", sa.Text(collation="C"), "Which job"),
        _instant("started_at", "When it began last", nullable=True),
        _instant("finished_at", "When it ended last, well or not", nullable=True),
        _instant("succeeded_at", "When it ended well last", nullable=True),
        _column("error", sa.Text(), "Why it did not end well; null when it did"),
        _column("detail", sa.Text(), "What it does now, or did last"),
        _column("done", BIG, "How much of the total is done"),
        _column("total", BIG, "How much there is to do"),
        sa.PrimaryKeyConstraint("name", name="pk_jobs"),
        comment="The jobs in the background, as any collector on this database ran them last",
    )


GPU_STATS_ALL = """
CREATE OR REPLACE VIEW gpu_stats_all AS
SELECT s.gpu_id, s.recorded_at, s.temperature_celsius, s.power_watts, s.memory_used_mb, s.memory_total_mb,
    s.gpu_utilization_percent, s.memory_utilization_percent, s.memory_temperature_celsius, s.power_limit_watts,
    s.energy_joules_total, s.encoder_utilization_percent, s.decoder_utilization_percent, s.memory_reserved_mb,
    s.sm_clock_mhz, s.memory_clock_mhz, s.fan_speed_percent, s.performance_state, s.throttle_reasons,
    s.process_count, s.sm_active_percent, s.sm_occupancy_percent, s.tensor_active_percent, s.dram_active_percent,
    s.fp64_active_percent, s.fp32_active_percent, s.fp16_active_percent, s.nvlink_tx_mb_per_second,
    s.nvlink_rx_mb_per_second, s.pcie_tx_mb_per_second, s.pcie_rx_mb_per_second, s.pcie_link_generation,
    s.pcie_link_width, s.pcie_replay_total, s.ecc_corrected_total, s.ecc_uncorrected_total,
    s.remapped_rows_corrected_total, s.remapped_rows_uncorrected_total, s.remapped_rows_pending,
    s.remapped_rows_failed, s.nvlink_errors_total, s.power_throttle_seconds_total,
    s.thermal_throttle_seconds_total, s.recovery_action
FROM gpu_stats AS s
WHERE s.recorded_at >= (SELECT packed_until FROM store_watermark)
UNION ALL
SELECT p.gpu_id, u.recorded_at, u.temperature_celsius, u.power_watts, u.memory_used_mb, u.memory_total_mb,
    u.gpu_utilization_percent, u.memory_utilization_percent, u.memory_temperature_celsius, u.power_limit_watts,
    u.energy_joules_total, u.encoder_utilization_percent, u.decoder_utilization_percent, u.memory_reserved_mb,
    u.sm_clock_mhz, u.memory_clock_mhz, u.fan_speed_percent, u.performance_state, u.throttle_reasons,
    u.process_count, u.sm_active_percent, u.sm_occupancy_percent, u.tensor_active_percent, u.dram_active_percent,
    u.fp64_active_percent, u.fp32_active_percent, u.fp16_active_percent, u.nvlink_tx_mb_per_second,
    u.nvlink_rx_mb_per_second, u.pcie_tx_mb_per_second, u.pcie_rx_mb_per_second, u.pcie_link_generation,
    u.pcie_link_width, u.pcie_replay_total, u.ecc_corrected_total, u.ecc_uncorrected_total,
    u.remapped_rows_corrected_total, u.remapped_rows_uncorrected_total, u.remapped_rows_pending,
    u.remapped_rows_failed, u.nvlink_errors_total, u.power_throttle_seconds_total,
    u.thermal_throttle_seconds_total, u.recovery_action
FROM gpu_stats_packed AS p CROSS JOIN LATERAL (
    SELECT p.first_at + since_first * interval '1 microsecond' AS recorded_at,
        temperature_celsius::smallint AS temperature_celsius,
        (power_watts::double precision / 10)::real AS power_watts, memory_used_mb::integer AS memory_used_mb,
        memory_total_mb::integer AS memory_total_mb,
        gpu_utilization_percent::smallint AS gpu_utilization_percent,
        memory_utilization_percent::smallint AS memory_utilization_percent,
        memory_temperature_celsius::smallint AS memory_temperature_celsius,
        (power_limit_watts::double precision / 10)::real AS power_limit_watts,
        energy_joules_total::bigint AS energy_joules_total,
        encoder_utilization_percent::smallint AS encoder_utilization_percent,
        decoder_utilization_percent::smallint AS decoder_utilization_percent,
        memory_reserved_mb::integer AS memory_reserved_mb, sm_clock_mhz::smallint AS sm_clock_mhz,
        memory_clock_mhz::smallint AS memory_clock_mhz, fan_speed_percent::smallint AS fan_speed_percent,
        performance_state::smallint AS performance_state, throttle_reasons::bigint AS throttle_reasons,
        process_count::smallint AS process_count,
        (sm_active_percent::double precision / 10)::real AS sm_active_percent,
        (sm_occupancy_percent::double precision / 10)::real AS sm_occupancy_percent,
        (tensor_active_percent::double precision / 10)::real AS tensor_active_percent,
        (dram_active_percent::double precision / 10)::real AS dram_active_percent,
        (fp64_active_percent::double precision / 10)::real AS fp64_active_percent,
        (fp32_active_percent::double precision / 10)::real AS fp32_active_percent,
        (fp16_active_percent::double precision / 10)::real AS fp16_active_percent,
        nvlink_tx_mb_per_second::integer AS nvlink_tx_mb_per_second,
        nvlink_rx_mb_per_second::integer AS nvlink_rx_mb_per_second,
        pcie_tx_mb_per_second::integer AS pcie_tx_mb_per_second,
        pcie_rx_mb_per_second::integer AS pcie_rx_mb_per_second,
        pcie_link_generation::smallint AS pcie_link_generation, pcie_link_width::smallint AS pcie_link_width,
        pcie_replay_total::bigint AS pcie_replay_total, ecc_corrected_total::bigint AS ecc_corrected_total,
        ecc_uncorrected_total::bigint AS ecc_uncorrected_total,
        remapped_rows_corrected_total::integer AS remapped_rows_corrected_total,
        remapped_rows_uncorrected_total::integer AS remapped_rows_uncorrected_total,
        remapped_rows_pending::smallint AS remapped_rows_pending,
        remapped_rows_failed::smallint AS remapped_rows_failed,
        nvlink_errors_total::bigint AS nvlink_errors_total,
        (power_throttle_seconds_total::double precision / 1000)::double precision AS
        power_throttle_seconds_total,
        (thermal_throttle_seconds_total::double precision / 1000)::double precision AS
        thermal_throttle_seconds_total, recovery_action::smallint AS recovery_action
    FROM (SELECT sum(coalesce(step, step_wide)::double precision) OVER running AS since_first,
        temperature_celsius AS temperature_celsius, coalesce(power_watts, power_watts_wide) AS power_watts,
        memory_used_mb AS memory_used_mb, memory_total_mb AS memory_total_mb,
        gpu_utilization_percent AS gpu_utilization_percent,
        memory_utilization_percent AS memory_utilization_percent,
        memory_temperature_celsius AS memory_temperature_celsius, coalesce(power_limit_watts,
        power_limit_watts_wide) AS power_limit_watts, CASE WHEN coalesce(energy_joules_total,
        energy_joules_total_wide) IS NOT NULL THEN p.energy_joules_total_first +
        sum(coalesce(energy_joules_total,
        energy_joules_total_wide)::double precision) OVER running END AS energy_joules_total,
        encoder_utilization_percent AS encoder_utilization_percent,
        decoder_utilization_percent AS decoder_utilization_percent, memory_reserved_mb AS memory_reserved_mb,
        sm_clock_mhz AS sm_clock_mhz, memory_clock_mhz AS memory_clock_mhz,
        fan_speed_percent AS fan_speed_percent, performance_state AS performance_state,
        coalesce(throttle_reasons, throttle_reasons_wide) AS throttle_reasons, process_count AS process_count,
        sm_active_percent AS sm_active_percent, sm_occupancy_percent AS sm_occupancy_percent,
        tensor_active_percent AS tensor_active_percent, dram_active_percent AS dram_active_percent,
        fp64_active_percent AS fp64_active_percent, fp32_active_percent AS fp32_active_percent,
        fp16_active_percent AS fp16_active_percent, nvlink_tx_mb_per_second AS nvlink_tx_mb_per_second,
        nvlink_rx_mb_per_second AS nvlink_rx_mb_per_second, pcie_tx_mb_per_second AS pcie_tx_mb_per_second,
        pcie_rx_mb_per_second AS pcie_rx_mb_per_second, pcie_link_generation AS pcie_link_generation,
        pcie_link_width AS pcie_link_width, CASE WHEN coalesce(pcie_replay_total,
        pcie_replay_total_wide) IS NOT NULL THEN p.pcie_replay_total_first + sum(coalesce(pcie_replay_total,
        pcie_replay_total_wide)::double precision) OVER running END AS pcie_replay_total,
        CASE WHEN coalesce(ecc_corrected_total,
        ecc_corrected_total_wide) IS NOT NULL THEN p.ecc_corrected_total_first +
        sum(coalesce(ecc_corrected_total,
        ecc_corrected_total_wide)::double precision) OVER running END AS ecc_corrected_total,
        CASE WHEN coalesce(ecc_uncorrected_total,
        ecc_uncorrected_total_wide) IS NOT NULL THEN p.ecc_uncorrected_total_first +
        sum(coalesce(ecc_uncorrected_total,
        ecc_uncorrected_total_wide)::double precision) OVER running END AS ecc_uncorrected_total,
        CASE WHEN remapped_rows_corrected_total IS NOT NULL THEN p.remapped_rows_corrected_total_first +
        sum(remapped_rows_corrected_total::double precision) OVER running END AS remapped_rows_corrected_total,
        CASE WHEN remapped_rows_uncorrected_total IS NOT NULL THEN p.remapped_rows_uncorrected_total_first +
        sum(remapped_rows_uncorrected_total::double precision) OVER running END AS
        remapped_rows_uncorrected_total, remapped_rows_pending AS remapped_rows_pending,
        remapped_rows_failed AS remapped_rows_failed, CASE WHEN coalesce(nvlink_errors_total,
        nvlink_errors_total_wide) IS NOT NULL THEN p.nvlink_errors_total_first +
        sum(coalesce(nvlink_errors_total,
        nvlink_errors_total_wide)::double precision) OVER running END AS nvlink_errors_total,
        CASE WHEN coalesce(power_throttle_seconds_total,
        power_throttle_seconds_total_wide) IS NOT NULL THEN p.power_throttle_seconds_total_first +
        sum(coalesce(power_throttle_seconds_total,
        power_throttle_seconds_total_wide)::double precision) OVER running END AS power_throttle_seconds_total,
        CASE WHEN coalesce(thermal_throttle_seconds_total,
        thermal_throttle_seconds_total_wide) IS NOT NULL THEN p.thermal_throttle_seconds_total_first +
        sum(coalesce(thermal_throttle_seconds_total,
        thermal_throttle_seconds_total_wide)::double precision) OVER running END AS
        thermal_throttle_seconds_total,
        recovery_action AS recovery_action FROM (SELECT unnest(p.instants) AS step,
        unnest(p.instants_wide) AS step_wide, unnest(p.temperature_celsius) AS temperature_celsius,
        unnest(p.power_watts) AS power_watts, unnest(p.power_watts_wide) AS power_watts_wide,
        unnest(p.memory_used_mb) AS memory_used_mb, unnest(p.memory_total_mb) AS memory_total_mb,
        unnest(p.gpu_utilization_percent) AS gpu_utilization_percent,
        unnest(p.memory_utilization_percent) AS memory_utilization_percent,
        unnest(p.memory_temperature_celsius) AS memory_temperature_celsius,
        unnest(p.power_limit_watts) AS power_limit_watts,
        unnest(p.power_limit_watts_wide) AS power_limit_watts_wide,
        unnest(p.energy_joules_total) AS energy_joules_total,
        unnest(p.energy_joules_total_wide) AS energy_joules_total_wide,
        unnest(p.encoder_utilization_percent) AS encoder_utilization_percent,
        unnest(p.decoder_utilization_percent) AS decoder_utilization_percent,
        unnest(p.memory_reserved_mb) AS memory_reserved_mb, unnest(p.sm_clock_mhz) AS sm_clock_mhz,
        unnest(p.memory_clock_mhz) AS memory_clock_mhz, unnest(p.fan_speed_percent) AS fan_speed_percent,
        unnest(p.performance_state) AS performance_state, unnest(p.throttle_reasons) AS throttle_reasons,
        unnest(p.throttle_reasons_wide) AS throttle_reasons_wide, unnest(p.process_count) AS process_count,
        unnest(p.sm_active_percent) AS sm_active_percent, unnest(p.sm_occupancy_percent) AS sm_occupancy_percent,
        unnest(p.tensor_active_percent) AS tensor_active_percent,
        unnest(p.dram_active_percent) AS dram_active_percent,
        unnest(p.fp64_active_percent) AS fp64_active_percent,
        unnest(p.fp32_active_percent) AS fp32_active_percent,
        unnest(p.fp16_active_percent) AS fp16_active_percent,
        unnest(p.nvlink_tx_mb_per_second) AS nvlink_tx_mb_per_second,
        unnest(p.nvlink_rx_mb_per_second) AS nvlink_rx_mb_per_second,
        unnest(p.pcie_tx_mb_per_second) AS pcie_tx_mb_per_second,
        unnest(p.pcie_rx_mb_per_second) AS pcie_rx_mb_per_second,
        unnest(p.pcie_link_generation) AS pcie_link_generation, unnest(p.pcie_link_width) AS pcie_link_width,
        unnest(p.pcie_replay_total) AS pcie_replay_total,
        unnest(p.pcie_replay_total_wide) AS pcie_replay_total_wide,
        unnest(p.ecc_corrected_total) AS ecc_corrected_total,
        unnest(p.ecc_corrected_total_wide) AS ecc_corrected_total_wide,
        unnest(p.ecc_uncorrected_total) AS ecc_uncorrected_total,
        unnest(p.ecc_uncorrected_total_wide) AS ecc_uncorrected_total_wide,
        unnest(p.remapped_rows_corrected_total) AS remapped_rows_corrected_total,
        unnest(p.remapped_rows_uncorrected_total) AS remapped_rows_uncorrected_total,
        unnest(p.remapped_rows_pending) AS remapped_rows_pending,
        unnest(p.remapped_rows_failed) AS remapped_rows_failed,
        unnest(p.nvlink_errors_total) AS nvlink_errors_total,
        unnest(p.nvlink_errors_total_wide) AS nvlink_errors_total_wide,
        unnest(p.power_throttle_seconds_total) AS power_throttle_seconds_total,
        unnest(p.power_throttle_seconds_total_wide) AS power_throttle_seconds_total_wide,
        unnest(p.thermal_throttle_seconds_total) AS thermal_throttle_seconds_total,
        unnest(p.thermal_throttle_seconds_total_wide) AS thermal_throttle_seconds_total_wide,
        unnest(p.recovery_action) AS recovery_action) AS elements WINDOW running AS (ROWS UNBOUNDED PRECEDING))
        AS scaled
) AS u
WHERE true
UNION ALL
SELECT l.gpu_id, l.recorded_at, l.temperature_celsius, l.power_watts, l.memory_used_mb, l.memory_total_mb,
    l.gpu_utilization_percent, l.memory_utilization_percent, l.memory_temperature_celsius, l.power_limit_watts,
    l.energy_joules_total, l.encoder_utilization_percent, l.decoder_utilization_percent, l.memory_reserved_mb,
    l.sm_clock_mhz, l.memory_clock_mhz, l.fan_speed_percent, l.performance_state, l.throttle_reasons,
    l.process_count, l.sm_active_percent, l.sm_occupancy_percent, l.tensor_active_percent, l.dram_active_percent,
    l.fp64_active_percent, l.fp32_active_percent, l.fp16_active_percent, l.nvlink_tx_mb_per_second,
    l.nvlink_rx_mb_per_second, l.pcie_tx_mb_per_second, l.pcie_rx_mb_per_second, l.pcie_link_generation,
    l.pcie_link_width, l.pcie_replay_total, l.ecc_corrected_total, l.ecc_uncorrected_total,
    l.remapped_rows_corrected_total, l.remapped_rows_uncorrected_total, l.remapped_rows_pending,
    l.remapped_rows_failed, l.nvlink_errors_total, l.power_throttle_seconds_total,
    l.thermal_throttle_seconds_total, l.recovery_action
FROM gpu_stats_late AS l LEFT JOIN LATERAL (
    SELECT array_agg(there.recorded_at) AS instants FROM (SELECT p.gpu_id, u.recorded_at
FROM gpu_stats_packed AS p CROSS JOIN LATERAL (
    SELECT p.first_at + since_first * interval '1 microsecond' AS recorded_at
    FROM (SELECT sum(coalesce(step,
        step_wide)::double precision) OVER running AS since_first FROM (SELECT unnest(p.instants) AS step,
        unnest(p.instants_wide) AS step_wide) AS elements WINDOW running AS (ROWS UNBOUNDED PRECEDING)) AS scaled
) AS u
WHERE p.gpu_id = l.gpu_id AND p.hour = date_bin('1 hour', l.recorded_at, timestamptz 'epoch')) AS there
) AS packed ON true
WHERE coalesce(l.recorded_at <> ALL (packed.instants), true) AND (
    l.recorded_at < (SELECT packed_until FROM store_watermark)
    OR (SELECT true FROM gpu_stats AS s WHERE s.gpu_id = l.gpu_id AND s.recorded_at = l.recorded_at) IS NULL
)
"""

GPU_STATS_BETWEEN = """
CREATE OR REPLACE FUNCTION gpu_stats_between(since timestamptz, until timestamptz) RETURNS SETOF gpu_stats
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT s.gpu_id, s.recorded_at, s.temperature_celsius, s.power_watts, s.memory_used_mb, s.memory_total_mb,
    s.gpu_utilization_percent, s.memory_utilization_percent, s.memory_temperature_celsius, s.power_limit_watts,
    s.energy_joules_total, s.encoder_utilization_percent, s.decoder_utilization_percent, s.memory_reserved_mb,
    s.sm_clock_mhz, s.memory_clock_mhz, s.fan_speed_percent, s.performance_state, s.throttle_reasons,
    s.process_count, s.sm_active_percent, s.sm_occupancy_percent, s.tensor_active_percent, s.dram_active_percent,
    s.fp64_active_percent, s.fp32_active_percent, s.fp16_active_percent, s.nvlink_tx_mb_per_second,
    s.nvlink_rx_mb_per_second, s.pcie_tx_mb_per_second, s.pcie_rx_mb_per_second, s.pcie_link_generation,
    s.pcie_link_width, s.pcie_replay_total, s.ecc_corrected_total, s.ecc_uncorrected_total,
    s.remapped_rows_corrected_total, s.remapped_rows_uncorrected_total, s.remapped_rows_pending,
    s.remapped_rows_failed, s.nvlink_errors_total, s.power_throttle_seconds_total,
    s.thermal_throttle_seconds_total, s.recovery_action
FROM gpu_stats AS s
WHERE s.recorded_at >= (SELECT packed_until FROM store_watermark) AND s.recorded_at >= $1 AND s.recorded_at < $2
UNION ALL
SELECT p.gpu_id, u.recorded_at, u.temperature_celsius, u.power_watts, u.memory_used_mb, u.memory_total_mb,
    u.gpu_utilization_percent, u.memory_utilization_percent, u.memory_temperature_celsius, u.power_limit_watts,
    u.energy_joules_total, u.encoder_utilization_percent, u.decoder_utilization_percent, u.memory_reserved_mb,
    u.sm_clock_mhz, u.memory_clock_mhz, u.fan_speed_percent, u.performance_state, u.throttle_reasons,
    u.process_count, u.sm_active_percent, u.sm_occupancy_percent, u.tensor_active_percent, u.dram_active_percent,
    u.fp64_active_percent, u.fp32_active_percent, u.fp16_active_percent, u.nvlink_tx_mb_per_second,
    u.nvlink_rx_mb_per_second, u.pcie_tx_mb_per_second, u.pcie_rx_mb_per_second, u.pcie_link_generation,
    u.pcie_link_width, u.pcie_replay_total, u.ecc_corrected_total, u.ecc_uncorrected_total,
    u.remapped_rows_corrected_total, u.remapped_rows_uncorrected_total, u.remapped_rows_pending,
    u.remapped_rows_failed, u.nvlink_errors_total, u.power_throttle_seconds_total,
    u.thermal_throttle_seconds_total, u.recovery_action
FROM gpu_stats_packed AS p CROSS JOIN LATERAL (
    SELECT p.first_at + since_first * interval '1 microsecond' AS recorded_at,
        temperature_celsius::smallint AS temperature_celsius,
        (power_watts::double precision / 10)::real AS power_watts, memory_used_mb::integer AS memory_used_mb,
        memory_total_mb::integer AS memory_total_mb,
        gpu_utilization_percent::smallint AS gpu_utilization_percent,
        memory_utilization_percent::smallint AS memory_utilization_percent,
        memory_temperature_celsius::smallint AS memory_temperature_celsius,
        (power_limit_watts::double precision / 10)::real AS power_limit_watts,
        energy_joules_total::bigint AS energy_joules_total,
        encoder_utilization_percent::smallint AS encoder_utilization_percent,
        decoder_utilization_percent::smallint AS decoder_utilization_percent,
        memory_reserved_mb::integer AS memory_reserved_mb, sm_clock_mhz::smallint AS sm_clock_mhz,
        memory_clock_mhz::smallint AS memory_clock_mhz, fan_speed_percent::smallint AS fan_speed_percent,
        performance_state::smallint AS performance_state, throttle_reasons::bigint AS throttle_reasons,
        process_count::smallint AS process_count,
        (sm_active_percent::double precision / 10)::real AS sm_active_percent,
        (sm_occupancy_percent::double precision / 10)::real AS sm_occupancy_percent,
        (tensor_active_percent::double precision / 10)::real AS tensor_active_percent,
        (dram_active_percent::double precision / 10)::real AS dram_active_percent,
        (fp64_active_percent::double precision / 10)::real AS fp64_active_percent,
        (fp32_active_percent::double precision / 10)::real AS fp32_active_percent,
        (fp16_active_percent::double precision / 10)::real AS fp16_active_percent,
        nvlink_tx_mb_per_second::integer AS nvlink_tx_mb_per_second,
        nvlink_rx_mb_per_second::integer AS nvlink_rx_mb_per_second,
        pcie_tx_mb_per_second::integer AS pcie_tx_mb_per_second,
        pcie_rx_mb_per_second::integer AS pcie_rx_mb_per_second,
        pcie_link_generation::smallint AS pcie_link_generation, pcie_link_width::smallint AS pcie_link_width,
        pcie_replay_total::bigint AS pcie_replay_total, ecc_corrected_total::bigint AS ecc_corrected_total,
        ecc_uncorrected_total::bigint AS ecc_uncorrected_total,
        remapped_rows_corrected_total::integer AS remapped_rows_corrected_total,
        remapped_rows_uncorrected_total::integer AS remapped_rows_uncorrected_total,
        remapped_rows_pending::smallint AS remapped_rows_pending,
        remapped_rows_failed::smallint AS remapped_rows_failed,
        nvlink_errors_total::bigint AS nvlink_errors_total,
        (power_throttle_seconds_total::double precision / 1000)::double precision AS
        power_throttle_seconds_total,
        (thermal_throttle_seconds_total::double precision / 1000)::double precision AS
        thermal_throttle_seconds_total, recovery_action::smallint AS recovery_action
    FROM (SELECT sum(coalesce(step, step_wide)::double precision) OVER running AS since_first,
        temperature_celsius AS temperature_celsius, coalesce(power_watts, power_watts_wide) AS power_watts,
        memory_used_mb AS memory_used_mb, memory_total_mb AS memory_total_mb,
        gpu_utilization_percent AS gpu_utilization_percent,
        memory_utilization_percent AS memory_utilization_percent,
        memory_temperature_celsius AS memory_temperature_celsius, coalesce(power_limit_watts,
        power_limit_watts_wide) AS power_limit_watts, CASE WHEN coalesce(energy_joules_total,
        energy_joules_total_wide) IS NOT NULL THEN p.energy_joules_total_first +
        sum(coalesce(energy_joules_total,
        energy_joules_total_wide)::double precision) OVER running END AS energy_joules_total,
        encoder_utilization_percent AS encoder_utilization_percent,
        decoder_utilization_percent AS decoder_utilization_percent, memory_reserved_mb AS memory_reserved_mb,
        sm_clock_mhz AS sm_clock_mhz, memory_clock_mhz AS memory_clock_mhz,
        fan_speed_percent AS fan_speed_percent, performance_state AS performance_state,
        coalesce(throttle_reasons, throttle_reasons_wide) AS throttle_reasons, process_count AS process_count,
        sm_active_percent AS sm_active_percent, sm_occupancy_percent AS sm_occupancy_percent,
        tensor_active_percent AS tensor_active_percent, dram_active_percent AS dram_active_percent,
        fp64_active_percent AS fp64_active_percent, fp32_active_percent AS fp32_active_percent,
        fp16_active_percent AS fp16_active_percent, nvlink_tx_mb_per_second AS nvlink_tx_mb_per_second,
        nvlink_rx_mb_per_second AS nvlink_rx_mb_per_second, pcie_tx_mb_per_second AS pcie_tx_mb_per_second,
        pcie_rx_mb_per_second AS pcie_rx_mb_per_second, pcie_link_generation AS pcie_link_generation,
        pcie_link_width AS pcie_link_width, CASE WHEN coalesce(pcie_replay_total,
        pcie_replay_total_wide) IS NOT NULL THEN p.pcie_replay_total_first + sum(coalesce(pcie_replay_total,
        pcie_replay_total_wide)::double precision) OVER running END AS pcie_replay_total,
        CASE WHEN coalesce(ecc_corrected_total,
        ecc_corrected_total_wide) IS NOT NULL THEN p.ecc_corrected_total_first +
        sum(coalesce(ecc_corrected_total,
        ecc_corrected_total_wide)::double precision) OVER running END AS ecc_corrected_total,
        CASE WHEN coalesce(ecc_uncorrected_total,
        ecc_uncorrected_total_wide) IS NOT NULL THEN p.ecc_uncorrected_total_first +
        sum(coalesce(ecc_uncorrected_total,
        ecc_uncorrected_total_wide)::double precision) OVER running END AS ecc_uncorrected_total,
        CASE WHEN remapped_rows_corrected_total IS NOT NULL THEN p.remapped_rows_corrected_total_first +
        sum(remapped_rows_corrected_total::double precision) OVER running END AS remapped_rows_corrected_total,
        CASE WHEN remapped_rows_uncorrected_total IS NOT NULL THEN p.remapped_rows_uncorrected_total_first +
        sum(remapped_rows_uncorrected_total::double precision) OVER running END AS
        remapped_rows_uncorrected_total, remapped_rows_pending AS remapped_rows_pending,
        remapped_rows_failed AS remapped_rows_failed, CASE WHEN coalesce(nvlink_errors_total,
        nvlink_errors_total_wide) IS NOT NULL THEN p.nvlink_errors_total_first +
        sum(coalesce(nvlink_errors_total,
        nvlink_errors_total_wide)::double precision) OVER running END AS nvlink_errors_total,
        CASE WHEN coalesce(power_throttle_seconds_total,
        power_throttle_seconds_total_wide) IS NOT NULL THEN p.power_throttle_seconds_total_first +
        sum(coalesce(power_throttle_seconds_total,
        power_throttle_seconds_total_wide)::double precision) OVER running END AS power_throttle_seconds_total,
        CASE WHEN coalesce(thermal_throttle_seconds_total,
        thermal_throttle_seconds_total_wide) IS NOT NULL THEN p.thermal_throttle_seconds_total_first +
        sum(coalesce(thermal_throttle_seconds_total,
        thermal_throttle_seconds_total_wide)::double precision) OVER running END AS
        thermal_throttle_seconds_total,
        recovery_action AS recovery_action FROM (SELECT unnest(p.instants) AS step,
        unnest(p.instants_wide) AS step_wide, unnest(p.temperature_celsius) AS temperature_celsius,
        unnest(p.power_watts) AS power_watts, unnest(p.power_watts_wide) AS power_watts_wide,
        unnest(p.memory_used_mb) AS memory_used_mb, unnest(p.memory_total_mb) AS memory_total_mb,
        unnest(p.gpu_utilization_percent) AS gpu_utilization_percent,
        unnest(p.memory_utilization_percent) AS memory_utilization_percent,
        unnest(p.memory_temperature_celsius) AS memory_temperature_celsius,
        unnest(p.power_limit_watts) AS power_limit_watts,
        unnest(p.power_limit_watts_wide) AS power_limit_watts_wide,
        unnest(p.energy_joules_total) AS energy_joules_total,
        unnest(p.energy_joules_total_wide) AS energy_joules_total_wide,
        unnest(p.encoder_utilization_percent) AS encoder_utilization_percent,
        unnest(p.decoder_utilization_percent) AS decoder_utilization_percent,
        unnest(p.memory_reserved_mb) AS memory_reserved_mb, unnest(p.sm_clock_mhz) AS sm_clock_mhz,
        unnest(p.memory_clock_mhz) AS memory_clock_mhz, unnest(p.fan_speed_percent) AS fan_speed_percent,
        unnest(p.performance_state) AS performance_state, unnest(p.throttle_reasons) AS throttle_reasons,
        unnest(p.throttle_reasons_wide) AS throttle_reasons_wide, unnest(p.process_count) AS process_count,
        unnest(p.sm_active_percent) AS sm_active_percent, unnest(p.sm_occupancy_percent) AS sm_occupancy_percent,
        unnest(p.tensor_active_percent) AS tensor_active_percent,
        unnest(p.dram_active_percent) AS dram_active_percent,
        unnest(p.fp64_active_percent) AS fp64_active_percent,
        unnest(p.fp32_active_percent) AS fp32_active_percent,
        unnest(p.fp16_active_percent) AS fp16_active_percent,
        unnest(p.nvlink_tx_mb_per_second) AS nvlink_tx_mb_per_second,
        unnest(p.nvlink_rx_mb_per_second) AS nvlink_rx_mb_per_second,
        unnest(p.pcie_tx_mb_per_second) AS pcie_tx_mb_per_second,
        unnest(p.pcie_rx_mb_per_second) AS pcie_rx_mb_per_second,
        unnest(p.pcie_link_generation) AS pcie_link_generation, unnest(p.pcie_link_width) AS pcie_link_width,
        unnest(p.pcie_replay_total) AS pcie_replay_total,
        unnest(p.pcie_replay_total_wide) AS pcie_replay_total_wide,
        unnest(p.ecc_corrected_total) AS ecc_corrected_total,
        unnest(p.ecc_corrected_total_wide) AS ecc_corrected_total_wide,
        unnest(p.ecc_uncorrected_total) AS ecc_uncorrected_total,
        unnest(p.ecc_uncorrected_total_wide) AS ecc_uncorrected_total_wide,
        unnest(p.remapped_rows_corrected_total) AS remapped_rows_corrected_total,
        unnest(p.remapped_rows_uncorrected_total) AS remapped_rows_uncorrected_total,
        unnest(p.remapped_rows_pending) AS remapped_rows_pending,
        unnest(p.remapped_rows_failed) AS remapped_rows_failed,
        unnest(p.nvlink_errors_total) AS nvlink_errors_total,
        unnest(p.nvlink_errors_total_wide) AS nvlink_errors_total_wide,
        unnest(p.power_throttle_seconds_total) AS power_throttle_seconds_total,
        unnest(p.power_throttle_seconds_total_wide) AS power_throttle_seconds_total_wide,
        unnest(p.thermal_throttle_seconds_total) AS thermal_throttle_seconds_total,
        unnest(p.thermal_throttle_seconds_total_wide) AS thermal_throttle_seconds_total_wide,
        unnest(p.recovery_action) AS recovery_action) AS elements WINDOW running AS (ROWS UNBOUNDED PRECEDING))
        AS scaled
) AS u
WHERE true AND p.hour >= date_bin('1 hour', $1,
    timestamptz 'epoch') AND p.hour < $2 AND u.recorded_at >= $1 AND u.recorded_at < $2
UNION ALL
SELECT l.gpu_id, l.recorded_at, l.temperature_celsius, l.power_watts, l.memory_used_mb, l.memory_total_mb,
    l.gpu_utilization_percent, l.memory_utilization_percent, l.memory_temperature_celsius, l.power_limit_watts,
    l.energy_joules_total, l.encoder_utilization_percent, l.decoder_utilization_percent, l.memory_reserved_mb,
    l.sm_clock_mhz, l.memory_clock_mhz, l.fan_speed_percent, l.performance_state, l.throttle_reasons,
    l.process_count, l.sm_active_percent, l.sm_occupancy_percent, l.tensor_active_percent, l.dram_active_percent,
    l.fp64_active_percent, l.fp32_active_percent, l.fp16_active_percent, l.nvlink_tx_mb_per_second,
    l.nvlink_rx_mb_per_second, l.pcie_tx_mb_per_second, l.pcie_rx_mb_per_second, l.pcie_link_generation,
    l.pcie_link_width, l.pcie_replay_total, l.ecc_corrected_total, l.ecc_uncorrected_total,
    l.remapped_rows_corrected_total, l.remapped_rows_uncorrected_total, l.remapped_rows_pending,
    l.remapped_rows_failed, l.nvlink_errors_total, l.power_throttle_seconds_total,
    l.thermal_throttle_seconds_total, l.recovery_action
FROM gpu_stats_late AS l LEFT JOIN LATERAL (
    SELECT array_agg(there.recorded_at) AS instants FROM (SELECT p.gpu_id, u.recorded_at
FROM gpu_stats_packed AS p CROSS JOIN LATERAL (
    SELECT p.first_at + since_first * interval '1 microsecond' AS recorded_at
    FROM (SELECT sum(coalesce(step,
        step_wide)::double precision) OVER running AS since_first FROM (SELECT unnest(p.instants) AS step,
        unnest(p.instants_wide) AS step_wide) AS elements WINDOW running AS (ROWS UNBOUNDED PRECEDING)) AS scaled
) AS u
WHERE p.gpu_id = l.gpu_id AND p.hour = date_bin('1 hour', l.recorded_at, timestamptz 'epoch')
    AND p.hour >= date_bin('1 hour', $1, timestamptz 'epoch') AND p.hour < $2) AS there
) AS packed ON true
WHERE coalesce(l.recorded_at <> ALL (packed.instants), true) AND (
    l.recorded_at < (SELECT packed_until FROM store_watermark)
    OR (SELECT true FROM gpu_stats AS s WHERE s.gpu_id = l.gpu_id AND s.recorded_at = l.recorded_at
        AND s.recorded_at >= $1 AND s.recorded_at < $2) IS NULL
) AND l.recorded_at >= $1 AND l.recorded_at < $2
$$
"""
