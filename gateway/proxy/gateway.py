"""What one worker holds for as long as it lives: the watched plan, the journal, the transport, its counters."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from fairtrial.domain.events import Reason, RequestOutcome
from fairtrial.domain.worker_settings import USUAL, WorkerSettings
from fairtrial.journal.response_map import ResponseMap
from fairtrial.journal.writer import JournalWriter
from gateway.proxy.admission import Admission
from gateway.proxy.count_board import CountBoard
from gateway.proxy.outcomes import Outcomes, VariantCounts
from gateway.proxy.passing import Passing
from gateway.proxy.plan_watch import PlanWatch
from gateway.proxy.recording_watch import RecordingWatch
from gateway.proxy.serving.cors import Cors
from gateway.proxy.stepwise import Turns
from gateway.proxy.trusted_proxies import TrustedProxies
from gateway.proxy.upstream.litellm_lane import LitellmLane
from gateway.proxy.upstream.transport import Translation, Transport

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
