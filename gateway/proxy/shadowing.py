"""Sends copies of requests to the candidates of shadows, off the requests' own path, and records each copy."""

import asyncio
import logging
import random
import time
from decimal import Decimal

import msgspec

from fairtrial.config.layout import spending_file
from fairtrial.domain.errors import RequestError, UpstreamTimeout
from fairtrial.domain.events import AttemptRecord, RequestOutcome, ShadowEvent
from fairtrial.domain.limits.constants import DAY_US, RESPONSES
from fairtrial.domain.limits.json_schema import requested_schema
from fairtrial.domain.limits.spending import NANO, Spent
from fairtrial.domain.names.ids import fresh_id
from fairtrial.domain.plan import Shadow
from fairtrial.journal.spending import SpendingBusy, SpendingFile
from gateway.proxy.extraction.chat_metadata import answer_metadata
from gateway.proxy.extraction.responses_metadata import response_metadata
from gateway.proxy.extraction.stream_accumulator import StreamAccumulator
from gateway.proxy.plan.routing_table import Arm, RouteTarget
from gateway.proxy.recording.capture import Bodies, capture_in_slices, untouched
from gateway.proxy.recording.outcomes import attempt_record
from gateway.proxy.recording.output_schema import follows_schema
from gateway.proxy.routing.resolve import recorded_unit
from gateway.proxy.stages import AnswerContent, RequestProgress, Routed
from gateway.proxy.upstream.call import FIRST_ERROR, STREAMED, UpstreamCalls
from gateway.proxy.upstream.hold import read_pieces
from gateway.proxy.wire.http import Headers
from gateway.proxy.wire.json_bodies import decode_field
from gateway.proxy.wire.sse import is_json
from gateway.proxy.worker_state import WorkerState

SECONDS = 120.0
"""The most seconds from the end of a request to the end of its copy. A candidate that needs more fails."""

MOST_WAITING, MOST_BYTES = 500, 32 * 2**20
"""Copies, and bytes of their requests, that one worker holds."""

SLOW_SECONDS = 10.0
"""While the oldest copy is older than this, a full queue is the candidate's failure and not an overload here."""

UNTOLD_TOKENS = 1_000
"""The tokens of an answer that are reserved where a request sets no maximum."""

BUSY_TRIES, BUSY_SECONDS = 100, 0.005
"""How often the file of the spending is tried, and the mean pause, while another worker holds it for microseconds."""

TOOLS = frozenset({"tools", "functions"})
CONTINUES = frozenset({"previous_response_id", "conversation", "background"})
"""Fields of requests that need what only the baseline's server has."""

IDEMPOTENCY = "idempotency-key"
"""A provider would answer a second request with this key as the first one, or refuse it."""

MAXIMA = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_LOG = logging.getLogger(__name__)
_SLOW = "shadow_slow"


