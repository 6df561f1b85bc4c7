CREATE TABLE events (  -- What happened on hosts and to GPUs, each event once
  occurred_at timestamp with time zone NOT NULL,  -- When it happened, the agent's clock
  event_id text COLLATE "C" NOT NULL,  -- Made by whoever saw it, unique for ever
  host_id integer NOT NULL,  -- On which host
  gpu_id integer,  -- To which GPU; null when to none, or to one not declared by then
  gpu_uuid text COLLATE "C",  -- To which GPU, as told; null when to none
  kind text NOT NULL,  -- What happened
  severity text NOT NULL,  -- info, warning or critical
  code bigint,  -- Number of an XID
  text text NOT NULL,  -- In words
  received_at timestamp with time zone NOT NULL,  -- When the collector heard of it, its own clock
  CONSTRAINT pk_events PRIMARY KEY (occurred_at, event_id),
) PARTITION BY RANGE (occurred_at);
CREATE INDEX ix_events_gpu_uuid_occurred_at ON ONLY public.events USING btree (gpu_uuid, occurred_at) WHERE (gpu_uuid IS NOT NULL);  -- the newest events of a GPU
CREATE INDEX ix_events_host_id_occurred_at ON ONLY public.events USING btree (host_id, occurred_at);  -- the newest events of a host
CREATE UNIQUE INDEX pk_events ON ONLY public.events USING btree (occurred_at, event_id);  -- the events of a time, newest first; and that an event sent twice is stored once

CREATE TABLE gpu_stats (  -- One row per GPU and instant; null means that the value could not be read
  gpu_id integer NOT NULL,  -- Which GPU
  recorded_at timestamp with time zone NOT NULL,  -- When it was read, the agent's clock
  temperature_celsius smallint,  -- GPU core temperature; °C
  power_watts real,  -- Board power draw; W
  memory_used_mb integer,  -- Memory allocated by processes, without what the driver reserves; MiB
  memory_total_mb integer,  -- Memory installed; MiB
  gpu_utilization_percent smallint,  -- Share of time in which at least one kernel ran; %
  memory_utilization_percent smallint,  -- Share of time in which memory was read or written; %
  memory_temperature_celsius smallint,  -- Memory temperature; °C
  power_limit_watts real,  -- Power limit set for the board; W
  energy_joules_total bigint,  -- Energy used since the driver was loaded; J
  encoder_utilization_percent smallint,  -- Video encoder utilization; %
  decoder_utilization_percent smallint,  -- Video decoder utilization; %
  memory_reserved_mb integer,  -- Memory held back by driver and firmware; MiB
  sm_clock_mhz smallint,  -- Clock of the streaming multiprocessors; MHz
  memory_clock_mhz smallint,  -- Memory clock; MHz
  fan_speed_percent smallint,  -- Fan speed wanted by the GPU, of its maximum; %
  performance_state smallint,  -- Performance state, P0 (fastest) to P15; state
  throttle_reasons bigint,  -- Why the clocks are below their maximum, NVML's bits; flags
  process_count smallint,  -- Compute and graphics processes that hold a context; processes
  sm_active_percent real,  -- Share of multiprocessors with at least one warp; %
  sm_occupancy_percent real,  -- Resident warps of the most that fit; %
  tensor_active_percent real,  -- Share of cycles in which the tensor cores worked; %
  dram_active_percent real,  -- Share of cycles in which memory moved data; %
  fp64_active_percent real,  -- Share of cycles in which the FP64 pipe worked; %
  fp32_active_percent real,  -- Share of cycles in which the FP32 pipe worked; %
  fp16_active_percent real,  -- Share of cycles in which the FP16 pipe worked; %
  nvlink_tx_mb_per_second integer,  -- Sent over NVLink; MiB/s
  nvlink_rx_mb_per_second integer,  -- Received over NVLink; MiB/s
  pcie_tx_mb_per_second integer,  -- Sent over PCIe; MB/s
  pcie_rx_mb_per_second integer,  -- Received over PCIe; MB/s
  pcie_link_generation smallint,  -- PCIe generation of the link now; generation
  pcie_link_width smallint,  -- PCIe lanes of the link now; lanes
  pcie_replay_total bigint,  -- PCIe packets sent again; replays
  ecc_corrected_total bigint,  -- Memory errors corrected, over the life of the board; errors
  ecc_uncorrected_total bigint,  -- Memory errors that could not be corrected, over the life of the board; errors
  remapped_rows_corrected_total integer,  -- Rows remapped after corrected errors; rows
  remapped_rows_uncorrected_total integer,  -- Rows remapped after errors that could not be corrected; rows
  remapped_rows_pending smallint,  -- A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_failed smallint,  -- Remapping failed: the board has no spare row left; yes or no
  nvlink_errors_total bigint,  -- NVLink errors (CRC, replay, recovery) over all links; errors
  power_throttle_seconds_total double precision,  -- Time below full clocks because of power; s
  thermal_throttle_seconds_total double precision,  -- Time below full clocks because of heat; s
  recovery_action smallint,  -- What the driver asks for to heal the GPU; action
  CONSTRAINT pk_gpu_stats PRIMARY KEY (gpu_id, recorded_at),
) PARTITION BY RANGE (recorded_at);
CREATE UNIQUE INDEX pk_gpu_stats ON ONLY public.gpu_stats USING btree (gpu_id, recorded_at);  -- the samples of a GPU over a time: history; and that a sample sent twice is stored once

