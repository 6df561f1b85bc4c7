"""Every error the collector raises on purpose, and who should do what about it.

CollectorError
├── ConfigurationError       the operator: correct the setting that is named; exit status 2
├── DataDirectoryError       the operator: the data directory is in use, or of another PostgreSQL; exit status 2
├── SchemaError              the operator: install a collector that knows this schema; exit status 2
├── DatabaseUnavailable      nobody at once: retried; the operator when it lasts
├── DataRefused              nobody: the database refuses these data for good; counted where it is caught
├── QueryTooLong             the client: ask for less
├── ExportTooLarge           the client: ask for less at once
├── ExtraMissing             the operator: install the extra that is named
├── OutputFailed             the operator: make room, or write elsewhere
├── BusAway                  nobody at once: retried; the operator when it lasts
├── Unauthenticated          the client: send a token that is valid; why this one is not is not said
├── Forbidden                the client: its token is valid and may not do this
├── BusMessageRefused        nobody: the message is dropped and counted by its reason
└── BadRequest               the client: correct the parameter that is named
"""


class CollectorError(Exception):
    """The root. `str()` is one line for a person."""


class ConfigurationError(CollectorError):
    """A setting is wrong; the message names it and the remedy."""


class DataDirectoryError(CollectorError):
    """The data directory cannot be used as it is, and was not touched; the message has the remedy."""


class SchemaError(CollectorError):
    """The database's schema is one that this collector cannot work with."""


class DatabaseUnavailable(CollectorError):
    """The database does not answer; whatever was asked may be asked again."""


class DataRefused(CollectorError):
    """The database refuses the data themselves, and will again."""


class QueryTooLong(CollectorError):
    """The database gave up on a query that took too long."""


class ExportTooLarge(CollectorError):
    """So many rows do not go into one file of that form."""


class ExtraMissing(CollectorError):
    """Something needs a library that is not installed; the message names the extra that brings it."""


class OutputFailed(CollectorError):
    """A file could not be written; the message names it."""


class BusAway(CollectorError):
    """The bus between collectors does not answer; what was to be told is told later, or not."""


class BusMessageRefused(CollectorError):
    """A message of another collector that cannot be taken. `reason` is what it is counted under."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class Unauthenticated(CollectorError):
    """No token, or none that is valid: which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__("a valid token is needed: send it as `Authorization: Bearer TOKEN`")


class Forbidden(CollectorError):
    """A valid token that does not allow what was asked for with it."""


class BadRequest(CollectorError):
    """A request that cannot be answered as put. `parameter` names the culprit."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(f"{parameter}: {detail}")
        self.parameter = parameter
        self.detail = detail


class TooMuch(BadRequest):
    """A request that would read more than it may: ask for less, as it says."""
