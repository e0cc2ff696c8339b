"""Defines the trial that a gate judges, and tells which of its runs are too old or tested other weights."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

from evaluators.results.run_table import RunTable, table_of
from fairtrial.domain.decision.shadow import ShadowDecision
from fairtrial.domain.promises import ALPHA, CANDIDATE_DAYS
from fairtrial.domain.review import ReviewEvidence
from fairtrial.domain.run import Run
from fairtrial.domain.training_data import TrainingEvidence
from fairtrial.domain.verdicts.model_equality import ModelEquality
from fairtrial.domain.verdicts.model_parity import ModelParity
from fairtrial.domain.verdicts.verdict import Result
from fairtrial.domain.wording import counted

RULES = 5
"""The version of the rules of judging, which is that of the evidence. Earlier ones are not computed any more."""

DAY_US, HOUR_US = 86_400_000_000, 3_600_000_000
CANDIDATE_US = CANDIDATE_DAYS * DAY_US
SHORT = 20
"""Characters of a fingerprint that a sentence shows."""
SEVERAL = "+"
"""Joins the fingerprints of a run whose answers named several."""


def _no_run(_: str, __: str) -> None:
    """The default of `Trial.before`: there is no earlier run."""


@dataclass(frozen=True, slots=True)
class TrialInputs:
    """What a trial takes from its evidence as it is, besides the runs.

    ``digests``: target → the digest of its present definition; runs of other definitions are not evidence. ``reviews``:
    the blind reviews of the two targets. ``later``: suites that already compared this candidate, on other answers.
    ``served``: target → the fingerprints of its model's newest answers, newest first. ``training``: the candidate's
    training data. ``alpha``: how often the bound of a line may be wrong, which candidates of one migration share.
    ``kept``: ids of stored baselines whose age and weights do not count, because their deployment may no longer answer.
    ``candidates``: how many candidates the gate has judged on these cases within `CANDIDATE_DAYS`, including this one.
    ``equality``: whether the candidate answers as its base, if both were asked probes. ``parity``: whether it serves
    what was trained, if that was compared. ``shadow``: what the pairs of the two show, if there is a shadow.
    """

    candidate: str
    baseline: str
    _: KW_ONLY
    digests: Mapping[str, str] = field(default_factory=dict)
    reviews: ReviewEvidence = ()
    later: frozenset[str] = frozenset()
    served: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    training: TrainingEvidence | None = None
    alpha: float = ALPHA
    kept: frozenset[str] = frozenset()
    candidates: int = 1
    equality: ModelEquality | None = None
    parity: ModelParity | None = None
    shadow: ShadowDecision | None = None


@dataclass(frozen=True, slots=True)
class Trial(TrialInputs):
    """Candidate and baseline; ``run_of(suite, target)`` gives a run or ``None``; a `RunTable` is faster than a `Run`.

    ``before(suite, target)``: the previous finished run of the same suite and definition. ``now_us``: the time of
    judging, and ``max_age_seconds`` how old a run may be, ``None`` to ignore its age.
    """

    run_of: Callable[[str, str], Run | RunTable | None]
    before: Callable[[str, str], RunTable | Run | None] = _no_run
    now_us: int | None = None
    max_age_seconds: float | None = None
    _tables: dict[tuple[str, str], RunTable | None] = field(default_factory=dict, repr=False, compare=False)

    @property
    def better_alpha(self) -> float:
        """The level of a line `better`: the best of N equal candidates is better by chance N times as often."""
        return min(self.alpha, ALPHA / self.candidates)

    def table(self, suite: str, target: str) -> RunTable | None:
        """The run as a table; it is made once, so that all rules share its groupings."""
        if (suite, target) not in self._tables:
            run = self.run_of(suite, target)
            self._tables[suite, target] = None if run is None else table_of(run)
        return self._tables[suite, target]


def stale_run(run: RunTable, trial: Trial) -> tuple[Result, str] | None:
    """INVALID with the reason if other weights answer now, "cannot tell" if the run is too old, else ``None``.

    A kept baseline is neither, because its deployment may no longer answer.
    """
    if run.run_id in trial.kept:
        return None
    served = trial.served.get(run.target, ())
    if weights_changed(run.fingerprint, served):
        both = fingerprints(run, served)
        return "invalid", f"{run.target} answers with other weights now than in the run of {run.suite}: {both}"
    if trial.now_us is None or trial.max_age_seconds is None:
        return None
    age_us = trial.now_us - run.started_us
    if age_us <= trial.max_age_seconds * 1e6:
        return None
    age, allowed = age_text(age_us), age_text(round(trial.max_age_seconds * 1e6))
    return "cannot tell", f"the run of {run.suite} on {run.target} is {age} old (the gate allows {allowed})"


def weights_changed(tested: str | None, served: Sequence[str]) -> bool:
    """Whether the newest answers come from other weights than the tested ones. ``served``: newest first.

    Fingerprints that alternate are no change: an answer of tested weights after the first one of the newest weights
    shows that both serve. Without fingerprints nothing is known.
    """
    if tested is None or not served:
        return False
    newest = served[0]
    if _among(newest, tested):
        return False
    first = max(at for at, fingerprint in enumerate(served) if fingerprint == newest)
    return not any(_among(fingerprint, tested) for fingerprint in served[:first])


def fingerprints(run: RunTable, served: Sequence[str]) -> str:
    """Both fingerprints for people."""
    return f"{_shown(run.fingerprint or '')} was tested, {_shown(served[0])} answers"


def age_text(age_us: int) -> str:
    """An age such as ``20 days`` or ``5 hours``."""
    return counted(age_us // DAY_US, "day") if age_us >= 2 * DAY_US else counted(max(1, age_us // HOUR_US), "hour")


def _among(fingerprint: str, tested: str) -> bool:
    """Whether it is one of those that a run names; a fingerprint may contain the separator itself."""
    return f"{SEVERAL}{fingerprint}{SEVERAL}" in f"{SEVERAL}{tested}{SEVERAL}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHORT else f"{text[:SHORT]}…")
