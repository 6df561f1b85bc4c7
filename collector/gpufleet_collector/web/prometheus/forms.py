"""Which text format a scraper gets: prometheus-client decides by what the scraper accepts."""

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from starlette.requests import Request

_OTHER_ESCAPINGS = ("escaping=dots", "escaping=values")


@dataclass(frozen=True, slots=True)
class Form:
    """`encode` writes what a collector of prometheus-client holds."""

    content_type: str
    encode: Callable[[Collector], bytes]

    @property
    def is_open_metrics(self) -> bool:
        return self.content_type.startswith("application/openmetrics-text")


def accepted_form(request: Request) -> Form:
    """A version that is not a number counts as none; the names here need no escaping, and none is done."""
    accept = ",".join(request.headers.getlist("accept"))
    for other in _OTHER_ESCAPINGS:
        accept = accept.replace(other, "escaping=underscores")
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:
        encode, content_type = choose_encoder("")
    return Form(content_type, encode)
