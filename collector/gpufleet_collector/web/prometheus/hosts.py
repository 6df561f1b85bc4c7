"""Hosts and their agents as families: how they are, what they run, and what an agent itself takes and loses."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from gpufleet_collector.live.views import HostNow
from gpufleet_collector.model import HOST_STATES, AgentCost
from gpufleet_collector.web.prometheus.families import Family, Kind, Series, label_text

HOST_PREFIX = "gpufleet_host_"
AGENT_PREFIX = "gpufleet_agent_"


@dataclass(frozen=True, slots=True)
class Told:
    """A family made of the figures of an agent: `fields` of AgentCost, each with the value of the label `process`."""

    name: str
    kind: Kind
    help: str
    fields: tuple[tuple[str, str | None], ...]


def _plain(name: str, kind: Kind, text: str) -> Told:
    return Told(name, kind, text, ((name, None),))


def _by_process(name: str, kind: Kind, text: str, field: str) -> Told:
    return Told(name, kind, text, ((f"supervisor_{field}", "supervisor"), (f"probe_{field}", "probe")))


OF_AGENTS: tuple[Told, ...] = (
    _by_process("resident_memory_bytes", "gauge", "Memory that the agent's processes hold", "rss_bytes"),
    _by_process("cpu_seconds_total", "counter", "CPU time that the agent's processes took", "cpu_seconds_total"),
    _plain("samples_taken_total", "counter", "GPU samples that the agent took"),
    _plain("samples_dropped_total", "counter", "GPU samples that the agent lost for want of room"),
    _plain("reconnects_total", "counter", "Streams that the agent opened anew"),
    _plain("probe_restarts_total", "counter", "Times that the agent replaced its probe"),
    _plain("unacked_reports", "gauge", "Reports of the agent that no collector has settled yet"),
    _plain("unacked_bytes", "gauge", "Size of these reports"),
    _plain("spool_reports", "gauge", "Those of them that are on the agent's disk; none where no spool works"),
    _plain("spool_bytes", "gauge", "What these take of the disk"),
    _plain("spool_dropped_samples_total", "counter", "GPU samples lost past the bound of the agent's spool"),
    _plain("spool_failures_total", "counter", "Times that the agent's spool stopped working"),
    _plain("hung_seconds", "gauge", "For how long a driver call hangs now"),
)
TICK_SECONDS = AGENT_PREFIX + "tick_seconds"
LABELLED = {"hung_call", "tick_milliseconds"}
"""Fields of AgentCost that are told as labels, or under some."""


def host_families(hosts: Collection[HostNow]) -> Iterator[Family]:
    labels = {view.host: label_text({"host": view.host}) for view in hosts}
    yield Family(
        HOST_PREFIX + "info", "info", "What a host and its agent run; always 1", [(_identity(v), 1.0) for v in hosts]
    )
    yield Family(
        HOST_PREFIX + "label",
        "gauge",
        "A label of the host, as it is configured there; always 1",
        [
            (label_text({"host": view.host, "name": name, "value": value}), 1.0)
            for view in hosts
            for name, value in view.agent.labels.items()
        ],
    )
    yield Family(
        HOST_PREFIX + "state",
        "gauge",
        "1 for the state that the host is in, 0 for every other",
        [
            (f'{labels[view.host]},state="{state}"', float(state == view.state))
            for view in hosts
            for state in sorted(HOST_STATES)
        ],
    )

    def of_hosts(name: str, text: str, value: Callable[[HostNow], float | None]) -> Family:
        known = ((labels[view.host], value(view)) for view in hosts)
        return Family(HOST_PREFIX + name, "gauge", text, [(where, at) for where, at in known if at is not None])

    yield of_hosts(
        "last_seen_timestamp_seconds",
        "When the collector last heard of the host, by the collector's clock",
        lambda view: None if view.last_seen is None else view.last_seen / 1e6,
    )
    up = [view for view in hosts if view.state == "up"]
    yield of_hosts(
        "clock_skew_seconds",
        "The clock of the host less the collector's",
        lambda view: view.skew_seconds if view.state == "up" else None,
    )
    yield of_hosts(
        "poll_interval_seconds",
        "Time from reading to reading",
        lambda view: view.interval_seconds if view.state == "up" else None,
    )
    yield from _agent_families(up)


def _identity(view: HostNow) -> str:
    inventory = view.inventory
    return label_text(
        {
            "host": view.host,
            "agent_version": view.agent.version,
            "backend": inventory.backend,
            "driver_version": inventory.driver_version,
            "nvml_version": inventory.nvml_version,
            "platform": view.agent.platform,
            "simulated": "true" if inventory.simulated else "false",
        }
    )


def _agent_families(up: Collection[HostNow]) -> Iterator[Family]:
    """Of hosts that are up: what a silent agent said of itself is not so any more."""
    costs = [(view.host, view.cost) for view in up if view.cost is not None]
    for told in OF_AGENTS:
        yield Family(AGENT_PREFIX + told.name, told.kind, told.help, list(_series(costs, told)))
    ticks = [
        (label_text({"host": host, "group": group}), milliseconds / 1000)
        for host, cost in costs
        for group, milliseconds in cost.tick_milliseconds.items()
    ]
    yield Family(TICK_SECONDS, "gauge", "Time of driver calls at the agent's last tick, by group", ticks)


def _series(costs: Collection[tuple[str, AgentCost]], told: Told) -> Iterator[Series]:
    for host, cost in costs:
        for field, process in told.fields:
            value = getattr(cost, field)
            if value is not None:
                yield label_text({"host": host, "process": process}), float(value)
