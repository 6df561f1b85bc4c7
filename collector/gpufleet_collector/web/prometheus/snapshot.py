"""What the live state shows at one moment of some hosts, to be written down elsewhere: it no longer changes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from gpufleet_collector.live.live import Live
from gpufleet_collector.live.picture import Picture, Roster
from gpufleet_collector.live.selection import Selection
from gpufleet_collector.live.views import HEARD, HostNow
from gpufleet_collector.model import Gpu
from gpufleet_proto.catalog import METRICS


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Row i of the roster is column i of the picture, which has every metric."""

    hosts: Mapping[str, HostNow]
    roster: Roster
    picture: Picture

    @classmethod
    def take(cls, live: Live, hosts: Sequence[str]) -> Self:
        """Of these hosts, or of all when there are none; by the thread that the live state belongs to."""
        selection = Selection(hosts=frozenset(hosts))
        roster = live.roster(selection)
        views = {view.host: view for view in live.hosts_of(selection)}
        return cls(views, roster, live.picture(roster, range(len(METRICS))))

    def gpus(self) -> list[Gpu]:
        """Row by row. One that its host has not declared is a UUID and nothing more."""
        declared = {(host, gpu.uuid): gpu for host, view in self.hosts.items() for gpu in view.inventory.gpus}
        return [declared.get((row.host, row.gpu_uuid)) or Gpu(row.gpu_uuid) for row in self.roster.rows]

    def states(self) -> list[str]:
        """Row by row: how a GPU is, which nobody knows while nothing is heard of its host."""
        heard = {name for name, view in self.hosts.items() if view.state in HEARD}
        return [
            state if row.host in heard else "unknown"
            for row, state in zip(self.roster.rows, self.roster.states, strict=True)
        ]
