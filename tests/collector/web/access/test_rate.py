"""How many requests one client may make."""

from hypothesis import given
from hypothesis import strategies as st

from fakes.web import Site
from gpufleet_collector.web.access.rate import BURST_SECONDS, Rate
from gpufleet_collector.web.settings import WebSettings


def test_a_burst_is_taken_and_then_as_many_as_the_rate_allows() -> None:
    rate = Rate(10.0)
    assert [rate.take("a", 0.0) for _ in range(20)] == [0.0] * 20
    assert rate.take("a", 0.0) == 0.1
    assert rate.take("a", 0.1) == 0.0
    assert rate.take("a", 0.1) > 0


def test_one_client_does_not_pay_for_another() -> None:
    rate = Rate(1.0)
    while not rate.take("a", 0.0):
        continue
    assert rate.take("b", 0.0) == 0.0


def test_no_more_clients_are_remembered_than_the_bound() -> None:
    rate = Rate(1.0, max_clients=2)
    while not rate.take("a", 0.0):
        continue
    for name in ("b", "c"):
        rate.take(name, 0.0)
    assert rate.take("a", 0.0) == 0.0


@given(st.lists(st.floats(0.0, 1.0), max_size=200), st.integers(1, 20))
def test_never_more_than_the_rate_and_one_burst_get_through(gaps: list[float], per_second: int) -> None:
    rate, now, taken = Rate(per_second), 0.0, 0
    for gap in gaps:
        now += gap
        taken += rate.take("a", now) == 0.0
    assert taken <= per_second * (now + BURST_SECONDS) + 1e-6


async def test_too_many_are_answered_429_with_when_to_come_back_and_probes_never() -> None:
    site = Site(settings=WebSettings(requests_per_second=1.0))
    app = site.app()
    answers = [await site.ask(app, "/api/v1/catalog") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].headers["content-security-policy"]
    assert (await site.ask(app, "/healthz")).status_code == 200
    assert site.counted("gpufleet_access_refused_total", reason="too_many_requests") == 1
    site.clock.advance(1.0)
    assert (await site.ask(app, "/api/v1/catalog")).status_code == 200
