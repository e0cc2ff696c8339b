"""Publishes the plan when its files, keys or experiments change, and pauses what a new plan removes or replaces."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from fairtrial.api.migrations import MigrationReport
from fairtrial.config.plan.live_state import Live, lay_over
from fairtrial.config.plan.migration_reports import migration_reports
from fairtrial.config.plan.plan_record import lineages, recorded_plan
from fairtrial.config.plan.published import as_written, publish, read
from fairtrial.config.plan.retirement import endings, today_utc
from fairtrial.config.project import Project
from fairtrial.config.releases import NO_GATES
from fairtrial.domain.accounts import CONTROL
from fairtrial.domain.decision.transition import Transition
from fairtrial.domain.errors import ConfigError, PlanRefused, StoreError
from fairtrial.domain.limits.alarm_settings import AlarmSettings
from fairtrial.domain.plan import Key, Plan, Published
from fairtrial.experiments.analysis.frozen_guard import Frozen, begun_anew, paused_by_models, refused_changes
from fairtrial.experiments.lifecycle import MODELS
from fairtrial.safe_files import write_private
from fairtrial.store.access import audit, credentials
from fairtrial.store.core import named_values
from fairtrial.store.core.database import Database
from fairtrial.store.experiments import published_plans, transitions
from fairtrial.store.experiments.analysis_plans import frozen_plans
from fairtrial.store.experiments.published_plans import Action
from gateway.control.experiments.older_store import adopt_published, end_earlier_rules, settle_declared
from gateway.control.experiments.record_alarms import announce, notice_older_store
from gateway.control.shadows import running_shadows

RETRY_US = 2_000_000

log = logging.getLogger("fairtrial.control")

Mark = tuple[tuple[int, int, int] | None, ...]
"""The state of the watched files: time, size and inode of each, ``None`` for a missing one."""


class PlanPublisher:
    """Publishes one project's plan to the workers. ``load`` reads and checks the project (raises `ConfigError`).

    ``published`` is the last valid plan, ``refused`` the reason why a newer one was not published. Both start as
    ``None``. ``release_gates``: the files of the official gates, as the last valid project declares them; ``root``: its
    folder. ``alarms``: who gets messages; ``None`` before a valid project was read. ``probe_tokens``: see `Project`.
    ``kills_recorded_us``: when the newest kill file of each experiment was recorded.

    An invalid file is refused. The last valid plan then stays, with the current keys and states.
    """

    def __init__(
        self, database: Database, config: Path, load: Callable[[], Project], *, clock_us: Callable[[], int]
    ) -> None:
        self.published: Published | None = None
        self.refused: str | None = None
        self.release_gates = NO_GATES
        self.alarms: AlarmSettings | None = None
        self.probe_tokens = 0
        self.route_scorers: Mapping[str, tuple[Any, ...]] = {}
        self.root: Path | None = None
        self.kills_recorded_us: dict[str, int] = {}
        self._database = database
        self._load = load
        self._clock_us = clock_us
        self._files: tuple[Path, ...] = (config,)
        self._mark: Mark | None = None
        self._retry_us = 0
        self._lock = threading.Lock()
        self._substituted: Mapping[str, str] | None = None
        self._changed_by: str | None = None
        self._is_older = self._adopt()

    @property
    def has_declaration(self) -> bool:
        """Whether the plan in force is that of the project file; a published one alone has no guardrails."""
        return self._substituted is not None

    def refresh(self, *, keys_changed: bool = False, changed_by: str | None = None) -> bool:
        """Publish changes, if there are any; returns whether anything was published.

        ``changed_by``: who changed an experiment's state just now. Raises `ConfigError` or `PlanRefused` only if no
        valid plan was published before.
        """
        with self._lock:
            mark = tuple(map(_state, (*self._files, self._database.layout.migrations)))
            if changed_by is None and mark == self._mark and not keys_changed and not self._must_retry():
                return False
            self._changed_by = changed_by or self._changed_by
            self._mark = None  # until publishing succeeds, so that a failure such as a full disk is retried
            published = self._publish_or_stay()
            self._mark, self._changed_by = mark, None
            return published

    def _publish_or_stay(self) -> bool:
        try:
            return self._publish()
        except (ConfigError, PlanRefused) as error:
            self._retry_us = self._clock_us() + RETRY_US
            self._refuse(str(error))
            if self.published is None:
                raise
            return self._publish_last_valid()

    def _must_retry(self) -> bool:
        """A refused file may name another file that is not watched yet, so it is read again from time to time."""
        return self.refused is not None and self._clock_us() >= self._retry_us

    def _adopt(self) -> bool:
        """Start with the plan that an earlier control process published; returns whether the store is older."""
        with suppress(PlanRefused):
            self.published = read(self._database.layout.plan)
        notice_older_store(self._database, now_us=self._clock_us())
        shown = None if self.published is None else self.published.plan
        older = adopt_published(self._database, shown, now_us=self._clock_us())
        end_earlier_rules(self._database, shown, now_us=self._clock_us())
        return older

    def settle_declared(self, declared: Plan) -> None:
        """Let an older store adopt what only the declared plan can tell; see `older_store`."""
        if self._is_older:
            shown = None if self.published is None else self.published.plan
            settle_declared(self._database, shown, self._laid(declared), now_us=self._clock_us())
            self._is_older = False

    def _publish(self) -> bool:
        project = self._load()
        self.settle_declared(project.plan)
        plan = self._laid(project.plan)
        before = self.published
        frozen = frozen_plans(self._database)
        promotions = transitions.promotions(self._database)
        old, today = None if before is None else before.plan, today_utc(self._clock_us())
        if refused := refused_changes(frozen, old, plan, promotions=promotions, today=today):
            raise PlanRefused("\n".join(f"experiments.{name}: {why}" for name, why in refused.items()))
        anew = restart_stages(self._database, frozen, (project.plan, plan), now_us=self._clock_us())
        pause_removed(self._database, old, plan, now_us=self._clock_us())
        if pause_changed_models(self._database, frozen, plan, now_us=self._clock_us()) or anew:
            plan = self._laid(project.plan)
        self._files, self._substituted = project.files, project.substituted
        self.release_gates, self.root, self.alarms = project.release_gates, project.root, project.alarms
        self.probe_tokens, self.route_scorers = project.probe_tokens, project.route_scorers
        ends = endings(plan, self._reports()) or None
        unit_headers = tuple(name.lower() for name in project.gateway.unit_headers)
        access, feedback = project.gateway.access, project.feedback
        shadows = running_shadows(self._database, plan)
        replaced = self._replace(Published(plan, access, *self._secrets(), feedback, ends, unit_headers, shadows))
        self._accept()
        return replaced

    def declared_plan(self, coming: Mapping[str, Live] | None = None) -> Plan:
        """The plan that the file declares now, with the states of the store, or ``coming`` ones.

        Raises `ConfigError`.
        """
        return self._laid(self._load().plan, coming)

    def _laid(self, plan: Plan, coming: Mapping[str, Live] | None = None) -> Plan:
        return lay_over(plan, transitions.live(self._database) | dict(coming or {}))

    def _publish_last_valid(self) -> bool:
        """Publish the last valid plan with the current keys and states.

        So revoking a key and stopping an experiment work with an invalid file.
        """
        if self.published is None:
            return False
        known, pepper = self._secrets()
        plan = self._laid(self.published.plan)
        shadows = running_shadows(self._database, plan)
        return self._replace(replace(self.published, plan=plan, keys=known, pepper=pepper, shadows=shadows))

    def _reports(self) -> dict[str, MigrationReport]:
        """The reports of migrations; none if one can't be read, because that must not stop a plan."""
        try:
            return migration_reports(self._database.layout)
        except StoreError as error:
            log.warning("no successors are named to callers: %s", error)
            return {}

    def _secrets(self) -> tuple[tuple[Key, ...], str]:
        return credentials.valid_keys(self._database), named_values.pepper(self._database)

    def _replace(self, new: Published) -> bool:
        before = self.published
        changed = before is None or as_written(new) != as_written(before)
        if changed or not self._database.layout.plan.exists():
            publish(self._database.layout.plan, new)
        self.published = new
        self._keep(new.plan, new=before is None or before.plan.plan_hash != new.plan.plan_hash)
        return new != before

    def _keep(self, plan: Plan, *, new: bool) -> None:
        """Record that a new plan was published, and add it to the history unless it is its newest row.

        Another plan may be the newest row after a failure or an upgrade. A changed lineage alone makes another row with
        the same hash. While the file can't be read, it is unknown.
        """
        record = recorded_plan(plan, self._substituted)
        newest = published_plans.newest(self._database)
        same = newest is not None and newest["plan_hash"] == plan.plan_hash
        if same and (self._substituted is None or lineages(newest or {}) == lineages(record)):
            if new:
                self._record("plan.publish", plan.plan_hash)
            return
        action: Action = "plan.publish" if new else "plan.record"
        published_plans.record(self._database, record, now_us=self._clock_us(), actor=self._changed_by, action=action)

    def _refuse(self, why: str) -> None:
        """Log the reason before recording it, because a failing store may refuse to. No message contains a key."""
        if why == self.refused:
            return
        self.refused = why
        log.error("the configuration was refused; the last valid one stays in force: %s", "; ".join(why.splitlines()))
        with suppress(OSError):
            write_private(self._database.layout.plan_refused, f"{why}\n".encode())
        self._record("plan.refuse", why)

    def _accept(self) -> None:
        if self.refused is not None:
            log.warning("the configuration is in force again")
        self.refused = None
        with suppress(OSError):
            self._database.layout.plan_refused.unlink(missing_ok=True)

    def _record(self, action: str, subject: str) -> None:
        audit.record(self._database, now_us=self._clock_us(), actor=CONTROL, action=action, subject=subject)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def pause_changed_models(database: Database, frozen: Frozen, plan: Plan, *, now_us: int) -> bool:
    """Pause running experiments whose variants would get another model by this plan; returns whether any was."""
    changed = paused_by_models(frozen, plan)
    for name, variants in changed.items():
        why = f"the model of {' and '.join(variants)} was replaced; continuing starts a new segment"
        _pause(database, name, why, plan, evidence={MODELS: list(variants)}, now_us=now_us)
    return bool(changed)


