"""What the agent itself costs and how it fares, put together from its parts for the heartbeat and for its status."""

import os
import time
from collections.abc import Mapping

from gpufleet_agent.outbox import Outbox
from gpufleet_agent.probe_process import ProbeProcess
from gpufleet_agent.selfcost import UNKNOWN_COST, process_cost
from gpufleet_agent.spooler import SpoolState
from gpufleet_agent.uplink import UplinkState
from gpufleet_proto import telemetry_pb2 as pb


def agent_cost(
    probe: ProbeProcess, outbox: Outbox, uplink: UplinkState, spool: SpoolState, tick_milliseconds: Mapping[str, float]
) -> pb.AgentCost:
    """Now. Counts are of this run; what is not known is unset."""
    own = process_cost(os.getpid())
    child = UNKNOWN_COST if probe.pid is None else process_cost(probe.pid)
    hanging, tally = probe.hanging, outbox.tally
    return pb.AgentCost(
        supervisor_rss_bytes=own.rss_bytes,
        supervisor_cpu_seconds_total=own.cpu_seconds,
        probe_rss_bytes=child.rss_bytes,
        probe_cpu_seconds_total=child.cpu_seconds,
        samples_taken_total=tally.taken,
        samples_dropped_total=tally.dropped,
        reconnects_total=max(0, uplink.connections - 1),
        unacked_reports=len(outbox),
        unacked_bytes=outbox.unsettled_bytes,
        probe_restarts_total=probe.restarts,
        tick_milliseconds=tick_milliseconds,
        spool_reports=spool.reports if spool.working else None,
        spool_bytes=spool.file_bytes if spool.working else None,
        spool_dropped_samples_total=tally.spool_dropped,
        spool_failures_total=spool.failures,
        hung_call=None if hanging is None else f"{hanging.name} {hanging.gpu}".strip(),
        hung_seconds=None if hanging is None else time.monotonic() - hanging.started,
    )
