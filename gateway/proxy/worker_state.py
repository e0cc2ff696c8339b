"""Holds what one worker has for its whole life, and shares its counters with the gateway's other workers."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import msgspec

from fairtrial.domain.limits.server_settings import USUAL, WorkerSettings
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.metrics import Values, histogram
from gateway.proxy.admission.admission import Admission
from gateway.proxy.admission.cooperative_work import TimeSlicer
from gateway.proxy.admission.trusted_proxies import TrustedProxies
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.transport.litellm.transport import LitellmTransport
from gateway.proxy.transport.transport import Translation, Transport, UploadTransport
from gateway.proxy.wire.http import Cors

LOOK_SECONDS = 0.5


REST_SECONDS = 1.0
"""The interval between two checks if nothing is recorded and nothing is lost."""


CALM_SECONDS = 10.0
"""Recording counts as working after this time without losses, because a nearly full disk accepts some events."""


_LOG = logging.getLogger(__name__)


class RecordingWatch:
    """``losing``: events are being lost, or the next one would be. Traffic continues either way."""

    def __init__(self, journal: JournalWriter) -> None:
        self.losing = False
        self._journal = journal
        self._lost_before = self._seen = 0
        self._last = 0.0

    async def run(self) -> None:
        """Check again and again until cancelled."""
        appended = 0
        while True:
            whole = await asyncio.to_thread(self._journal.look)
            self.judge(time.monotonic(), whole=whole)
            at_rest = appended == self._journal.appended and not self.losing
            appended = self._journal.appended
            await asyncio.sleep(REST_SECONDS if at_rest else LOOK_SECONDS)

    def judge(self, now: float, *, whole: bool = True) -> None:
        """Compare with the last check. ``now``: seconds of a monotonic clock."""
        lost = self._journal.lost
        if lost > self._seen or not self._journal.able or not whole:
            self._last = now
            if not self.losing:
                self._begin()
        elif self.losing and now - self._last >= CALM_SECONDS:
            self._end(lost)
        self._seen = lost

    def _begin(self) -> None:
        self.losing, self._lost_before = True, self._seen
        _LOG.error(
            "recording is losing events (%s): requests are served, but not recorded",
            self._journal.last_error or "unknown",
        )

    def _end(self, lost: int) -> None:
        self.losing = False
        _LOG.warning("recording works again: %d events were counted as lost", lost - self._lost_before)


EVERY_SECONDS = 1.0
RENEW_SECONDS = 5.0
"""After this time an unchanged file is written again, so that it does not look abandoned."""

STALE_SECONDS = 10.0
"""A file that was not renewed for this long belongs to a worker that is gone."""

FAILED = ".failed"
"""The suffix of an empty file, which needs no room: its worker can't write its counters."""

_DECODER = msgspec.json.Decoder(Values)
MEBIBYTE = 2**20


class SharedCounters:
    """One worker's access to the files. A failing disk costs the other workers' counters, never a request."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._folder = folder
        self._own = folder / f"{worker}.json"
        self._failed = folder / f"{worker}{FAILED}"
        self._shown: Values = {}
        self._renew_at = 0.0

    async def keep(self, counts: Callable[[], Values]) -> None:
        """Publish the result of ``counts`` every second until cancelled, then remove it."""
        try:
            while True:
                values = counts()
                if values != self._shown or time.monotonic() >= self._renew_at:
                    await asyncio.to_thread(self.show, values)
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            for path in (self._own, self._failed):
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def show(self, values: Values) -> None:
        """Replace this worker's counters."""
        new = self._own.with_suffix(".new")
        with suppress(OSError):
            try:
                new.write_bytes(msgspec.json.encode(values))
                new.replace(self._own)
            except OSError:
                self._failed.touch()
                return
            self._shown, self._renew_at = values, time.monotonic() + RENEW_SECONDS
            self._failed.unlink(missing_ok=True)

    def others(self) -> Iterator[tuple[str, Values]]:
        """The names and counters of the other workers that are alive."""
        for path in sorted(self._folder.glob("*.json")):
            if path == self._own:
                continue
            with suppress(OSError, msgspec.DecodeError):
                if _is_fresh(path):
                    yield path.stem, _DECODER.decode(path.read_bytes())

    def another_fails(self) -> bool:
        """Whether another living worker can't write here, so that its counters can't say that it loses events."""
        return any(_is_fresh(path) for path in self._folder.glob(f"*{FAILED}") if path != self._failed)


def _is_fresh(path: Path) -> bool:
    """Whether a living worker has written this file; false if it is gone.

    A time in the future is from before the clock was set back. A living worker soon writes the present time.
    """
    with suppress(OSError):
        return abs(time.time() - path.stat().st_mtime) < STALE_SECONDS
    return False


@dataclass(slots=True)
class Served:
    """The requests of one route, variant and class of statuses since the worker started."""

    latency: list[float] = field(default_factory=histogram)
    first_token: list[float] = field(default_factory=histogram)
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(slots=True)
class Counters:
    """Counts since the worker started. ``served``: by route, variant, and the first digit of the status."""

    outcomes: defaultdict[str, int] = field(default_factory=partial(defaultdict, int))
    reasons: defaultdict[str, int] = field(default_factory=partial(defaultdict, int))
    refused: int = 0
    feedback: int = 0
    passed: int = 0
    redaction_failures: int = 0
    served: dict[tuple[str, str, int], Served] = field(default_factory=dict)
    variants: "dict[tuple[str, str], VariantCounts]" = field(default_factory=dict)
    left_out: defaultdict[str, int] = field(default_factory=partial(defaultdict, int))
    unread: int = 0


@dataclass(slots=True)
class WorkerState:
    """The state of one worker.

    ``max_body``: bytes of the largest request body. ``probes``: calls that run beside the fallback of a request, whose
    record waits for them. ``copies``: requests that are being copied for shadows, with the monotonic time of each.
    """

    watch: PlanWatch
    journal: JournalWriter
    transport: Transport
    name: str
    response_map: ResponseMap
    shared_counters: SharedCounters
    max_body: int = 32 * MEBIBYTE
    settings: WorkerSettings = USUAL
    translation: Translation = field(default_factory=LitellmTransport)
    counters: Counters = field(default_factory=Counters)
    time_slicer: TimeSlicer = field(default_factory=TimeSlicer)
    passthrough: UploadTransport | None = None
    probes: set[asyncio.Task[None]] = field(default_factory=set)
    copies: dict[asyncio.Task[None], float] = field(default_factory=dict)
    admission: Admission = field(init=False)
    recording: RecordingWatch = field(init=False)
    cors: Cors | None = field(init=False, default=None)
    proxies: TrustedProxies = field(init=False)

    def __post_init__(self) -> None:
        self.recording = RecordingWatch(self.journal)
        self.proxies = TrustedProxies(self.settings.trusted_proxies)
        self.admission = Admission.of(self.settings, max_body=self.max_body)
        if self.settings.cors_origins:
            self.cors = Cors(self.settings.cors_origins, self.watch.is_open)


@dataclass(slots=True)
class VariantCounts:
    """Requests of enrolled units that one variant was assigned, since the worker started.

    `VariantTraffic` counts stored requests, which the worker cannot read.
    """

    requests: int = 0
    errors: int = 0
    user_errors: int = 0
    rejected: int = 0
    kept_away: int = 0
    fallbacks: int = 0
