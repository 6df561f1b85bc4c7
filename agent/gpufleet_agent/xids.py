"""What an XID, the driver's number for a fault, means to the operator: how bad it is, in one sentence.

The meaning follows NVIDIA's XID catalogue (docs.nvidia.com/deploy/xid-errors) and the actions that it recommends; the
sentences are our own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gpufleet_agent.readings import GpuEvent

KIND = "XID"
INFO, WARNING, CRITICAL = "INFO", "WARNING", "CRITICAL"
"""Names of `Event.Severity` on the wire."""

MAX_DETAIL = 200
"""Characters of what the driver itself says; the rest is cut off."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """`severity` is CRITICAL where GPU or host need somebody, WARNING where somebody should look, else INFO."""

    severity: str
    text: str


XIDS: Mapping[int, Meaning] = {
    8: Meaning(INFO, "The GPU stopped making progress on a program's work; the program was ended."),
    11: Meaning(INFO, "A program sent the GPU a damaged command; look at the program first."),
    13: Meaning(INFO, "A program made the graphics engine fault, often by an access out of bounds; debug the program."),
    31: Meaning(INFO, "A program touched GPU memory that is not its own; debug the program."),
    32: Meaning(INFO, "A program's command buffer was damaged; look at the program, then at the PCIe link."),
    38: Meaning(WARNING, "The driver's firmware failed; update the driver if it comes again."),
    43: Meaning(INFO, "A program's work was stopped after a fault of its own; the GPU is well."),
    44: Meaning(INFO, "The graphics engine faulted while it switched between programs."),
    45: Meaning(INFO, "Work was cleared away after another fault or a kill; look for the XID before it."),
    46: Meaning(CRITICAL, "The GPU stopped processing; reset it."),
    48: Meaning(CRITICAL, "An ECC error of two bits that could not be corrected; drain the GPU and reset it."),
    54: Meaning(CRITICAL, "The auxiliary power of the board is not connected or fails; check the cables."),
    61: Meaning(WARNING, "The GPU's internal controller reported a breakpoint; reset the GPU if it comes again."),
    62: Meaning(CRITICAL, "The GPU's internal controller halted; reset the GPU."),
    63: Meaning(WARNING, "A faulty row of memory was put aside; it takes effect at the next reset."),
    64: Meaning(
        CRITICAL, "A faulty row of memory could not be put aside; reset the GPU, and replace it if that fails."
    ),
    68: Meaning(INFO, "The video processor faulted on a program's work."),
    69: Meaning(INFO, "The graphics engine faulted on a class of commands of a program."),
    74: Meaning(CRITICAL, "An NVLink failed; check the link, the bridge or the switch, and reset the GPU."),
    78: Meaning(WARNING, "A virtual GPU could not be started; host and guest drivers may not fit each other."),
    79: Meaning(
        CRITICAL, "The GPU fell off the bus and cannot be reached; reboot the host, then check power and seating."
    ),
    92: Meaning(WARNING, "Corrected ECC errors come at a high rate; watch the GPU."),
    93: Meaning(INFO, "The board's InfoROM is written to more than it should be; that does no harm yet."),
    94: Meaning(
        WARNING, "A memory error was contained: only the program that used it was ended; reset the GPU when free."
    ),
    95: Meaning(CRITICAL, "A memory error could not be contained: all programs on the GPU are affected; reset it."),
    109: Meaning(CRITICAL, "A switch between programs timed out; reset the GPU."),
    110: Meaning(CRITICAL, "The security engine faulted; reset the GPU."),
    119: Meaning(CRITICAL, "The GPU's system processor (GSP) does not answer; reset the GPU, or reboot."),
    120: Meaning(CRITICAL, "The GPU's system processor (GSP) failed; reset the GPU, or reboot."),
    121: Meaning(INFO, "The chip-to-chip link corrected an error."),
    136: Meaning(CRITICAL, "The training of a link failed; reset the GPU."),
    137: Meaning(INFO, "An NVLink reported a fault of a program's access."),
    140: Meaning(CRITICAL, "A memory error could not be recovered from; reset the GPU."),
    143: Meaning(CRITICAL, "The GPU could not be initialised; reset it."),
    **dict.fromkeys(
        range(144, 151),
        Meaning(WARNING, "An NVLink reported an error; the kernel's log has the sub-code that says which part."),
    ),
    151: Meaning(CRITICAL, "A key of the confidential mode ran out; restart the virtual machine."),
    154: Meaning(WARNING, "The action that the driver recommends for this GPU changed; see its recovery action."),
    155: Meaning(CRITICAL, "An NVLink went down by software; reset the GPU."),
    156: Meaning(CRITICAL, "A resource of the GPU was retired; reset it."),
    158: Meaning(CRITICAL, "A fatal timeout within the GPU; reset it."),
    167: Meaning(CRITICAL, "A fatal timeout on PCIe; reboot the host, then check the slot."),
    171: Meaning(WARNING, "Details of an ECC error that could not be corrected; see XID 48."),
    172: Meaning(WARNING, "Details of an ECC error that could not be corrected; see XID 48."),
}
"""By code. Of what is not here the driver's own words are told, as INFO."""

UNKNOWN = Meaning(INFO, "The driver reported a fault; NVIDIA's XID catalogue says more.")


def xid_event(instant_us: int, code: int, gpu_uuid: str | None, detail: str = "") -> GpuEvent:
    """The event of one XID. `detail` is what the driver said with it, from any source, so that it is bounded here."""
    meaning = XIDS.get(code, UNKNOWN)
    said = "".join(filter(str.isprintable, detail)).strip()[:MAX_DETAIL]
    text = f"XID {code}: {meaning.text}" + (f" The driver says: {said}" if said else "")
    return GpuEvent(instant_us, KIND, meaning.severity, text, gpu_uuid, code)
