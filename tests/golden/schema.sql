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

CREATE TABLE fleet_stats_1m (  -- Minutes of the whole fleet, of each model and of labels, in parts that add up over GPUs
  scope text COLLATE "C" NOT NULL,  -- fleet, model or label
  key text COLLATE "C" NOT NULL,  -- Name of the label, else empty
  value text COLLATE "C" NOT NULL,  -- Value of the label, or name of the model
  minute timestamp with time zone NOT NULL,  -- Begin of the minute
  exact boolean NOT NULL,  -- From the samples of a packed hour, not from live values
  gpus integer NOT NULL,  -- Whole GPUs with a sample
  samples integer NOT NULL,  -- Samples of whole GPUs
  temperature_celsius_sum double precision,  -- Sum of the GPUs' averages; GPU core temperature; °C
  temperature_celsius_count integer,  -- Values; GPU core temperature; °C
  temperature_celsius_min smallint,  -- Smallest value; GPU core temperature; °C
  temperature_celsius_max smallint,  -- Largest value; GPU core temperature; °C
  temperature_celsius_gpus integer,  -- GPUs with a value; GPU core temperature; °C
  power_watts_sum double precision,  -- Sum of the GPUs' averages; Board power draw; W
  power_watts_count integer,  -- Values; Board power draw; W
  power_watts_min real,  -- Smallest value; Board power draw; W
  power_watts_max real,  -- Largest value; Board power draw; W
  power_watts_gpus integer,  -- GPUs with a value; Board power draw; W
  memory_used_mb_sum double precision,  -- Sum of the GPUs' averages; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_count integer,  -- Values; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_min integer,  -- Smallest value; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_max integer,  -- Largest value; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_gpus integer,  -- GPUs with a value; Memory allocated by processes, without what the driver reserves; MiB
  memory_total_mb_sum double precision,  -- Sum of the GPUs' averages; Memory installed; MiB
  memory_total_mb_count integer,  -- Values; Memory installed; MiB
  memory_total_mb_min integer,  -- Smallest value; Memory installed; MiB
  memory_total_mb_max integer,  -- Largest value; Memory installed; MiB
  memory_total_mb_gpus integer,  -- GPUs with a value; Memory installed; MiB
  gpu_utilization_percent_sum double precision,  -- Sum of the GPUs' averages; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_count integer,  -- Values; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_min smallint,  -- Smallest value; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_max smallint,  -- Largest value; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_gpus integer,  -- GPUs with a value; Share of time in which at least one kernel ran; %
  memory_utilization_percent_sum double precision,  -- Sum of the GPUs' averages; Share of time in which memory was read or written; %
  memory_utilization_percent_count integer,  -- Values; Share of time in which memory was read or written; %
  memory_utilization_percent_min smallint,  -- Smallest value; Share of time in which memory was read or written; %
  memory_utilization_percent_max smallint,  -- Largest value; Share of time in which memory was read or written; %
  memory_utilization_percent_gpus integer,  -- GPUs with a value; Share of time in which memory was read or written; %
  memory_temperature_celsius_sum double precision,  -- Sum of the GPUs' averages; Memory temperature; °C
  memory_temperature_celsius_count integer,  -- Values; Memory temperature; °C
  memory_temperature_celsius_min smallint,  -- Smallest value; Memory temperature; °C
  memory_temperature_celsius_max smallint,  -- Largest value; Memory temperature; °C
  memory_temperature_celsius_gpus integer,  -- GPUs with a value; Memory temperature; °C
  power_limit_watts_sum double precision,  -- Sum of the GPUs' averages; Power limit set for the board; W
  power_limit_watts_count integer,  -- Values; Power limit set for the board; W
  power_limit_watts_min real,  -- Smallest value; Power limit set for the board; W
  power_limit_watts_max real,  -- Largest value; Power limit set for the board; W
  power_limit_watts_gpus integer,  -- GPUs with a value; Power limit set for the board; W
  energy_joules_total_sum double precision,  -- Sum of the GPUs' increases; Energy used since the driver was loaded; J
  energy_joules_total_count integer,  -- Values; Energy used since the driver was loaded; J
  energy_joules_total_min double precision,  -- Smallest increase of a GPU; Energy used since the driver was loaded; J
  energy_joules_total_max double precision,  -- Largest increase of a GPU; Energy used since the driver was loaded; J
  energy_joules_total_gpus integer,  -- GPUs with a value; Energy used since the driver was loaded; J
  encoder_utilization_percent_sum double precision,  -- Sum of the GPUs' averages; Video encoder utilization; %
  encoder_utilization_percent_count integer,  -- Values; Video encoder utilization; %
  encoder_utilization_percent_min smallint,  -- Smallest value; Video encoder utilization; %
  encoder_utilization_percent_max smallint,  -- Largest value; Video encoder utilization; %
  encoder_utilization_percent_gpus integer,  -- GPUs with a value; Video encoder utilization; %
  decoder_utilization_percent_sum double precision,  -- Sum of the GPUs' averages; Video decoder utilization; %
  decoder_utilization_percent_count integer,  -- Values; Video decoder utilization; %
  decoder_utilization_percent_min smallint,  -- Smallest value; Video decoder utilization; %
  decoder_utilization_percent_max smallint,  -- Largest value; Video decoder utilization; %
  decoder_utilization_percent_gpus integer,  -- GPUs with a value; Video decoder utilization; %
  memory_reserved_mb_sum double precision,  -- Sum of the GPUs' averages; Memory held back by driver and firmware; MiB
  memory_reserved_mb_count integer,  -- Values; Memory held back by driver and firmware; MiB
  memory_reserved_mb_min integer,  -- Smallest value; Memory held back by driver and firmware; MiB
  memory_reserved_mb_max integer,  -- Largest value; Memory held back by driver and firmware; MiB
  memory_reserved_mb_gpus integer,  -- GPUs with a value; Memory held back by driver and firmware; MiB
  sm_clock_mhz_sum double precision,  -- Sum of the GPUs' averages; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_count integer,  -- Values; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_min smallint,  -- Smallest value; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_max smallint,  -- Largest value; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_gpus integer,  -- GPUs with a value; Clock of the streaming multiprocessors; MHz
  memory_clock_mhz_sum double precision,  -- Sum of the GPUs' averages; Memory clock; MHz
  memory_clock_mhz_count integer,  -- Values; Memory clock; MHz
  memory_clock_mhz_min smallint,  -- Smallest value; Memory clock; MHz
  memory_clock_mhz_max smallint,  -- Largest value; Memory clock; MHz
  memory_clock_mhz_gpus integer,  -- GPUs with a value; Memory clock; MHz
  fan_speed_percent_sum double precision,  -- Sum of the GPUs' averages; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_count integer,  -- Values; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_min smallint,  -- Smallest value; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_max smallint,  -- Largest value; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_gpus integer,  -- GPUs with a value; Fan speed wanted by the GPU, of its maximum; %
  performance_state_sum double precision,  -- Sum of the GPUs' averages; Performance state, P0 (fastest) to P15; state
  performance_state_count integer,  -- Values; Performance state, P0 (fastest) to P15; state
  performance_state_min smallint,  -- Smallest value; Performance state, P0 (fastest) to P15; state
  performance_state_max smallint,  -- Largest value; Performance state, P0 (fastest) to P15; state
  performance_state_gpus integer,  -- GPUs with a value; Performance state, P0 (fastest) to P15; state
  process_count_sum double precision,  -- Sum of the GPUs' averages; Compute and graphics processes that hold a context; processes
  process_count_count integer,  -- Values; Compute and graphics processes that hold a context; processes
  process_count_min smallint,  -- Smallest value; Compute and graphics processes that hold a context; processes
  process_count_max smallint,  -- Largest value; Compute and graphics processes that hold a context; processes
  process_count_gpus integer,  -- GPUs with a value; Compute and graphics processes that hold a context; processes
  sm_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of multiprocessors with at least one warp; %
  sm_active_percent_count integer,  -- Values; Share of multiprocessors with at least one warp; %
  sm_active_percent_min real,  -- Smallest value; Share of multiprocessors with at least one warp; %
  sm_active_percent_max real,  -- Largest value; Share of multiprocessors with at least one warp; %
  sm_active_percent_gpus integer,  -- GPUs with a value; Share of multiprocessors with at least one warp; %
  sm_occupancy_percent_sum double precision,  -- Sum of the GPUs' averages; Resident warps of the most that fit; %
  sm_occupancy_percent_count integer,  -- Values; Resident warps of the most that fit; %
  sm_occupancy_percent_min real,  -- Smallest value; Resident warps of the most that fit; %
  sm_occupancy_percent_max real,  -- Largest value; Resident warps of the most that fit; %
  sm_occupancy_percent_gpus integer,  -- GPUs with a value; Resident warps of the most that fit; %
  tensor_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_count integer,  -- Values; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_min real,  -- Smallest value; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_max real,  -- Largest value; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_gpus integer,  -- GPUs with a value; Share of cycles in which the tensor cores worked; %
  dram_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of cycles in which memory moved data; %
  dram_active_percent_count integer,  -- Values; Share of cycles in which memory moved data; %
  dram_active_percent_min real,  -- Smallest value; Share of cycles in which memory moved data; %
  dram_active_percent_max real,  -- Largest value; Share of cycles in which memory moved data; %
  dram_active_percent_gpus integer,  -- GPUs with a value; Share of cycles in which memory moved data; %
  fp64_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_count integer,  -- Values; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_min real,  -- Smallest value; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_max real,  -- Largest value; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_gpus integer,  -- GPUs with a value; Share of cycles in which the FP64 pipe worked; %
  fp32_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_count integer,  -- Values; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_min real,  -- Smallest value; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_max real,  -- Largest value; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_gpus integer,  -- GPUs with a value; Share of cycles in which the FP32 pipe worked; %
  fp16_active_percent_sum double precision,  -- Sum of the GPUs' averages; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_count integer,  -- Values; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_min real,  -- Smallest value; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_max real,  -- Largest value; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_gpus integer,  -- GPUs with a value; Share of cycles in which the FP16 pipe worked; %
  nvlink_tx_mb_per_second_sum double precision,  -- Sum of the GPUs' averages; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_count integer,  -- Values; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_min integer,  -- Smallest value; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_max integer,  -- Largest value; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_gpus integer,  -- GPUs with a value; Sent over NVLink; MiB/s
  nvlink_rx_mb_per_second_sum double precision,  -- Sum of the GPUs' averages; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_count integer,  -- Values; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_min integer,  -- Smallest value; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_max integer,  -- Largest value; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_gpus integer,  -- GPUs with a value; Received over NVLink; MiB/s
  pcie_tx_mb_per_second_sum double precision,  -- Sum of the GPUs' averages; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_count integer,  -- Values; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_min integer,  -- Smallest value; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_max integer,  -- Largest value; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_gpus integer,  -- GPUs with a value; Sent over PCIe; MB/s
  pcie_rx_mb_per_second_sum double precision,  -- Sum of the GPUs' averages; Received over PCIe; MB/s
  pcie_rx_mb_per_second_count integer,  -- Values; Received over PCIe; MB/s
  pcie_rx_mb_per_second_min integer,  -- Smallest value; Received over PCIe; MB/s
  pcie_rx_mb_per_second_max integer,  -- Largest value; Received over PCIe; MB/s
  pcie_rx_mb_per_second_gpus integer,  -- GPUs with a value; Received over PCIe; MB/s
  pcie_link_generation_sum double precision,  -- Sum of the GPUs' averages; PCIe generation of the link now; generation
  pcie_link_generation_count integer,  -- Values; PCIe generation of the link now; generation
  pcie_link_generation_min smallint,  -- Smallest value; PCIe generation of the link now; generation
  pcie_link_generation_max smallint,  -- Largest value; PCIe generation of the link now; generation
  pcie_link_generation_gpus integer,  -- GPUs with a value; PCIe generation of the link now; generation
  pcie_link_width_sum double precision,  -- Sum of the GPUs' averages; PCIe lanes of the link now; lanes
  pcie_link_width_count integer,  -- Values; PCIe lanes of the link now; lanes
  pcie_link_width_min smallint,  -- Smallest value; PCIe lanes of the link now; lanes
  pcie_link_width_max smallint,  -- Largest value; PCIe lanes of the link now; lanes
  pcie_link_width_gpus integer,  -- GPUs with a value; PCIe lanes of the link now; lanes
  pcie_replay_total_sum double precision,  -- Sum of the GPUs' increases; PCIe packets sent again; replays
  pcie_replay_total_count integer,  -- Values; PCIe packets sent again; replays
  pcie_replay_total_min double precision,  -- Smallest increase of a GPU; PCIe packets sent again; replays
  pcie_replay_total_max double precision,  -- Largest increase of a GPU; PCIe packets sent again; replays
  pcie_replay_total_gpus integer,  -- GPUs with a value; PCIe packets sent again; replays
  ecc_corrected_total_sum double precision,  -- Sum of the GPUs' increases; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_count integer,  -- Values; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_min double precision,  -- Smallest increase of a GPU; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_max double precision,  -- Largest increase of a GPU; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_gpus integer,  -- GPUs with a value; Memory errors corrected, over the life of the board; errors
  ecc_uncorrected_total_sum double precision,  -- Sum of the GPUs' increases; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_count integer,  -- Values; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_min double precision,  -- Smallest increase of a GPU; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_max double precision,  -- Largest increase of a GPU; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_gpus integer,  -- GPUs with a value; Memory errors that could not be corrected, over the life of the board; errors
  remapped_rows_corrected_total_sum double precision,  -- Sum of the GPUs' increases; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_count integer,  -- Values; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_min double precision,  -- Smallest increase of a GPU; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_max double precision,  -- Largest increase of a GPU; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_gpus integer,  -- GPUs with a value; Rows remapped after corrected errors; rows
  remapped_rows_uncorrected_total_sum double precision,  -- Sum of the GPUs' increases; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_count integer,  -- Values; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_min double precision,  -- Smallest increase of a GPU; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_max double precision,  -- Largest increase of a GPU; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_gpus integer,  -- GPUs with a value; Rows remapped after errors that could not be corrected; rows
  remapped_rows_pending_sum double precision,  -- Sum of the GPUs' averages; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_count integer,  -- Values; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_min smallint,  -- Smallest value; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_max smallint,  -- Largest value; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_gpus integer,  -- GPUs with a value; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_failed_sum double precision,  -- Sum of the GPUs' averages; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_count integer,  -- Values; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_min smallint,  -- Smallest value; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_max smallint,  -- Largest value; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_gpus integer,  -- GPUs with a value; Remapping failed: the board has no spare row left; yes or no
  nvlink_errors_total_sum double precision,  -- Sum of the GPUs' increases; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_count integer,  -- Values; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_min double precision,  -- Smallest increase of a GPU; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_max double precision,  -- Largest increase of a GPU; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_gpus integer,  -- GPUs with a value; NVLink errors (CRC, replay, recovery) over all links; errors
  power_throttle_seconds_total_sum double precision,  -- Sum of the GPUs' increases; Time below full clocks because of power; s
  power_throttle_seconds_total_count integer,  -- Values; Time below full clocks because of power; s
  power_throttle_seconds_total_min double precision,  -- Smallest increase of a GPU; Time below full clocks because of power; s
  power_throttle_seconds_total_max double precision,  -- Largest increase of a GPU; Time below full clocks because of power; s
  power_throttle_seconds_total_gpus integer,  -- GPUs with a value; Time below full clocks because of power; s
  thermal_throttle_seconds_total_sum double precision,  -- Sum of the GPUs' increases; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_count integer,  -- Values; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_min double precision,  -- Smallest increase of a GPU; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_max double precision,  -- Largest increase of a GPU; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_gpus integer,  -- GPUs with a value; Time below full clocks because of heat; s
  recovery_action_sum double precision,  -- Sum of the GPUs' averages; What the driver asks for to heal the GPU; action
  recovery_action_count integer,  -- Values; What the driver asks for to heal the GPU; action
  recovery_action_min smallint,  -- Smallest value; What the driver asks for to heal the GPU; action
  recovery_action_max smallint,  -- Largest value; What the driver asks for to heal the GPU; action
  recovery_action_gpus integer,  -- GPUs with a value; What the driver asks for to heal the GPU; action
  CONSTRAINT pk_fleet_stats_1m PRIMARY KEY (scope, key, value, minute),
) PARTITION BY RANGE (minute);
CREATE INDEX ix_fleet_stats_1m_minute ON ONLY public.fleet_stats_1m USING btree (minute);  -- the minutes of an hour, to put exact ones in their place
CREATE UNIQUE INDEX pk_fleet_stats_1m ON ONLY public.fleet_stats_1m USING btree (scope, key, value, minute);  -- the minutes of the fleet, a model or a label over a time: series

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

