"""Probes verbatim memory: the model continues completions of its training data, and others that were held out."""

from collections.abc import Mapping, Sequence
from typing import Any

from evaluators.probes.probe import Probe, Source
from evaluators.training_data.continuations import MOST_PREFIX, USUAL_PREFIX, ContinuationRecipe, Half, continuations
from evaluators.training_data.example import FORMATS, PRECEDENCE, Example, RowError

NAME = "verbatim_continuation"


def rows(source: Source) -> list[dict[str, Any]]:
    """Half of the cases from each file; none if one of them has no example."""
    trained, held_out = (_examples(source.files.get(name, ())) for name in ("train", "holdout"))
    if not trained or not held_out:
        return []
    recipe = ContinuationRecipe(_prefix(source.options.get("prefix", USUAL_PREFIX)), -(-source.count // 2), source.seed)
    made = continuations(Half("train", trained), Half("holdout", held_out), recipe)
    return [
        {**row, "family": NAME, "technique": row["split"], "severity": "high", "seed_id": row["id"]}
        for row in made.rows
    ]


def _prefix(value: Any) -> float:
    """The share of a completion that is given; raises `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_PREFIX:
        raise ValueError(f"prefix: {value!r} is not a share from 0 to {MOST_PREFIX}")
    return float(value)


def _examples(source_rows: Sequence[Mapping[str, Any]]) -> list[Example]:
    made = (_example(row, line) for line, row in enumerate(source_rows, 1))
    return [example for example in made if example is not None]


def _example(row: Mapping[str, Any], line: int) -> Example | None:
    form = next((FORMATS.get(name) for name in PRECEDENCE if not FORMATS.get(name).lacks(row)), None)
    try:
        return None if form is None else form.read(row, line)
    except RowError:
        return None


probes = (
    Probe(
        name=NAME,
        kind="memorisation",
        summary="The rest of completions from the training data, compared with that of completions that were held out.",
        rows=rows,
        score=({"memorised": {}},),
        options={
            "train": "The file of training examples.",
            "holdout": "A file of examples of the same kind that were not trained on.",
            "prefix": "The share of each completion that is given; 0.25 by default.",
        },
        files=("train", "holdout"),
        phrase="not memorised",
    ),
)
