"""What another user can reach, by permission bits."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpufleet_collector.store.embedded.access import (
    Account,
    account_of,
    can_read_all,
    can_traverse,
    unprivileged_account,
)

ACCOUNT = Account(101, 104, "postgres")


def folders(**modes: tuple[int, int, int]) -> dict[Path, os.stat_result]:
    """Status by path: `a__b=(mode, user, group)` is /a/b. The root is open."""
    found = {Path("/"): (0o755, 0, 0)} | {Path("/" + name.replace("__", "/")): bits for name, bits in modes.items()}
    return {
        path: os.stat_result((mode, 0, 0, 0, user, group, 0, 0, 0, 0)) for path, (mode, user, group) in found.items()
    }


@pytest.mark.parametrize(
    ("bits", "reached"),
    [
        ((0o755, 0, 0), True),
        ((0o711, 0, 0), True),
        ((0o700, 0, 0), False),
        ((0o700, 101, 0), True),
        ((0o077, 101, 0), False),
        ((0o710, 0, 104), True),
        ((0o701, 0, 104), False),
        ((0o744, 0, 0), False),
    ],
)
def test_every_folder_on_the_way_must_let_the_account_pass(bits: tuple[int, int, int], reached: bool) -> None:
    status = folders(a=bits, a__b=(0o755, 0, 0))
    assert can_traverse(Path("/a/b"), ACCOUNT, status.__getitem__) is reached
    status = folders(a=(0o755, 0, 0), a__b=bits)
    assert can_traverse(Path("/a/b"), ACCOUNT, status.__getitem__) is reached


@given(st.integers(0, 0o777), st.integers(0, 2), st.integers(0, 2))
def test_opening_a_folder_for_all_never_closes_it(mode: int, user: int, group: int) -> None:
    account = Account(1, 1, "one")
    before = can_traverse(Path("/a"), account, folders(a=(mode, user, group)).__getitem__)
    after = can_traverse(Path("/a"), account, folders(a=(mode | 0o111, user, group)).__getitem__)
    assert after >= before
    assert after


def test_files_must_be_readable_and_programs_runnable() -> None:
    def readable(bits: int) -> bool:
        return can_read_all([Path("/a/f")], ACCOUNT, folders(a=(0o755, 0, 0), a__f=(bits, 0, 0)).__getitem__)

    assert readable(0o755)
    assert readable(0o644)
    assert not readable(0o600)
    assert not readable(0o744)
    assert not readable(0o711)
    assert not can_read_all([Path("/a/f")], ACCOUNT, folders(a=(0o700, 0, 0), a__f=(0o755, 0, 0)).__getitem__)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask what another user reaches by being it")
@pytest.mark.parametrize("mode", [0o700, 0o711, 0o755, 0o744])
def test_the_kernel_agrees(tmp_path_factory: pytest.TempPathFactory, mode: int) -> None:
    account = unprivileged_account()
    assert account is not None
    folder = tmp_path_factory.mktemp("walk")
    folder.chmod(mode)
    tried = subprocess.run(
        ["/bin/sh", "-c", 'cd "$0"', folder],
        user=account.user_id,
        group=account.group_id,
        extra_groups=[],
        cwd="/",
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert can_traverse(folder.resolve(), account) is (tried.returncode == 0)


def test_root_runs_postgres_as_postgres_or_nobody_and_never_as_root() -> None:
    def machine(**users: int):  # type: ignore[no-untyped-def]
        def find(name: str) -> pwd.struct_passwd:
            return pwd.struct_passwd((name, "x", users[name], users[name] + 1, "", "/", ""))

        return find

    assert unprivileged_account(machine(postgres=5, nobody=6)) == Account(5, 6, "postgres")
    assert unprivileged_account(machine(nobody=6)) == Account(6, 7, "nobody")
    assert unprivileged_account(machine(postgres=0, nobody=6)) == Account(6, 7, "nobody")
    assert unprivileged_account(machine()) is None


def test_an_account_that_the_machine_does_not_list_is_known_by_number() -> None:
    assert account_of(4_000_000, 7) == Account(4_000_000, 7, "user 4000000")
    assert account_of(0, 7).name == "root"
