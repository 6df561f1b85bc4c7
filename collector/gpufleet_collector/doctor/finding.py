"""One finding of the doctor, and how it is printed."""

import enum
from dataclasses import dataclass


class Mark(enum.Enum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, and what to do about it where there is something to do."""

    mark: Mark
    text: str
    remedy: str | None = None


def ok(text: str) -> Finding:
    """It works."""
    return Finding(Mark.OK, text)


def warn(text: str, remedy: str) -> Finding:
    """Something is missing that the core job does not need."""
    return Finding(Mark.WARN, text, remedy)


def fail(text: str, remedy: str) -> Finding:
    """The core job cannot be done."""
    return Finding(Mark.FAIL, text, remedy)


def render(finding: Finding) -> str:
    """One line, and a second one with the remedy."""
    line = f"  {finding.mark.value:<4}  {_printable(finding.text)}"
    return line if finding.remedy is None else f"{line}\n        -> {_printable(finding.remedy)}"


def _printable(text: str) -> str:
    """Plain ASCII: what a server says may hold anything, and the terminal may speak anything."""
    return "".join(character if character.isascii() and character.isprintable() else "?" for character in text)
