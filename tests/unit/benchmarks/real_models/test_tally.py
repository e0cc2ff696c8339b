"""A question that several seeds ask counts once."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.real_models.tally import Tally
from evaluators.suite import Suite
from fairtrial.domain.run import Run, Score
from tests.fixtures.evaluators.trials import run, suite


def asked(of: Suite, model: str, *values: float) -> Run:
    """A run of the general suite, whose scorer has this name."""
    made = run(of, model, values)
    results = (
        replace(one, scores={"general": Score("general", dict(one.scores["qa"].values))}) for one in made.results
    )
    return replace(made, results=tuple(results))


def questions(*texts: str) -> Suite:
    plain = suite(n=len(texts), tags={number: {"kind": "arithmetic"} for number in range(len(texts))})
    cases = (
        replace(case, messages=({"role": "user", "content": text},))
        for case, text in zip(plain.cases, texts, strict=True)
    )
    return replace(plain, cases=tuple(cases))


def test_each_question_counts_once_however_many_seeds_ask_it() -> None:
    tally = Tally()
    first, second = questions("2 + 4", "3 + 4"), questions("3 + 4", "9 + 9")
    for of, base, tuned in ((first, (1.0, 1.0), (1.0, 0.0)), (second, (1.0, 0.0), (0.0, 0.0))):
        tally.add("smollm2", asked(of, "base", *base))
        tally.add("tuned", asked(of, "tuned", *tuned))
    assert tally.table(["smollm2", "tuned"]).splitlines()[-1] == "| arithmetic | 3 | 2 | 1 |"
