from google.protobuf import descriptor_pb2 as _descriptor_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GAUGE: _ClassVar[Kind]
    COUNTER: _ClassVar[Kind]
    FLAGS: _ClassVar[Kind]
    ENUMERATION: _ClassVar[Kind]

class Tier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CORE: _ClassVar[Tier]
    PROFILING: _ClassVar[Tier]
    SLOW: _ClassVar[Tier]
GAUGE: Kind
COUNTER: Kind
FLAGS: Kind
ENUMERATION: Kind
CORE: Tier
PROFILING: Tier
SLOW: Tier
METRIC_FIELD_NUMBER: _ClassVar[int]
metric: _descriptor.FieldDescriptor

class NamedValue(_message.Message):
    __slots__ = ("value", "name")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    value: int
    name: str
    def __init__(self, value: _Optional[int] = ..., name: _Optional[str] = ...) -> None: ...

class Metric(_message.Message):
    __slots__ = ("unit", "help", "panel", "tier", "kind", "resolution", "max", "prometheus", "prometheus_factor", "nvidia_smi", "dcgm", "names", "dcgm_factor")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    HELP_FIELD_NUMBER: _ClassVar[int]
    PANEL_FIELD_NUMBER: _ClassVar[int]
    TIER_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    PROMETHEUS_FIELD_NUMBER: _ClassVar[int]
    PROMETHEUS_FACTOR_FIELD_NUMBER: _ClassVar[int]
    NVIDIA_SMI_FIELD_NUMBER: _ClassVar[int]
    DCGM_FIELD_NUMBER: _ClassVar[int]
    NAMES_FIELD_NUMBER: _ClassVar[int]
    DCGM_FACTOR_FIELD_NUMBER: _ClassVar[int]
    unit: str
    help: str
    panel: str
    tier: Tier
    kind: Kind
    resolution: float
    max: float
    prometheus: str
    prometheus_factor: float
    nvidia_smi: _containers.RepeatedScalarFieldContainer[str]
    dcgm: str
    names: _containers.RepeatedCompositeFieldContainer[NamedValue]
    dcgm_factor: float
    def __init__(self, unit: _Optional[str] = ..., help: _Optional[str] = ..., panel: _Optional[str] = ..., tier: _Optional[_Union[Tier, str]] = ..., kind: _Optional[_Union[Kind, str]] = ..., resolution: _Optional[float] = ..., max: _Optional[float] = ..., prometheus: _Optional[str] = ..., prometheus_factor: _Optional[float] = ..., nvidia_smi: _Optional[_Iterable[str]] = ..., dcgm: _Optional[str] = ..., names: _Optional[_Iterable[_Union[NamedValue, _Mapping]]] = ..., dcgm_factor: _Optional[float] = ...) -> None: ...

