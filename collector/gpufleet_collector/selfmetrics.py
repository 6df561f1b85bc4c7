"""The collector's own health as Prometheus metrics: one object, made once and passed to whoever counts."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, ProcessCollector

_BUILD = {"version": version("gpufleet-collector"), "python": platform.python_version()}


class SelfMetrics:
    """Counters and gauges of one collector process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        registry = self.registry
        ProcessCollector(registry=registry)
        Info("gpufleet_build", "What this collector is made of; always 1", registry=registry).info(_BUILD)
        self.hosts = Gauge("gpufleet_hosts", "Hosts that are shown, by state", ["state"], registry=registry)
        self.gpus = Gauge(
            "gpufleet_gpus",
            "GPUs and MIG instances that are shown, by state; unknown while nothing is heard of their host",
            ["state"],
            registry=registry,
        )
        self.streams = Gauge("gpufleet_streams", "Agent streams open now", registry=registry)
        self.streams_refused = Counter(
            "gpufleet_streams_refused", "Agent streams refused or ended by the collector", ["reason"], registry=registry
        )
        self.streams_admitted = Counter("gpufleet_streams_admitted", "Agent streams welcomed", registry=registry)
        self.streams_waiting = Gauge(
            "gpufleet_streams_waiting", "Agent streams that wait to be let in", registry=registry
        )
        self.loop_lag_seconds = Histogram(
            "gpufleet_loop_lag_seconds",
            "How late the event loop of this process is, looked at four times a second",
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=registry,
        )
        self.messages = Counter(
            "gpufleet_messages_received",
            "Messages from agents, a heartbeat within a report apart",
            ["kind"],
            registry=registry,
        )
        self.heartbeats = self.messages.labels(kind="heartbeat")
        self.samples_received = Counter("gpufleet_samples_received", "GPU samples received", registry=registry)
        self.samples_committed = Counter(
            "gpufleet_samples_committed", "GPU samples settled as stored", registry=registry
        )
        self.samples_refused = Counter(
            "gpufleet_samples_refused", "GPU samples refused for good", ["reason"], registry=registry
        )
        self.values_refused = Counter(
            "gpufleet_values_refused", "Values dropped from samples that were kept", ["reason"], registry=registry
        )
        self.events_received = Counter("gpufleet_events_received", "Events received from agents", registry=registry)
        self.events_refused = Counter(
            "gpufleet_events_refused", "Events refused for good", ["reason"], registry=registry
        )
        self.processes_refused = Counter(
            "gpufleet_processes_refused", "Processes left out of a list", ["reason"], registry=registry
        )
        self.strings_trimmed = Counter("gpufleet_strings_trimmed", "Strings cut or cleaned", registry=registry)
        self.unknown_metrics = Counter(
            "gpufleet_unknown_metrics", "Metrics this collector does not know, once per stream", registry=registry
        )
        self.reports_deferred = Counter(
            "gpufleet_reports_deferred", "Reports sent back because the queue was full", registry=registry
        )
        self.pending_samples = Gauge(
            "gpufleet_pending_samples", "GPU samples and events waiting to be committed", registry=registry
        )
        self.pending_oldest_seconds = Gauge(
            "gpufleet_pending_oldest_seconds", "How long the oldest of them has been waiting", registry=registry
        )
        self.gather_seconds = Histogram(
            "gpufleet_gather_seconds",
            "Time to decode, judge and show the reports gathered in a moment",
            buckets=(0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0),
            registry=registry,
        )
        self.commit_seconds = Histogram("gpufleet_commit_seconds", "Time of one commit of samples", registry=registry)
        self.commit_failures = Counter(
            "gpufleet_commit_failures", "Commits that failed and were tried again", registry=registry
        )
        self.job_failures = Counter(
            "gpufleet_job_failures", "Rounds of background jobs that failed", ["job"], registry=registry
        )
        self.job_lag_seconds = Gauge(
            "gpufleet_job_lag_seconds", "Time since a background job ended well", ["job"], registry=registry
        )
        self.packing_lag_seconds = Gauge(
            "gpufleet_packing_lag_seconds",
            "Time for which the oldest hour has been due to be packed",
            registry=registry,
        )
        self.late_samples = Gauge(
            "gpufleet_late_samples", "Late samples that wait to be merged, about", registry=registry
        )
        self.table_bytes = Gauge(
            "gpufleet_table_bytes", "Size of a table on disk with its indexes", ["table"], registry=registry
        )
        self.table_partitions = Gauge(
            "gpufleet_table_partitions", "Partitions of a table", ["table"], registry=registry
        )
        self.database_bytes = Gauge("gpufleet_database_bytes", "Size of the database on disk", registry=registry)
        self.duplicate_hosts = Counter(
            "gpufleet_duplicate_hosts", "Times two live agents fought over one host name", registry=registry
        )
        self.live_refused = Counter(
            "gpufleet_live_refused",
            "Hosts and GPUs not shown live because a limit is reached",
            ["what"],
            registry=registry,
        )
        self.websocket_clients = Gauge(
            "gpufleet_websocket_clients", "WebSocket clients connected", ["format"], registry=registry
        )
        self.websocket_views = Gauge(
            "gpufleet_websocket_views", "Different views that WebSocket clients of frames look at", registry=registry
        )
        self.websocket_frames = Counter(
            "gpufleet_websocket_frames", "Frames sent to WebSocket clients", registry=registry
        )
        self.websocket_frames_superseded = Counter(
            "gpufleet_websocket_frames_superseded",
            "Frames replaced by a newer one before a WebSocket client had room for them",
            registry=registry,
        )
        self.websocket_bytes = Counter(
            "gpufleet_websocket_bytes", "Bytes of messages to WebSocket clients", registry=registry
        )
        self.websocket_events = Counter(
            "gpufleet_websocket_events", "Events sent to WebSocket clients", registry=registry
        )
        self.websocket_superseded = Counter(
            "gpufleet_websocket_superseded", "Pending events replaced by a newer one of the same GPU", registry=registry
        )
        self.websocket_events_dropped = Counter(
            "gpufleet_websocket_events_dropped",
            "Events of hosts and GPUs never told to a WebSocket client that reads too slowly",
            registry=registry,
        )
        self.websocket_stalled = Counter(
            "gpufleet_websocket_stalled", "WebSocket clients closed because they did not read", registry=registry
        )
        self.websocket_refused = Counter(
            "gpufleet_websocket_refused", "WebSocket clients refused because of the limit", registry=registry
        )
        self.bus_up = Gauge("gpufleet_bus_up", "Whether the bus between collectors answers", registry=registry)
        self.bus_peers = Gauge("gpufleet_bus_peers", "Other collectors heard on the bus", registry=registry)
        self.bus_messages = Counter(
            "gpufleet_bus_messages", "Messages between collectors, out and in", ["direction"], registry=registry
        )
        self.bus_bytes = Counter(
            "gpufleet_bus_bytes", "Bytes of messages between collectors, out and in", ["direction"], registry=registry
        )
        self.bus_dropped = Counter(
            "gpufleet_bus_dropped",
            "Messages, events and parts of messages between collectors that were not taken in",
            ["reason"],
            registry=registry,
        )
        self.certificate_expires = Gauge(
            "gpufleet_certificate_expires_timestamp_seconds",
            "When the certificate of the listeners ends, since 1970; 0 without TLS",
            registry=registry,
        )
        self.access_refused = Counter(
            "gpufleet_access_refused",
            "HTTP requests and WebSockets refused: no valid token, not allowed, another site, too many",
            ["reason"],
            registry=registry,
        )
        self.connections = Gauge("gpufleet_http_connections", "HTTP connections, WebSockets apart", registry=registry)
        self.connections_cut_off = Counter(
            "gpufleet_http_connections_cut_off",
            "HTTP connections ended by the collector: too many at once, or a request that came too slowly",
            ["reason"],
            registry=registry,
        )
        self.questions_refused = Counter(
            "gpufleet_questions_refused",
            "Questions about the past that would read too much, or whose statement took too long",
            ["reason"],
            registry=registry,
        )
        self.http_requests = Counter("gpufleet_http_requests", "HTTP requests", ["route", "status"], registry=registry)
        self.http_request_seconds = Histogram(
            "gpufleet_http_request_seconds",
            "Time from a request to the end of its answer",
            ["route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=registry,
        )
