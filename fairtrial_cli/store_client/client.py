"""How commands reach the store: through its owner's API while there is one, else by opening it themselves."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from fairtrial.config.layout import Layout
from fairtrial.domain.errors import StoreLocked
from fairtrial.domain.run import Run
from fairtrial.domain.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evaluators.results.run_table import RunTable
    from evaluators.suite import Suite
    from fairtrial.domain.accounts import Account, Invitation, Role
    from fairtrial.domain.plan import Plan, UnitKind
    from fairtrial.domain.reviews.evidence import ReviewEvidence
    from fairtrial.store.access.keys import KeyOptions, NewKey
    from fairtrial.store.access.one_time_links import OneTimeLink
    from fairtrial.store.core.progress import OnStep
    from fairtrial.store.erasure.erase import Erasure
    from fairtrial.store.ingest.ingest import Ingested
    from fairtrial.store.maintenance.backup import Backup
    from fairtrial.store.maintenance.retention import Retained
    from fairtrial.store.overview import Overview
    from fairtrial.store.traffic.traffic import Traffic
    from gateway.control.operations.judge_candidate import JudgeRequest

TRY_SECONDS = 0.1
PATIENCE_SECONDS = 10.0
"""So long a command waits for another one that has the store open for a moment."""


class Care(Protocol):
    """Long work on the store; ``on_step`` is told how far it is."""

    def backup(self, dest: Path, on_step: OnStep) -> Backup:
        """Copy the store into the new folder ``dest`` (an absolute path)."""

    def retain(self, days: int | None, *, dry_run: bool = False, on_step: OnStep) -> Retained:
        """Drop texts older than ``days`` (the plan's if not given), or only count them."""

    def erase(self, unit: str, kind: UnitKind, *, rewrite_backups: bool = False, on_step: OnStep) -> Erasure:
        """Erase a unit everywhere."""


class Reviews(Protocol):
    """Blind reviews, for release managers."""

    def enqueue(self, wish: dict[str, Any], plan: Plan) -> dict[str, Any]:
        """Fill a queue; raises `UsageError` that says what to run first."""

    def listing(self) -> list[dict[str, Any]]:
        """Every queue, newest first; times are ISO 8601 text."""

    def close(self, queue_id: str) -> dict[str, Any]:
        """End a queue for good."""

    def rows(self, queue_id: str) -> list[dict[str, Any]]:
        """One row a vote of a closed queue, models told."""

    def evidence(self, candidate: str, baseline: str) -> ReviewEvidence:
        """What a gate reads."""


class Accounts(Protocol):
    """People who sign in; each is found by name or id."""

    def invite(self, name: str | None, role: Role) -> Invitation:
        """Make an account, and a link to it that works once."""

    def listing(self) -> list[dict[str, Any]]:
        """Everyone, the disabled ones too; times are ISO 8601 text."""

    def reset(self, who: str) -> Invitation:
        """A new link; enables a disabled account."""

    def disable(self, who: str) -> Account:
        """Shut them out at once."""

    def set_role(self, who: str, role: Role) -> Account:
        """Change what they may do."""

    def one_time_link(self) -> OneTimeLink:
        """A link that signs one browser of this machine in; raises `UsageError` once there is an account."""


class Owner(Protocol):
    """What commands may ask of a store; the same with and without a control process.

    Everything raises `StoreError` if the store can't answer, and `UsageError` for what does not exist.
    """

    @property
    def care(self) -> Care:
        """Backups, retention, erasure."""

    @property
    def accounts(self) -> Accounts:
        """People who sign in."""

    @property
    def reviews(self) -> Reviews:
        """Blind reviews."""

    def ingest_now(self) -> Ingested:
        """Bring in all that stands in the journal, and return when it is done."""

    def overview(self) -> Overview:
        """What is in the store."""

    def record_suites(self, suites: Sequence[Suite]) -> None:
        """Have the store know the texts of these suites, as their runs do; those that it knows are not written."""

    def judge(self, asked: JudgeRequest, plan: Plan) -> Verdict:
        """The verdict of the store's owner, which is stored; ``plan`` is for an owner that has none of its own."""

    def list_verdicts(
        self, *, gate: str | None = None, candidate: str | None = None, limit: int = 100
    ) -> tuple[Verdict, ...]:
        """Verdicts, newest first."""

    def load_run(self, run_id: str) -> Run:
        """One run with all results and scores."""

    def load_table(self, run_id: str) -> RunTable:
        """One run in columns, without texts; usable while the owner is open."""

    def list_runs(
        self, *, suite: str | None = None, target: str | None = None, limit: int = 100
    ) -> list[dict[str, Any]]:
        """Summaries of runs, newest first; times are ISO 8601 text."""

    def latest_runs(
        self, *, suite: str | None = None, target: str | None = None, suite_digest: str | None = None
    ) -> list[Run]:
        """The newest finished run of each suite, target and suite digest; the newest first."""

    def latest_ids(self, *, suite: str, target: str) -> list[str]:
        """The ids of the newest finished run of each digest of the suite on this target."""

    def traffic(self, *, experiment: str | None = None, since_us: int = 0) -> list[Traffic]:
        """Traffic by experiment and variant, by intention to treat."""

    def create_key(self, name: str, options: KeyOptions) -> NewKey:
        """Make a key that the gateway knows at once."""

    def list_keys(self) -> list[dict[str, Any]]:
        """All keys, the revoked ones too; never a secret."""

    def revoke_key(self, key_id: str) -> None:
        """End a key, in the gateway too."""


@contextmanager
def open_owner(layout: Layout) -> Iterator[Owner]:
    """The owner of this store, for as long as the context lasts; raises `StoreLocked` if it can't be reached."""
    with _reach(layout) as owner:
        yield owner


def _reach(layout: Layout) -> AbstractContextManager[Owner]:
    """The API of a live owner, or the store itself once nobody holds it."""
    from fairtrial.store.core.owner_lock import read_note
    from fairtrial_cli.store_client.local import DirectOwner
    from fairtrial_cli.store_client.remote import RemoteOwner

    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        note = read_note(layout)
        if note is not None and note.control_url is not None:
            return RemoteOwner(note.control_url, layout)
        try:
            return DirectOwner(layout)
        except StoreLocked:
            if time.monotonic() > deadline:
                raise
        time.sleep(TRY_SECONDS)
