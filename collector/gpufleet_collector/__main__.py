"""The command line. What a command needs is imported when it runs, so that help and mistakes answer at once."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from gpufleet_collector.errors import CollectorError, ConfigurationError, DataDirectoryError, SchemaError
from gpufleet_collector.settings import SETTINGS, Setting

if TYPE_CHECKING:
    from gpufleet_collector.config import CollectorConfig

EXIT_FAILED = 1
EXIT_WRONG_SETTING = 2
EXIT_INTERRUPTED = 130
LOG_LEVELS = ("debug", "info", "warning", "error")

Command = Callable[..., Coroutine[Any, Any, int]]
"""Takes the configuration, and the command's own flags by name."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, where argparse would write its usage first."""
        self.exit(EXIT_WRONG_SETTING, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command with the arguments and the environment of this process, and exit."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments, os.environ))


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit status: 0, 1 when it failed, 2 when a setting or the data directory is wrong."""
    options = build_parser().parse_args(arguments)
    _log_to_stderr(options.log_level)
    command: Command = options.command
    try:
        flags = {name: getattr(options, name) for name in options.flags}
        return asyncio.run(command(_read_config(options, environ), **flags))
    except (ConfigurationError, DataDirectoryError, SchemaError) as error:
        return _say(error, EXIT_WRONG_SETTING)
    except CollectorError as error:
        return _say(error, EXIT_FAILED)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def build_parser() -> argparse.ArgumentParser:
    """The command line: every setting as a flag, derived from `SETTINGS`."""
    common = _Parser(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS)
    settings = common.add_argument_group("settings", "each is read from the environment too; the flag wins")
    for setting in SETTINGS:
        _add_setting(settings, setting)
    common.add_argument("--log-level", choices=LOG_LEVELS, default="info", help="how much to say on stderr [info]")
    parser = _Parser(prog="gpufleet-collector", description="Stores, serves and shows what every GPU of a fleet does.")
    parser.add_argument("--version", action=_Version)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    made: dict[str, _Parser] = {}
    for name, command, help_text in (
        ("serve", _serve, "receive from agents, store, and serve dashboard and API"),
        ("migrate", _migrate, "bring the database's schema up to date and exit; serve does so too"),
        ("database-url", _database_url, "print the address of the database, for psql and others"),
        ("retention", _retention, "drop now what is older than it is to be kept; serve does so too, every minute"),
        ("export", _export, "write history into a CSV or Parquet file, whether a collector serves or not"),
        ("doctor", _doctor, "say how database, store and bus are, and what to do about it"),
        ("token", _token, "make, list and revoke tokens: who may stream, read or administer"),
    ):
        one = commands.add_parser(name, help=help_text, description=help_text, parents=[common], allow_abbrev=False)
        one.set_defaults(command=command, flags=())
        made[name] = one
    made["retention"].add_argument("--dry-run", action="store_true", help="only say what would go")
    made["retention"].set_defaults(flags=("dry_run",))
    _add_export_flags(made["export"])
    _add_token_flags(made["token"])
    return parser


def _add_token_flags(parser: _Parser) -> None:
    parser.add_argument("action", choices=("create", "list", "revoke"), help="what to do")
    parser.add_argument(
        "token", nargs="?", metavar="ID", help="revoke: which one, as list shows it, or the token itself"
    )
    parser.add_argument("--role", choices=("agent", "viewer", "admin"), help="create: what it may do")
    parser.add_argument("--name", default="", metavar="TEXT", help="create: what it is for, for people")
    parser.add_argument("--hosts", metavar="PATTERN,...", help="create: hosts an agent's may speak for, as gpu-* [any]")
    parser.add_argument("--expires", metavar="DAYSd|TIME", help="create: when it ends, such as 90d [never]")
    parser.add_argument(
        "--for-file", metavar="FILE", help="create: add its line to this file (GPUFLEET_TOKENS_FILE), not to a database"
    )
    parser.set_defaults(flags=("action", "token", "role", "name", "hosts", "expires", "for_file"))


_EXPORT_LISTS = (
    ("host", "NAME,...", "only these hosts [all]"),
    ("gpu-uuid", "UUID,...", "only these GPUs [all]"),
    ("gpu-index", "N,...", "only GPUs with these numbers in their hosts [all]"),
    ("metrics", "NAME,...", "only these metrics [all]"),
    ("kind", "NAME,...", "only events of these kinds [all]"),
    ("severity", "NAME,...", "only events as severe as these [all]"),
)
_EXPORT_TEXTS = (
    ("what", "TABLE", "samples, events or processes [samples]"),
    ("since", "TIME", "from this time on, such as 2026-01-01T00:00:00Z [samples: an hour before now; others: a day]"),
    ("until", "TIME", "before this time [now]"),
    ("step", "SECONDS", "average, smallest and largest of every so many seconds instead of single samples"),
)


def _add_export_flags(parser: _Parser) -> None:
    """What is asked for has the names of the API's parameters, and is read as they are."""
    for name, form, text in _EXPORT_LISTS:
        parser.add_argument(f"--{name}", action="append", default=[], metavar=form, help=text)
    for name, form, text in _EXPORT_TEXTS:
        parser.add_argument(f"--{name}", metavar=form, help=text)
    parser.add_argument("--format", choices=("csv", "parquet"), help="form of the file [as its name ends; csv]")
    parser.add_argument("--output", default="-", metavar="FILE", help="file to write; - is the standard output [-]")
    asked = [name.replace("-", "_") for name, *_ in (*_EXPORT_LISTS, *_EXPORT_TEXTS)]
    parser.set_defaults(flags=(*asked, "format", "output"))


class _Version(argparse.Action):
    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(option_strings, dest, nargs=0, help="print the version and exit")

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        sys.stdout.write(f"gpufleet-collector {version('gpufleet-collector')}\n")
        parser.exit()


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    text = f"{setting.help} ({setting.variable}) [{setting.default}]".replace("%", "%%")
    if setting.switch:
        group.add_argument(setting.flag, dest=setting.variable, nargs="?", const="1", metavar="1|0", help=text)
    else:
        group.add_argument(setting.flag, dest=setting.variable, metavar="VALUE", help=text)


def _read_config(options: argparse.Namespace, environ: Mapping[str, str]) -> "CollectorConfig":
    from gpufleet_collector.config import read_config

    flags = {setting.variable: getattr(options, setting.variable, None) for setting in SETTINGS}
    return read_config(environ, flags, user_id=os.geteuid())


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s", force=True
    )
    # The level is ours; libraries are heard when something is wrong.
    logging.getLogger("gpufleet_collector").setLevel(level.upper())


