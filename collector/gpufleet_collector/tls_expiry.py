"""Says in time that the certificate in use is about to end: nothing else fails before the day on which agents do."""

import logging
import math
from datetime import UTC, datetime

DAY_SECONDS = 86_400
NOTICE_DAYS = 30
"""For so long before the end it is said, once a day."""

_REMEDY = "write a new one to GPUFLEET_TLS_CERT_FILE and GPUFLEET_TLS_KEY_FILE; it is read within seconds"


def is_near(expires: float, now: float) -> bool:
    """Both in seconds since 1970."""
    return expires - now <= NOTICE_DAYS * DAY_SECONDS


def words(expires: float, now: float) -> str:
    """What is to be said of a certificate that ends at `expires`, with the remedy."""
    end = datetime.fromtimestamp(expires, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if expires <= now:
        return f"the certificate ended on {end}: nobody can connect with TLS; {_REMEDY}"
    days = int((expires - now) // DAY_SECONDS)
    left = f"{days} days" if days > 1 else f"{int((expires - now) // 3600)} hours"
    return f"the certificate ends in {left}, on {end}; {_REMEDY}"


class ExpiryNotices:
    """Said again after a day, when another certificate is used, and when it has ended."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._said: tuple[float, int] | None = None

    def look(self, expires: float, now: float) -> None:
        """Both in seconds since 1970."""
        # Days are counted from the end, so that it is where a new one begins.
        state = (expires, math.ceil((expires - now) / DAY_SECONDS))
        if is_near(expires, now) and state != self._said:
            self._said = state
            self._log.log(logging.ERROR if expires <= now else logging.WARNING, "%s", words(expires, now))