CREATE TABLE gpu_stats_1h (  -- One row per GPU and hour: the hour as one bucket; null where there was no value
  gpu_id integer NOT NULL,  -- Which GPU
  hour timestamp with time zone NOT NULL,  -- Begin of the hour
  samples integer NOT NULL,  -- Samples in the hour
  temperature_celsius_avg real,  -- Average; GPU core temperature; °C
  temperature_celsius_min smallint,  -- Smallest; GPU core temperature; °C
  temperature_celsius_max smallint,  -- Largest; GPU core temperature; °C
  temperature_celsius_last smallint,  -- Last; GPU core temperature; °C
  temperature_celsius_count integer,  -- Values; GPU core temperature; °C
  power_watts_avg real,  -- Average; Board power draw; W
  power_watts_min real,  -- Smallest; Board power draw; W
  power_watts_max real,  -- Largest; Board power draw; W
  power_watts_last real,  -- Last; Board power draw; W
  power_watts_count integer,  -- Values; Board power draw; W
  memory_used_mb_avg real,  -- Average; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_min integer,  -- Smallest; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_max integer,  -- Largest; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_last integer,  -- Last; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_count integer,  -- Values; Memory allocated by processes, without what the driver reserves; MiB
  memory_total_mb_avg real,  -- Average; Memory installed; MiB
  memory_total_mb_min integer,  -- Smallest; Memory installed; MiB
  memory_total_mb_max integer,  -- Largest; Memory installed; MiB
  memory_total_mb_last integer,  -- Last; Memory installed; MiB
  memory_total_mb_count integer,  -- Values; Memory installed; MiB
  gpu_utilization_percent_avg real,  -- Average; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_min smallint,  -- Smallest; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_max smallint,  -- Largest; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_last smallint,  -- Last; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_count integer,  -- Values; Share of time in which at least one kernel ran; %
  memory_utilization_percent_avg real,  -- Average; Share of time in which memory was read or written; %
  memory_utilization_percent_min smallint,  -- Smallest; Share of time in which memory was read or written; %
  memory_utilization_percent_max smallint,  -- Largest; Share of time in which memory was read or written; %
  memory_utilization_percent_last smallint,  -- Last; Share of time in which memory was read or written; %
  memory_utilization_percent_count integer,  -- Values; Share of time in which memory was read or written; %
  memory_temperature_celsius_avg real,  -- Average; Memory temperature; °C
  memory_temperature_celsius_min smallint,  -- Smallest; Memory temperature; °C
  memory_temperature_celsius_max smallint,  -- Largest; Memory temperature; °C
  memory_temperature_celsius_last smallint,  -- Last; Memory temperature; °C
  memory_temperature_celsius_count integer,  -- Values; Memory temperature; °C
  power_limit_watts_avg real,  -- Average; Power limit set for the board; W
  power_limit_watts_min real,  -- Smallest; Power limit set for the board; W
  power_limit_watts_max real,  -- Largest; Power limit set for the board; W
  power_limit_watts_last real,  -- Last; Power limit set for the board; W
  power_limit_watts_count integer,  -- Values; Power limit set for the board; W
  energy_joules_total_avg double precision,  -- Average; Energy used since the driver was loaded; J
  energy_joules_total_min bigint,  -- Smallest; Energy used since the driver was loaded; J
  energy_joules_total_max bigint,  -- Largest; Energy used since the driver was loaded; J
  energy_joules_total_last bigint,  -- Last; Energy used since the driver was loaded; J
  energy_joules_total_count integer,  -- Values; Energy used since the driver was loaded; J
  energy_joules_total_first bigint,  -- First; Energy used since the driver was loaded; J
  energy_joules_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Energy used since the driver was loaded; J
  energy_joules_total_resets integer,  -- Steps down; Energy used since the driver was loaded; J
  encoder_utilization_percent_avg real,  -- Average; Video encoder utilization; %
  encoder_utilization_percent_min smallint,  -- Smallest; Video encoder utilization; %
  encoder_utilization_percent_max smallint,  -- Largest; Video encoder utilization; %
  encoder_utilization_percent_last smallint,  -- Last; Video encoder utilization; %
  encoder_utilization_percent_count integer,  -- Values; Video encoder utilization; %
  decoder_utilization_percent_avg real,  -- Average; Video decoder utilization; %
  decoder_utilization_percent_min smallint,  -- Smallest; Video decoder utilization; %
  decoder_utilization_percent_max smallint,  -- Largest; Video decoder utilization; %
  decoder_utilization_percent_last smallint,  -- Last; Video decoder utilization; %
  decoder_utilization_percent_count integer,  -- Values; Video decoder utilization; %
  memory_reserved_mb_avg real,  -- Average; Memory held back by driver and firmware; MiB
  memory_reserved_mb_min integer,  -- Smallest; Memory held back by driver and firmware; MiB
  memory_reserved_mb_max integer,  -- Largest; Memory held back by driver and firmware; MiB
  memory_reserved_mb_last integer,  -- Last; Memory held back by driver and firmware; MiB
  memory_reserved_mb_count integer,  -- Values; Memory held back by driver and firmware; MiB
  sm_clock_mhz_avg real,  -- Average; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_min smallint,  -- Smallest; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_max smallint,  -- Largest; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_last smallint,  -- Last; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_count integer,  -- Values; Clock of the streaming multiprocessors; MHz
  memory_clock_mhz_avg real,  -- Average; Memory clock; MHz
  memory_clock_mhz_min smallint,  -- Smallest; Memory clock; MHz
  memory_clock_mhz_max smallint,  -- Largest; Memory clock; MHz
  memory_clock_mhz_last smallint,  -- Last; Memory clock; MHz
  memory_clock_mhz_count integer,  -- Values; Memory clock; MHz
  fan_speed_percent_avg real,  -- Average; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_min smallint,  -- Smallest; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_max smallint,  -- Largest; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_last smallint,  -- Last; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_count integer,  -- Values; Fan speed wanted by the GPU, of its maximum; %
  performance_state_avg real,  -- Average; Performance state, P0 (fastest) to P15; state
  performance_state_min smallint,  -- Smallest; Performance state, P0 (fastest) to P15; state
  performance_state_max smallint,  -- Largest; Performance state, P0 (fastest) to P15; state
  performance_state_last smallint,  -- Last; Performance state, P0 (fastest) to P15; state
  performance_state_count integer,  -- Values; Performance state, P0 (fastest) to P15; state
  throttle_reasons_avg double precision,  -- Average; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_min bigint,  -- Smallest; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_max bigint,  -- Largest; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_last bigint,  -- Last; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_count integer,  -- Values; Why the clocks are below their maximum, NVML's bits; flags
  process_count_avg real,  -- Average; Compute and graphics processes that hold a context; processes
  process_count_min smallint,  -- Smallest; Compute and graphics processes that hold a context; processes
  process_count_max smallint,  -- Largest; Compute and graphics processes that hold a context; processes
  process_count_last smallint,  -- Last; Compute and graphics processes that hold a context; processes
  process_count_count integer,  -- Values; Compute and graphics processes that hold a context; processes
  sm_active_percent_avg real,  -- Average; Share of multiprocessors with at least one warp; %
  sm_active_percent_min real,  -- Smallest; Share of multiprocessors with at least one warp; %
  sm_active_percent_max real,  -- Largest; Share of multiprocessors with at least one warp; %
  sm_active_percent_last real,  -- Last; Share of multiprocessors with at least one warp; %
  sm_active_percent_count integer,  -- Values; Share of multiprocessors with at least one warp; %
  sm_occupancy_percent_avg real,  -- Average; Resident warps of the most that fit; %
  sm_occupancy_percent_min real,  -- Smallest; Resident warps of the most that fit; %
  sm_occupancy_percent_max real,  -- Largest; Resident warps of the most that fit; %
  sm_occupancy_percent_last real,  -- Last; Resident warps of the most that fit; %
  sm_occupancy_percent_count integer,  -- Values; Resident warps of the most that fit; %
  tensor_active_percent_avg real,  -- Average; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_min real,  -- Smallest; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_max real,  -- Largest; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_last real,  -- Last; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_count integer,  -- Values; Share of cycles in which the tensor cores worked; %
  dram_active_percent_avg real,  -- Average; Share of cycles in which memory moved data; %
  dram_active_percent_min real,  -- Smallest; Share of cycles in which memory moved data; %
  dram_active_percent_max real,  -- Largest; Share of cycles in which memory moved data; %
  dram_active_percent_last real,  -- Last; Share of cycles in which memory moved data; %
  dram_active_percent_count integer,  -- Values; Share of cycles in which memory moved data; %
  fp64_active_percent_avg real,  -- Average; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_min real,  -- Smallest; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_max real,  -- Largest; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_last real,  -- Last; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_count integer,  -- Values; Share of cycles in which the FP64 pipe worked; %
  fp32_active_percent_avg real,  -- Average; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_min real,  -- Smallest; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_max real,  -- Largest; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_last real,  -- Last; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_count integer,  -- Values; Share of cycles in which the FP32 pipe worked; %
  fp16_active_percent_avg real,  -- Average; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_min real,  -- Smallest; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_max real,  -- Largest; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_last real,  -- Last; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_count integer,  -- Values; Share of cycles in which the FP16 pipe worked; %
  nvlink_tx_mb_per_second_avg real,  -- Average; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_min integer,  -- Smallest; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_max integer,  -- Largest; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_last integer,  -- Last; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_count integer,  -- Values; Sent over NVLink; MiB/s
  nvlink_rx_mb_per_second_avg real,  -- Average; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_min integer,  -- Smallest; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_max integer,  -- Largest; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_last integer,  -- Last; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_count integer,  -- Values; Received over NVLink; MiB/s
  pcie_tx_mb_per_second_avg real,  -- Average; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_min integer,  -- Smallest; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_max integer,  -- Largest; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_last integer,  -- Last; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_count integer,  -- Values; Sent over PCIe; MB/s
  pcie_rx_mb_per_second_avg real,  -- Average; Received over PCIe; MB/s
  pcie_rx_mb_per_second_min integer,  -- Smallest; Received over PCIe; MB/s
  pcie_rx_mb_per_second_max integer,  -- Largest; Received over PCIe; MB/s
  pcie_rx_mb_per_second_last integer,  -- Last; Received over PCIe; MB/s
  pcie_rx_mb_per_second_count integer,  -- Values; Received over PCIe; MB/s
  pcie_link_generation_avg real,  -- Average; PCIe generation of the link now; generation
  pcie_link_generation_min smallint,  -- Smallest; PCIe generation of the link now; generation
  pcie_link_generation_max smallint,  -- Largest; PCIe generation of the link now; generation
  pcie_link_generation_last smallint,  -- Last; PCIe generation of the link now; generation
  pcie_link_generation_count integer,  -- Values; PCIe generation of the link now; generation
  pcie_link_width_avg real,  -- Average; PCIe lanes of the link now; lanes
  pcie_link_width_min smallint,  -- Smallest; PCIe lanes of the link now; lanes
  pcie_link_width_max smallint,  -- Largest; PCIe lanes of the link now; lanes
  pcie_link_width_last smallint,  -- Last; PCIe lanes of the link now; lanes
  pcie_link_width_count integer,  -- Values; PCIe lanes of the link now; lanes
  pcie_replay_total_avg double precision,  -- Average; PCIe packets sent again; replays
  pcie_replay_total_min bigint,  -- Smallest; PCIe packets sent again; replays
  pcie_replay_total_max bigint,  -- Largest; PCIe packets sent again; replays
  pcie_replay_total_last bigint,  -- Last; PCIe packets sent again; replays
  pcie_replay_total_count integer,  -- Values; PCIe packets sent again; replays
  pcie_replay_total_first bigint,  -- First; PCIe packets sent again; replays
  pcie_replay_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; PCIe packets sent again; replays
  pcie_replay_total_resets integer,  -- Steps down; PCIe packets sent again; replays
  ecc_corrected_total_avg double precision,  -- Average; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_min bigint,  -- Smallest; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_max bigint,  -- Largest; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_last bigint,  -- Last; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_count integer,  -- Values; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_first bigint,  -- First; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_resets integer,  -- Steps down; Memory errors corrected, over the life of the board; errors
  ecc_uncorrected_total_avg double precision,  -- Average; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_min bigint,  -- Smallest; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_max bigint,  -- Largest; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_last bigint,  -- Last; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_count integer,  -- Values; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_first bigint,  -- First; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_resets integer,  -- Steps down; Memory errors that could not be corrected, over the life of the board; errors
  remapped_rows_corrected_total_avg real,  -- Average; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_min integer,  -- Smallest; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_max integer,  -- Largest; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_last integer,  -- Last; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_count integer,  -- Values; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_first integer,  -- First; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_resets integer,  -- Steps down; Rows remapped after corrected errors; rows
  remapped_rows_uncorrected_total_avg real,  -- Average; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_min integer,  -- Smallest; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_max integer,  -- Largest; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_last integer,  -- Last; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_count integer,  -- Values; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_first integer,  -- First; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_resets integer,  -- Steps down; Rows remapped after errors that could not be corrected; rows
  remapped_rows_pending_avg real,  -- Average; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_min smallint,  -- Smallest; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_max smallint,  -- Largest; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_last smallint,  -- Last; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_count integer,  -- Values; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_failed_avg real,  -- Average; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_min smallint,  -- Smallest; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_max smallint,  -- Largest; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_last smallint,  -- Last; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_count integer,  -- Values; Remapping failed: the board has no spare row left; yes or no
  nvlink_errors_total_avg double precision,  -- Average; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_min bigint,  -- Smallest; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_max bigint,  -- Largest; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_last bigint,  -- Last; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_count integer,  -- Values; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_first bigint,  -- First; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_resets integer,  -- Steps down; NVLink errors (CRC, replay, recovery) over all links; errors
  power_throttle_seconds_total_avg double precision,  -- Average; Time below full clocks because of power; s
  power_throttle_seconds_total_min double precision,  -- Smallest; Time below full clocks because of power; s
  power_throttle_seconds_total_max double precision,  -- Largest; Time below full clocks because of power; s
  power_throttle_seconds_total_last double precision,  -- Last; Time below full clocks because of power; s
  power_throttle_seconds_total_count integer,  -- Values; Time below full clocks because of power; s
  power_throttle_seconds_total_first double precision,  -- First; Time below full clocks because of power; s
  power_throttle_seconds_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Time below full clocks because of power; s
  power_throttle_seconds_total_resets integer,  -- Steps down; Time below full clocks because of power; s
  thermal_throttle_seconds_total_avg double precision,  -- Average; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_min double precision,  -- Smallest; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_max double precision,  -- Largest; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_last double precision,  -- Last; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_count integer,  -- Values; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_first double precision,  -- First; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_increase double precision,  -- Increase from first to last, a reset counting as a start from 0; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_resets integer,  -- Steps down; Time below full clocks because of heat; s
  recovery_action_avg real,  -- Average; What the driver asks for to heal the GPU; action
  recovery_action_min smallint,  -- Smallest; What the driver asks for to heal the GPU; action
  recovery_action_max smallint,  -- Largest; What the driver asks for to heal the GPU; action
  recovery_action_last smallint,  -- Last; What the driver asks for to heal the GPU; action
  recovery_action_count integer,  -- Values; What the driver asks for to heal the GPU; action
  CONSTRAINT pk_gpu_stats_1h PRIMARY KEY (gpu_id, hour),
) PARTITION BY RANGE (hour);
CREATE UNIQUE INDEX pk_gpu_stats_1h ON ONLY public.gpu_stats_1h USING btree (gpu_id, hour);  -- the hourly buckets of a GPU over a time: history

