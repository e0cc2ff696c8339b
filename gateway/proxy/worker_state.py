"""What one worker holds for as long as it lives: the watched plan, the journal, the transport, its counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from fairtrial.domain.events import Reason, RequestOutcome, ServiceOutcome
from fairtrial.domain.limits.worker_settings import USUAL, WorkerSettings
from fairtrial.journal.recording_watch import RecordingWatch
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.admission.admission import Admission
from gateway.proxy.admission.cooperative_work import Turns
from gateway.proxy.admission.shared_counters import CountBoard
from gateway.proxy.admission.trusted_proxies import TrustedProxies
from gateway.proxy.plan.plan_watch import PlanWatch
from gateway.proxy.transport.litellm.transport import LitellmLane
from gateway.proxy.transport.passthrough import Passing
from gateway.proxy.transport.transport import Translation, Transport
from gateway.proxy.wire.cors import Cors

MEBIBYTE = 2**20


@dataclass(slots=True)
class Counters:
    """Plain counts since the worker began."""

    outcomes: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    feedback: int = 0
    passed: int = 0
    redaction_failures: int = 0
    variants: dict[tuple[str, str], VariantCounts] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    unread: int = 0

    def count(self, outcome: RequestOutcome, reason: Reason) -> None:
        """Count one recorded request."""
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.reasons[reason] = self.reasons.get(reason, 0) + 1

    def count_variant(self, experiment: str, variant: str, outcomes: Outcomes, reason: Reason) -> None:
        """Count one request of an enrolled unit for the variant that it was assigned."""
        self.variants.setdefault((experiment, variant), VariantCounts()).count(outcomes, reason)


@dataclass(slots=True)
class Gateway:
    """A worker's belongings; ``max_body``: bytes of a request body."""

    watch: PlanWatch
    journal: JournalWriter
    transport: Transport
    worker: str
    places: ResponseMap
    board: CountBoard
    max_body: int = 32 * MEBIBYTE
    settings: WorkerSettings = USUAL
    translation: Translation = field(default_factory=LitellmLane)
    counters: Counters = field(default_factory=Counters)
    turns: Turns = field(default_factory=Turns)
    passing: Passing = field(default_factory=Passing)
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


class Outcomes(NamedTuple):
    """How the arm served, and what the caller got."""

    arm: ServiceOutcome
    user: ServiceOutcome


@dataclass(slots=True)
class VariantCounts:
    """Requests of enrolled units that one variant was assigned, since the worker began."""

    requests: int = 0
    errors: int = 0
    user_errors: int = 0
    rejected: int = 0
    fallbacks: int = 0

    def count(self, outcomes: Outcomes, reason: Reason) -> None:
        """Count one request."""
        self.requests += 1
        self.errors += outcomes.arm == "failed"
        self.user_errors += outcomes.user == "failed"
        self.rejected += outcomes.arm == "rejected"
        self.fallbacks += reason == "fallback"
