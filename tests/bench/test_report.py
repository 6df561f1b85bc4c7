"""A bench keeps the rows of groups that it did not run, and a row over its budget says so."""

from bench.report import Peer, Row, merged


def test_rows_measured_now_replace_those_kept_and_the_others_stay() -> None:
    kept: list[dict[str, object]] = [{"name": "a", "value": 1}, {"name": "b", "value": 2}]
    rows = merged(kept, [Row("b", 3.0, "ms", 2.5), Row("c", 1.0, "ms", 2.0)])
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert rows[1] == {"name": "b", "value": 3.0, "unit": "ms", "budget": 2.5, "ok": False}
    assert rows[2]["ok"] is True


def test_what_a_peer_took_in_the_same_run_is_kept_with_its_ratio() -> None:
    row = Row("a", 4.0, "ms", 5.0, Peer("prometheus", 10.0), note="p95 6")
    kept = row.as_object()
    assert (kept["peer"], kept["peer_value"], kept["ratio"], kept["ok"]) == ("prometheus", 10.0, 2.5, True)
    assert row.as_line(1).endswith("prometheus 10 (2.5 times)  p95 6")