CREATE TABLE gpu_stats_5m (  -- One row per GPU and hour: twelve buckets of five minutes; null where there was no value
  gpu_id integer NOT NULL,  -- Which GPU
  hour timestamp with time zone NOT NULL,  -- Begin of the hour
  samples integer[] NOT NULL,  -- Samples in each bucket
  temperature_celsius_avg real[],  -- Average; GPU core temperature; °C
  temperature_celsius_min smallint[],  -- Smallest; GPU core temperature; °C
  temperature_celsius_max smallint[],  -- Largest; GPU core temperature; °C
  temperature_celsius_last smallint[],  -- Last; GPU core temperature; °C
  temperature_celsius_count integer[],  -- Values; GPU core temperature; °C
  power_watts_avg real[],  -- Average; Board power draw; W
  power_watts_min real[],  -- Smallest; Board power draw; W
  power_watts_max real[],  -- Largest; Board power draw; W
  power_watts_last real[],  -- Last; Board power draw; W
  power_watts_count integer[],  -- Values; Board power draw; W
  memory_used_mb_avg real[],  -- Average; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_min integer[],  -- Smallest; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_max integer[],  -- Largest; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_last integer[],  -- Last; Memory allocated by processes, without what the driver reserves; MiB
  memory_used_mb_count integer[],  -- Values; Memory allocated by processes, without what the driver reserves; MiB
  memory_total_mb_avg real[],  -- Average; Memory installed; MiB
  memory_total_mb_min integer[],  -- Smallest; Memory installed; MiB
  memory_total_mb_max integer[],  -- Largest; Memory installed; MiB
  memory_total_mb_last integer[],  -- Last; Memory installed; MiB
  memory_total_mb_count integer[],  -- Values; Memory installed; MiB
  gpu_utilization_percent_avg real[],  -- Average; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_min smallint[],  -- Smallest; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_max smallint[],  -- Largest; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_last smallint[],  -- Last; Share of time in which at least one kernel ran; %
  gpu_utilization_percent_count integer[],  -- Values; Share of time in which at least one kernel ran; %
  memory_utilization_percent_avg real[],  -- Average; Share of time in which memory was read or written; %
  memory_utilization_percent_min smallint[],  -- Smallest; Share of time in which memory was read or written; %
  memory_utilization_percent_max smallint[],  -- Largest; Share of time in which memory was read or written; %
  memory_utilization_percent_last smallint[],  -- Last; Share of time in which memory was read or written; %
  memory_utilization_percent_count integer[],  -- Values; Share of time in which memory was read or written; %
  memory_temperature_celsius_avg real[],  -- Average; Memory temperature; °C
  memory_temperature_celsius_min smallint[],  -- Smallest; Memory temperature; °C
  memory_temperature_celsius_max smallint[],  -- Largest; Memory temperature; °C
  memory_temperature_celsius_last smallint[],  -- Last; Memory temperature; °C
  memory_temperature_celsius_count integer[],  -- Values; Memory temperature; °C
  power_limit_watts_avg real[],  -- Average; Power limit set for the board; W
  power_limit_watts_min real[],  -- Smallest; Power limit set for the board; W
  power_limit_watts_max real[],  -- Largest; Power limit set for the board; W
  power_limit_watts_last real[],  -- Last; Power limit set for the board; W
  power_limit_watts_count integer[],  -- Values; Power limit set for the board; W
  energy_joules_total_avg double precision[],  -- Average; Energy used since the driver was loaded; J
  energy_joules_total_min bigint[],  -- Smallest; Energy used since the driver was loaded; J
  energy_joules_total_max bigint[],  -- Largest; Energy used since the driver was loaded; J
  energy_joules_total_last bigint[],  -- Last; Energy used since the driver was loaded; J
  energy_joules_total_count integer[],  -- Values; Energy used since the driver was loaded; J
  energy_joules_total_first bigint[],  -- First; Energy used since the driver was loaded; J
  energy_joules_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Energy used since the driver was loaded; J
  energy_joules_total_resets integer[],  -- Steps down; Energy used since the driver was loaded; J
  encoder_utilization_percent_avg real[],  -- Average; Video encoder utilization; %
  encoder_utilization_percent_min smallint[],  -- Smallest; Video encoder utilization; %
  encoder_utilization_percent_max smallint[],  -- Largest; Video encoder utilization; %
  encoder_utilization_percent_last smallint[],  -- Last; Video encoder utilization; %
  encoder_utilization_percent_count integer[],  -- Values; Video encoder utilization; %
  decoder_utilization_percent_avg real[],  -- Average; Video decoder utilization; %
  decoder_utilization_percent_min smallint[],  -- Smallest; Video decoder utilization; %
  decoder_utilization_percent_max smallint[],  -- Largest; Video decoder utilization; %
  decoder_utilization_percent_last smallint[],  -- Last; Video decoder utilization; %
  decoder_utilization_percent_count integer[],  -- Values; Video decoder utilization; %
  memory_reserved_mb_avg real[],  -- Average; Memory held back by driver and firmware; MiB
  memory_reserved_mb_min integer[],  -- Smallest; Memory held back by driver and firmware; MiB
  memory_reserved_mb_max integer[],  -- Largest; Memory held back by driver and firmware; MiB
  memory_reserved_mb_last integer[],  -- Last; Memory held back by driver and firmware; MiB
  memory_reserved_mb_count integer[],  -- Values; Memory held back by driver and firmware; MiB
  sm_clock_mhz_avg real[],  -- Average; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_min smallint[],  -- Smallest; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_max smallint[],  -- Largest; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_last smallint[],  -- Last; Clock of the streaming multiprocessors; MHz
  sm_clock_mhz_count integer[],  -- Values; Clock of the streaming multiprocessors; MHz
  memory_clock_mhz_avg real[],  -- Average; Memory clock; MHz
  memory_clock_mhz_min smallint[],  -- Smallest; Memory clock; MHz
  memory_clock_mhz_max smallint[],  -- Largest; Memory clock; MHz
  memory_clock_mhz_last smallint[],  -- Last; Memory clock; MHz
  memory_clock_mhz_count integer[],  -- Values; Memory clock; MHz
  fan_speed_percent_avg real[],  -- Average; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_min smallint[],  -- Smallest; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_max smallint[],  -- Largest; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_last smallint[],  -- Last; Fan speed wanted by the GPU, of its maximum; %
  fan_speed_percent_count integer[],  -- Values; Fan speed wanted by the GPU, of its maximum; %
  performance_state_avg real[],  -- Average; Performance state, P0 (fastest) to P15; state
  performance_state_min smallint[],  -- Smallest; Performance state, P0 (fastest) to P15; state
  performance_state_max smallint[],  -- Largest; Performance state, P0 (fastest) to P15; state
  performance_state_last smallint[],  -- Last; Performance state, P0 (fastest) to P15; state
  performance_state_count integer[],  -- Values; Performance state, P0 (fastest) to P15; state
  throttle_reasons_avg double precision[],  -- Average; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_min bigint[],  -- Smallest; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_max bigint[],  -- Largest; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_last bigint[],  -- Last; Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_count integer[],  -- Values; Why the clocks are below their maximum, NVML's bits; flags
  process_count_avg real[],  -- Average; Compute and graphics processes that hold a context; processes
  process_count_min smallint[],  -- Smallest; Compute and graphics processes that hold a context; processes
  process_count_max smallint[],  -- Largest; Compute and graphics processes that hold a context; processes
  process_count_last smallint[],  -- Last; Compute and graphics processes that hold a context; processes
  process_count_count integer[],  -- Values; Compute and graphics processes that hold a context; processes
  sm_active_percent_avg real[],  -- Average; Share of multiprocessors with at least one warp; %
  sm_active_percent_min real[],  -- Smallest; Share of multiprocessors with at least one warp; %
  sm_active_percent_max real[],  -- Largest; Share of multiprocessors with at least one warp; %
  sm_active_percent_last real[],  -- Last; Share of multiprocessors with at least one warp; %
  sm_active_percent_count integer[],  -- Values; Share of multiprocessors with at least one warp; %
  sm_occupancy_percent_avg real[],  -- Average; Resident warps of the most that fit; %
  sm_occupancy_percent_min real[],  -- Smallest; Resident warps of the most that fit; %
  sm_occupancy_percent_max real[],  -- Largest; Resident warps of the most that fit; %
  sm_occupancy_percent_last real[],  -- Last; Resident warps of the most that fit; %
  sm_occupancy_percent_count integer[],  -- Values; Resident warps of the most that fit; %
  tensor_active_percent_avg real[],  -- Average; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_min real[],  -- Smallest; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_max real[],  -- Largest; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_last real[],  -- Last; Share of cycles in which the tensor cores worked; %
  tensor_active_percent_count integer[],  -- Values; Share of cycles in which the tensor cores worked; %
  dram_active_percent_avg real[],  -- Average; Share of cycles in which memory moved data; %
  dram_active_percent_min real[],  -- Smallest; Share of cycles in which memory moved data; %
  dram_active_percent_max real[],  -- Largest; Share of cycles in which memory moved data; %
  dram_active_percent_last real[],  -- Last; Share of cycles in which memory moved data; %
  dram_active_percent_count integer[],  -- Values; Share of cycles in which memory moved data; %
  fp64_active_percent_avg real[],  -- Average; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_min real[],  -- Smallest; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_max real[],  -- Largest; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_last real[],  -- Last; Share of cycles in which the FP64 pipe worked; %
  fp64_active_percent_count integer[],  -- Values; Share of cycles in which the FP64 pipe worked; %
  fp32_active_percent_avg real[],  -- Average; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_min real[],  -- Smallest; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_max real[],  -- Largest; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_last real[],  -- Last; Share of cycles in which the FP32 pipe worked; %
  fp32_active_percent_count integer[],  -- Values; Share of cycles in which the FP32 pipe worked; %
  fp16_active_percent_avg real[],  -- Average; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_min real[],  -- Smallest; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_max real[],  -- Largest; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_last real[],  -- Last; Share of cycles in which the FP16 pipe worked; %
  fp16_active_percent_count integer[],  -- Values; Share of cycles in which the FP16 pipe worked; %
  nvlink_tx_mb_per_second_avg real[],  -- Average; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_min integer[],  -- Smallest; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_max integer[],  -- Largest; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_last integer[],  -- Last; Sent over NVLink; MiB/s
  nvlink_tx_mb_per_second_count integer[],  -- Values; Sent over NVLink; MiB/s
  nvlink_rx_mb_per_second_avg real[],  -- Average; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_min integer[],  -- Smallest; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_max integer[],  -- Largest; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_last integer[],  -- Last; Received over NVLink; MiB/s
  nvlink_rx_mb_per_second_count integer[],  -- Values; Received over NVLink; MiB/s
  pcie_tx_mb_per_second_avg real[],  -- Average; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_min integer[],  -- Smallest; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_max integer[],  -- Largest; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_last integer[],  -- Last; Sent over PCIe; MB/s
  pcie_tx_mb_per_second_count integer[],  -- Values; Sent over PCIe; MB/s
  pcie_rx_mb_per_second_avg real[],  -- Average; Received over PCIe; MB/s
  pcie_rx_mb_per_second_min integer[],  -- Smallest; Received over PCIe; MB/s
  pcie_rx_mb_per_second_max integer[],  -- Largest; Received over PCIe; MB/s
  pcie_rx_mb_per_second_last integer[],  -- Last; Received over PCIe; MB/s
  pcie_rx_mb_per_second_count integer[],  -- Values; Received over PCIe; MB/s
  pcie_link_generation_avg real[],  -- Average; PCIe generation of the link now; generation
  pcie_link_generation_min smallint[],  -- Smallest; PCIe generation of the link now; generation
  pcie_link_generation_max smallint[],  -- Largest; PCIe generation of the link now; generation
  pcie_link_generation_last smallint[],  -- Last; PCIe generation of the link now; generation
  pcie_link_generation_count integer[],  -- Values; PCIe generation of the link now; generation
  pcie_link_width_avg real[],  -- Average; PCIe lanes of the link now; lanes
  pcie_link_width_min smallint[],  -- Smallest; PCIe lanes of the link now; lanes
  pcie_link_width_max smallint[],  -- Largest; PCIe lanes of the link now; lanes
  pcie_link_width_last smallint[],  -- Last; PCIe lanes of the link now; lanes
  pcie_link_width_count integer[],  -- Values; PCIe lanes of the link now; lanes
  pcie_replay_total_avg double precision[],  -- Average; PCIe packets sent again; replays
  pcie_replay_total_min bigint[],  -- Smallest; PCIe packets sent again; replays
  pcie_replay_total_max bigint[],  -- Largest; PCIe packets sent again; replays
  pcie_replay_total_last bigint[],  -- Last; PCIe packets sent again; replays
  pcie_replay_total_count integer[],  -- Values; PCIe packets sent again; replays
  pcie_replay_total_first bigint[],  -- First; PCIe packets sent again; replays
  pcie_replay_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; PCIe packets sent again; replays
  pcie_replay_total_resets integer[],  -- Steps down; PCIe packets sent again; replays
  ecc_corrected_total_avg double precision[],  -- Average; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_min bigint[],  -- Smallest; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_max bigint[],  -- Largest; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_last bigint[],  -- Last; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_count integer[],  -- Values; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_first bigint[],  -- First; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_resets integer[],  -- Steps down; Memory errors corrected, over the life of the board; errors
  ecc_uncorrected_total_avg double precision[],  -- Average; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_min bigint[],  -- Smallest; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_max bigint[],  -- Largest; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_last bigint[],  -- Last; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_count integer[],  -- Values; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_first bigint[],  -- First; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_resets integer[],  -- Steps down; Memory errors that could not be corrected, over the life of the board; errors
  remapped_rows_corrected_total_avg real[],  -- Average; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_min integer[],  -- Smallest; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_max integer[],  -- Largest; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_last integer[],  -- Last; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_count integer[],  -- Values; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_first integer[],  -- First; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_resets integer[],  -- Steps down; Rows remapped after corrected errors; rows
  remapped_rows_uncorrected_total_avg real[],  -- Average; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_min integer[],  -- Smallest; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_max integer[],  -- Largest; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_last integer[],  -- Last; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_count integer[],  -- Values; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_first integer[],  -- First; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_resets integer[],  -- Steps down; Rows remapped after errors that could not be corrected; rows
  remapped_rows_pending_avg real[],  -- Average; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_min smallint[],  -- Smallest; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_max smallint[],  -- Largest; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_last smallint[],  -- Last; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_pending_count integer[],  -- Values; A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_failed_avg real[],  -- Average; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_min smallint[],  -- Smallest; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_max smallint[],  -- Largest; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_last smallint[],  -- Last; Remapping failed: the board has no spare row left; yes or no
  remapped_rows_failed_count integer[],  -- Values; Remapping failed: the board has no spare row left; yes or no
  nvlink_errors_total_avg double precision[],  -- Average; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_min bigint[],  -- Smallest; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_max bigint[],  -- Largest; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_last bigint[],  -- Last; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_count integer[],  -- Values; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_first bigint[],  -- First; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_resets integer[],  -- Steps down; NVLink errors (CRC, replay, recovery) over all links; errors
  power_throttle_seconds_total_avg double precision[],  -- Average; Time below full clocks because of power; s
  power_throttle_seconds_total_min double precision[],  -- Smallest; Time below full clocks because of power; s
  power_throttle_seconds_total_max double precision[],  -- Largest; Time below full clocks because of power; s
  power_throttle_seconds_total_last double precision[],  -- Last; Time below full clocks because of power; s
  power_throttle_seconds_total_count integer[],  -- Values; Time below full clocks because of power; s
  power_throttle_seconds_total_first double precision[],  -- First; Time below full clocks because of power; s
  power_throttle_seconds_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Time below full clocks because of power; s
  power_throttle_seconds_total_resets integer[],  -- Steps down; Time below full clocks because of power; s
  thermal_throttle_seconds_total_avg double precision[],  -- Average; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_min double precision[],  -- Smallest; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_max double precision[],  -- Largest; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_last double precision[],  -- Last; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_count integer[],  -- Values; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_first double precision[],  -- First; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_increase double precision[],  -- Increase from first to last, a reset counting as a start from 0; Time below full clocks because of heat; s
  thermal_throttle_seconds_total_resets integer[],  -- Steps down; Time below full clocks because of heat; s
  recovery_action_avg real[],  -- Average; What the driver asks for to heal the GPU; action
  recovery_action_min smallint[],  -- Smallest; What the driver asks for to heal the GPU; action
  recovery_action_max smallint[],  -- Largest; What the driver asks for to heal the GPU; action
  recovery_action_last smallint[],  -- Last; What the driver asks for to heal the GPU; action
  recovery_action_count integer[],  -- Values; What the driver asks for to heal the GPU; action
  CONSTRAINT pk_gpu_stats_5m PRIMARY KEY (gpu_id, hour),
) PARTITION BY RANGE (hour);
CREATE UNIQUE INDEX pk_gpu_stats_5m ON ONLY public.gpu_stats_5m USING btree (gpu_id, hour);  -- the 5-minute buckets of a GPU over a time: history

