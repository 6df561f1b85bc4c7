"""Every XID has a severity and one sentence; what nobody knows is told too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.xids import CRITICAL, INFO, MAX_DETAIL, WARNING, XIDS, xid_event


@pytest.mark.parametrize("code", [48, 62, 64, 74, 79, 95, 119, 120, 140])
def test_what_needs_somebody_is_critical(code: int) -> None:
    assert xid_event(1, code, "GPU-1").severity == CRITICAL


@pytest.mark.parametrize("code", [63, 92, 94])
def test_what_should_be_looked_at_is_a_warning(code: int) -> None:
    assert xid_event(1, code, "GPU-1").severity == WARNING


@pytest.mark.parametrize("code", [13, 31, 43, 999])
def test_faults_of_programs_and_unknown_codes_are_informative(code: int) -> None:
    assert xid_event(1, code, "GPU-1").severity == INFO


def test_every_meaning_is_a_short_sentence() -> None:
    assert all(meaning.text[0].isupper() and meaning.text.endswith(".") for meaning in XIDS.values())
    assert max(len(meaning.text) for meaning in XIDS.values()) <= 120


def test_the_event_carries_code_gpu_instant_and_the_words_of_the_driver() -> None:
    event = xid_event(7, 79, "GPU-1", "pid=12, GPU has fallen off the bus.")
    assert (event.kind, event.code, event.gpu_uuid, event.instant_us) == ("XID", 79, "GPU-1", 7)
    assert event.text.startswith("XID 79: The GPU fell off the bus")
    assert event.text.endswith("The driver says: pid=12, GPU has fallen off the bus.")


@given(st.integers(0, 2**32 - 1), st.text(max_size=1000))
def test_whatever_the_driver_says_the_text_is_one_bounded_line(code: int, detail: str) -> None:
    text = xid_event(1, code, None, detail).text
    assert text.isprintable()
    assert len(text) <= 160 + MAX_DETAIL
