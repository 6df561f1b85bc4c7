"""The first edition: hosts, GPUs and their placements, and one row per GPU and instant in hourly partitions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "1.0"
down_revision = None

INDEX_QUERIES = {
    "pk_hosts": "the host of a placement",
    "uq_hosts_name": "the id of a host by its name: writing its inventory, history by host",
    "pk_gpus": "the GPU of a placement or of a sample",
    "uq_gpus_uuid": "the id of a GPU by its UUID: writing its samples, history by GPU",
    "pk_placements": "closing or moving one placement",
    "uq_placements_gpu_id_since": "where a GPU was at an instant: history",
    "uq_placements_gpu_id_open": "where a GPU is now, and that it is in one place only",
    "ix_placements_host_id": "which GPUs a host has or had: its inventory, history by host",
    "pk_gpu_stats": "the samples of a GPU over a time: history; and that a sample sent twice is stored once",
}


def upgrade() -> None:
    _hosts()
    _gpus()
    _placements()
    _gpu_stats()
    op.execute("CREATE SCHEMA IF NOT EXISTS gpufleet_partitions")
    for name, query in INDEX_QUERIES.items():
        op.execute(f"COMMENT ON INDEX {name} IS '{query}'")


def _hosts() -> None:
    op.create_table(
        "hosts",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Short for the name"),
        sa.Column("name", sa.Text(collation="C"), nullable=False, comment="As configured on the host's agent"),
        sa.Column("labels", JSONB(), nullable=False, comment="Names and values, as configured on the agent"),
        sa.Column("agent_id", sa.Text(), nullable=False, comment="Random, new with every start of the agent"),
        sa.Column("boot_id", sa.Text(), nullable=False, comment="New with every start of the host"),
        sa.Column("agent_version", sa.Text(), nullable=False, comment="Version of the agent"),
        sa.Column("platform", sa.Text(), nullable=False, comment="Operating system, kernel and Python of the agent"),
        sa.Column("backend", sa.Text(), nullable=False, comment="How the agent reads its GPUs"),
        sa.Column("driver_version", sa.Text(), nullable=True, comment="Version of the NVIDIA driver"),
        sa.Column("nvml_version", sa.Text(), nullable=True, comment="Version of NVML"),
        sa.Column(
            "note",
            sa.Text(),
            nullable=True,
            comment="What the agent tells the operator: why there is no GPU, what is wrong",
        ),
        sa.Column("simulated", sa.Boolean(), nullable=False, comment="Whether the GPUs are invented"),
        sa.Column(
            "inventory_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="Since when the inventory holds, the agent's clock",
        ),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="When it was first heard of"),
        sa.Column(
            "last_seen",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="When it was last heard of, to within a minute",
        ),
        sa.Column(
            "left_at",
            sa.DateTime(timezone=True),
            nullable=True,
            comment="When its agent said goodbye; null while it is there",
        ),
        sa.PrimaryKeyConstraint("id", name="pk_hosts"),
        sa.UniqueConstraint("name", name="uq_hosts_name"),
        comment="Every host that ever had an agent, as last heard of",
    )


def _gpus() -> None:
    op.create_table(
        "gpus",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Short for the UUID"),
        sa.Column("uuid", sa.Text(collation="C"), nullable=False, comment="What the GPU is, wherever it sits"),
        sa.Column("name", sa.Text(), nullable=True, comment="Product name"),
        sa.Column("serial", sa.Text(), nullable=True, comment="Serial number of the board"),
        sa.Column("vbios", sa.Text(), nullable=True, comment="Version of the video BIOS"),
        sa.Column("parent_uuid", sa.Text(), nullable=True, comment="The GPU that a MIG instance is part of"),
        sa.Column("mig_profile", sa.Text(), nullable=True, comment="Profile of a MIG instance"),
        sa.Column("mig_instance", sa.Integer(), nullable=True, comment="Number of a MIG instance"),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False, comment="When it was first heard of"),
        sa.PrimaryKeyConstraint("id", name="pk_gpus"),
        sa.UniqueConstraint("uuid", name="uq_gpus_uuid"),
        comment="Every GPU and MIG instance that was ever declared, as last heard of",
    )


def _placements() -> None:
    op.create_table(
        "placements",
        sa.Column("id", sa.Integer(), sa.Identity(always=True), nullable=False, comment="Number of the placement"),
        sa.Column("gpu_id", sa.Integer(), nullable=False, comment="Which GPU"),
        sa.Column("host_id", sa.Integer(), nullable=False, comment="In which host"),
        sa.Column("gpu_index", sa.Integer(), nullable=True, comment="The driver's number for the GPU there"),
        sa.Column("pci_bus_id", sa.Text(), nullable=True, comment="In which slot"),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False, comment="From when, the agent's clock"),
        sa.Column(
            "until", sa.DateTime(timezone=True), nullable=True, comment="Until when, not included; null means now"
        ),
        sa.ForeignKeyConstraint(["gpu_id"], ["gpus.id"], name="fk_placements_gpu_id_gpus"),
        sa.ForeignKeyConstraint(["host_id"], ["hosts.id"], name="fk_placements_host_id_hosts"),
        sa.PrimaryKeyConstraint("id", name="pk_placements"),
        sa.UniqueConstraint("gpu_id", "since", name="uq_placements_gpu_id_since"),
        comment="Which GPU was where, and when; never two at a time for one GPU",
    )
    op.create_index("ix_placements_host_id", "placements", ["host_id"], unique=False)
    op.create_index(
        "uq_placements_gpu_id_open", "placements", ["gpu_id"], unique=True, postgresql_where=sa.text("until IS NULL")
    )


def _gpu_stats() -> None:
    op.create_table(
        "gpu_stats",
        sa.Column("gpu_id", sa.Integer(), autoincrement=False, nullable=False, comment="Which GPU"),
        sa.Column(
            "recorded_at", sa.DateTime(timezone=True), nullable=False, comment="When it was read, the agent's clock"
        ),
        sa.Column("temperature_celsius", sa.SmallInteger(), nullable=True, comment="GPU core temperature; °C"),
        sa.Column("power_watts", sa.REAL(), nullable=True, comment="Board power draw; W"),
        sa.Column(
            "memory_used_mb",
            sa.Integer(),
            nullable=True,
            comment="Memory allocated by processes, without what the driver reserves; MiB",
        ),
        sa.Column("memory_total_mb", sa.Integer(), nullable=True, comment="Memory installed; MiB"),
        sa.Column(
            "gpu_utilization_percent",
            sa.SmallInteger(),
            nullable=True,
            comment="Share of time in which at least one kernel ran; %",
        ),
        sa.Column(
            "memory_utilization_percent",
            sa.SmallInteger(),
            nullable=True,
            comment="Share of time in which memory was read or written; %",
        ),
        sa.Column("memory_temperature_celsius", sa.SmallInteger(), nullable=True, comment="Memory temperature; °C"),
        sa.Column("power_limit_watts", sa.REAL(), nullable=True, comment="Power limit set for the board; W"),
        sa.Column(
            "energy_joules_total", sa.BigInteger(), nullable=True, comment="Energy used since the driver was loaded; J"
        ),
        sa.Column(
            "encoder_utilization_percent", sa.SmallInteger(), nullable=True, comment="Video encoder utilization; %"
        ),
        sa.Column(
            "decoder_utilization_percent", sa.SmallInteger(), nullable=True, comment="Video decoder utilization; %"
        ),
        sa.Column(
            "memory_reserved_mb", sa.Integer(), nullable=True, comment="Memory held back by driver and firmware; MiB"
        ),
        sa.Column(
            "sm_clock_mhz", sa.SmallInteger(), nullable=True, comment="Clock of the streaming multiprocessors; MHz"
        ),
        sa.Column("memory_clock_mhz", sa.SmallInteger(), nullable=True, comment="Memory clock; MHz"),
        sa.Column(
            "fan_speed_percent",
            sa.SmallInteger(),
            nullable=True,
            comment="Fan speed wanted by the GPU, of its maximum; %",
        ),
        sa.Column(
            "performance_state",
            sa.SmallInteger(),
            nullable=True,
            comment="Performance state, P0 (fastest) to P15; state",
        ),
        sa.Column(
            "throttle_reasons",
            sa.BigInteger(),
            nullable=True,
            comment="Why the clocks are below their maximum, NVML's bits; flags",
        ),
        sa.Column(
            "process_count",
            sa.SmallInteger(),
            nullable=True,
            comment="Compute and graphics processes that hold a context; processes",
        ),
        sa.Column(
            "sm_active_percent", sa.REAL(), nullable=True, comment="Share of multiprocessors with at least one warp; %"
        ),
        sa.Column("sm_occupancy_percent", sa.REAL(), nullable=True, comment="Resident warps of the most that fit; %"),
        sa.Column(
            "tensor_active_percent",
            sa.REAL(),
            nullable=True,
            comment="Share of cycles in which the tensor cores worked; %",
        ),
        sa.Column(
            "dram_active_percent", sa.REAL(), nullable=True, comment="Share of cycles in which memory moved data; %"
        ),
        sa.Column(
            "fp64_active_percent", sa.REAL(), nullable=True, comment="Share of cycles in which the FP64 pipe worked; %"
        ),
        sa.Column(
            "fp32_active_percent", sa.REAL(), nullable=True, comment="Share of cycles in which the FP32 pipe worked; %"
        ),
        sa.Column(
            "fp16_active_percent", sa.REAL(), nullable=True, comment="Share of cycles in which the FP16 pipe worked; %"
        ),
        sa.Column("nvlink_tx_mb_per_second", sa.Integer(), nullable=True, comment="Sent over NVLink; MiB/s"),
        sa.Column("nvlink_rx_mb_per_second", sa.Integer(), nullable=True, comment="Received over NVLink; MiB/s"),
        sa.Column("pcie_tx_mb_per_second", sa.Integer(), nullable=True, comment="Sent over PCIe; MB/s"),
        sa.Column("pcie_rx_mb_per_second", sa.Integer(), nullable=True, comment="Received over PCIe; MB/s"),
        sa.Column(
            "pcie_link_generation",
            sa.SmallInteger(),
            nullable=True,
            comment="PCIe generation of the link now; generation",
        ),
        sa.Column("pcie_link_width", sa.SmallInteger(), nullable=True, comment="PCIe lanes of the link now; lanes"),
        sa.Column("pcie_replay_total", sa.BigInteger(), nullable=True, comment="PCIe packets sent again; replays"),
        sa.Column(
            "ecc_corrected_total",
            sa.BigInteger(),
            nullable=True,
            comment="Memory errors corrected, over the life of the board; errors",
        ),
        sa.Column(
            "ecc_uncorrected_total",
            sa.BigInteger(),
            nullable=True,
            comment="Memory errors that could not be corrected, over the life of the board; errors",
        ),
        sa.Column(
            "remapped_rows_corrected_total",
            sa.Integer(),
            nullable=True,
            comment="Rows remapped after corrected errors; rows",
        ),
        sa.Column(
            "remapped_rows_uncorrected_total",
            sa.Integer(),
            nullable=True,
            comment="Rows remapped after errors that could not be corrected; rows",
        ),
        sa.Column(
            "remapped_rows_pending",
            sa.SmallInteger(),
            nullable=True,
            comment="A remapped row waits for a reset of the GPU; yes or no",
        ),
        sa.Column(
            "remapped_rows_failed",
            sa.SmallInteger(),
            nullable=True,
            comment="Remapping failed: the board has no spare row left; yes or no",
        ),
        sa.Column(
            "nvlink_errors_total",
            sa.BigInteger(),
            nullable=True,
            comment="NVLink errors (CRC, replay, recovery) over all links; errors",
        ),
        sa.Column(
            "power_throttle_seconds_total",
            sa.Double(),
            nullable=True,
            comment="Time below full clocks because of power; s",
        ),
        sa.Column(
            "thermal_throttle_seconds_total",
            sa.Double(),
            nullable=True,
            comment="Time below full clocks because of heat; s",
        ),
        sa.Column(
            "recovery_action",
            sa.SmallInteger(),
            nullable=True,
            comment="What the driver asks for to heal the GPU; action",
        ),
        sa.PrimaryKeyConstraint("gpu_id", "recorded_at", name="pk_gpu_stats"),
        comment="One row per GPU and instant; null means that the value could not be read",
        postgresql_partition_by="RANGE (recorded_at)",
    )