CREATE TABLE gpu_stats_late (  -- Samples that came after their hour was closed, until they are merged into it
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
  CONSTRAINT pk_gpu_stats_late PRIMARY KEY (gpu_id, recorded_at),
) PARTITION BY RANGE (recorded_at);
CREATE UNIQUE INDEX pk_gpu_stats_late ON ONLY public.gpu_stats_late USING btree (gpu_id, recorded_at);  -- the late samples of a GPU over a time: history; and that one sent twice is stored once

CREATE TABLE gpu_stats_packed (  -- One row per GPU and hour: arrays with an element per sample; read them through gpu_stats_all
  gpu_id integer NOT NULL,  -- Which GPU
  hour timestamp with time zone NOT NULL,  -- Begin of the hour
  samples integer NOT NULL,  -- How many samples the arrays hold
  first_at timestamp with time zone NOT NULL,  -- Instant of the first sample
  instants integer[],  -- Microseconds from the sample before; 0 for the first
  instants_wide bigint[],  -- Instead of instants where a step does not fit it
  temperature_celsius smallint[],  -- GPU core temperature; °C
  power_watts smallint[],  -- Board power draw; W, counted in steps of 0.1
  power_watts_wide bigint[],  -- Instead of power_watts where a value does not fit it
  memory_used_mb integer[],  -- Memory allocated by processes, without what the driver reserves; MiB
  memory_total_mb integer[],  -- Memory installed; MiB
  gpu_utilization_percent smallint[],  -- Share of time in which at least one kernel ran; %
  memory_utilization_percent smallint[],  -- Share of time in which memory was read or written; %
  memory_temperature_celsius smallint[],  -- Memory temperature; °C
  power_limit_watts smallint[],  -- Power limit set for the board; W, counted in steps of 0.1
  power_limit_watts_wide bigint[],  -- Instead of power_limit_watts where a value does not fit it
  energy_joules_total integer[],  -- Differences between neighbouring values: Energy used since the driver was loaded; J
  energy_joules_total_wide bigint[],  -- Instead of energy_joules_total where a value does not fit it
  energy_joules_total_first bigint,  -- First value of energy_joules_total in the hour
  encoder_utilization_percent smallint[],  -- Video encoder utilization; %
  decoder_utilization_percent smallint[],  -- Video decoder utilization; %
  memory_reserved_mb integer[],  -- Memory held back by driver and firmware; MiB
  sm_clock_mhz smallint[],  -- Clock of the streaming multiprocessors; MHz
  memory_clock_mhz smallint[],  -- Memory clock; MHz
  fan_speed_percent smallint[],  -- Fan speed wanted by the GPU, of its maximum; %
  performance_state smallint[],  -- Performance state, P0 (fastest) to P15; state
  throttle_reasons integer[],  -- Why the clocks are below their maximum, NVML's bits; flags
  throttle_reasons_wide bigint[],  -- Instead of throttle_reasons where a value does not fit it
  process_count smallint[],  -- Compute and graphics processes that hold a context; processes
  sm_active_percent smallint[],  -- Share of multiprocessors with at least one warp; %, counted in steps of 0.1
  sm_occupancy_percent smallint[],  -- Resident warps of the most that fit; %, counted in steps of 0.1
  tensor_active_percent smallint[],  -- Share of cycles in which the tensor cores worked; %, counted in steps of 0.1
  dram_active_percent smallint[],  -- Share of cycles in which memory moved data; %, counted in steps of 0.1
  fp64_active_percent smallint[],  -- Share of cycles in which the FP64 pipe worked; %, counted in steps of 0.1
  fp32_active_percent smallint[],  -- Share of cycles in which the FP32 pipe worked; %, counted in steps of 0.1
  fp16_active_percent smallint[],  -- Share of cycles in which the FP16 pipe worked; %, counted in steps of 0.1
  nvlink_tx_mb_per_second integer[],  -- Sent over NVLink; MiB/s
  nvlink_rx_mb_per_second integer[],  -- Received over NVLink; MiB/s
  pcie_tx_mb_per_second integer[],  -- Sent over PCIe; MB/s
  pcie_rx_mb_per_second integer[],  -- Received over PCIe; MB/s
  pcie_link_generation smallint[],  -- PCIe generation of the link now; generation
  pcie_link_width smallint[],  -- PCIe lanes of the link now; lanes
  pcie_replay_total integer[],  -- Differences between neighbouring values: PCIe packets sent again; replays
  pcie_replay_total_wide bigint[],  -- Instead of pcie_replay_total where a value does not fit it
  pcie_replay_total_first bigint,  -- First value of pcie_replay_total in the hour
  ecc_corrected_total integer[],  -- Differences between neighbouring values: Memory errors corrected, over the life of the board; errors
  ecc_corrected_total_wide bigint[],  -- Instead of ecc_corrected_total where a value does not fit it
  ecc_corrected_total_first bigint,  -- First value of ecc_corrected_total in the hour
  ecc_uncorrected_total integer[],  -- Differences between neighbouring values: Memory errors that could not be corrected, over the life of the board; errors
  ecc_uncorrected_total_wide bigint[],  -- Instead of ecc_uncorrected_total where a value does not fit it
  ecc_uncorrected_total_first bigint,  -- First value of ecc_uncorrected_total in the hour
  remapped_rows_corrected_total integer[],  -- Differences between neighbouring values: Rows remapped after corrected errors; rows
  remapped_rows_corrected_total_first bigint,  -- First value of remapped_rows_corrected_total in the hour
  remapped_rows_uncorrected_total integer[],  -- Differences between neighbouring values: Rows remapped after errors that could not be corrected; rows
  remapped_rows_uncorrected_total_first bigint,  -- First value of remapped_rows_uncorrected_total in the hour
  remapped_rows_pending smallint[],  -- A remapped row waits for a reset of the GPU; yes or no
  remapped_rows_failed smallint[],  -- Remapping failed: the board has no spare row left; yes or no
  nvlink_errors_total integer[],  -- Differences between neighbouring values: NVLink errors (CRC, replay, recovery) over all links; errors
  nvlink_errors_total_wide bigint[],  -- Instead of nvlink_errors_total where a value does not fit it
  nvlink_errors_total_first bigint,  -- First value of nvlink_errors_total in the hour
  power_throttle_seconds_total integer[],  -- Differences between neighbouring values: Time below full clocks because of power; s, counted in steps of 0.001
  power_throttle_seconds_total_wide bigint[],  -- Instead of power_throttle_seconds_total where a value does not fit it
  power_throttle_seconds_total_first bigint,  -- First value of power_throttle_seconds_total in the hour, counted in steps of 0.001
  thermal_throttle_seconds_total integer[],  -- Differences between neighbouring values: Time below full clocks because of heat; s, counted in steps of 0.001
  thermal_throttle_seconds_total_wide bigint[],  -- Instead of thermal_throttle_seconds_total where a value does not fit it
  thermal_throttle_seconds_total_first bigint,  -- First value of thermal_throttle_seconds_total in the hour, counted in steps of 0.001
  recovery_action smallint[],  -- What the driver asks for to heal the GPU; action
  CONSTRAINT pk_gpu_stats_packed PRIMARY KEY (gpu_id, hour),
) PARTITION BY RANGE (hour);
CREATE UNIQUE INDEX pk_gpu_stats_packed ON ONLY public.gpu_stats_packed USING btree (gpu_id, hour);  -- the packed hours of a GPU over a time: history, merging late samples

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