CREATE TABLE gpufleet_schema_version (
  version_num character varying(32) NOT NULL,
  CONSTRAINT gpufleet_schema_version_pkc PRIMARY KEY (version_num),
);
CREATE UNIQUE INDEX gpufleet_schema_version_pkc ON public.gpufleet_schema_version USING btree (version_num);

CREATE TABLE gpus (  -- Every GPU and MIG instance that was ever declared, as last heard of
  id integer NOT NULL GENERATED AS IDENTITY,  -- Short for the UUID
  uuid text COLLATE "C" NOT NULL,  -- What the GPU is, wherever it sits
  name text,  -- Product name
  serial text,  -- Serial number of the board
  vbios text,  -- Version of the video BIOS
  parent_uuid text,  -- The GPU that a MIG instance is part of
  mig_profile text,  -- Profile of a MIG instance
  mig_instance integer,  -- Number of a MIG instance
  first_seen timestamp with time zone NOT NULL,  -- When it was first heard of
  CONSTRAINT pk_gpus PRIMARY KEY (id),
  CONSTRAINT uq_gpus_uuid UNIQUE (uuid),
);
CREATE UNIQUE INDEX pk_gpus ON public.gpus USING btree (id);  -- the GPU of a placement or of a sample
CREATE UNIQUE INDEX uq_gpus_uuid ON public.gpus USING btree (uuid);  -- the id of a GPU by its UUID: writing its samples, history by GPU

CREATE TABLE hosts (  -- Every host that ever had an agent, as last heard of
  id integer NOT NULL GENERATED AS IDENTITY,  -- Short for the name
  name text COLLATE "C" NOT NULL,  -- As configured on the host's agent
  labels jsonb NOT NULL,  -- Names and values, as configured on the agent
  agent_id text NOT NULL,  -- Random, new with every start of the agent
  boot_id text NOT NULL,  -- New with every start of the host
  agent_version text NOT NULL,  -- Version of the agent
  platform text NOT NULL,  -- Operating system, kernel and Python of the agent
  backend text NOT NULL,  -- How the agent reads its GPUs
  driver_version text,  -- Version of the NVIDIA driver
  nvml_version text,  -- Version of NVML
  note text,  -- What the agent tells the operator: why there is no GPU, what is wrong
  simulated boolean NOT NULL,  -- Whether the GPUs are invented
  inventory_at timestamp with time zone NOT NULL,  -- Since when the inventory holds, the agent's clock
  first_seen timestamp with time zone NOT NULL,  -- When it was first heard of
  last_seen timestamp with time zone NOT NULL,  -- When it was last heard of, to within a minute
  left_at timestamp with time zone,  -- When its agent said goodbye; null while it is there
  CONSTRAINT pk_hosts PRIMARY KEY (id),
  CONSTRAINT uq_hosts_name UNIQUE (name),
);
CREATE UNIQUE INDEX pk_hosts ON public.hosts USING btree (id);  -- the host of a placement
CREATE UNIQUE INDEX uq_hosts_name ON public.hosts USING btree (name);  -- the id of a host by its name: writing its inventory, history by host

