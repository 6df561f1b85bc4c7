"""One slot has one key, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_agent.pci_slot import slot_key


@pytest.mark.parametrize("address", ["00000000:C1:00.0", "0000:c1:00.0", "0000:c1:00", "C1:00.0", " c1:00 "])
def test_all_ways_to_write_a_slot_are_one_key(address: str) -> None:
    assert slot_key(address) == "0000:c1:00"


@pytest.mark.parametrize(("address", "key"), [("0002:01:00.0", "0002:01:00"), ("00010000:01:00.0", "10000:01:00")])
def test_domains_are_kept(address: str, key: str) -> None:
    assert slot_key(address) == key


@given(st.text(max_size=20))
def test_what_is_no_address_has_no_key(text: str) -> None:
    key = slot_key(text)
    assert key is None or slot_key(key) == key


@pytest.mark.parametrize("text", ["", "c1", "GPU-1", "0000:c1:00.9", "0000:c1:00.0 x", "zz:00.0"])
def test_nonsense(text: str) -> None:
    assert slot_key(text) is None
