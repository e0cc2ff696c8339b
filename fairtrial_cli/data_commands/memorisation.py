"""The command `fairtrial data memorisation`, which tests whether a fine-tune repeats its training data verbatim."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from fairtrial_cli.options import CONFIG, JSON, FineTuneOptions, print_json

if TYPE_CHECKING:
    from evaluators.suite import Suite
    from evaluators.training_data.continuations import ContinuationRecipe
    from fairtrial_cli.training_data.fine_tune import FineTune

FOUND, UNDECIDED = 1, 3
MARKS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(FineTuneOptions):
    """Which texts are continued, and how they are asked."""

    holdout: tuple[Path, ...]
    canaries: Path | None
    prefix: float
    ask: Literal["prefill", "instruction"]
    params: tuple[str, ...]
    write_suite: Path | None


@click.command()
@click.option("--on", "candidate", required=True, help="The fine-tune: a deployment or EXPERIMENT/VARIANT.")
@click.option("--against", "base", help="The base that it was tuned from; by default its parent.")
@click.option("--train", multiple=True, type=FILE, help="A training file; by default those of the lineage.")
@click.option("--holdout", multiple=True, type=FILE, help="A held-out file; by default the lineage's validation files.")
@click.option("--canaries", type=FILE, help="Planted and control texts, in rows with a field 'planted'.")
@click.option("--prefix", default=0.25, show_default=True, type=click.FloatRange(0, 0.9), help="The share given.")
@click.option("--rows", default=200, show_default=True, type=click.IntRange(8, 10_000), help="Texts of each kind.")
@click.option("--seed", default=0, show_default=True, help="The seed of the draw, if there are more texts.")
@click.option(
    "--margin", default=5.0, show_default=True, type=click.FloatRange(0, 100), help="Tolerated gap in points."
)
@click.option(
    "--ask",
    default="prefill",
    show_default=True,
    type=click.Choice(["prefill", "instruction"]),
    help="How to ask: an unfinished answer, or a request to continue it.",
)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A parameter of every request.")
@click.option("--write-suite", type=click.Path(path_type=Path, file_okay=False), help="Keep the suite in this folder.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Concurrent requests.")
@click.option("--fresh", is_flag=True, help="Ask all questions again, even if their answers are cached.")
@CONFIG
@JSON
def command(candidate: str, base: str | None, config: Path, as_json: bool, **given: Any) -> None:
    """Test whether a fine-tune repeats its training data.

    It also tests whether the model remembers planted canaries. The model continues training texts and held-out texts
    from their beginning. A good model also continues texts that it never saw. So the test compares the gap between both
    with that of the base. The runs are stored and can be continued.

    The exit code is 1 if memorisation is found, 3 if nothing can be decided, and 4 if more than 2 % of the answers
    failed.

    \b
    Examples:  fairtrial data memorisation --on support-overfit
               fairtrial data memorisation --on tuned --against base --train train.jsonl --holdout holdout.jsonl
    """
    from evaluators.overfitting.memorisation import judge_membership, judge_regurgitation
    from evaluators.training_data.continuations import ContinuationRecipe
    from fairtrial_cli.training_data.fine_tune import (
        FineTune,
        MemorisationReport,
        memorisation_json,
        print_memorisation,
    )

    options, tested = Options(**given), FineTune.of(config, candidate, base)
    recipe = ContinuationRecipe(options.prefix, options.rows, options.seed, options.ask)
    suites, notes = _suites(tested, recipe, options)
    runs = tested.run(suites, concurrency=options.concurrency, fresh=options.fresh)
    report = MemorisationReport(
        tested.candidate,
        tested.base,
        judge_regurgitation(suites[0], *runs[0], margin=options.margin / 100),
        judge_membership(suites[1], *runs[1]) if len(runs) > 1 else None,
        tuple(
            (suite.name, candidate.run_id, base.run_id) for suite, (candidate, base) in zip(suites, runs, strict=True)
        ),
        tuple(notes),
    )
    print_json(memorisation_json(report)) if as_json else print_memorisation(report)
    sys.exit(FOUND if report.is_found else UNDECIDED if report.is_undecided else 0)


def _suites(tested: FineTune, recipe: ContinuationRecipe, options: Options) -> tuple[list[Suite], list[str]]:
    """The suite of continuations and, with canaries, theirs; and notes on what was left out."""
    from evaluators.overfitting.memorisation import SuiteOptions, continuation_suite
    from evaluators.suite import suite_name
    from evaluators.training_data.continuations import Half, continuations
    from fairtrial_cli.training_data.data_files import training_examples
    from fairtrial_cli.training_data.fine_tune import left_out, parameters

    if options.write_suite is not None:
        options.write_suite.mkdir(parents=True, exist_ok=True)
    usual = SuiteOptions(parameters(options.params), folder=options.write_suite)
    read = training_examples(
        tested.project, tested.candidate, train=options.train, held_out=options.holdout, option="--holdout"
    )
    made = continuations(Half("train", read.train), Half("holdout", read.held_out), recipe)
    name = suite_name("memorisation", tested.candidate)
    suites = [continuation_suite(name, made, recipe, replace(usual, margin=options.margin))]
    if options.canaries is not None:
        canaries = continuations(*_canaries(options.canaries), recipe.for_canaries())
        name = suite_name("canaries", tested.candidate)
        suites.append(continuation_suite(name, canaries, recipe, usual))
    return suites, left_out(made, read.unreadable)


def _canaries(path: Path) -> tuple[Any, Any]:
    """The planted canaries and the controls of a file; raises `UsageError`."""
    from evaluators.training_data.continuations import Half
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.training_data.data_files import read_all

    examples, _ = read_all([path])
    kinds: dict[bool, list[Any]] = {True: [], False: []}
    for example in examples:
        mark = str(example.fields.get("planted")).lower()
        if mark not in MARKS:
            raise UsageError(
                f"{path}:{example.line}: 'planted' is {mark!r} (known: true for planted, false for controls)"
            )
        kinds[MARKS[mark]].append(example)
    return Half("planted", kinds[True]), Half("control", kinds[False])
