"""A bench keeps the rows of groups that it did not run, and a row over its budget says so."""

from bench.report import Row, merged


def test_rows_measured_now_replace_those_kept_and_the_others_stay() -> None:
    kept: list[dict[str, object]] = [{"name": "a", "value": 1}, {"name": "b", "value": 2}]
    rows = merged(kept, [Row("b", 3.0, "ms", 2.5), Row("c", 1.0, "ms", 2.0)])
    assert [row["name"] for row in rows] == ["a", "b", "c"]
    assert rows[1] == {"name": "b", "value": 3.0, "unit": "ms", "budget": 2.5, "ok": False}
    assert rows[2]["ok"] is True