class GPUStats(_message.Message):
    __slots__ = ("gpu_uuid", "temperature_celsius", "power_watts", "memory_used_mb", "memory_total_mb", "gpu_utilization_percent", "memory_utilization_percent", "memory_temperature_celsius", "power_limit_watts", "energy_joules_total", "encoder_utilization_percent", "decoder_utilization_percent", "memory_reserved_mb", "sm_clock_mhz", "memory_clock_mhz", "fan_speed_percent", "performance_state", "throttle_reasons", "process_count", "sm_active_percent", "sm_occupancy_percent", "tensor_active_percent", "dram_active_percent", "fp64_active_percent", "fp32_active_percent", "fp16_active_percent", "nvlink_tx_mb_per_second", "nvlink_rx_mb_per_second", "pcie_tx_mb_per_second", "pcie_rx_mb_per_second", "pcie_link_generation", "pcie_link_width", "pcie_replay_total", "ecc_corrected_total", "ecc_uncorrected_total", "remapped_rows_corrected_total", "remapped_rows_uncorrected_total", "remapped_rows_pending", "remapped_rows_failed", "nvlink_errors_total", "power_throttle_seconds_total", "thermal_throttle_seconds_total", "recovery_action")
    GPU_UUID_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_CELSIUS_FIELD_NUMBER: _ClassVar[int]
    POWER_WATTS_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USED_MB_FIELD_NUMBER: _ClassVar[int]
    MEMORY_TOTAL_MB_FIELD_NUMBER: _ClassVar[int]
    GPU_UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_TEMPERATURE_CELSIUS_FIELD_NUMBER: _ClassVar[int]
    POWER_LIMIT_WATTS_FIELD_NUMBER: _ClassVar[int]
    ENERGY_JOULES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ENCODER_UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DECODER_UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    MEMORY_RESERVED_MB_FIELD_NUMBER: _ClassVar[int]
    SM_CLOCK_MHZ_FIELD_NUMBER: _ClassVar[int]
    MEMORY_CLOCK_MHZ_FIELD_NUMBER: _ClassVar[int]
    FAN_SPEED_PERCENT_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_STATE_FIELD_NUMBER: _ClassVar[int]
    THROTTLE_REASONS_FIELD_NUMBER: _ClassVar[int]
    PROCESS_COUNT_FIELD_NUMBER: _ClassVar[int]
    SM_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    SM_OCCUPANCY_PERCENT_FIELD_NUMBER: _ClassVar[int]
    TENSOR_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    DRAM_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    FP64_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    FP32_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    FP16_ACTIVE_PERCENT_FIELD_NUMBER: _ClassVar[int]
    NVLINK_TX_MB_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    NVLINK_RX_MB_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PCIE_TX_MB_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PCIE_RX_MB_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    PCIE_LINK_GENERATION_FIELD_NUMBER: _ClassVar[int]
    PCIE_LINK_WIDTH_FIELD_NUMBER: _ClassVar[int]
    PCIE_REPLAY_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ECC_CORRECTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    ECC_UNCORRECTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REMAPPED_ROWS_CORRECTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REMAPPED_ROWS_UNCORRECTED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    REMAPPED_ROWS_PENDING_FIELD_NUMBER: _ClassVar[int]
    REMAPPED_ROWS_FAILED_FIELD_NUMBER: _ClassVar[int]
    NVLINK_ERRORS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    POWER_THROTTLE_SECONDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    THERMAL_THROTTLE_SECONDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_ACTION_FIELD_NUMBER: _ClassVar[int]
    gpu_uuid: str
    temperature_celsius: int
    power_watts: float
    memory_used_mb: int
    memory_total_mb: int
    gpu_utilization_percent: int
    memory_utilization_percent: int
    memory_temperature_celsius: int
    power_limit_watts: float
    energy_joules_total: float
    encoder_utilization_percent: int
    decoder_utilization_percent: int
    memory_reserved_mb: int
    sm_clock_mhz: int
    memory_clock_mhz: int
    fan_speed_percent: int
    performance_state: int
    throttle_reasons: int
    process_count: int
    sm_active_percent: float
    sm_occupancy_percent: float
    tensor_active_percent: float
    dram_active_percent: float
    fp64_active_percent: float
    fp32_active_percent: float
    fp16_active_percent: float
    nvlink_tx_mb_per_second: int
    nvlink_rx_mb_per_second: int
    pcie_tx_mb_per_second: int
    pcie_rx_mb_per_second: int
    pcie_link_generation: int
    pcie_link_width: int
    pcie_replay_total: int
    ecc_corrected_total: int
    ecc_uncorrected_total: int
    remapped_rows_corrected_total: int
    remapped_rows_uncorrected_total: int
    remapped_rows_pending: int
    remapped_rows_failed: int
    nvlink_errors_total: int
    power_throttle_seconds_total: float
    thermal_throttle_seconds_total: float
    recovery_action: int
    def __init__(self, gpu_uuid: _Optional[str] = ..., temperature_celsius: _Optional[int] = ..., power_watts: _Optional[float] = ..., memory_used_mb: _Optional[int] = ..., memory_total_mb: _Optional[int] = ..., gpu_utilization_percent: _Optional[int] = ..., memory_utilization_percent: _Optional[int] = ..., memory_temperature_celsius: _Optional[int] = ..., power_limit_watts: _Optional[float] = ..., energy_joules_total: _Optional[float] = ..., encoder_utilization_percent: _Optional[int] = ..., decoder_utilization_percent: _Optional[int] = ..., memory_reserved_mb: _Optional[int] = ..., sm_clock_mhz: _Optional[int] = ..., memory_clock_mhz: _Optional[int] = ..., fan_speed_percent: _Optional[int] = ..., performance_state: _Optional[int] = ..., throttle_reasons: _Optional[int] = ..., process_count: _Optional[int] = ..., sm_active_percent: _Optional[float] = ..., sm_occupancy_percent: _Optional[float] = ..., tensor_active_percent: _Optional[float] = ..., dram_active_percent: _Optional[float] = ..., fp64_active_percent: _Optional[float] = ..., fp32_active_percent: _Optional[float] = ..., fp16_active_percent: _Optional[float] = ..., nvlink_tx_mb_per_second: _Optional[int] = ..., nvlink_rx_mb_per_second: _Optional[int] = ..., pcie_tx_mb_per_second: _Optional[int] = ..., pcie_rx_mb_per_second: _Optional[int] = ..., pcie_link_generation: _Optional[int] = ..., pcie_link_width: _Optional[int] = ..., pcie_replay_total: _Optional[int] = ..., ecc_corrected_total: _Optional[int] = ..., ecc_uncorrected_total: _Optional[int] = ..., remapped_rows_corrected_total: _Optional[int] = ..., remapped_rows_uncorrected_total: _Optional[int] = ..., remapped_rows_pending: _Optional[int] = ..., remapped_rows_failed: _Optional[int] = ..., nvlink_errors_total: _Optional[int] = ..., power_throttle_seconds_total: _Optional[float] = ..., thermal_throttle_seconds_total: _Optional[float] = ..., recovery_action: _Optional[int] = ...) -> None: ...

