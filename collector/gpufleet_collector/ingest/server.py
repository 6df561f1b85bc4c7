"""The gRPC server: takes raw messages, ends what must be ended, and lets streams do the rest."""

import asyncio
import itertools
import logging
import math
from functools import partial
from typing import Any

import grpc
import grpc.aio

from gpufleet_collector.access.grants import Grant, Right
from gpufleet_collector.config import Listen
from gpufleet_collector.errors import ConfigurationError, Forbidden, Unauthenticated
from gpufleet_collector.ingest.admission import Admission, Appointment
from gpufleet_collector.ingest.credentials import server_credentials
from gpufleet_collector.ingest.events import duplicate_host_event
from gpufleet_collector.ingest.gathering import Gathering
from gpufleet_collector.ingest.hosts_of_token import HostsOfToken
from gpufleet_collector.ingest.presence import Presence, Verdict
from gpufleet_collector.ingest.refusals import (
    StreamRefused,
    busy,
    duplicate_host,
    forbidden,
    gone,
    host_not_allowed,
    replaced,
    stopping,
    too_large,
    too_many_streams,
    unauthenticated,
)
from gpufleet_collector.ingest.stream import AgentStream, Introduction, Parts, introduce, read_message
from gpufleet_collector.loop_lag import watch_loop
from gpufleet_collector.model import NO_SAMPLES, Refusal
from gpufleet_collector.store.records import ReportWrite
from gpufleet_collector.tls import Certificates
from gpufleet_proto import telemetry_pb2 as pb

SERVICE, METHOD = "gpufleet.v1.Telemetry", "Stream"
PROTOCOL = 1
STOP_GRACE_SECONDS = 1.0
HARD_MESSAGE_FACTOR = 4
"""gRPC itself cuts off messages so many times over our limit; up to there we read them to count and answer them."""

RETRY_AFTER = "gpufleet-retry-after-ms"
"""The trailing metadata that tells a refused agent when to come back."""

SAID_OTHERWISE = frozenset({"duplicate_host", "busy", "gone"})
"""Refusals that come by the thousand, or every few seconds: the fight, and the storm, are said once."""

AT_EVERY_ATTEMPT = frozenset(
    {"unauthenticated", "forbidden", "host_not_allowed", "too_many_hosts_of_token", "too_many_streams"}
)
"""Refusals that come again with every attempt of an agent: the first is said, and others after a while."""

SAY_STORM_SECONDS = 60.0
"""A quiet time of so long, and the next storm is said again."""

Context = grpc.aio.ServicerContext[bytes, bytes]


