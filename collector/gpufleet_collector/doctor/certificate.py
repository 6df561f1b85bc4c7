"""Whether the certificate of the listeners can be used, and for how long."""

from gpufleet_collector.clock import Clock
from gpufleet_collector.doctor.finding import Finding, fail, ok, warn
from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.tls import TlsFiles, read_identity
from gpufleet_collector.tls_expiry import DAY_SECONDS, is_near, words


def certificate_finding(files: TlsFiles, clock: Clock) -> Finding:
    """It is read and tried out as at start."""
    now = clock.now().wall_us / 1_000_000
    try:
        expires = read_identity(files).expires
    except ConfigurationError as error:
        return fail(
            str(error),
            "correct the file: the collector does not start with it, and where it runs it keeps the one before",
        )
    if is_near(expires, now):
        text, _, remedy = words(expires, now).partition("; ")
        return warn(text, remedy)
    return ok(f"it is valid for {int((expires - now) // DAY_SECONDS)} more days")
