"""Holds what one worker has for its whole life: the watched plan, the journal, the transports, its counters."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from fairtrial.domain.limits.server_settings import USUAL, WorkerSettings
from fairtrial.journal.recording_watch import RecordingWatch
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.admission.admission import Admission
from gateway.proxy.admission.cooperative_work import TimeSlicer
from gateway.proxy.admission.shared_counters import SharedCounters
from gateway.proxy.admission.trusted_proxies import TrustedProxies
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.transport.litellm.transport import LitellmTransport
from gateway.proxy.transport.passthrough import PassthroughTransport
from gateway.proxy.transport.transport import Translation, Transport
from gateway.proxy.wire.cors import Cors

MEBIBYTE = 2**20


@dataclass(slots=True)
class Counters:
    """Counts since the worker started."""

    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    feedback: int = 0
    passed: int = 0
    redaction_failures: int = 0
    variants: dict[tuple[str, str], VariantCounts] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unread: int = 0


@dataclass(slots=True)
class WorkerState:
    """The state of one worker.

    ``max_body``: bytes of the largest request body. ``probes``: calls that run beside the fallback of a request, whose
    record waits for them.
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
    passthrough: PassthroughTransport = field(default_factory=PassthroughTransport)
    probes: set[asyncio.Task[None]] = field(default_factory=set)
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