class Shadows:
    """The copies of one worker: those that wait, and those that are on their way."""

    def __init__(self, worker: WorkerState, calls: UpstreamCalls) -> None:
        self._worker, self._calls, self._folder = worker, calls, worker.watch.folder
        self._begun: dict[asyncio.Task[None], float] = worker.copies
        self._bytes = 0
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._files: dict[str, SpendingFile] = {}

    def offer(self, routed: Routed, progress: RequestProgress) -> None:
        """Copy a request whose answer was sent, if its route has a shadow. Never raises."""
        found = routed.routing.shadows.get(routed.target.route)
        if found is None or progress.client_gone or not _may_copy(routed, progress, found[0]):
            return
        shadow, arm = found
        if (full := self._is_full(routed)) and self._candidate_is_slow():
            self._record_slow(shadow, _copy_of(routed, arm), routed.received.request_id)
            return
        if full or self._is_overloaded():
            copied = _copy_of(routed, arm)
            self._write(shadow, copied, routed.received.request_id, dropped=True)
            return
        task = asyncio.create_task(self._run(shadow, _copy_of(routed, arm), routed.received.request_id))
        self._begun[task] = time.monotonic()
        self._bytes += len(routed.body.body)
        task.add_done_callback(lambda done: self._end(done, len(routed.body.body)))

    def _is_full(self, routed: Routed) -> bool:
        return len(self._begun) >= MOST_WAITING or self._bytes + len(routed.body.body) > MOST_BYTES

    def _candidate_is_slow(self) -> bool:
        return time.monotonic() - next(iter(self._begun.values()), time.monotonic()) > SLOW_SECONDS

    def _is_overloaded(self) -> bool:
        admission = self._worker.admission
        busy = admission.late or admission.short or admission.in_flight * 2 > admission.limit
        return busy or admission.stage != "serving"

    def _end(self, task: asyncio.Task[None], size: int) -> None:
        self._begun.pop(task, None)
        self._bytes -= size
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("a copy failed", exc_info=error)

    async def _run(self, shadow: Shadow, copied: Routed, request_id: str) -> None:
        """Make one copy and record it: it fails if the candidate does not answer in time."""
        task = asyncio.current_task()
        assert task is not None
        progress, call = RequestProgress(task), _estimate(copied, shadow)
        slot = self._slots.get(shadow.shadow_id) or asyncio.Semaphore(shadow.max_concurrency)
        self._slots[shadow.shadow_id] = slot
        outcome: RequestOutcome = "error"
        error: RequestError | None = None
        seconds = min(SECONDS, copied.target.arm.endpoint.deployment.timeouts.total)
        try:
            async with asyncio.timeout(seconds), slot:
                if call is None or not await self._reserve(shadow, call):
                    return
                outcome = await self._ask(copied, progress, seconds)
        except SpendingBusy:
            self._write(shadow, copied, request_id, dropped=True)
            return
        except TimeoutError:
            error = UpstreamTimeout(f"{shadow.candidate}: too slow for a shadow", code=_SLOW)
        except RequestError as failed:
            error = failed
        if not progress.attempts:
            self._record_slow(shadow, copied, request_id)
            return
        if error is not None and progress.attempts[-1].failure is None:
            progress.attempts[-1].fail(error)
        answered = progress.answered(copied, outcome, error)
        record = attempt_record(answered, progress.attempts[-1])
        self._settle(shadow, call, _actual(call, record))
        bodies, valid = await self._capture(copied, progress), None
        if copied.body.names_format and (schema := requested_schema(copied.body.fields)) is not None:
            valid = await follows_schema(schema, answered.read)
        refused = answered.read.refused
        self._write(shadow, copied, request_id, record, response=bodies.response, refused=refused, schema_valid=valid)
        progress.release_errors()

    async def _ask(self, copied: Routed, progress: RequestProgress, seconds: float) -> RequestOutcome:
        """Call the candidate once and read its whole answer; `RequestError`."""
        received, arm = copied.received, copied.target.arm
        permit = arm.endpoint.health.breakers[received.endpoint].permit
        response = await self._calls.call(copied, progress, arm, "shadow", permit, seconds=seconds)
        try:
            body = await read_pieces(response, started=received.started)
        finally:
            response.upstream.release()
        response.attempt.ended = time.perf_counter()
        secret, responses = arm.endpoint.secret, received.endpoint == RESPONSES
        body = body if secret is None else secret.blank(body)
        failed = response.upstream.status >= FIRST_ERROR
        if response.streams and not failed:
            read = StreamAccumulator(responses=responses)
            read.add(body)
            metadata, answer = read.metadata(), read.answer()
            whole = bool(metadata.done or metadata.finish_reason)
        else:
            metadata, answer = (response_metadata if responses else answer_metadata)(body), body
            whole = is_json(body)
        progress.content = AnswerContent(metadata, answer if whole or not failed else None)
        progress.status = response.upstream.status
        return "ok" if whole and not failed and metadata.error_type is None else "error"

    async def _capture(self, copied: Routed, progress: RequestProgress) -> Bodies:
        """The answer as the plan wants texts. The request has its own record."""
        body, answer = msgspec.structs.replace(copied.body, body=b""), progress.content.body
        kept = untouched(copied.routing.plan.capture, body, answer)
        return kept or await capture_in_slices(body, answer, time_slicer=self._worker.time_slicer, caller=None)

    def _record_slow(self, shadow: Shadow, copied: Routed, request_id: str) -> None:
        """Record a copy that could not be sent, because the candidate did not answer those before it in time."""
        attempt = AttemptRecord(
            purpose="shadow",
            deployment=shadow.candidate,
            at_us=copied.received.at_us,
            outcome="failed",
            fault="upstream",
            error_code=_SLOW,
        )
        self._write(shadow, copied, request_id, attempt)

    def _write(
        self,
        shadow: Shadow,
        copied: Routed,
        request_id: str,
        attempt: AttemptRecord | None = None,
        *,
        dropped: bool = False,
        response: str | None = None,
        refused: bool | None = None,
        schema_valid: bool | None = None,
    ) -> None:
        received = copied.received
        self._worker.journal.append(
            ShadowEvent(
                request_id=request_id,
                copy_id=received.request_id,
                at_us=received.at_us,
                shadow_id=shadow.shadow_id,
                route=shadow.route,
                plan_hash=copied.routing.plan.plan_hash,
                prompt_bytes=len(copied.body.body),
                unit=recorded_unit(received, copied.routing, copied.body, copied.target),
                dropped=dropped,
                attempt=attempt,
                refused=refused,
                schema_valid=schema_valid,
                response_body=response,
            )
        )

    def _file(self, shadow: Shadow) -> SpendingFile:
        file = self._files.get(shadow.shadow_id)
        if file is None:
            file = self._files[shadow.shadow_id] = SpendingFile(spending_file(self._folder, shadow.shadow_id))
        return file

    async def _reserve(self, shadow: Shadow, call: Spent) -> bool:
        """Whether a call may be made, which is then counted; `SpendingBusy` if the file can't be locked for long."""
        for _ in range(BUSY_TRIES):
            try:
                return self._file(shadow).reserve(shadow.limit, call)
            except SpendingBusy:
                await asyncio.sleep(random.uniform(0, 2 * BUSY_SECONDS))
        raise SpendingBusy

    def _settle(self, shadow: Shadow, reserved: Spent | None, actual: Spent) -> None:
        """Settle a call, later if another worker holds the file just now."""
        assert reserved is not None
        try:
            self._file(shadow).settle(reserved, actual)
        except SpendingBusy:
            asyncio.get_running_loop().call_later(random.uniform(0, 1), self._settle, shadow, reserved, actual)


