"""GET /api/v1/series: parameters become a question, the answer an object for charts, and mistakes are told by name."""

from typing import Any

import pytest

from fakes.clock import START_US
from fakes.web import Site
from gpufleet_collector.store.plan import Source
from gpufleet_collector.store.series_query import Incomplete, Series, SeriesAnswer, SeriesQuery

SECOND = 1_000_000
HOUR_US = 3600 * SECOND
PATH = "/api/v1/series?metrics=power_watts"


@pytest.fixture
def site() -> Site:
    return Site()


async def answered(site: Site, url: str) -> dict[str, Any]:
    response = await site.get(url)
    assert response.status_code == 200, response.text
    content: dict[str, Any] = response.json()
    return content


async def test_the_usual_question(site: Site) -> None:
    await answered(site, PATH)
    assert site.series.asked == [SeriesQuery(START_US - HOUR_US, START_US, ("power_watts",))]


async def test_every_parameter(site: Site) -> None:
    await answered(
        site,
        "/api/v1/series?metrics=power_watts,energy_joules_total&agg=max&agg=p95&group_by=label&label=pool&host=a,b"
        "&gpu_uuid=GPU-1&gpu_index=3&model=H200&since=2026-01-01T00:00:00Z&until=2026-01-02T00:00:00Z&step=300&limit=7",
    )
    assert site.series.asked == [
        SeriesQuery(
            START_US,
            START_US + 24 * HOUR_US,
            ("power_watts", "energy_joules_total"),
            ("max", "p95"),
            "label",
            "pool",
            ("a", "b"),
            ("GPU-1",),
            (3,),
            ("H200",),
            300 * SECOND,
            7,
        )
    ]


async def test_the_answer(site: Site) -> None:
    start = START_US // SECOND
    one = Series(
        {"host": "a"}, "power_watts", "avg", Source.FIVE_MINUTES, 300 * SECOND, [start, start + 300], [1.5, 2.0]
    )
    late = Incomplete(START_US + 300 * SECOND, START_US + 600 * SECOND, "late")
    site.series.found = SeriesAnswer(START_US, START_US + 600 * SECOND, 300 * SECOND, [one], [late], None)
    assert await answered(site, PATH) == {
        "series": [
            {
                "group": {"host": "a"},
                "metric": "power_watts",
                "agg": "avg",
                "unit": "W",
                "kind": "gauge",
                "source": "gpu_stats_5m",
                "cell_seconds": 300,
                "points": [["2026-01-01T00:00:00.000000Z", 1.5], ["2026-01-01T00:05:00.000000Z", 2.0]],
            }
        ],
        "count": 1,
        "since": "2026-01-01T00:00:00.000000Z",
        "until": "2026-01-01T00:10:00.000000Z",
        "step": 300,
        "complete_until": "2026-01-01T00:05:00.000000Z",
        "incomplete": [
            {"since": "2026-01-01T00:05:00.000000Z", "until": "2026-01-01T00:10:00.000000Z", "reason": "late"}
        ],
        "next_cursor": None,
    }


async def test_a_cursor_goes_on_after_the_group_and_in_the_same_span(site: Site) -> None:
    site.series.found = SeriesAnswer(0, 1, SECOND, [], [], "GPU-7")
    cursor = (await answered(site, PATH))["next_cursor"]
    site.clock.advance(100)
    await answered(site, f"{PATH}&cursor={cursor}")
    first, second = site.series.asked
    assert (second.since, second.until, second.after) == (first.since, first.until, "GPU-7")
    response = await site.get(f"{PATH}&cursor={cursor}&agg=max")
    assert (response.status_code, response.json()["parameter"]) == (400, "cursor")


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "metrics"),
        ("metrics=watts", "metrics"),
        ("metrics=power_watts&agg=mean", "agg"),
        ("metrics=power_watts&group_by=rack", "group_by"),
        ("metrics=power_watts&group_by=host,gpu", "group_by"),
        ("metrics=power_watts&group_by=label", "label"),
        ("metrics=power_watts&group_by=label&label=a,b", "label"),
        ("metrics=power_watts&label=pool", "label"),
        ("metrics=power_watts&step=0.5", "step"),
        ("metrics=power_watts&step=0", "step"),
        ("metrics=power_watts&since=2026-01-02T00:00:00Z", "since"),
        ("metrics=power_watts&colour=red", "colour"),
    ],
)
async def test_a_mistake_is_told_by_name(site: Site, query: str, parameter: str) -> None:
    response = await site.get(f"/api/v1/series?{query}")
    assert response.status_code == 400
    assert response.json()["parameter"] == parameter
    assert site.series.asked == []
