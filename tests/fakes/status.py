"""The status of an agent as tests find it on disk."""

from gpufleet_agent.status_file import AgentStatus

STATUS = AgentStatus(
    host_name="node-1",
    agent_version="1.0",
    pid=77,
    process_start=123456,
    pid_namespace="pid:[4026531836]",
    started_at_us=1_700_000_000_000_000,
    written_at_us=1_700_000_100_000_000,
    ended=False,
    interval_seconds=5.0,
    backend="nvml",
    gpus=8,
    connected=True,
    last_error=None,
    cost={"supervisor_rss_bytes": 1000, "tick_milliseconds": {"core": 1.5}},
)