def _may_copy(routed: Routed, progress: RequestProgress, shadow: Shadow) -> bool:
    """Whether a request belongs to the shadow, by chance and by what it asks for."""
    target, fields = routed.target, routed.body.fields
    served = target.arm.endpoint.name == shadow.baseline and target.reason != "forced"
    if not served or (shadow.variant is not None and target.arm.name == shadow.variant):
        return False
    if routed.received.endpoint not in STREAMED or (400 <= progress.status < 500 and progress.status != 429):
        return False
    if not CONTINUES.isdisjoint(fields) or random.random() * 100 >= shadow.share:
        return False
    return TOOLS.isdisjoint(fields) or routed.routing.plan.routes[shadow.route].tools == "no_effects"


def _copy_of(routed: Routed, arm: Arm) -> Routed:
    """The request as the candidate gets it, with a name of its own."""
    now = time.time_ns()
    received = msgspec.structs.replace(
        routed.received,
        request_id=fresh_id(now // 1_000_000),
        at_us=now // 1000,
        started=time.perf_counter(),
        headers=Headers({name: line for name, line in routed.received.headers.raw.items() if name != IDEMPOTENCY}),
    )
    old = routed.target
    target = RouteTarget(old.route, arm, "forced", old.experiment, old.assignment, old.unit)
    return Routed(received, routed.routing, routed.caller, routed.body, target)


def _estimate(copied: Routed, shadow: Shadow) -> Spent | None:
    """What is reserved for a call; ``None`` if its limit is in dollars and its price is unknown."""
    deployment, fields = copied.target.arm.endpoint.deployment, copied.body.fields
    answer = next((most for name in MAXIMA if type(most := decode_field(fields, name)) is int), UNTOLD_TOKENS)
    prompt = len(copied.body.body) // 3
    price = deployment.price_at(copied.received.at_us)
    if shadow.limit.in_dollars and not price.known:
        return None
    tokens = (price.input or Decimal()) * prompt + (price.output or Decimal()) * answer
    usd = tokens / 1_000_000 + (price.request or Decimal())
    return Spent(copied.received.at_us // DAY_US, 1, prompt + answer, int(usd * NANO), int(usd * NANO))


def _actual(reserved: Spent | None, record: AttemptRecord) -> Spent:
    """What a call has cost: its own figures, nothing if no answer began, else what was reserved."""
    assert reserved is not None
    if record.tokens is None:
        began = record.status is not None or record.error_code == _SLOW
        return reserved if began else Spent(reserved.day, 1)
    tokens = (record.tokens.input or 0) + (record.tokens.output or 0)
    usd = reserved.nano_usd if record.cost_usd is None else int(float(record.cost_usd) * 1e9)
    return Spent(reserved.day, 1, tokens, usd, usd)
