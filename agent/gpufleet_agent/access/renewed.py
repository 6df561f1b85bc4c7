"""What lies in a file and is rotated there: looked at again whenever it is needed, and never lost to a bad moment."""

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from gpufleet_agent.errors import ConfigurationError

T = TypeVar("T")


class Renewed(Generic[T]):
    """The value that `read` gives, as long as it gives one that passes `check`; else the last good one. Both raise
    ConfigurationError, and so does the first look: without any value there is nothing to go on with."""

    def __init__(self, name: str, read: Callable[[], T], check: Callable[[T], None], log: logging.Logger) -> None:
        self._name = name
        self._read = read
        self._check = check
        self._log = log
        self._failed = False
        self._value = read()
        check(self._value)

    def now(self) -> T:
        """Trouble is said once, and so is its end; that the value has changed is said each time."""
        try:
            fresh = self._read()
            changed = fresh != self._value
            if changed:
                self._check(fresh)
        except ConfigurationError as error:
            if not self._failed:
                self._log.warning("%s; what was read before is used on", error)
            self._failed = True
            return self._value
        if changed or self._failed:
            self._log.info("%s: %s", self._name, "changed, and read again" if changed else "can be read again")
        self._value, self._failed = fresh, False
        return fresh