class Absence(_message.Message):
    __slots__ = ("metric", "reason")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[Absence.Reason]
        NOT_SUPPORTED: _ClassVar[Absence.Reason]
        NO_PERMISSION: _ClassVar[Absence.Reason]
        NAMESPACE: _ClassVar[Absence.Reason]
        BACKEND: _ClassVar[Absence.Reason]
        MIG: _ClassVar[Absence.Reason]
        LOST: _ClassVar[Absence.Reason]
        HUNG: _ClassVar[Absence.Reason]
        SUSPENDED: _ClassVar[Absence.Reason]
        ERROR: _ClassVar[Absence.Reason]
    UNSPECIFIED: Absence.Reason
    NOT_SUPPORTED: Absence.Reason
    NO_PERMISSION: Absence.Reason
    NAMESPACE: Absence.Reason
    BACKEND: Absence.Reason
    MIG: Absence.Reason
    LOST: Absence.Reason
    HUNG: Absence.Reason
    SUSPENDED: Absence.Reason
    ERROR: Absence.Reason
    METRIC_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    metric: int
    reason: Absence.Reason
    def __init__(self, metric: _Optional[int] = ..., reason: _Optional[_Union[Absence.Reason, str]] = ...) -> None: ...

class Gpu(_message.Message):
    __slots__ = ("gpu_uuid", "gpu_index", "gpu_name", "pci_bus_id", "serial", "vbios", "parent_uuid", "mig_profile", "mig_instance", "state", "absences")
    class State(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNKNOWN: _ClassVar[Gpu.State]
        OK: _ClassVar[Gpu.State]
        LOST: _ClassVar[Gpu.State]
        HUNG: _ClassVar[Gpu.State]
        DRIVER_MISMATCH: _ClassVar[Gpu.State]
        SUSPENDED: _ClassVar[Gpu.State]
    UNKNOWN: Gpu.State
    OK: Gpu.State
    LOST: Gpu.State
    HUNG: Gpu.State
    DRIVER_MISMATCH: Gpu.State
    SUSPENDED: Gpu.State
    GPU_UUID_FIELD_NUMBER: _ClassVar[int]
    GPU_INDEX_FIELD_NUMBER: _ClassVar[int]
    GPU_NAME_FIELD_NUMBER: _ClassVar[int]
    PCI_BUS_ID_FIELD_NUMBER: _ClassVar[int]
    SERIAL_FIELD_NUMBER: _ClassVar[int]
    VBIOS_FIELD_NUMBER: _ClassVar[int]
    PARENT_UUID_FIELD_NUMBER: _ClassVar[int]
    MIG_PROFILE_FIELD_NUMBER: _ClassVar[int]
    MIG_INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ABSENCES_FIELD_NUMBER: _ClassVar[int]
    gpu_uuid: str
    gpu_index: int
    gpu_name: str
    pci_bus_id: str
    serial: str
    vbios: str
    parent_uuid: str
    mig_profile: str
    mig_instance: int
    state: Gpu.State
    absences: _containers.RepeatedCompositeFieldContainer[Absence]
    def __init__(self, gpu_uuid: _Optional[str] = ..., gpu_index: _Optional[int] = ..., gpu_name: _Optional[str] = ..., pci_bus_id: _Optional[str] = ..., serial: _Optional[str] = ..., vbios: _Optional[str] = ..., parent_uuid: _Optional[str] = ..., mig_profile: _Optional[str] = ..., mig_instance: _Optional[int] = ..., state: _Optional[_Union[Gpu.State, str]] = ..., absences: _Optional[_Iterable[_Union[Absence, _Mapping]]] = ...) -> None: ...

class Inventory(_message.Message):
    __slots__ = ("observed_at_us", "backend", "simulated", "driver_version", "nvml_version", "note", "gpus")
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    SIMULATED_FIELD_NUMBER: _ClassVar[int]
    DRIVER_VERSION_FIELD_NUMBER: _ClassVar[int]
    NVML_VERSION_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    observed_at_us: int
    backend: str
    simulated: bool
    driver_version: str
    nvml_version: str
    note: str
    gpus: _containers.RepeatedCompositeFieldContainer[Gpu]
    def __init__(self, observed_at_us: _Optional[int] = ..., backend: _Optional[str] = ..., simulated: _Optional[bool] = ..., driver_version: _Optional[str] = ..., nvml_version: _Optional[str] = ..., note: _Optional[str] = ..., gpus: _Optional[_Iterable[_Union[Gpu, _Mapping]]] = ...) -> None: ...

class AgentMessage(_message.Message):
    __slots__ = ("hello", "report", "inventory", "heartbeat", "goodbye", "processes")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    REPORT_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    GOODBYE_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    report: Report
    inventory: Inventory
    heartbeat: Heartbeat
    goodbye: Goodbye
    processes: Processes
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., report: _Optional[_Union[Report, _Mapping]] = ..., inventory: _Optional[_Union[Inventory, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., goodbye: _Optional[_Union[Goodbye, _Mapping]] = ..., processes: _Optional[_Union[Processes, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("protocol", "host", "agent_id", "labels", "boot_id", "agent_version", "platform", "inventory", "interval_seconds", "sent_at_us")
    class LabelsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    AGENT_ID_FIELD_NUMBER: _ClassVar[int]
    LABELS_FIELD_NUMBER: _ClassVar[int]
    BOOT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    PLATFORM_FIELD_NUMBER: _ClassVar[int]
    INVENTORY_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    host: str
    agent_id: str
    labels: _containers.ScalarMap[str, str]
    boot_id: str
    agent_version: str
    platform: str
    inventory: Inventory
    interval_seconds: float
    sent_at_us: int
    def __init__(self, protocol: _Optional[int] = ..., host: _Optional[str] = ..., agent_id: _Optional[str] = ..., labels: _Optional[_Mapping[str, str]] = ..., boot_id: _Optional[str] = ..., agent_version: _Optional[str] = ..., platform: _Optional[str] = ..., inventory: _Optional[_Union[Inventory, _Mapping]] = ..., interval_seconds: _Optional[float] = ..., sent_at_us: _Optional[int] = ...) -> None: ...

class Report(_message.Message):
    __slots__ = ("sequence", "replayed", "ticks", "events", "heartbeat")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    TICKS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    replayed: bool
    ticks: _containers.RepeatedCompositeFieldContainer[Tick]
    events: _containers.RepeatedCompositeFieldContainer[Event]
    heartbeat: Heartbeat
    def __init__(self, sequence: _Optional[int] = ..., replayed: _Optional[bool] = ..., ticks: _Optional[_Iterable[_Union[Tick, _Mapping]]] = ..., events: _Optional[_Iterable[_Union[Event, _Mapping]]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ...) -> None: ...

class Tick(_message.Message):
    __slots__ = ("instant_us", "gpus")
    INSTANT_US_FIELD_NUMBER: _ClassVar[int]
    GPUS_FIELD_NUMBER: _ClassVar[int]
    instant_us: int
    gpus: _containers.RepeatedCompositeFieldContainer[GPUStats]
    def __init__(self, instant_us: _Optional[int] = ..., gpus: _Optional[_Iterable[_Union[GPUStats, _Mapping]]] = ...) -> None: ...

class Event(_message.Message):
    __slots__ = ("id", "instant_us", "kind", "severity", "gpu_uuid", "code", "text")
    class Kind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[Event.Kind]
        XID: _ClassVar[Event.Kind]
        GPU_LOST: _ClassVar[Event.Kind]
        GPU_FOUND: _ClassVar[Event.Kind]
        GPU_HUNG: _ClassVar[Event.Kind]
        GPU_RESET: _ClassVar[Event.Kind]
        DRIVER_CHANGED: _ClassVar[Event.Kind]
        AGENT_STARTED: _ClassVar[Event.Kind]
        DUPLICATE_HOST: _ClassVar[Event.Kind]
    UNSPECIFIED: Event.Kind
    XID: Event.Kind
    GPU_LOST: Event.Kind
    GPU_FOUND: Event.Kind
    GPU_HUNG: Event.Kind
    GPU_RESET: Event.Kind
    DRIVER_CHANGED: Event.Kind
    AGENT_STARTED: Event.Kind
    DUPLICATE_HOST: Event.Kind
    class Severity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        INFO: _ClassVar[Event.Severity]
        WARNING: _ClassVar[Event.Severity]
        CRITICAL: _ClassVar[Event.Severity]
    INFO: Event.Severity
    WARNING: Event.Severity
    CRITICAL: Event.Severity
    ID_FIELD_NUMBER: _ClassVar[int]
    INSTANT_US_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    GPU_UUID_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    id: str
    instant_us: int
    kind: Event.Kind
    severity: Event.Severity
    gpu_uuid: str
    code: int
    text: str
    def __init__(self, id: _Optional[str] = ..., instant_us: _Optional[int] = ..., kind: _Optional[_Union[Event.Kind, str]] = ..., severity: _Optional[_Union[Event.Severity, str]] = ..., gpu_uuid: _Optional[str] = ..., code: _Optional[int] = ..., text: _Optional[str] = ...) -> None: ...

class Processes(_message.Message):
    __slots__ = ("observed_at_us", "processes")
    OBSERVED_AT_US_FIELD_NUMBER: _ClassVar[int]
    PROCESSES_FIELD_NUMBER: _ClassVar[int]
    observed_at_us: int
    processes: _containers.RepeatedCompositeFieldContainer[Process]
    def __init__(self, observed_at_us: _Optional[int] = ..., processes: _Optional[_Iterable[_Union[Process, _Mapping]]] = ...) -> None: ...

class Process(_message.Message):
    __slots__ = ("gpu_uuid", "pid", "started_at_us", "name", "memory_used_mb", "sm_utilization_percent", "graphics")
    GPU_UUID_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_US_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEMORY_USED_MB_FIELD_NUMBER: _ClassVar[int]
    SM_UTILIZATION_PERCENT_FIELD_NUMBER: _ClassVar[int]
    GRAPHICS_FIELD_NUMBER: _ClassVar[int]
    gpu_uuid: str
    pid: int
    started_at_us: int
    name: str
    memory_used_mb: int
    sm_utilization_percent: int
    graphics: bool
    def __init__(self, gpu_uuid: _Optional[str] = ..., pid: _Optional[int] = ..., started_at_us: _Optional[int] = ..., name: _Optional[str] = ..., memory_used_mb: _Optional[int] = ..., sm_utilization_percent: _Optional[int] = ..., graphics: _Optional[bool] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sent_at_us", "interval_seconds", "cost")
    SENT_AT_US_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    sent_at_us: int
    interval_seconds: float
    cost: AgentCost
    def __init__(self, sent_at_us: _Optional[int] = ..., interval_seconds: _Optional[float] = ..., cost: _Optional[_Union[AgentCost, _Mapping]] = ...) -> None: ...

class AgentCost(_message.Message):
    __slots__ = ("supervisor_rss_bytes", "probe_rss_bytes", "supervisor_cpu_seconds_total", "probe_cpu_seconds_total", "samples_taken_total", "samples_dropped_total", "reconnects_total", "unacked_reports", "unacked_bytes", "probe_restarts_total", "hung_call", "hung_seconds", "spool_reports", "spool_bytes", "spool_dropped_samples_total", "spool_failures_total", "tick_milliseconds")
    class TickMillisecondsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    SUPERVISOR_RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBE_RSS_BYTES_FIELD_NUMBER: _ClassVar[int]
    SUPERVISOR_CPU_SECONDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    PROBE_CPU_SECONDS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_TAKEN_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_DROPPED_TOTAL_FIELD_NUMBER: _ClassVar[int]
    RECONNECTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    UNACKED_REPORTS_FIELD_NUMBER: _ClassVar[int]
    UNACKED_BYTES_FIELD_NUMBER: _ClassVar[int]
    PROBE_RESTARTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    HUNG_CALL_FIELD_NUMBER: _ClassVar[int]
    HUNG_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SPOOL_REPORTS_FIELD_NUMBER: _ClassVar[int]
    SPOOL_BYTES_FIELD_NUMBER: _ClassVar[int]
    SPOOL_DROPPED_SAMPLES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    SPOOL_FAILURES_TOTAL_FIELD_NUMBER: _ClassVar[int]
    TICK_MILLISECONDS_FIELD_NUMBER: _ClassVar[int]
    supervisor_rss_bytes: int
    probe_rss_bytes: int
    supervisor_cpu_seconds_total: float
    probe_cpu_seconds_total: float
    samples_taken_total: int
    samples_dropped_total: int
    reconnects_total: int
    unacked_reports: int
    unacked_bytes: int
    probe_restarts_total: int
    hung_call: str
    hung_seconds: float
    spool_reports: int
    spool_bytes: int
    spool_dropped_samples_total: int
    spool_failures_total: int
    tick_milliseconds: _containers.ScalarMap[str, float]
    def __init__(self, supervisor_rss_bytes: _Optional[int] = ..., probe_rss_bytes: _Optional[int] = ..., supervisor_cpu_seconds_total: _Optional[float] = ..., probe_cpu_seconds_total: _Optional[float] = ..., samples_taken_total: _Optional[int] = ..., samples_dropped_total: _Optional[int] = ..., reconnects_total: _Optional[int] = ..., unacked_reports: _Optional[int] = ..., unacked_bytes: _Optional[int] = ..., probe_restarts_total: _Optional[int] = ..., hung_call: _Optional[str] = ..., hung_seconds: _Optional[float] = ..., spool_reports: _Optional[int] = ..., spool_bytes: _Optional[int] = ..., spool_dropped_samples_total: _Optional[int] = ..., spool_failures_total: _Optional[int] = ..., tick_milliseconds: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Goodbye(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CollectorMessage(_message.Message):
    __slots__ = ("welcome", "ack", "throttle")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    THROTTLE_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    ack: Ack
    throttle: Throttle
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., ack: _Optional[_Union[Ack, _Mapping]] = ..., throttle: _Optional[_Union[Throttle, _Mapping]] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol", "interval_seconds", "ticks_per_report", "collector_version", "replays_per_second", "heartbeats_in_reports")
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    TICKS_PER_REPORT_FIELD_NUMBER: _ClassVar[int]
    COLLECTOR_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPLAYS_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    HEARTBEATS_IN_REPORTS_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    interval_seconds: float
    ticks_per_report: int
    collector_version: str
    replays_per_second: float
    heartbeats_in_reports: bool
    def __init__(self, protocol: _Optional[int] = ..., interval_seconds: _Optional[float] = ..., ticks_per_report: _Optional[int] = ..., collector_version: _Optional[str] = ..., replays_per_second: _Optional[float] = ..., heartbeats_in_reports: _Optional[bool] = ...) -> None: ...

class Refusal(_message.Message):
    __slots__ = ("sequence", "reason", "samples")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        UNSPECIFIED: _ClassVar[Refusal.Reason]
        FUTURE: _ClassVar[Refusal.Reason]
        TOO_OLD: _ClassVar[Refusal.Reason]
        INVALID: _ClassVar[Refusal.Reason]
        LIMIT: _ClassVar[Refusal.Reason]
    UNSPECIFIED: Refusal.Reason
    FUTURE: Refusal.Reason
    TOO_OLD: Refusal.Reason
    INVALID: Refusal.Reason
    LIMIT: Refusal.Reason
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    reason: Refusal.Reason
    samples: int
    def __init__(self, sequence: _Optional[int] = ..., reason: _Optional[_Union[Refusal.Reason, str]] = ..., samples: _Optional[int] = ...) -> None: ...

class Ack(_message.Message):
    __slots__ = ("sequences", "refusals")
    SEQUENCES_FIELD_NUMBER: _ClassVar[int]
    REFUSALS_FIELD_NUMBER: _ClassVar[int]
    sequences: _containers.RepeatedScalarFieldContainer[int]
    refusals: _containers.RepeatedCompositeFieldContainer[Refusal]
    def __init__(self, sequences: _Optional[_Iterable[int]] = ..., refusals: _Optional[_Iterable[_Union[Refusal, _Mapping]]] = ...) -> None: ...

class Throttle(_message.Message):
    __slots__ = ("pause_seconds", "deferred")
    PAUSE_SECONDS_FIELD_NUMBER: _ClassVar[int]
    DEFERRED_FIELD_NUMBER: _ClassVar[int]
    pause_seconds: float
    deferred: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, pause_seconds: _Optional[float] = ..., deferred: _Optional[_Iterable[int]] = ...) -> None: ...
