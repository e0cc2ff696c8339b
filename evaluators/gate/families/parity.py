"""Judges `parity.served hold` on the newest comparison of the candidate with a file of its training."""

from collections.abc import Iterator

from evaluators.criteria.grammar import GateLine, State
from evaluators.gate.external_line import ExternalLine, JudgedFamily
from evaluators.gate.file import Gate
from evaluators.gate.multiplicity import RuleResult
from evaluators.trial import Trial, age_text
from fairtrial.domain.verdicts.model_parity import SERVED
from fairtrial.domain.verdicts.verdict import Finding, Result


def _validate(line: GateLine) -> tuple[str, str] | None:
    holds = line.metric == SERVED and isinstance(line.test, State) and line.test.word == "hold"
    if holds and not line.scope and line.with_count is None:
        return None
    return "parity can only be required to hold, as a whole", f"write: {SERVED} hold"


def _judge(line: ExternalLine) -> RuleResult:
    return RuleResult(Finding(line.text, line.gate.name, *_judged(line.trial), SERVED))


family = JudgedFamily("the records of training", _validate, judge=_judge)


def _judged(trial: Trial) -> tuple[Result, str, str]:
    """Anything but *same* is undecided, so it holds."""
    asked = trial.parity
    again = f"fairtrial parity FILE --on {trial.candidate.partition('/')[0] if asked is None else asked.deployment}"
    if asked is None:
        sentence = f"the served model of {trial.candidate} was not compared with a file of its training"
        return "cannot tell", sentence, f"add ParityCallback to the training, then run: {again}"
    age_us = 0 if trial.now_us is None else trial.now_us - asked.asked_us
    if trial.max_age_seconds is not None and age_us > trial.max_age_seconds * 1e6:
        return "cannot tell", f"{asked.deployment} was compared with its training {age_text(age_us)} ago", again
    return ("pass", asked.words, "") if asked.answer == "same" else ("cannot tell", asked.words, f"correct it: {again}")


def served_note(gate: Gate, trial: Trial) -> Iterator[Finding]:
    """What is known, where no line asks for it."""
    asked = trial.parity
    if asked is not None and all(line.metric != SERVED for _, line in gate.external):
        result: Result = "pass" if asked.answer == "same" else "cannot tell"
        yield Finding(SERVED, gate.name, result, asked.words, metric=SERVED, decisive=False)