def _say(error: CollectorError, status: int) -> int:
    sys.stderr.write(f"gpufleet-collector: {' '.join(str(error).split())}\n")
    return status


async def _serve(config: "CollectorConfig") -> int:
    from gpufleet_collector.economy import wait_in_one_thread

    wait_in_one_thread(os.environ)
    from gpufleet_collector.service import serve

    return await serve(config)


async def _migrate(config: "CollectorConfig") -> int:
    from gpufleet_collector.store.address import parse_address
    from gpufleet_collector.store.embedded.server import EmbeddedPostgres

    if config.database_url is not None:
        return await _migrate_at(parse_address(config.database_url))
    postgres = EmbeddedPostgres(config.collector_dir, pg_bin=config.pg_bin)
    try:
        return await _migrate_at(await postgres.start())
    finally:
        await postgres.stop()


async def _migrate_at(dsn: str) -> int:
    from gpufleet_collector.store.database import Database

    database = Database(dsn)
    try:
        await database.migrate()
    finally:
        await database.close()
    return 0


async def _database_url(config: "CollectorConfig") -> int:
    from gpufleet_collector.store.address import parse_address
    from gpufleet_collector.store.embedded.launch import answers
    from gpufleet_collector.store.embedded.server import EmbeddedPostgres

    if config.database_url is not None:
        sys.stdout.write(f"{parse_address(config.database_url)}\n")
        return 0
    postgres = EmbeddedPostgres(config.collector_dir, pg_bin=config.pg_bin)
    sys.stdout.write(f"{postgres.dsn}\n")
    if not await answers(postgres.sockets):
        sys.stderr.write("gpufleet-collector: the collector's own PostgreSQL is not running; serve starts it\n")
    return 0


async def _retention(config: "CollectorConfig", *, dry_run: bool) -> int:
    from gpufleet_collector import retention_command
    from gpufleet_collector.clock import SystemClock

    return await retention_command.run(config, dry_run=dry_run, clock=SystemClock(), stdout=sys.stdout)


async def _export(config: "CollectorConfig", *, output: str, **asked: list[str] | str | None) -> int:
    from gpufleet_collector import export_command
    from gpufleet_collector.clock import SystemClock

    given = [
        (name, text) for name, texts in asked.items() for text in ([texts] if isinstance(texts, str) else texts or ())
    ]
    streams = export_command.Streams(sys.stdout.fileno(), sys.stderr)
    return await export_command.run(config, given, output=output, clock=SystemClock(), streams=streams)


async def _token(
    config: "CollectorConfig", *, action: str, token: str | None, for_file: str | None, **order: str | None
) -> int:
    import secrets
    from pathlib import Path

    from gpufleet_collector import token_command
    from gpufleet_collector.clock import SystemClock

    clock, out = SystemClock(), sys.stdout
    if action == "list":
        return await token_command.list_all(config, clock=clock, out=out)
    if action == "revoke":
        if token is None:
            raise ConfigurationError("token revoke needs the ID of a token, as `token list` shows it")
        return await token_command.revoke(config, token, clock=clock, out=out)
    role = order["role"]
    if role is None:
        raise ConfigurationError("token create needs --role agent, viewer or admin")
    asked = token_command.Order(role, order["name"] or "", order["hosts"], order["expires"])
    file = None if for_file is None else Path(for_file)
    return await token_command.create(config, asked, file, clock=clock, randomness=secrets.token_bytes, out=out)


async def _doctor(config: "CollectorConfig") -> int:
    from gpufleet_collector import doctor
    from gpufleet_collector.clock import SystemClock

    return await doctor.run(config, clock=SystemClock(), stdout=sys.stdout)


if __name__ == "__main__":
    main()
