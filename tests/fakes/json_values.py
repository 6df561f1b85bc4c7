"""What may stand in a field of a JSON body, of every type and at its edges."""

from hypothesis import strategies as st

JSON_VALUES: tuple[object, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    1e308,
    2**63,
    "",
    " ",
    "a\x00b",
    "\u2028",
    "\U0001f4a5",
    "x" * 5_000,
    [],
    ["a"],
    [None, [{}]],
    {},
    {"a": ["b"]},
)

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
