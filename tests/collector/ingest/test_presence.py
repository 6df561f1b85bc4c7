"""The newest stream of a host name wins; of two live agents that fight over it the older keeps it."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from gpufleet_collector.ingest.presence import FIGHT_SECONDS, MAX_REMEMBERED, Presence, Verdict


def test_a_first_stream_is_admitted() -> None:
    assert Presence().arrive("h", "a", 1, 0.0) == Verdict(admitted=True)


def test_a_reconnecting_agent_replaces_its_own_half_dead_stream() -> None:
    presence = Presence()
    presence.arrive("h", "a", 1, 0.0)
    assert presence.arrive("h", "a", 2, 1.0) == Verdict(admitted=True, ends=1)
    assert not presence.depart("h", 1)
    assert presence.depart("h", 2)


def test_a_restarted_agent_replaces_the_stream_of_the_process_before() -> None:
    presence = Presence()
    presence.arrive("h", "old", 1, 0.0)
    assert presence.arrive("h", "new", 2, 1.0) == Verdict(admitted=True, ends=1)
    assert presence.arrive("h", "new", 3, 2.0) == Verdict(admitted=True, ends=2)


def test_two_live_agents_fight_once_and_the_older_keeps_the_name() -> None:
    presence = Presence()
    presence.arrive("h", "older", 1, 0.0)
    presence.arrive("h", "younger", 2, 1.0)
    assert presence.arrive("h", "older", 3, 2.0) == Verdict(admitted=True, ends=2, fight=True, loser="younger")
    assert presence.arrive("h", "younger", 4, 3.0) == Verdict(admitted=False)
    assert presence.arrive("h", "younger", 5, 4.0) == Verdict(admitted=False)


def test_when_the_older_leaves_the_younger_may_speak() -> None:
    presence = Presence()
    presence.arrive("h", "older", 1, 0.0)
    presence.arrive("h", "younger", 2, 1.0)
    presence.arrive("h", "older", 3, 2.0)
    assert presence.depart("h", 3)
    assert presence.arrive("h", "younger", 4, 3.0).admitted


def test_one_that_comes_back_long_after_is_no_fight() -> None:
    presence = Presence()
    presence.arrive("h", "a", 1, 0.0)
    presence.arrive("h", "b", 2, 1.0)
    assert presence.arrive("h", "a", 3, 2.0 + FIGHT_SECONDS) == Verdict(admitted=True, ends=2)


def test_other_hosts_are_not_disturbed() -> None:
    presence = Presence()
    presence.arrive("h", "a", 1, 0.0)
    assert presence.arrive("other", "b", 2, 0.0) == Verdict(admitted=True)


def test_names_without_a_stream_are_forgotten_past_a_limit() -> None:
    presence = Presence(max_idle_names=3)
    for number in range(10):
        presence.arrive(f"h{number}", "a", 2 * number, 0.0)
        presence.arrive(f"h{number}", "b", 2 * number + 1, 0.0)
        presence.depart(f"h{number}", 2 * number + 1)
    assert len(presence._names) == 3


class PresenceMachine(RuleBasedStateMachine):
    """At most one stream speaks for the host at any time, and somebody does whenever one is open and not refused."""

    def __init__(self) -> None:
        super().__init__()
        self.presence = Presence()
        self.number = 0
        self.speaking: int | None = None
        self.now = 0.0

    @rule(agent=st.sampled_from([f"agent-{n}" for n in range(MAX_REMEMBERED + 4)]), wait=st.floats(0, 400))
    def arrive(self, agent: str, wait: float) -> None:
        self.now += wait
        self.number += 1
        verdict = self.presence.arrive("h", agent, self.number, self.now)
        if verdict.admitted:
            assert verdict.ends == self.speaking
            self.speaking = self.number
        else:
            assert self.speaking is not None

    @rule(back=st.integers(0, 3))
    def depart(self, back: int) -> None:
        stream = self.number - back
        assert self.presence.depart("h", stream) == (stream == self.speaking)
        if stream == self.speaking:
            self.speaking = None

    @invariant()
    def memory_is_bounded(self) -> None:
        for name in self.presence._names.values():
            assert len(name.displaced) <= MAX_REMEMBERED


TestPresence = PresenceMachine.TestCase
TestPresence.settings = settings(max_examples=50, deadline=None)
