"""`gpufleet-collector token`: what is made, listed and revoked, in the database and in a file."""

import re
from pathlib import Path

import pytest

from gpufleet_collector.__main__ import run
from gpufleet_collector.access.token import TOKEN
from gpufleet_collector.access.tokens_file import read_tokens

DIGEST = "ab" * 32


class Terminal:
    """Where the command is typed: with a database, and with a file of tokens where that is set."""

    def __init__(self, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.environ = {"HOME": "/nowhere", "DATABASE_URL": database_url}
        self.capsys = capsys

    def type(self, *arguments: str, status: int = 0) -> str:
        """What it prints, or complains of where it is to end with another status than 0."""
        assert run(["token", *arguments], self.environ) == status
        printed = self.capsys.readouterr()
        return printed.err if status else printed.out

    def token(self, *arguments: str) -> tuple[str, str]:
        """A new one, and its public part."""
        text = self.type("create", *arguments).strip()
        found = TOKEN.fullmatch(text)
        assert found is not None
        return text, found[1]


@pytest.fixture
def terminal(database_url: str, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(database_url, capsys)


@pytest.fixture
def file(terminal: Terminal, tmp_path: Path) -> Path:
    """That of GPUFLEET_TOKENS_FILE; there is none yet."""
    path = tmp_path / "tokens"
    terminal.environ["GPUFLEET_TOKENS_FILE"] = str(path)
    return path


def test_tokens_are_listed_with_where_they_are_kept(terminal: Terminal, file: Path) -> None:
    _, kept = terminal.token("--role", "viewer", "--name", "on-call")
    _, ours = terminal.token("--role", "agent", "--hosts", "gpu-*", "--name", "rack 1", "--for-file", str(file))
    with file.open("a") as more:
        more.write(f"admin sha256:{DIGEST}\n")
    head, *lines = terminal.type("list").splitlines()
    assert head.split() == ["ID", "ROLE", "STATE", "EXPIRES", "HOSTS", "SOURCE", "NAME"]
    assert [re.split(r" {2,}", line) for line in lines] == [
        [kept, "viewer", "valid", "never", "any", "database", "on-call"],
        [ours, "agent", "valid", "never", "gpu-*", "file", "rack 1"],
        [DIGEST[:10], "admin", "valid", "never", "any", "file"],
    ]


def test_without_a_file_those_of_the_database_are_listed(terminal: Terminal) -> None:
    assert terminal.type("list") == "no tokens\n"
    _, kept = terminal.token("--role", "viewer")
    assert re.search(rf"^{kept} .* database$", terminal.type("list"), re.MULTILINE)


def test_a_line_that_cannot_be_read_is_told_after_the_tokens(terminal: Terminal, file: Path) -> None:
    _, ours = terminal.token("--role", "agent", "--for-file", str(file))
    with file.open("a") as more:
        more.write("agent sha256:\n")
    assert run(["token", "list"], terminal.environ) == 2
    printed = terminal.capsys.readouterr()
    assert ours in printed.out
    assert "line 2: a line is ROLE" in printed.err


def test_a_token_of_the_database_is_revoked_whatever_the_file_is(terminal: Terminal, file: Path) -> None:
    _, kept = terminal.token("--role", "viewer")
    file.write_text("nonsense\n")
    assert terminal.type("revoke", kept).startswith(f"revoked {kept}")


def test_a_token_of_the_file_is_said_to_be_there_and_stays(terminal: Terminal, file: Path) -> None:
    text, ours = terminal.token("--role", "agent", "--for-file", str(file))
    with file.open("a") as more:
        more.write(f"admin sha256:{DIGEST}\n")
    before = file.read_text()
    for named in (text, ours, DIGEST[:10]):
        said = terminal.type("revoke", named, status=2)
        assert f"it is in the file {file}: remove its line" in said
        assert text not in said
    assert file.read_text() == before


def test_a_token_of_a_line_without_its_public_part_is_found_by_itself(terminal: Terminal, file: Path) -> None:
    text, _ = terminal.token("--role", "agent", "--for-file", str(file))
    file.write_text(re.sub(r" id=\S+", "", file.read_text()))
    assert f"it is in the file {file}" in terminal.type("revoke", text, status=2)


def test_a_token_that_is_nowhere_is_not_guessed(terminal: Terminal, file: Path) -> None:
    _, ours = terminal.token("--role", "agent", "--for-file", str(file))
    assert "there is no such token" in terminal.type("revoke", ours[:-1], status=2)
    with file.open("a") as more:
        more.write("nonsense\n")
    assert "line 2" in terminal.type("revoke", "abcdefgh23", status=2)
    del terminal.environ["GPUFLEET_TOKENS_FILE"]
    assert "GPUFLEET_TOKENS_FILE" in terminal.type("revoke", ours, status=2)


def test_a_line_that_is_added_says_the_public_part_of_its_token(terminal: Terminal, file: Path) -> None:
    _, ours = terminal.token("--role", "agent", "--name", "rack 1", "--for-file", str(file))
    assert f" id={ours} name=rack%201" in file.read_text()
    (grant,) = read_tokens(file.read_text(), "tokens")
    assert (grant.id, grant.name) == (ours, "rack 1")


@pytest.mark.parametrize("hosts", ["rack#7-*", "my host"])
def test_what_a_file_cannot_hold_is_refused_and_nothing_written(terminal: Terminal, file: Path, hosts: str) -> None:
    order = ("create", "--role", "agent", "--hosts", hosts, "--expires", "1d", "--for-file", str(file))
    assert f"--hosts={hosts!r} cannot be used: a pattern of hosts has neither" in terminal.type(*order, status=2)
    assert not file.exists()
