"""Brings a trial into each state of the table, by traffic, time and what people do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from fairtrial.api.experiments import ChangeOptions
from fairtrial.domain.accounts import Role
from fairtrial.experiments.assignment import assign
from gateway.control.background import experiment_monitor
from gateway.control.experiments.change_experiment import change_experiment
from gateway.control.experiments.state_change import Change
from gateway.control.verdicts.release.approvals import vote_on_verdict
from tests.fixtures.control.judged_trial import PROJECT, JudgedTrial
from tests.fixtures.control.live_trial import NAME

SUITES = "version: 1\ngate: release\nsuites: [small]\n"
ADMIN = "local user anna"
STAGED = PROJECT.replace("{stages: [100]}", "{stages: [50, 100], min_units: 5, min_hours: 1}")
APPROVED = PROJECT.replace("{stages: [100]}", "{stages: [50, 100], min_units: 5, min_hours: 1, approve: [100]}")
NO_PRIMARY = "".join(line for line in PROJECT.splitlines(keepends=True) if "primary:" not in line)
NOT_WORSE = PROJECT.replace("require: superior, mde: 10pp", "require: not_worse, mde: 30pp")


class StatesTrial(JudgedTrial):
    """A trial whose official gate has no line on live traffic. ``text``: the project."""

    def _begin(self, *, watched: bool = True) -> None:
        self.gate.write_text(SUITES)
        super()._begin(watched=watched)

    def run_both(self, tuned: int = 85, base: int = 80) -> None:
        """The runs; those of a verdict that is judged again stay the newest."""
        if not self.database.value("SELECT count(*) FROM approvals"):
            super().run_both(tuned, base)

    def users(
        self, count: int, *, tuned: float = 0.6, base: float = 0.6, fails: float = 0, away: float = 0, only: str = ""
    ) -> None:
        """New users, of whom these shares say yes; ``only``: those of one arm.

        ``fails``: the share of tuned's that fails, or ``away`` that a breaker keeps away.
        """
        said: dict[str, float] = {"base": 0.0, "tuned": 0.0}
        seen = dict(said)
        failed, made = 0.0, 0
        while made < count:
            self._users = getattr(self, "_users", 0) + 1
            name = f"person-{self._users}"
            arm = assign(self.experiment, name).assigned
            if arm is None or (only and arm != only):
                made += arm is None
                continue
            made, seen[arm] = made + 1, seen[arm] + 1
            yes = said[arm] < (tuned if arm == "tuned" else base) * seen[arm]
            said[arm] += yes
            bad = arm == "tuned" and failed < (fails + away) * seen[arm]
            failed += bad
            kind = {"kept_away" if away else "fails": bad}
            self.visit(name, said=yes, system_fingerprint="fp-1", **kind)
        self.step(hours=0.5 if away else 2)

    def days(self, count: int) -> None:
        for _ in range(count):
            self.step(hours=24)

    def promote(self, **more: Any) -> None:
        asked = Change(NAME, "promote", ADMIN, "it resolves more", options=ChangeOptions(**more))
        change_experiment(self.database, self.publisher, asked, now_us=self.now_us, probe=lambda _: "fp-1")


def judged_again(trial: StatesTrial) -> None:
    better_and_counting(trial)
    trial.gate.write_text(f"{SUITES}approvers: [release-manager]\n")
    trial.run_both()
    voter: tuple[str, Role] = ("account ines", "release-manager")
    verdict_id = trial.judge().verdict_id
    vote_on_verdict(trial.database, verdict_id, "approve", voter, why="read 40 answers", now_us=trial.now_us)


def worse(trial: StatesTrial) -> None:
    trial.users(400, tuned=0.3, base=0.7)


def better(trial: StatesTrial) -> None:
    trial.users(400, tuned=0.9, base=0.5)


def harmed(trial: StatesTrial) -> None:
    trial.users(200, fails=0.5)


def undecided(trial: StatesTrial) -> None:
    trial.users(60)


def better_and_counting(trial: StatesTrial) -> None:
    better(trial)
    trial.days(8)


def not_worse(trial: StatesTrial) -> None:
    trial.users(2000)
    trial.days(8)


def declined(trial: StatesTrial) -> None:
    trial.users(3000, tuned=0.55, base=0.65)
    trial.days(8)


def guardrail_declined(trial: StatesTrial) -> None:
    trial.users(200, fails=0.15)


def decline_accepted(trial: StatesTrial) -> None:
    guardrail_declined(trial)
    trial.change("resume", "these answers time out in both arms soon", options=ChangeOptions(accept=("30pp",)))
    trial.users(60, fails=0.15)


def amended(trial: StatesTrial) -> None:
    worse(trial)
    trial.edit("mde: 10pp", "mde: 12pp")
    trial.change("amend", "a smaller effect does not matter")
    trial.step()


def rearmed(trial: StatesTrial) -> None:
    harmed(trial)
    trial.change("rearm", "the leak is fixed")
    trial.step()


def rearmed_and_safe(trial: StatesTrial) -> None:
    rearmed(trial)
    trial.users(600)
    trial.days(2)


def rearmed_safe_and_better(trial: StatesTrial) -> None:
    rearmed(trial)
    trial.users(900, tuned=0.9, base=0.5)
    trial.days(9)


def withdrawn(trial: StatesTrial) -> None:
    rearmed(trial)
    trial.change("withdraw", "the proxy was broken, not the model")


def paused(trial: StatesTrial) -> None:
    undecided(trial)
    trial.change("pause", "the base model is being moved")


def resumed(trial: StatesTrial) -> None:
    paused(trial)
    trial.change("resume", "the move is done")
    trial.users(60)


def kept_away(trial: StatesTrial) -> None:
    undecided(trial)
    trial.users(60, away=0.9)


def kept_away_and_resumed(trial: StatesTrial) -> None:
    kept_away(trial)
    trial.step(hours=0.1)
    trial.change("resume", "the server is replaced")
    trial.users(60)


def killed(trial: StatesTrial) -> None:
    undecided(trial)
    trial.change("kill", "answers in French")


def replaced(trial: StatesTrial) -> None:
    undecided(trial)
    trial.edit("model: openai/tuned", "model: openai/tuned-2")
    trial.step()


def resumed_anew(trial: StatesTrial) -> None:
    replaced(trial)
    trial.change("resume", "the new weights are meant")
    trial.step()


def unbalanced(trial: StatesTrial) -> None:
    undecided(trial)
    trial.users(300, only="tuned")


def lossy(trial: StatesTrial) -> None:
    undecided(trial)
    trial.lose(20, "tuned")
    trial.users(20)


def unbalanced_and_failing(trial: StatesTrial) -> None:
    unbalanced(trial)
    harmed(trial)


def changed(trial: StatesTrial) -> None:
    """The effect turns around: the intervals of different looks exclude each other."""
    for _ in range(3):
        trial.users(200, tuned=0.95, base=0.05)
    for _ in range(4):
        trial.users(600, tuned=0.05, base=0.95)


def waits(trial: StatesTrial) -> None:
    trial.users(120)
    trial.step(hours=2)


def failing(trial: StatesTrial) -> None:
    """A look that fails for a reason in the plan; the store and the other experiments are sound."""

    def broken(*_: object) -> object:
        raise ValueError("the metric can't be computed")

    kept = experiment_monitor.step
    experiment_monitor.step = broken  # type: ignore[assignment]
    try:
        undecided(trial)
    finally:
        experiment_monitor.step = kept


def ended(trial: StatesTrial) -> None:
    undecided(trial)
    trial.change("end", "the question is answered")
    trial.step()


def over(trial: StatesTrial) -> None:
    undecided(trial)
    trial.step(hours=24 * 43)
    trial.step()


def ship(trial: StatesTrial) -> None:
    trial.run_both()
    trial.judge()


def promoted(trial: StatesTrial) -> None:
    better_and_counting(trial)
    ship(trial)
    trial.promote()
    trial.step()


def promoted_with_a_control(trial: StatesTrial) -> None:
    better_and_counting(trial)
    ship(trial)
    trial.promote(keep_control="5%", keep_for="14d")
    trial.users(60)


def overridden(trial: StatesTrial) -> None:
    better_and_counting(trial)
    trial.promote(override=True)
    trial.step()


def rolled_back(trial: StatesTrial) -> None:
    promoted(trial)
    trial.change("rollback", "complaints about the tone")
    trial.step()


def roll_back_withdrawn(trial: StatesTrial) -> None:
    rolled_back(trial)
    trial.change("withdraw", "the tone was that of another product")


def rolled_back_by_control(trial: StatesTrial) -> None:
    promoted_with_a_control(trial)
    trial.users(300)
    for _ in range(20):
        if trial.experiment.state == "running":
            trial.users(300, fails=0.6)


def control_withdrawn(trial: StatesTrial) -> None:
    rolled_back_by_control(trial)
    trial.change("withdraw", "the proxy was broken, not the model")


def ended_as_worse(trial: StatesTrial) -> None:
    worse(trial)
    trial.change("end", "it is worse")
    trial.step()


def removed(trial: StatesTrial) -> None:
    ended(trial)
    text = trial.config.read_text()
    start, end = text.index("experiments:"), text.index("releases:")
    trial.config.write_text((text[:start] + text[end:]).replace("experiment: tuned-vs-base", "deployment: base"))
    trial.now_us += 3_000_000
    trial.publisher.refresh()
    trial.step()


def nothing(trial: StatesTrial) -> None:
    trial.step()


Scenario = tuple[str, Callable[[StatesTrial], None]]
SCENARIOS: Mapping[str, Scenario] = {
    "declared": (PROJECT.replace("{stages: [100]}", "{stages: [100], start: manual}"), nothing),
    "no look": (PROJECT, nothing),
    "undecided": (PROJECT, undecided),
    "no primary metric": (NO_PRIMARY, undecided),
    "better, too early": (PROJECT, better),
    "better": (PROJECT, better_and_counting),
    "approved and judged again": (PROJECT, judged_again),
    "not worse": (NOT_WORSE, not_worse),
    "declined within the margin": (NOT_WORSE, declined),
    "worse": (PROJECT, worse),
    "worse, on_worse: kill": (PROJECT.replace("mde: 10pp", "mde: 10pp, on_worse: kill"), worse),
    "worse, on_worse: continue": (PROJECT.replace("mde: 10pp", "mde: 10pp, on_worse: continue"), worse),
    "worse, then amended": (PROJECT, amended),
    "harmed": (PROJECT, harmed),
    "harmed, signal: pause": (PROJECT.replace("cap: 2", "cap: 2, signal: pause"), harmed),
    "guardrail declined": (PROJECT, guardrail_declined),
    "decline accepted": (PROJECT, decline_accepted),
    "re-armed after harm": (PROJECT, rearmed),
    "re-armed and proven safe": (PROJECT, rearmed_and_safe),
    "re-armed, proven safe and better": (PROJECT, rearmed_safe_and_better),
    "earlier proof withdrawn": (PROJECT, withdrawn),
    "paused by a person": (PROJECT, paused),
    "resumed": (PROJECT, resumed),
    "kept away": (PROJECT, kept_away),
    "kept away, then resumed": (PROJECT, kept_away_and_resumed),
    "killed by a person": (PROJECT, killed),
    "model replaced": (PROJECT, replaced),
    "resumed with another model": (PROJECT, resumed_anew),
    "unbalanced split": (PROJECT, unbalanced),
    "lost records": (PROJECT, lossy),
    "unbalanced split and a decline": (PROJECT, unbalanced_and_failing),
    "effect changed": (PROJECT.replace("mde: 10pp", "mde: 10pp, on_worse: continue"), changed),
    "waits for approval": (APPROVED, waits),
    "stage reached": (STAGED, waits),
    "monitor error": (PROJECT, failing),
    "ended by a person": (PROJECT, ended),
    "ended after max_weeks": (PROJECT, over),
    "promoted": (PROJECT, promoted),
    "promoted with a kept control": (PROJECT, promoted_with_a_control),
    "promoted by override": (PROJECT, overridden),
    "rolled back": (PROJECT, rolled_back),
    "roll-back withdrawn": (PROJECT, roll_back_withdrawn),
    "rolled back by control": (PROJECT, rolled_back_by_control),
    "control's roll-back withdrawn": (PROJECT, control_withdrawn),
    "ended as worse": (PROJECT, ended_as_worse),
    "removed from the file": (PROJECT, removed),
}
"""By state: the text of the project, and what brings it there."""