class IngestServer:
    """Listens for agents. Start, stop, stop twice and stop unstarted are all fine."""

    def __init__(
        self,
        listen: Listen,
        parts: Parts,
        *,
        collector_version: str,
        poll_interval_seconds: float | None,
        log: logging.Logger,
        certificates: Certificates | None = None,
    ) -> None:
        """With `certificates` agents have to speak TLS."""
        self._listen = listen
        self._certificates = certificates
        self._parts = parts
        self._welcome = pb.Welcome(
            protocol=PROTOCOL,
            collector_version=collector_version,
            interval_seconds=poll_interval_seconds,
            heartbeats_in_reports=True,
        )
        self._log = log
        self._presence = Presence()
        self._hosts_of_token = HostsOfToken(parts.limits.hosts_per_token)
        self._admission = Admission(parts.limits.admission)
        self._storm_said_at = float("-inf")
        self._said_at: dict[str, float] = {}
        self._watching: asyncio.Task[None] | None = None
        self._gathering = Gathering(parts.live, parts.store, parts.metrics, parts.clock, parts.limits)
        self._open: dict[int, asyncio.Future[StreamRefused]] = {}
        self._numbers = itertools.count(1)
        self._server: grpc.aio.Server | None = None
        self._draining = False
        self.port = 0

    async def start(self) -> None:
        """Raises ConfigurationError when the address cannot be had."""
        limit = self._parts.limits.message_bytes * HARD_MESSAGE_FACTOR
        server = grpc.aio.server(
            options=(
                ("grpc.max_receive_message_length", limit),
                ("grpc.so_reuseport", 0),  # else a second collector on the same port would get half of the streams
                ("grpc.http2.bdp_probe", 0),
                ("grpc.enable_channelz", 0),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 15_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
                ("grpc.http2.max_ping_strikes", 0),
            )
        )
        method: grpc.RpcMethodHandler[bytes, bytes] = grpc.stream_stream_rpc_method_handler(self._stream)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {METHOD: method}),))
        try:
            self.port = self._bind(server)
        except RuntimeError:
            self.port = 0
        if not self.port:
            raise ConfigurationError(
                f"GPUFLEET_GRPC_LISTEN={self._listen} cannot be listened on (is it taken?): choose another, "
                f"such as GPUFLEET_GRPC_LISTEN={self._listen.host}:{self._listen.port + 1}"
            )
        await server.start()
        self._server = server
        watching = watch_loop(self._parts.clock, self._parts.metrics, self._admission.held_up)
        self._watching = asyncio.create_task(watching, name="loop-lag")

    def _bind(self, server: "grpc.aio.Server") -> int:
        if self._certificates is None:
            return server.add_insecure_port(str(self._listen))
        return server.add_secure_port(str(self._listen), server_credentials(self._certificates))

    async def drain(self) -> None:
        """Hear nothing more; what was heard is still acknowledged until `stop`."""
        self._draining = True
        self._gathering.flush()

    async def stop(self) -> None:
        """End all streams; agents keep what was not acknowledged."""
        server, self._server = self._server, None
        if server is None:
            return
        if self._watching is not None:
            self._watching.cancel()
        for number in list(self._open):
            self._end(number, stopping())
        await server.stop(STOP_GRACE_SECONDS)

    async def _stream(self, _requests: object, context: Context) -> None:
        number = next(self._numbers)
        metrics = self._parts.metrics
        metrics.streams.inc()
        try:
            await self._serve(number, context)
        except StreamRefused as refused:
            metrics.streams_refused.labels(reason=refused.reason).inc()
            self._log.log(self._level_of(refused.reason), "stream from %s ended: %s", context.peer(), refused.detail)
            await context.abort(refused.status, refused.detail, _trailer(refused))
        finally:
            metrics.streams.dec()

    def _level_of(self, reason: str) -> int:
        if reason in SAID_OTHERWISE:
            return logging.DEBUG
        if reason not in AT_EVERY_ATTEMPT:
            return logging.INFO
        now, said_at = self._parts.clock.now().monotonic, self._said_at.get(reason, float("-inf"))
        if now - said_at < SAY_STORM_SECONDS:
            return logging.DEBUG
        self._said_at[reason] = now
        return logging.WARNING

    async def _serve(self, number: int, context: Context) -> None:
        grant = self._identify(context)
        if len(self._open) >= self._parts.limits.streams:
            raise too_many_streams(self._parts.limits.streams)
        self._open[number] = asyncio.get_running_loop().create_future()
        let_go = self._parts.book.hold(grant, lambda: self._end(number, unauthenticated()))
        try:
            await self._wait_for_turn()
            introduction = await self._introduce(context)
            if self._open[number].done():
                raise self._open[number].result()
            if grant is not None and not grant.speaks_for(introduction.host):
                raise host_not_allowed(introduction.host)
            with self._hosts_of_token.speaking(grant, introduction.host):
                self._admit(number, introduction)
                await self._speak_for(number, introduction, context)
        finally:
            let_go()
            del self._open[number]

    def _identify(self, context: Context) -> Grant | None:
        """Before anything of the agent is read. None where no tokens are needed."""
        try:
            return self._parts.book.admit(_authorization(context), Right.STREAM, self._parts.clock.now().wall_us)
        except Unauthenticated:
            raise unauthenticated() from None
        except Forbidden as error:
            raise forbidden(str(error)) from None

    def _end(self, number: int, reason: StreamRefused) -> None:
        ended = self._open.get(number)
        if ended is not None and not ended.done():
            ended.set_result(reason)

    async def _wait_for_turn(self) -> None:
        """Raises StreamRefused when it would take too long."""
        now = self._parts.clock.now().monotonic
        verdict = self._admission.arrive(now)
        if isinstance(verdict, Appointment):
            self._say_storm(now)
            raise busy(verdict.seconds)
        if verdict.wait_seconds:
            with self._parts.metrics.streams_waiting.track_inprogress():
                await asyncio.sleep(verdict.wait_seconds)

    def _say_storm(self, now: float) -> None:
        if now - self._storm_said_at >= SAY_STORM_SECONDS:
            self._log.info(
                "more agents come at once than are let in (%g a second): the others are told when to come back",
                self._parts.limits.admission.per_second,
            )
        self._storm_said_at = now

    async def _speak_for(self, number: int, introduction: Introduction, context: Context) -> None:
        stream = AgentStream(introduction, self._parts, self._gathering, partial(self._end, number))
        try:
            stream.begin(introduction)
            self._parts.metrics.streams_admitted.inc()
            await context.write(self._welcome_now())
            await self._converse(number, stream, context)
        finally:
            stream.finish()
            if self._presence.depart(stream.host, number):
                self._parts.live.disconnected(stream.host, stream.said_goodbye)

    def _welcome_now(self) -> bytes:
        """Those who come back at once share what there is for backlogs, so that what is live is not kept waiting."""
        crowd = self._admission.crowd(self._parts.clock.now().monotonic)
        self._welcome.replays_per_second = self._parts.limits.replays_per_second / max(1.0, crowd)
        return pb.CollectorMessage(welcome=self._welcome).SerializeToString()

    async def _introduce(self, context: Context) -> Introduction:
        seconds = self._parts.limits.hello_seconds
        try:
            async with asyncio.timeout(seconds):
                message = await self._read(context)
        except TimeoutError:
            raise StreamRefused(
                grpc.StatusCode.DEADLINE_EXCEEDED, "no_hello", f"no Hello within {seconds:g} s"
            ) from None
        if message is None:
            raise gone()
        return introduce(read_message(message), self._parts)

    def _admit(self, number: int, introduction: Introduction) -> None:
        now = self._parts.clock.now().monotonic
        verdict = self._presence.arrive(introduction.host, introduction.agent.agent_id, number, now)
        if verdict.fight:
            self._tell_fight(introduction, verdict)
        if not verdict.admitted:
            raise duplicate_host(introduction.host)
        fight = duplicate_host if verdict.fight else replaced
        self._end(verdict.ends or 0, fight(introduction.host))

    def _tell_fight(self, introduction: Introduction, verdict: Verdict) -> None:
        parts, host = self._parts, introduction.host
        parts.metrics.duplicate_hosts.inc()
        self._log.warning("%s", duplicate_host(host).detail)
        event = duplicate_host_event(host, introduction.agent.agent_id, verdict.loser, parts.clock.now().wall_us)
        parts.live.events(host, [event])
        if not parts.store.offer(ReportWrite(host, NO_SAMPLES, False, lambda _refused: None, (event,))):
            parts.metrics.events_refused.labels(Refusal.LIMIT.value).inc()

    async def _converse(self, number: int, stream: AgentStream, context: Context) -> None:
        ended = self._open[number]
        hearing = asyncio.ensure_future(self._hear(stream, context))
        answering = asyncio.ensure_future(self._answer(stream, context))
        both: list[asyncio.Future[None]] = [hearing, answering]
        try:
            waited: list[asyncio.Future[Any]] = [*both, ended]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            results = await asyncio.gather(*both, return_exceptions=True)
        if ended.done():
            raise ended.result()
        for result in results:
            if isinstance(result, Exception):
                raise result

    async def _hear(self, stream: AgentStream, context: Context) -> None:
        while (message := await self._read(context)) is not None:
            if self._draining:
                await asyncio.get_running_loop().create_future()  # until the stream is ended
            stream.take(message)
            del message  # a thousand bytes of each agent would be kept until its next message

    async def _answer(self, stream: AgentStream, context: Context) -> None:
        while True:
            await stream.has_answers()
            if (answer := stream.next_answer()) is not None:
                await context.write(answer.SerializeToString())

    async def _read(self, context: Context) -> bytes | None:
        """The next message, None at the end. Raises StreamRefused."""
        raw: object = await context.read()
        if not isinstance(raw, bytes):  # grpc.aio.EOF
            return None
        limit = self._parts.limits.message_bytes
        if len(raw) > limit:
            raise too_large(len(raw), limit)
        return raw


def _authorization(context: Context) -> str | None:
    for key, value in context.invocation_metadata() or ():
        if key == "authorization" and isinstance(value, str):
            return value
    return None


def _trailer(refused: StreamRefused) -> tuple[tuple[str, str], ...]:
    if refused.retry_after_seconds is None:
        return ()
    return ((RETRY_AFTER, str(math.ceil(1000 * refused.retry_after_seconds))),)