CREATE TABLE placements (  -- Which GPU was where, and when; never two at a time for one GPU
  id integer NOT NULL GENERATED AS IDENTITY,  -- Number of the placement
  gpu_id integer NOT NULL,  -- Which GPU
  host_id integer NOT NULL,  -- In which host
  gpu_index integer,  -- The driver's number for the GPU there
  pci_bus_id text,  -- In which slot
  since timestamp with time zone NOT NULL,  -- From when, the agent's clock
  until timestamp with time zone,  -- Until when, not included; null means now
  CONSTRAINT fk_placements_gpu_id_gpus FOREIGN KEY (gpu_id) REFERENCES gpus(id),
  CONSTRAINT fk_placements_host_id_hosts FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT pk_placements PRIMARY KEY (id),
  CONSTRAINT uq_placements_gpu_id_since UNIQUE (gpu_id, since),
);
CREATE INDEX ix_placements_host_id ON public.placements USING btree (host_id);  -- which GPUs a host has or had: its inventory, history by host
CREATE UNIQUE INDEX pk_placements ON public.placements USING btree (id);  -- closing or moving one placement
CREATE UNIQUE INDEX uq_placements_gpu_id_open ON public.placements USING btree (gpu_id) WHERE (until IS NULL);  -- where a GPU is now, and that it is in one place only
CREATE UNIQUE INDEX uq_placements_gpu_id_since ON public.placements USING btree (gpu_id, since);  -- where a GPU was at an instant: history

CREATE TABLE processes (  -- One row per process, GPU and day (UTC) for as long as it was seen without a longer gap
  gpu_id integer NOT NULL,  -- On which GPU
  pid integer NOT NULL,  -- The kernel's number for the process
  first_seen timestamp with time zone NOT NULL,  -- When it was seen first, or first on that day, the agent's clock
  host_id integer NOT NULL,  -- On which host
  started_at timestamp with time zone,  -- When the process started
  name text,  -- What it calls itself
  graphics boolean NOT NULL,  -- Whether it draws rather than computes
  last_seen timestamp with time zone NOT NULL,  -- When it was seen last, or last on that day, to within a minute while it runs
  memory_used_mb integer,  -- GPU memory when seen last; MiB
  memory_max_mb integer,  -- Most GPU memory that was seen; MiB
  sm_utilization_percent smallint,  -- Share of the multiprocessors when seen last; %
  CONSTRAINT pk_processes PRIMARY KEY (gpu_id, pid, first_seen),
) PARTITION BY RANGE (first_seen);
CREATE INDEX ix_processes_first_seen_gpu_id_pid ON ONLY public.processes USING btree (first_seen, gpu_id, pid);  -- the processes of a time, in the order of their pages
CREATE INDEX ix_processes_host_id_first_seen ON ONLY public.processes USING btree (host_id, first_seen);  -- the processes of a host over a time
CREATE UNIQUE INDEX pk_processes ON ONLY public.processes USING btree (gpu_id, pid, first_seen);  -- the row of a process that is still there: writing its last sighting; the processes of a GPU