CREATE TABLE jobs (  -- The jobs in the background, as any collector on this database ran them last
  name text COLLATE "C" NOT NULL,  -- Which job
  started_at timestamp with time zone,  -- When it began last
  finished_at timestamp with time zone,  -- When it ended last, well or not
  succeeded_at timestamp with time zone,  -- When it ended well last
  error text,  -- Why it did not end well; null when it did
  detail text,  -- What it does now, or did last
  done bigint,  -- How much of the total is done
  total bigint,  -- How much there is to do
  CONSTRAINT pk_jobs PRIMARY KEY (name),
);
CREATE UNIQUE INDEX pk_jobs ON public.jobs USING btree (name);  -- the state of a job: running it, showing it

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

CREATE TABLE store_watermark (  -- Which table speaks for which time; whole hours that only move forward
  id boolean NOT NULL,  -- There is one row only
  packed_until timestamp with time zone NOT NULL,  -- Samples before it are packed; rows count from here on
  closed_until timestamp with time zone NOT NULL,  -- Samples before it go to gpu_stats_late when they arrive now
  CONSTRAINT ck_store_watermark_one_row CHECK (id),
  CONSTRAINT ck_store_watermark_order CHECK ((packed_until <= closed_until)),
  CONSTRAINT pk_store_watermark PRIMARY KEY (id),
);
CREATE UNIQUE INDEX pk_store_watermark ON public.store_watermark USING btree (id);  -- that there is one watermark only

CREATE TABLE tokens (  -- Who may stream, read or administer
  id text COLLATE "C" NOT NULL,  -- The public part of the token
  digest bytea NOT NULL,  -- SHA-256 of the token, which itself is nowhere kept
  role text NOT NULL,  -- agent, viewer or admin
  name text NOT NULL,  -- What it is for, as whoever made it says
  hosts text[] NOT NULL,  -- Patterns of the hosts it may speak for; none is any
  created_at timestamp with time zone NOT NULL,  -- When it was made
  expires_at timestamp with time zone,  -- From when it is not valid any more; null is never
  revoked_at timestamp with time zone,  -- Since when it is not valid any more; null while it is
  CONSTRAINT pk_tokens PRIMARY KEY (id),
  CONSTRAINT uq_tokens_digest UNIQUE (digest),
);
CREATE UNIQUE INDEX pk_tokens ON public.tokens USING btree (id);  -- one token by what it is called: revoking it
CREATE UNIQUE INDEX uq_tokens_digest ON public.tokens USING btree (digest);  -- that no two tokens are the same
