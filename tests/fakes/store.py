"""A store in memory with the writer's contract: keeps what it is offered, settles at once or when told."""

from gpufleet_collector.model import Event, ProcessList
from gpufleet_collector.store.records import HostRecord, ReportWrite


class MemoryStore:
    """`hold` keeps reports unsettled until `settle_all`; `full` refuses them."""

    def __init__(self) -> None:
        self.declared: list[HostRecord] = []
        self.left: list[str] = []
        self.heard: set[str] = set()
        self.events: dict[str, Event] = {}
        self.told: list[ProcessList] = []
        self.samples: dict[tuple[str, int], ReportWrite] = {}
        self.replayed: set[tuple[str, int]] = set()
        self.waiting: list[ReportWrite] = []
        self.hold = False
        self.full = False
        self.offers = 0

    def declare(self, record: HostRecord) -> None:
        self.declared.append(record)

    def tell(self, told: ProcessList) -> None:
        self.told.append(told)

    def hear(self, host: str) -> None:
        self.heard.add(host)

    def mark_left(self, host: str, at_us: int) -> None:
        self.left.append(host)

    def offer(self, write: ReportWrite) -> bool:
        self.offers += 1
        if self.full:
            return False
        for sample in write.samples:
            self.samples.setdefault((sample.gpu_uuid, sample.recorded_at), write)
        for event in write.events:
            self.events.setdefault(event.id, event)
        self.waiting.append(write)
        if not self.hold:
            self.settle_all()
        return True

    def settle_all(self) -> None:
        waiting, self.waiting = self.waiting, []
        for write in waiting:
            write.settled({})
