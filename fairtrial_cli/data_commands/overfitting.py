"""The command `fairtrial data overfitting`, which compares task metrics on training, validation and test cases."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fairtrial_cli.options import CONFIG, JSON, FineTuneOptions, print_json

if TYPE_CHECKING:
    from evaluators.suite import Suite
    from fairtrial_cli.training_data.fine_tune import FineTune

FOUND, UNDECIDED = 1, 3
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options(FineTuneOptions):
    """Which examples and cases are compared, and how they are asked."""

    validation: tuple[Path, ...]
    unseen: str


@click.command()
@click.argument("suite", type=FILE)
@click.option("--on", "candidate", required=True, help="The fine-tune: a deployment or EXPERIMENT/VARIANT.")
@click.option("--against", "base", help="The base that it was tuned from; by default its parent.")
@click.option("--train", multiple=True, type=FILE, help="A training file; by default those of the lineage.")
@click.option("--validation", multiple=True, type=FILE, help="A validation file; by default those of the lineage.")
@click.option("--unseen", default="phrasing:unseen", show_default=True, metavar="TAG:VALUE", help="The unseen cases.")
@click.option("--rows", default=100, show_default=True, type=click.IntRange(8, 10_000), help="Examples of each kind.")
@click.option("--seed", default=0, show_default=True, help="The seed of the draw, if there are more examples.")
@click.option("--margin", default=10.0, show_default=True, type=click.FloatRange(0, 100), help="Tolerated points.")
@click.option("--concurrency", default=8, show_default=True, type=click.IntRange(1, 256), help="Concurrent requests.")
@click.option("--fresh", is_flag=True, help="Ask all questions again, even if their answers are cached.")
@CONFIG
@JSON
def command(suite: Path, candidate: str, base: str | None, config: Path, as_json: bool, **given: Any) -> None:
    """Test whether a fine-tune does better on its training data.

    It compares a suite's scores on training, validation, test and unseen cases with those of the base. The suite's
    scorers score training and validation examples too. A fine-tune is overfitted if it does better on its training data
    than on its validation data, by more than the margin and more than its base.

    The exit code is 1 if the fine-tune is overfitted, 3 if nothing can be decided, and 4 if more than 2 % of the
    answers failed.

    \b
    Examples:  fairtrial data overfitting suites/support/suite.yaml --on support-overfit
               fairtrial data overfitting suite.yaml --on tuned --train train.jsonl --validation val.jsonl
    """
    from evaluators.overfitting.generalisation import judge_generalisation
    from fairtrial_cli.training_data.fine_tune import FineTune, overfitting_json, print_overfitting

    options, tested = Options(**given), FineTune.of(config, candidate, base)
    asked = _suite(suite, tested, options)
    [runs] = tested.run([asked], concurrency=options.concurrency, fresh=options.fresh)
    generalisation = judge_generalisation(asked, *runs, margin=options.margin / 100)
    if as_json:
        print_json(overfitting_json(generalisation, asked, runs))
    else:
        print_overfitting(generalisation, asked, runs)
    sys.exit({"overfitted": FOUND, "cannot tell": UNDECIDED}.get(generalisation.answer, 0))


def _suite(path: Path, tested: FineTune, options: Options) -> Suite:
    """The only suite of the file, with the examples of the fine-tune beside its own cases; raises `UsageError`."""
    from evaluators.loading.suite_reader import load
    from evaluators.overfitting.generalisation import Parts, parts_suite
    from evaluators.suite import suite_name
    from fairtrial.domain.errors import UsageError
    from fairtrial_cli.training_data.data_files import training_examples

    suites = load(path)
    if len(suites) != 1:
        names = ", ".join(suite.name for suite in suites)
        raise UsageError(f"{path}: the file has {len(suites)} suites ({names}); name a file with one")
    tag, colon, value = options.unseen.partition(":")
    if not colon or not tag or not value:
        raise UsageError(f"--unseen {options.unseen!r}: write TAG:VALUE, such as phrasing:unseen")
    read = training_examples(
        tested.project, tested.candidate, train=options.train, held_out=options.validation, option="--validation"
    )
    parts = Parts(read.train, read.held_out, (tag, value), options.rows, options.seed)
    return parts_suite(suites[0], parts, name=suite_name(f"overfitting-{suites[0].name}", tested.candidate))
