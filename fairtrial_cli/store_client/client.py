"""Gives commands access to the store: through control's API if control runs, otherwise by opening it."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreLocked
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.config.project import Project
    from fairtrial.domain.accounts import Account, Invitation, OneTimeLink, Role
    from fairtrial.domain.plan import Plan, UnitKind
    from fairtrial.domain.reviews.evidence import ReviewEvidence
    from fairtrial.domain.storage.keys import KeyOptions, NewKey
    from fairtrial.domain.storage.maintenance import Backup, Erasure, OnProgress, RetentionResult
    from fairtrial.domain.storage.overview import IngestResult, Overview
    from fairtrial.domain.storage.traffic import AmountHistory, ServedBefore, Traffic
    from fairtrial.domain.verdicts.approvals import ApprovalVote
    from fairtrial.experiments.analysis_plan import AnalysisPlan
    from fairtrial.experiments.lifecycle import Action
    from fairtrial.experiments.promotion import Promotion
    from gateway.control.operations.requests.data_audit import AuditRequest
    from gateway.control.operations.requests.judgement import JudgeRequest

Row = dict[str, Any]
TRY_SECONDS = 0.1
WAIT_SECONDS = 10.0
"""How long a command waits for another command that has the store open."""


class Maintenance(Protocol):
    """Long store operations; ``on_progress`` receives their progress."""

    def backup(self, dest: Path, on_progress: OnProgress) -> Backup:
        """Copy the store into the new folder ``dest`` (an absolute path)."""

    def retain(self, days: int | None, *, dry_run: bool = False, on_progress: OnProgress) -> RetentionResult:
        """Delete texts older than ``days`` (default: the plan's), or only count them."""

    def erase(self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_progress: OnProgress) -> Erasure:
        """Erase a unit everywhere."""


class Reviews(Protocol):
    """Review queues, for release managers."""

    def enqueue(self, wish: Row, plan: Plan) -> Row:
        """Create a queue; raises `UsageError` that says what to run first."""

    def listing(self) -> list[Row]:
        """Every queue, newest first; times are ISO 8601 text."""

    def close(self, queue_id: str) -> Row:
        """Close a queue permanently."""

    def rows(self, queue_id: str) -> list[Row]:
        """One row per vote of a closed queue, with the models named."""

    def evidence(self, candidate: str, baseline: str) -> ReviewEvidence:
        """The votes that a gate uses."""


class Accounts(Protocol):
    """Accounts of people, found by name or id."""

    def invite(self, name: str | None, role: Role) -> Invitation:
        """Create an account, and an invitation link that works once."""

    def listing(self) -> list[Row]:
        """All accounts, including disabled ones; times are ISO 8601 text."""

    def reset(self, who: str) -> Invitation:
        """Create a new link; enables a disabled account."""

    def disable(self, who: str) -> Account:
        """Disable an account at once."""

    def set_role(self, who: str, role: Role) -> Account:
        """Change an account's role."""

    def one_time_link(self) -> OneTimeLink:
        """Create a link that signs one browser in; raises `UsageError` once there is an account."""


class Experiments(Protocol):
    """States of experiments, and the history of plans, for release managers. Times are ISO 8601 text."""

    def states(self, *, all_: bool = False) -> list[Row]:
        """The state of every published experiment; ``all_``: also of those that have ended and left the file."""

    def state(self, name: str) -> Row:
        """The state of one experiment."""

    def change(
        self, name: str, action: Action, why: str, promotion: Promotion | None = None, *, rules: bool = False
    ) -> Row:
        """Change a state, publish it, and return the new one.

        ``promotion``: what to promote. ``rules``: for an amendment, whether to adopt the rules of this version.
        """

    def transitions(self, name: str) -> list[Row]:
        """The latest 100 transitions, newest first."""

    def frozen(self) -> dict[str, AnalysisPlan]:
        """The newest frozen analysis plan of each experiment that has started, by name."""

    def decision(self, name: str) -> Row:
        """What one experiment has shown and decided: a sentence, and the figures behind it."""

    def errors(self, name: str) -> list[Row]:
        """How often each variant failed per try and per call of the client, since the segment began."""

    def plan_log(self, limit: int) -> list[Row]:
        """Publications, newest first."""

    def plan(self, plan_hash: str) -> Row:
        """A published plan, by its hash or the beginning of it."""

    def plan_at(self, at: datetime) -> Row:
        """The plan that was in force at a time in UTC, without a time zone, and what each route served."""

    def plan_diff(self, old: str, new: str) -> list[Row]:
        """The fields in which two published plans differ."""


class Verdicts(Protocol):
    """Stored verdicts, for release managers. Times are ISO 8601 text or microseconds. Ids may be shortened."""

    def listing(self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100) -> list[Row]:
        """Verdicts without findings, newest first, each with how it reads."""

    def record(self, verdict_id: str) -> Row:
        """One verdict with approvals, reasons why it is stale, and its place in the hash chain."""

    def vote(self, verdict_id: str, vote: ApprovalVote, why: str) -> Row:
        """Approve or reject it, and return its record."""

    def recompute(self, verdict_id: str) -> Row:
        """Judge it again from its stored evidence; nothing is stored."""

    def integrity(self, verdict_id: str | None) -> Row:
        """Whether one verdict, or all, and the audit trail are unchanged."""

    def evidence(self, verdict_id: str) -> str:
        """Its evidence as JSON text."""

    def export(self, verdict_id: str) -> str:
        """A printable HTML page with the stored verdict, its evidence and the hash chain embedded."""


class Runs(Protocol):
    """Runs and their cases; all methods raise `UsageError` for an unknown run or metric."""

    def resolve(self, name: str) -> str:
        """The id of a run: by its id, a unique beginning of it, or SUITE@TARGET for the newest finished one."""

    def figures(self, run_id: str) -> Row:
        """One run without its cases: ``run``, ``used`` and ``metrics``, as `GET /api/runs/ID/figures` has them."""

    def cases(self, run_id: str, wanted: Row, *, limit: int, offset: int = 0) -> Row:
        """A page of its cases; ``wanted``: metric, grade, outcome, text."""

    def pairs(self, ids: tuple[str, str], wanted: Row, *, limit: int, offset: int = 0) -> Row:
        """A page of the cases of two runs (candidate, baseline); ``wanted``: metric, change, text."""


class DataAudits(Protocol):
    """Audits of training data, for release managers."""

    def record(self, result: AuditRequest, project: Project) -> Row:
        """Store an audit: its id, and whether it is clean. ``project`` is used only if no control process runs."""

    def listing(self, *, deployment: str | None = None, limit: int = 100) -> list[Row]:
        """Stored audits, newest first; times are ISO 8601 text."""


class StoreClient(Protocol):
    """The store as commands use it, with or without a control process.

    All methods raise `StoreError` if the store is unavailable, and `UsageError` for something that does not exist.
    """

    @property
    def maintenance(self) -> Maintenance:
        """Backups, retention, erasure."""

    @property
    def accounts(self) -> Accounts:
        """Accounts of people."""

    @property
    def reviews(self) -> Reviews:
        """Review queues."""

    @property
    def experiments(self) -> Experiments:
        """States of experiments, and the history of plans."""

    @property
    def verdicts(self) -> Verdicts:
        """Stored verdicts."""

    @property
    def runs(self) -> Runs:
        """Runs and their cases."""

    @property
    def data_audits(self) -> DataAudits:
        """Audits of training data."""

    def ingest_now(self) -> IngestResult:
        """Ingest everything in the journal."""

    def publish_plan(self) -> None:
        """Have the project's plan in force, and a key for commands on this machine; control does so by itself."""

    def overview(self) -> Overview:
        """An overview of the store."""

    def record_suites(self, suites: Sequence[Suite]) -> None:
        """Store the texts of these suites, unless they are already stored."""

    def judge(self, request: JudgeRequest, project: Project) -> Verdict:
        """Judge and store the verdict. ``project`` is used only if no control process runs."""

    def list_verdicts(
        self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100
    ) -> tuple[Verdict, ...]:
        """Verdicts, newest first."""

    def load_run(self, run_id: str) -> Run:
        """One run with all results and scores."""

    def load_table(self, run_id: str) -> RunTable:
        """One run in columns, without texts; usable while the store is open."""

    def list_runs(self, *, suite: str | None = None, target: str | None = None, limit: int = 100) -> list[Row]:
        """Summaries of runs, newest first; times are ISO 8601 text."""

    def latest_runs(
        self, *, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
    ) -> list[Run]:
        """The newest finished run of each suite, target and suite digest, newest first."""

    def latest_ids(self, *, suite: str, target: str) -> list[str]:
        """The ids of the newest finished run of each digest of the suite on this target."""

    def traffic(self, *, experiment: str | None = None, since_us: int = 0) -> list[Traffic]:
        """Traffic by experiment and variant, by intention to treat."""

    def amounts(self, before: ServedBefore, metrics: Sequence[str]) -> list[AmountHistory]:
        """Costs and tokens of the control in the last 28 days, and how much of them earlier ones explain."""

    def create_key(self, name: str, options: KeyOptions) -> NewKey:
        """Create a key, which the gateway accepts at once."""

    def list_keys(self) -> list[Row]:
        """All keys without their secrets, including revoked ones."""

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key, also in the gateway."""


def open_store(layout: Layout, config: Path | None = None) -> AbstractContextManager[StoreClient]:
    """Control's API if control runs, otherwise the opened store. Only the one in use is imported, as DuckDB is slow.

    ``config``: the project file, for changes that publish the plan while no control runs. Raises `StoreLocked` if
    another process holds the store.
    """
    from fairtrial.store.core.owner_lock import read_note

    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        note = read_note(layout)
        if note is not None and note.control_url is not None:
            from fairtrial_cli.store_client.remote.store import RemoteStore

            return RemoteStore(note.control_url, layout)
        from fairtrial_cli.store_client.local.store import LocalStore

        try:
            return LocalStore(layout, config)
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
        time.sleep(TRY_SECONDS)
