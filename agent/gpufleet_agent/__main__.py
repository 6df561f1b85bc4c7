"""The command `gpufleet-agent`: parse, build, run, and an exit status that means something."""

import argparse
import asyncio
import logging
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gpufleet_agent import __version__
from gpufleet_agent.access.secrets import without_tokens
from gpufleet_agent.config import AgentConfig, parse_host_name, parse_interval, read_config
from gpufleet_agent.errors import AgentError, ConfigurationError
from gpufleet_agent.settings import ACCESS_SETTINGS, SETTINGS, Setting

if TYPE_CHECKING:
    from gpufleet_agent.fleet_orders import FleetOrders, Part

EXIT_FAILED, EXIT_WRONG_USE = 1, 2
MOST_PROCESSES = 64
_DURATION_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
MAX_BACKFILL_SECONDS = 400 * 86_400


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line, where argparse would write its usage first."""
        self.exit(EXIT_WRONG_USE, f"{self.prog}: {without_tokens(message)} (see {self.prog} --help)\n")


class _NoFlag(argparse.Action):
    """For a secret, which has no flag: says so, and never says the value."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object, **__: object) -> NoReturn:
        parser.error(f"{self.option_strings[0]} would show in the list of processes: set {self.dest}, or give a file")


_TOKEN_HELP = "A token itself goes into GPUFLEET_TOKEN alone: a flag would show in the list of processes."  # noqa: S105


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point; the exit status: 0 done, 1 failed, 2 wrong use."""
    arguments = build_parser().parse_args(argv)
    logging.basicConfig(
        stream=sys.stderr, level=arguments.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        status: int = arguments.command(arguments)
    except ConfigurationError as error:
        return _complain(str(error), EXIT_WRONG_USE)
    except AgentError as error:
        return _complain(str(error), EXIT_FAILED)
    except KeyboardInterrupt:
        return 130
    return status


def build_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="gpufleet-agent", description="Streams this host's GPUs to a collector.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"gpufleet-agent {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, command, help_text in (
        ("run", _run, "read this host's GPUs and stream them"),
        ("snapshot", _snapshot, "print one reading"),
        ("doctor", _doctor, "say what works, what does not, and what to do about it"),
    ):
        _add_settings(_add_command(commands, name, command, help_text))
    commands.choices["snapshot"].add_argument("--json", action="store_true", help="print JSON")
    _add_simulate(commands)
    return parser


def _add_command(commands: "argparse._SubParsersAction[_Parser]", name: str, command: object, help_text: str) -> argparse.ArgumentParser:  # fmt: skip # noqa: E501
    parser = commands.add_parser(name, help=help_text, description=help_text, allow_abbrev=False)
    parser.set_defaults(command=command)
    parser.add_argument("--log-level", choices=["debug", "info", "warning", "error"], default="info")
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("settings", "each also as an environment variable; flags win. " + _TOKEN_HELP)
    for setting in SETTINGS:
        _add_setting(group, setting)


def _add_setting(group: argparse._ArgumentGroup, setting: Setting) -> None:
    help_text = f"{setting.help} ({setting.variable}; default: {setting.default})"
    if setting.secret:
        group.add_argument(setting.flag, action=_NoFlag, dest=setting.variable, metavar="", help=argparse.SUPPRESS)
    else:
        group.add_argument(setting.flag, dest=setting.variable, metavar="VALUE", help=help_text)


def _add_simulate(commands: "argparse._SubParsersAction[_Parser]") -> None:
    parser = _add_command(commands, "simulate", _simulate, "stream a whole simulated fleet, one connection per host")
    parser.add_argument("--hosts", default="8", metavar="N", help="hosts (default: 8)")
    parser.add_argument("--gpus", default="8", metavar="M", help="GPUs per host (default: 8)")
    parser.add_argument(
        "--interval", metavar="S", help="seconds between ticks (default: GPU_POLL_INTERVAL_SECONDS or 5)"
    )
    parser.add_argument("--prefix", default="sim-", metavar="P", help="host names are P001, P002, ... (default: sim-)")
    parser.add_argument("--seed", default="0", metavar="K", help="another seed is another fleet (default: 0)")
    parser.add_argument("--faults", action="store_true", help="one GPU of every host is lost now and then")
    parser.add_argument("--backfill", default="0s", metavar="TIME", help="history to replay first, such as 90s, 1h, 7d")
    parser.add_argument("--collector", dest="GPUFLEET_COLLECTOR", metavar="VALUE", help="as for run")
    access = parser.add_argument_group("access", "as for run, each also as an environment variable; " + _TOKEN_HELP)
    for setting in ACCESS_SETTINGS:
        _add_setting(access, setting)
    parser.add_argument("--processes", default="1", metavar="N", help="share the hosts among N processes (default: 1)")
    parser.add_argument(
        "--part", default="1/1", metavar="I/N", help="be the I-th of N parts, such as one of N machines"
    )
    parser.add_argument("--progress", metavar="S", help="say every S seconds how it goes (default: when it changes)")
    parser.add_argument("--counts", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--spool", metavar="DIR", help="keep what waits for a collector in DIR, one file per host")


def _config(arguments: argparse.Namespace) -> AgentConfig:
    flags = {setting.variable: getattr(arguments, setting.variable, None) for setting in SETTINGS}
    return read_config(os.environ, flags)


def _run(arguments: argparse.Namespace) -> int:
    from gpufleet_agent.grpc_threads import leave_words_to_us, wait_in_one_thread

    config = _config(arguments)
    wait_in_one_thread(os.environ)
    leave_words_to_us(os.environ)
    from gpufleet_agent.agent import Agent

    async def run() -> None:
        await Agent(config, logging.getLogger("gpufleet_agent")).run()

    asyncio.run(run())
    return 0


def _snapshot(arguments: argparse.Namespace) -> int:
    from gpufleet_agent import snapshot

    config = _config(arguments)
    return snapshot.run(
        config.backend,
        as_json=arguments.json,
        environ=os.environ,
        stdout=sys.stdout,
        stderr=sys.stderr,
        nvidia_smi=config.nvidia_smi,
        host=config.host_name,
        gpm=config.gpm,
    )


def _doctor(arguments: argparse.Namespace) -> int:
    from gpufleet_agent.grpc_threads import leave_words_to_us

    config = _config(arguments)
    leave_words_to_us(os.environ)
    from gpufleet_agent import doctor

    return doctor.run(
        nvidia_smi=config.nvidia_smi,
        collectors=config.collectors,
        access=config.access,
        environ=os.environ,
        stdout=sys.stdout,
        host_name=config.host_name,
        data_dir=config.data_dir,
    )


def _simulate(arguments: argparse.Namespace) -> int:
    from gpufleet_agent.grpc_threads import leave_words_to_us

    leave_words_to_us(os.environ)
    from gpufleet_agent.fleet_processes import simulate_in_processes
    from gpufleet_agent.simulate import simulate

    orders = _fleet_orders(arguments)
    processes = _whole("--processes", arguments.processes, 1, MOST_PROCESSES)
    log = logging.getLogger("gpufleet_agent")
    if arguments.counts:
        sys.stdout.write(asyncio.run(simulate(orders, log, _say_line)).as_line() + "\n")
    elif processes > 1:
        sys.stdout.write(asyncio.run(simulate_in_processes(orders, processes, log)).as_json() + "\n")
    else:
        sys.stdout.write(asyncio.run(simulate(orders, log)).as_json() + "\n")
    return 0


def _fleet_orders(arguments: argparse.Namespace) -> "FleetOrders":
    from gpufleet_agent.fleet_orders import FleetOrders

    config = _config(arguments)
    hosts = _whole("--hosts", arguments.hosts, 1, 100_000)
    return FleetOrders(
        targets=config.collectors,
        access=config.access,
        hosts=hosts,
        gpus=_whole("--gpus", arguments.gpus, 0, 256),
        interval_seconds=config.interval_seconds
        if arguments.interval is None
        else parse_interval(arguments.interval, "--interval"),
        seed=_whole("--seed", arguments.seed, 0, 2**63),
        faults=arguments.faults,
        backfill_seconds=_duration("--backfill", arguments.backfill),
        name_prefix=parse_host_name(arguments.prefix, "--prefix"),
        spool_dir=None if arguments.spool is None else Path(arguments.spool),
        part=_part("--part", arguments.part, hosts),
        progress_seconds=None if arguments.progress is None else parse_interval(arguments.progress, "--progress"),
    )


def _say_line(line: str) -> None:
    """At once: somebody waits for it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _part(flag: str, text: str, hosts: int) -> "Part":
    from gpufleet_agent.fleet_orders import Part

    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= number <= of <= hosts:
        raise ConfigurationError(f"{flag}={text!r}: give I/N such as 2/4, with N at most the number of hosts")
    return Part(number, of)


def _whole(flag: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ConfigurationError(f"{flag}={text!r}: give a whole number from {least} to {most}")
    return int(text)


def _duration(flag: str, text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)
    seconds = float(match[1]) * _DURATION_SECONDS[match[2]] if match else -1.0
    if not 0 <= seconds <= MAX_BACKFILL_SECONDS:
        raise ConfigurationError(f"{flag}={text!r}: give a time such as 90s, 30m, 24h or 7d, at most 400d")
    return seconds


def _complain(message: str, status: int) -> int:
    sys.stderr.write(f"gpufleet-agent: {without_tokens(message)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
