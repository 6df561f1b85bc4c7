"""Whom to believe, whom to ask, and how old what came is."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.bus.limits import ASK_SECONDS, PEER_SILENT_SECONDS
from gpufleet_collector.bus.message import Envelope
from gpufleet_collector.bus.peers import Peers, Transit


def news(sequence: int, sender: str = "a") -> Envelope:
    return Envelope(sender, "news", sequence, 0.0)


def whole(sequence: int, part: int = 0, parts: int = 1) -> Envelope:
    return Envelope("a", "whole", sequence, 0.0, part, parts)


def heard(peers: Peers, *envelopes: Envelope) -> list[bool]:
    return [peers.hear(envelope, 0.0).is_taken for envelope in envelopes]


def test_a_peer_is_asked_for_everything_at_first_and_again_until_it_came() -> None:
    peers = Peers()
    heard(peers, news(5))
    assert peers.to_ask(0.0) == ["a"]
    assert peers.to_ask(ASK_SECONDS - 0.1) == []
    assert peers.to_ask(ASK_SECONDS) == ["a"]
    heard(peers, whole(5))
    assert peers.to_ask(100.0) == []


def test_everything_is_whole_when_all_parts_came_in_any_order() -> None:
    peers = Peers()
    heard(peers, news(5), whole(5, 2, 3), whole(5, 0, 3))
    assert peers.to_ask(0.0) == ["a"]
    heard(peers, whole(5, 0, 3), whole(5, 1, 3))
    assert peers.to_ask(100.0) == []


def test_parts_of_two_answers_do_not_make_one() -> None:
    peers = Peers()
    heard(peers, whole(5, 0, 2), whole(6, 1, 2))
    assert peers.to_ask(0.0) == ["a"]


def test_after_a_gap_everything_is_asked_for() -> None:
    peers = Peers()
    heard(peers, whole(5))
    assert heard(peers, news(6), news(8)) == [True, True]
    assert peers.to_ask(0.0) == ["a"]


def test_what_comes_twice_or_too_late_is_not_taken() -> None:
    peers = Peers()
    assert heard(peers, news(5), news(5), news(4), whole(4), whole(5)) == [True, False, False, False, True]


def test_a_peer_that_says_nothing_is_no_peer_any_more() -> None:
    peers = Peers()
    heard(peers, news(1))
    assert peers.forget_silent(PEER_SILENT_SECONDS - 1) == []
    assert peers.forget_silent(PEER_SILENT_SECONDS) == ["a"]
    assert len(peers) == 0


def test_no_more_peers_are_heard_than_the_limit_allows() -> None:
    peers = Peers(max_peers=1)
    assert heard(peers, news(1, "a"), news(1, "b"), news(2, "a")) == [True, False, True]
    assert peers.refused == 1


@given(st.lists(st.tuples(st.floats(0.1, 5), st.floats(0, 3)), min_size=1, max_size=30), st.floats(-1e6, 1e6))
def test_a_message_is_never_taken_for_older_than_the_quickest_so_far_makes_it(
    sends: list[tuple[float, float]], offset: float
) -> None:
    transit, sent, quickest = Transit(), 0.0, float("inf")
    arrivals = []
    for pause, delay in sends:
        sent += pause
        arrivals.append((sent + delay, sent, delay))
    for now, at, delay in sorted(arrivals):
        told = transit.sent(at + offset, now)
        quickest = min(quickest, delay)
        assert told <= now + 1e-3
        assert at + quickest - 1e-3 <= told <= at + quickest + 0.001 * 160 + 1e-3


def test_clocks_that_drift_apart_are_followed() -> None:
    transit = Transit()
    assert transit.sent(0.0, 10.0) == 10.0
    assert abs(transit.sent(1000.0, 1010.1) - 1010.1) < 1e-6
