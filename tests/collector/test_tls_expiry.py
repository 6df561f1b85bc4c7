"""A certificate that ends soon is spoken of in time, once a day, and by the doctor."""

import logging
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.certificates import Authority
from fakes.clock import FakeClock
from gpufleet_collector.doctor.certificate import certificate_finding
from gpufleet_collector.doctor.finding import Mark
from gpufleet_collector.tls import TlsFiles, read_identity
from gpufleet_collector.tls_expiry import DAY_SECONDS, NOTICE_DAYS, ExpiryNotices, is_near, words

END = 1_800_000_000.0
AUTHORITY = Authority("ours")


def said(caplog: pytest.LogCaptureFixture, *looks: tuple[float, float]) -> list[tuple[int, str]]:
    caplog.clear()
    notices = ExpiryNotices(logging.getLogger("test.expiry"))
    with caplog.at_level(logging.INFO, "test.expiry"):
        for expires, now in looks:
            notices.look(expires, now)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_nothing_is_said_while_there_is_time(caplog: pytest.LogCaptureFixture) -> None:
    assert said(caplog, (END, END - (NOTICE_DAYS + 1) * DAY_SECONDS)) == []


def test_it_is_said_once_a_day_and_at_the_end_as_an_error(caplog: pytest.LogCaptureFixture) -> None:
    looks = [(END, END - 3 * DAY_SECONDS + hours * 3600.0) for hours in range(97)]
    levels = [level for level, _ in said(caplog, *looks)]
    # A notice at once, one for each day that begins, and at the end and a day after it.
    assert levels == [logging.WARNING] * 3 + [logging.ERROR] * 2


def test_the_words_hold_the_end_and_what_to_do() -> None:
    assert words(END, END - 12.5 * DAY_SECONDS) == (
        "the certificate ends in 12 days, on 2027-01-15 08:00 UTC; write a new one to GPUFLEET_TLS_CERT_FILE and "
        "GPUFLEET_TLS_KEY_FILE; it is read within seconds"
    )
    assert words(END, END - 7200).startswith("the certificate ends in 2 hours,")
    assert words(END, END).startswith("the certificate ended on 2027-01-15 08:00 UTC: nobody can connect")


def test_another_certificate_is_spoken_of_anew(caplog: pytest.LogCaptureFixture) -> None:
    soon, later = END + DAY_SECONDS, END + 100 * DAY_SECONDS
    assert len(said(caplog, (soon, END), (later, END), (soon, END), (soon + 1, END))) == 2


@given(st.lists(st.floats(0, 40 * DAY_SECONDS), max_size=50))
def test_never_more_often_than_once_for_each_day(steps: list[float]) -> None:
    class Log(logging.Logger):
        lines = 0

        def log(self, *_args: object, **_more: object) -> None:
            self.lines += 1

    log = Log("counted")
    notices = ExpiryNotices(log)
    for now in sorted(steps):
        notices.look(END, END - 35 * DAY_SECONDS + now)
    moments = [END - 35 * DAY_SECONDS + now for now in steps]
    days = {math.ceil((END - now) / DAY_SECONDS) for now in moments if is_near(END, now)}
    assert log.lines == len(days)


def test_the_doctor_looks_at_it(tmp_path: Path) -> None:
    files = TlsFiles(*AUTHORITY.issue(["localhost"], days=100).save(tmp_path))
    expires = read_identity(files).expires

    def mark(days_before: float) -> Mark:
        now = FakeClock(int((expires - days_before * DAY_SECONDS) * 1_000_000))
        return certificate_finding(files, now).mark

    assert [mark(50), mark(29), mark(-1)] == [Mark.OK, Mark.WARN, Mark.WARN]
    files.certificate.write_text("no certificate")
    broken = certificate_finding(files, FakeClock())
    assert broken.mark is Mark.FAIL
    assert "GPUFLEET_TLS_CERT_FILE" in broken.text
