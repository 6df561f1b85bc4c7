"""Every event of a report is taken or refused for one counted reason, and what is taken can be stored and shown."""

from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.ingest.decode import Cleaner
from gpufleet_collector.ingest.events import KINDS, SEVERITIES, JudgedEvents, duplicate_host_event, judge_events
from gpufleet_collector.ingest.limits import IngestLimits
from gpufleet_collector.model import EVENT_KINDS, Refusal
from gpufleet_collector.model import SEVERITIES as KNOWN_SEVERITIES
from gpufleet_proto import telemetry_pb2 as pb

NOW = 1_790_000_000_000_000
LIMITS = IngestLimits(retention_seconds=3600.0)


def xid(name: str = "e1", instant_us: int = NOW, **fields: object) -> pb.Event:
    made = pb.Event(id=name, instant_us=instant_us, kind=pb.Event.XID, severity=pb.Event.CRITICAL, text="fell off")
    made.MergeFrom(pb.Event(**fields))  # type: ignore[arg-type]
    return made


def judged(*messages: pb.Event, limits: IngestLimits = LIMITS) -> JudgedEvents:
    return judge_events(messages, "node-1", Cleaner(limits), NOW)


def test_the_names_are_those_of_the_declaration() -> None:
    assert set(KINDS.values()) == set(EVENT_KINDS)
    assert tuple(SEVERITIES.values()) == KNOWN_SEVERITIES


def test_an_event_is_taken_whole() -> None:
    (event,) = judged(xid(gpu_uuid="GPU-1", code=79)).events
    assert (event.id, event.host, event.occurred_at, event.received_at) == ("e1", "node-1", NOW, NOW)
    assert (event.kind, event.severity, event.gpu_uuid, event.code, event.text) == (
        ("xid", "critical", "GPU-1", 79, "fell off")
    )
    (event,) = judged(xid()).events
    assert (event.gpu_uuid, event.code) == (None, None)


def test_instants_are_judged_like_those_of_samples() -> None:
    found = judged(xid(instant_us=NOW - 3_600_000_001), xid(instant_us=NOW + 600_000_001), xid("e2"))
    assert [event.id for event in found.events] == ["e2"]
    assert found.refused == {Refusal.TOO_OLD: 1, Refusal.FUTURE: 1}


def test_what_has_no_usable_identity_is_refused() -> None:
    found = judged(
        xid(""), xid("x" * 65), xid("new\nline"), xid("a", gpu_uuid="GPU\0"), xid("b", gpu_uuid=""), xid("x" * 64)
    )
    assert [event.id for event in found.events] == ["x" * 64]
    assert found.refused == {Refusal.INVALID: 5}


def test_no_agent_tells_of_nothing_or_of_what_only_a_collector_sees() -> None:
    nothing = pb.Event(id="e1", instant_us=NOW)
    fight = pb.Event(id="e2", instant_us=NOW, kind=pb.Event.DUPLICATE_HOST)
    assert judged(nothing, fight).refused == {Refusal.INVALID: 2}


def test_what_only_a_newer_agent_has_a_name_for_is_taken() -> None:
    message = xid()
    message.kind, message.severity = 99, 7  # type: ignore[assignment]
    (event,) = judged(message).events
    assert (event.kind, event.severity) == ("unspecified", "warning")


def test_text_is_cleaned_and_cut() -> None:
    cleaner = Cleaner(LIMITS)
    found = judge_events([xid(text="a\0b\n" + "c" * 5000)], "node-1", cleaner, NOW)
    assert found.events[0].text.startswith("abccc")
    assert len(found.events[0].text) == LIMITS.event_text_length
    assert cleaner.trimmed == 1


def test_beyond_the_limit_of_a_report_events_are_refused() -> None:
    found = judged(*(xid(f"e{number}") for number in range(5)), limits=IngestLimits(events_per_report=3))
    assert (len(found.events), found.refused) == (3, {Refusal.LIMIT: 2})


def test_a_fight_over_a_name_has_an_id_of_its_own_each_time() -> None:
    events = [duplicate_host_event("h", "a", "b", NOW + second) for second in range(3)]
    assert len({event.id for event in events}) == 3
    assert duplicate_host_event("h", "a", "b", NOW) == events[0]
    assert (events[0].kind, events[0].severity) == ("duplicate_host", "warning")


messages = st.lists(
    st.builds(
        pb.Event,
        id=st.text(max_size=70),
        instant_us=st.integers(-(2**63), 2**63 - 1) | st.integers(NOW - 10**10, NOW + 10**10),
        kind=st.integers(0, 12),
        severity=st.integers(0, 5),
        gpu_uuid=st.none() | st.text(max_size=5),
        code=st.none() | st.integers(0, 2**32 - 1),
        text=st.text(),
    ),
    max_size=8,
)


@given(messages)
def test_whatever_is_sent_every_event_is_taken_or_counted(told: list[pb.Event]) -> None:
    found = judged(*told, limits=IngestLimits(retention_seconds=3600.0, events_per_report=5))
    assert len(found.events) + sum(found.refused.values()) == len(told)
    for event in found.events:
        assert event.kind in EVENT_KINDS
        assert event.severity in KNOWN_SEVERITIES
        assert "\0" not in event.id + event.text
