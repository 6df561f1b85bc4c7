"""The messages between collectors, as frozen values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gpufleet_collector.live.news import NO_NEWS, News

Kind = Literal["news", "whole", "ask"]
"""What is new, for everybody; a part of all that is known, for one that asked; and the asking."""


@dataclass(frozen=True, slots=True)
class EventKey:
    """An event that is in the database, or soon will be."""

    id: str
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """`sender` is an id that is new with every start of a collector. `sequence` counts its news: a message of the whole
    carries that of the newest news in it, and says which of how many parts it is. `sent_at` is the sender's monotonic
    clock, which serves to see how long a message was on its way."""

    sender: str
    kind: Kind
    sequence: int
    sent_at: float
    part: int = 0
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Message:
    envelope: Envelope
    news: News = NO_NEWS
    events: Sequence[EventKey] = ()