def _pause(
    database: Database, name: str, why: str, plan: Plan, *, evidence: Mapping[str, object] | None, now_us: int
) -> None:
    """Pause an experiment, if it is running, with its alarm."""
    with database.transaction() as cursor:
        live = transitions.state_of(cursor, name)
        if live.state == "running":
            made = Transition(
                name, now_us, "pause", "running", "paused", live.segment, CONTROL, why, plan.plan_hash, evidence
            )
            transitions.append(cursor, made)
            announce(cursor, made)


def restart_stages(database: Database, frozen: Frozen, plans: tuple[Plan, Plan], *, now_us: int) -> bool:
    """Return experiments with a new salt to their first stage, because all of their units are new.

    ``plans``: as the file declares it, and with the live states. Returns whether there was any.
    """
    declared, plan = plans
    anew = begun_anew(frozen, declared, plan)
    for name, stage in anew.items():
        why = f"a new salt starts it anew, at {stage:g} %"
        with database.transaction() as cursor:
            live = transitions.state_of(cursor, name)
            state, segment = live.state, live.segment
            transitions.append(
                cursor,
                Transition(name, now_us, "stage", state, state, segment, CONTROL, why, plan.plan_hash, None, stage),
            )
    return bool(anew)


def pause_removed(database: Database, before: Plan | None, plan: Plan, *, now_us: int) -> None:
    """Pause running experiments that the file no longer has, so that their units of that time do not decide."""
    for name, old in before.experiments.items() if before else ():
        if name not in plan.experiments and old.state == "running":
            _pause(database, name, "the project file no longer has the experiment", plan, evidence=None, now_us=now_us)
