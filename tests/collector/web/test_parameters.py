"""Parameters are read strictly, and whatever is wrong is named."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import BadRequest
from gpufleet_collector.web.parameters import MAX_ITEMS, Parameters

ALLOWED = ("host", "gpu_index", "metrics", "since", "step", "limit", "cursor")


def given_pairs(*pairs: tuple[str, str]) -> Parameters:
    return Parameters(pairs, ALLOWED)


def test_a_list_is_separated_by_commas_or_repeated() -> None:
    assert given_pairs(("host", "a,b"), ("host", "c"), ("host", "a")).texts("host") == ("a", "b", "c")
    assert given_pairs(("gpu_index", "0,7")).indexes("gpu_index") == (0, 7)
    assert given_pairs(("metrics", "power_watts")).metrics("metrics") == ("power_watts",)


def test_what_was_not_given_has_its_default() -> None:
    nothing = given_pairs()
    assert nothing.texts("host") == ()
    assert nothing.limit() == 1000
    assert nothing.instant("since") is None
    assert nothing.seconds("step") is None


def test_numbers() -> None:
    assert given_pairs(("limit", "10000")).limit() == 10_000
    assert given_pairs(("step", "0.5")).seconds("step") == 0.5


def test_repetitions_are_left_out_of_a_list_and_count_towards_its_limit() -> None:
    assert given_pairs(("host", ",".join(["a"] * MAX_ITEMS))).texts("host") == ("a",)
    with pytest.raises(BadRequest, match="more than 1000 items"):
        given_pairs(("host", ",".join(["a"] * MAX_ITEMS)), ("host", "a")).texts("host")
    with pytest.raises(BadRequest, match="more than 2 items"):
        given_pairs(("metrics", "power_watts,power_watts,power_watts")).metrics("metrics", most=2)


REFUSED: list[tuple[str, str, Callable[[Parameters], object]]] = [
    ("limit", "0", Parameters.limit),
    ("limit", "10001", Parameters.limit),
    ("limit", "-1", Parameters.limit),
    ("limit", "1_0", Parameters.limit),
    ("limit", "１", Parameters.limit),
    ("limit", "", Parameters.limit),
    ("limit", "9" * 5000, Parameters.limit),
    ("gpu_index", "2147483648", lambda asked: asked.indexes("gpu_index")),
    ("gpu_index", "one", lambda asked: asked.indexes("gpu_index")),
    ("host", "", lambda asked: asked.texts("host")),
    ("host", "a,,b", lambda asked: asked.texts("host")),
    ("host", "a\0", lambda asked: asked.texts("host")),
    ("host", "a" * 257, lambda asked: asked.texts("host")),
    ("host", ",".join(map(str, range(MAX_ITEMS + 1))), lambda asked: asked.texts("host")),
    ("metrics", "power_horses", lambda asked: asked.metrics("metrics")),
    ("since", "yesterday", lambda asked: asked.instant("since")),
    ("step", "0", lambda asked: asked.seconds("step")),
    ("step", "-1", lambda asked: asked.seconds("step")),
    ("step", "nan", lambda asked: asked.seconds("step")),
    ("step", "0.0000001", lambda asked: asked.seconds("step")),
    ("step", "inf", lambda asked: asked.seconds("step")),
    ("step", "1e3", lambda asked: asked.seconds("step")),
    ("step", "99999999999", lambda asked: asked.seconds("step")),
]


@pytest.mark.parametrize(
    ("name", "value", "read"), REFUSED, ids=[f"{name}={value[:12]!a}" for name, value, _ in REFUSED]
)
def test_a_bad_value_is_refused_by_name(name: str, value: str, read: Callable[[Parameters], object]) -> None:
    with pytest.raises(BadRequest) as refusal:
        read(given_pairs((name, value)))
    assert refusal.value.parameter == name


def test_an_unknown_parameter_is_refused_by_name() -> None:
    with pytest.raises(BadRequest) as refusal:
        given_pairs(("hots", "a"))
    assert refusal.value.parameter == "hots"
    assert "cursor, gpu_index, host" in str(refusal.value)


def test_a_single_value_given_twice_is_refused() -> None:
    with pytest.raises(BadRequest, match="more than once"):
        given_pairs(("limit", "1"), ("limit", "1")).limit()


def test_the_binding_is_the_question_however_it_was_written_without_the_page() -> None:
    one = given_pairs(("host", "b,a"), ("limit", "1"), ("cursor", "x"), ("gpu_index", "0"))
    other = given_pairs(("gpu_index", "0"), ("host", "a"), ("host", "b"))
    assert one.binding() == other.binding()
    assert one.binding() != given_pairs(("gpu_index", "0"), ("host", "a")).binding()


@given(st.lists(st.tuples(st.sampled_from(ALLOWED), st.text(max_size=30)), max_size=5))
def test_any_text_is_read_or_refused_and_never_an_accident(pairs: list[tuple[str, str]]) -> None:
    asked = given_pairs(*pairs)
    for read in (
        lambda: asked.texts("host"),
        lambda: asked.indexes("gpu_index"),
        lambda: asked.metrics("metrics"),
        lambda: asked.instant("since"),
        lambda: asked.seconds("step"),
        asked.limit,
    ):
        try:
            read()
        except BadRequest as refusal:
            assert refusal.parameter in ALLOWED
