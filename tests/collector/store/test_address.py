"""DATABASE_URL: what operators paste, what asyncpg and psql take, and that no password gets out."""

from pathlib import Path
from urllib.parse import quote

import pytest
from asyncpg import connect_utils
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.errors import ConfigurationError
from gpufleet_collector.store.address import SSL_MODES, parse_address, socket_address


def as_asyncpg_reads(dsn: str) -> tuple[list[object], connect_utils._ConnectionParameters]:
    """What asyncpg makes of an address: where it connects to, and as whom."""
    arguments = dict.fromkeys(
        [
            "host",
            "port",
            "user",
            "password",
            "passfile",
            "database",
            "ssl",
            "service",
            "servicefile",
            "direct_tls",
            "server_settings",
            "target_session_attrs",
            "krbsrvname",
            "gsslib",
        ]
    )
    return connect_utils._parse_connect_dsn_and_args(dsn=dsn, **arguments)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("url", "dsn"),
    [
        ("postgres://u:p@h:5433/d", "postgresql://u:p@h:5433/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql+asyncpg://u@h/d", "postgresql://u@h/d"),
        ("postgresql:///d?host=/run/my sockets", "postgresql:///d?host=/run/my%20sockets"),
        ("postgresql+asyncpg://u@/d?host=%2Frun", "postgresql://u@/d?host=/run"),
        ("postgresql://%2Frun/d", "postgresql://%2Frun/d"),
        ("postgresql://[::1]:5/d", "postgresql://[::1]:5/d"),
        (
            "postgresql://a:1,b:2/d?target_session_attrs=read-write",
            "postgresql://a:1,b:2/d?target_session_attrs=read-write",
        ),
        ("postgresql+asyncpg://h/d?ssl=require", "postgresql://h/d?sslmode=require"),
        ("postgresql://h/d?connect_timeout=3&keepalives=1", "postgresql://h/d"),
        ("postgresql://h/d?channel_binding=prefer", "postgresql://h/d"),
        ("postgresql://h/d?application_name=a+b", "postgresql://h/d?application_name=a%2Bb"),
        (" postgresql://h/d\n", "postgresql://h/d"),
    ],
)
def test_every_spelling_becomes_one_that_asyncpg_takes(url: str, dsn: str) -> None:
    assert parse_address(url) == dsn
    as_asyncpg_reads(dsn)


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("mysql://u:hunter2@h/d", "give postgresql://"),
        ("u:hunter2@h", "give postgresql://"),
        ("postgresql:/d", "give postgresql://"),
        ("postgresql://u:hunter2@[::1/d", "give postgresql://"),
        ("postgresql://u:hunter2@h:0/d", "give postgresql://"),
        ("postgresql://u:hunter2@h:port/d", "give postgresql://"),
        ("postgresql://u:hunter2#1@h/d", "%23"),
        ("postgresql://u:hunter2/1@h/d", "%2F"),
        ("postgresql://u:hunter2@1@h/d", "%40"),
        ("postgresql://u:hunter2@h/d?sslmode=maybe", "verify-full"),
        ("postgresql://u:hunter2@h/d?what", "?NAME=VALUE"),
        ("postgresql://u:hunter2@h/d?port=65536", "65535"),
        ("postgresql://u:hunter2@h/d?port=x", "65535"),
        ("postgresql://u:hunter2@h/d?channel_binding=require", "leave channel_binding out"),
    ],
)
def test_a_wrong_address_is_refused_in_one_line_without_its_password(url: str, remedy: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        parse_address(url)
    said = str(refused.value)
    assert said.startswith("DATABASE_URL ")
    assert remedy in said
    assert "hunter2" not in said
    assert "\n" not in said
    assert refused.value.__cause__ is None


def quoted(text: str) -> str:
    return quote(text, safe="")


NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@given(NAMES, NAMES, NAMES, st.sampled_from(SSL_MODES[:1]))
def test_names_and_passwords_arrive_as_they_were_meant(user: str, password: str, database: str, mode: str) -> None:
    url = f"postgresql+asyncpg://{quoted(user)}:{quoted(password)}@h:7/{quoted(database)}?sslmode={mode}"
    where, who = as_asyncpg_reads(parse_address(url))
    assert where == [("h", 7)]
    assert (who.user, who.password, who.database) == (user, password, database)


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"postgresql://u:p@{text}"))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        dsn = parse_address(text)
    except ConfigurationError:
        return
    assert parse_address(dsn) == dsn


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0,"), min_size=1, max_size=50))
def test_the_own_database_is_reached_by_a_socket_wherever_it_is(name: str) -> None:
    folder = Path("/") / name
    where, who = as_asyncpg_reads(socket_address(folder))
    assert where == [str(folder / ".s.PGSQL.5432")]
    assert (who.user, who.database) == ("gpufleet", "gpufleet")
