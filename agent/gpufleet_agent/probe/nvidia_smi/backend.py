"""The backend: asks nvidia-smi, learns which fields it knows, and says in one sentence what is wrong when it fails."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

from gpufleet_agent.probe.nvidia_smi.complaints import DeadGpu, bus_key, complaint, dead_gpu, ending, quoted
from gpufleet_agent.probe.nvidia_smi.fields import BUS_ID, DRIVER, INDEX, UUID, first_plan, rejected_field
from gpufleet_agent.probe.nvidia_smi.process import Answer, Cause, CommandRunner, NoAnswer
from gpufleet_agent.probe.nvidia_smi.rows import (
    Row,
    Table,
    deprecated_fields,
    identity,
    read_gpu,
    read_table,
    silent_gpu,
    text_of,
)
from gpufleet_agent.readings import ERROR, HUNG, LOST, Breadcrumb, GpuIdentity, GpuReading, Reading

TIMEOUT_SECONDS = 5.0
BREADCRUMB_MARGIN_SECONDS = 2.0
"""The command is killed by us first; only when that fails does the supervisor need to step in."""
CALL = "nvidia-smi --query-gpu"

_REASON_OF_STATE = {LOST: "LOST", HUNG: "HUNG"}
_SILENCE = {
    Cause.NOT_FOUND: (
        "{detail}: install the NVIDIA driver's tools, or name the command with GPUFLEET_NVIDIA_SMI.",
        None,
    ),
    Cause.NOT_STARTED: ("{detail}: check GPUFLEET_NVIDIA_SMI.", None),
    Cause.TIMED_OUT: ("nvidia-smi gave {detail}: the driver is slow or hangs; see the kernel log for Xid lines.", HUNG),
    Cause.TOO_LONG: ("nvidia-smi printed {detail} and was stopped: check GPUFLEET_NVIDIA_SMI.", None),
    Cause.STILL_RUNNING: ("nvidia-smi cannot be killed ({detail}): reset the GPU or reboot the host.", HUNG),
}


class NvidiaSmiBackend:
    """GPUs by `nvidia-smi --query-gpu`, one process per reading and never two at a time. Implements `Backend`."""

    name = "nvidia-smi"

    def __init__(
        self,
        command: str,
        breadcrumb: Breadcrumb,
        *,
        environ: Mapping[str, str] | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        kill_group: Callable[[int, int], None] = os.killpg,
    ) -> None:
        """`command` is a name on the PATH of `environ` (this process's own by default) or a path."""
        self._runner = CommandRunner(
            command,
            environ=os.environ if environ is None else environ,
            timeout_seconds=timeout_seconds,
            kill_group=kill_group,
        )
        self._breadcrumb = breadcrumb
        self._deadline = timeout_seconds + BREADCRUMB_MARGIN_SECONDS
        self._plan = first_plan()
        self._known: tuple[GpuIdentity, ...] = ()

    def read(self, instant_us: int) -> Reading:  # noqa: ARG002 (nvidia-smi answers for now)
        """Read every GPU now."""
        try:
            answer, table = self._ask()
        except NoAnswer as failure:
            note, state = _SILENCE[failure.cause]
            return self._silent(note.format(detail=failure), state)
        if UUID not in self._plan.columns:
            return self._silent("This nvidia-smi does not know the UUID of a GPU: update the NVIDIA driver.", None)
        return self._reading(answer, table)

    def close(self) -> None:
        """Nothing is held between two readings but a command that could not be killed."""
        self._runner.close()

    def _ask(self) -> tuple[Answer, Table]:
        """The answer to a query in which every field is known; bounded by the number of names to try."""
        for _ in range(self._plan.size):
            answer = self._query()
            table = read_table(answer.stdout, self._plan.columns)
            rejected = _rejected(answer, table) or deprecated_fields(table, self._plan)
            known = [field for field in rejected if self._plan.asks_for(field)]
            if not known:
                return answer, table
            for field in known:
                self._plan = self._plan.without(field)
        return answer, table

    def _query(self) -> Answer:
        self._breadcrumb.enter(CALL, "", self._deadline)
        try:
            return self._runner.run([f"--query-gpu={','.join(self._plan.fields)}", "--format=csv,noheader"])
        finally:
            self._breadcrumb.leave()

    def _reading(self, answer: Answer, table: Table) -> Reading:
        dead = tuple(filter(None, map(dead_gpu, table.strange)))
        gpus = _once_each([*self._answering(table.rows), *self._named_dead(dead)])
        if not table.rows and not dead:
            why = complaint(answer.exit_code, answer.stdout, answer.stderr)
            return self._silent(why.note, why.state)
        self._known = tuple(gpu.gpu for gpu in gpus)
        return Reading(self.name, gpus, driver_version=_driver(table.rows), note=_note(answer, table, dead, len(gpus)))

    def _answering(self, rows: Iterable[Row]) -> Iterable[GpuReading]:
        for row in rows:
            gpu = identity(row) or self._known_by_place(row)
            if gpu is not None:
                yield read_gpu(gpu, row)

    def _known_by_place(self, row: Row) -> GpuIdentity | None:
        """A GPU that is lost may not say who it is: it is the one that sat there before."""
        bus_id, index = text_of(row, BUS_ID), row.get(INDEX, "")
        if bus_id is not None:
            return self._known_at(bus_key(bus_id))
        return next((gpu for gpu in self._known if index and str(gpu.index) == index), None)

    def _known_at(self, bus: str) -> GpuIdentity | None:
        return next((gpu for gpu in self._known if gpu.pci_bus_id and bus_key(gpu.pci_bus_id) == bus), None)

    def _named_dead(self, dead: Iterable[DeadGpu]) -> Iterable[GpuReading]:
        for one in dead:
            gpu = self._known_at(one.bus_id)
            if gpu is not None:
                yield silent_gpu(gpu, one.state, _REASON_OF_STATE.get(one.state, ERROR))

    def _silent(self, note: str, state: str | None) -> Reading:
        """No GPU answered. The ones seen before are told with `state`, when that is about them."""
        gpus = () if state is None else self._known
        reason = _REASON_OF_STATE.get(state or "", ERROR)
        return Reading(self.name, tuple(silent_gpu(gpu, state or "", reason) for gpu in gpus), note=note)


def _rejected(answer: Answer, table: Table) -> tuple[str, ...]:
    field = None if table.rows else rejected_field(f"{answer.stdout}\n{answer.stderr}")
    return () if field is None else (field,)


def _once_each(gpus: Iterable[GpuReading]) -> tuple[GpuReading, ...]:
    """The first reading of each UUID."""
    by_uuid: dict[str, GpuReading] = {}
    for gpu in gpus:
        by_uuid.setdefault(gpu.gpu.uuid, gpu)
    return tuple(by_uuid.values())


def _driver(rows: Iterable[Row]) -> str | None:
    return next(filter(None, (text_of(row, DRIVER) for row in rows)), None)


def _note(answer: Answer, table: Table, dead: Sequence[DeadGpu], told: int) -> str | None:
    """What is wrong although GPUs answered."""
    lost = [f"GPU at PCI {one.bus_id}" for one in dead]
    if lost:
        return (
            f"nvidia-smi cannot open the {', the '.join(lost)}: see the kernel log for Xid lines; reset it or reboot."
        )
    if told < len(table.rows):
        unnamed = len(table.rows) - told
        return f"nvidia-smi lists {len(table.rows)} GPUs and does not say who {unnamed} of them are: reboot the host."
    if table.strange:
        first = quoted(table.strange[0])
        return f"nvidia-smi printed {len(table.strange)} line(s) that are not about a GPU{first}."
    if answer.exit_code != 0:
        return f"nvidia-smi answered and then failed ({ending(answer.exit_code)}){quoted(answer.stderr)}."
    return None
