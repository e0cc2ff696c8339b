"""A comparison says first who is better, in one screen; details have the rest."""

from __future__ import annotations

import io
from collections.abc import Sequence

from rich.console import Console

from evaluators.comparison.matrix import matrix_of
from evaluators.criteria.metric_catalogue import Measure, measures_seen
from evaluators.results.run_table import table_of
from fairtrial.api.comparison_answers import RunMatrix
from fairtrial_cli.output.matrix import print_matrices
from tests.fixtures.evaluators.trials import right, run, suite

SCREEN = 24


def compared(name: str, candidates: dict[str, int], base: int) -> tuple[RunMatrix, Sequence[Measure]]:
    """A suite of 120 cases, with how many each model has right."""
    of = suite(name=name)
    old, *new = (table_of(run(of, target, right(count))) for target, count in ({"base": base} | candidates).items())
    measures = measures_seen([old, *new])
    return matrix_of(measures, old, new), measures


def printed(*matrices: tuple[RunMatrix, Sequence[Measure]], width: int = 80, details: bool = False) -> list[str]:
    text = io.StringIO()
    print_matrices(Console(file=text, width=width), matrices, details=details)
    return text.getvalue().splitlines()


def test_two_suites_on_two_models_are_answered_first_in_one_screen() -> None:
    lines = printed(compared("tickets", {"tuned": 100}, 60), compared("kept", {"tuned": 80}, 100))
    assert lines[0] == "tickets: tuned is better than base by qa.accuracy"
    assert lines[2].split()[:6] == ["qa.accuracy", "better", "120", "50.0", "%", "83.3"]
    assert "kept: tuned is worse than base by qa.accuracy" in lines
    assert "tuned, worst cases by qa.accuracy: c80, c81, c82, c83, c84" in lines
    assert len(lines) < SCREEN and max(map(len, lines)) <= 80


def test_what_did_not_change_is_only_in_the_details() -> None:
    pair = compared("tickets", {"tuned": 61}, 60)
    short, details = printed(pair), printed(pair, details=True)
    assert short[0] == "tickets: cannot tell whether tuned is better or worse than base by qa.accuracy"
    assert [line.split()[0] for line in short[1:]] == ["metric", "qa.accuracy"]
    assert {"errors", "latency.p50", "tokens"} <= {line.split()[0] for line in details if line}
    assert any(line.startswith("Noise floor: unknown.") for line in details)


def test_several_candidates_have_one_table_and_a_line_about_choosing_the_best() -> None:
    lines = printed(compared("tickets", {"tuned": 100, "tuned-2": 30}, 60), width=100)
    assert [line.split(" is ")[1].split()[0] for line in lines[:2]] == ["better", "worse"]
    assert [line.split()[:3] for line in lines[3:5]] == [
        ["qa.accuracy", "tuned", "better"],
        ["qa.accuracy", "tuned-2", "worse"],
    ]
    assert lines[-1].startswith("Each interval holds by itself")


def test_errors_of_any_run_are_counted() -> None:
    of = suite()
    new, old = (table_of(run(of, name, values)) for name, values in (("tuned", [None] * 120), ("base", right(60))))
    measures = measures_seen([new, old])
    lines = printed((matrix_of(measures, old, [new]), measures))
    assert lines[0] == "small: tuned and base have no scored case in common"
    assert "Not scored: base 0 of 120, tuned 120 of 120" in lines
