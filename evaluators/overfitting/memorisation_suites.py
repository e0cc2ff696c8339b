"""Makes the suites of overfitting tests, from continuations and from training and validation examples."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evaluators.loading.suite_reader import load
from evaluators.loading.template import as_text
from evaluators.overfitting.generalisation import PART, TEST, TRAIN, UNSEEN, VALIDATION
from evaluators.scoring.scorer import ChecksCases
from evaluators.suite import KIND_TAG, OWN, Suite, tag_values, with_digest
from evaluators.training_data.continuations import Continuations, Recipe, comparable
from evaluators.training_data.example import Example
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Case


@dataclass(frozen=True, slots=True)
class SuiteOptions:
    """Parameters of every request, the margin of the gate line in points, and a folder that keeps the suite's files."""

    params: Mapping[str, Any] = field(default_factory=dict)
    margin: float = 0.0
    folder: Path | None = None


USUAL = SuiteOptions()


def continuation_suite(name: str, made: Continuations, recipe: Recipe, options: SuiteOptions = USUAL) -> Suite:
    """The suite, with a gate line if there is a margin; raises `UsageError`."""
    if not made.rows:
        raise UsageError(f"{name}: no completion is long enough: after its beginning, 20 characters must be left")
    column = "prefix" if recipe.ask == "instruction" else "assistant_prefix"
    suite = {
        "suite": name,
        "description": "training texts and held-out texts, continued from their beginning",
        "data": f"{name}.jsonl",
        "params": {"temperature": 0, "max_tokens": made.max_tokens, **options.params},
        "score": [{"memorised": {"prefix_column": column}}],
        "slices": ["split"],
        "seed": recipe.seed,
        "gate": [f"memorised not worse than base by {options.margin:g}pp"] if options.margin else [],
    }
    if options.folder is not None:
        if options.margin:
            gate = {"version": 1, "gate": name, "suites": [f"{name}.yaml"]}
            (options.folder / f"{name}.gate.yaml").write_text(json.dumps(gate) + "\n", encoding="utf-8")
        return _written(options.folder, name, suite, made.rows)
    with TemporaryDirectory(prefix="fairtrial-") as temporary:
        return _written(Path(temporary), name, suite, made.rows)


def suite_name(kind: str, candidate: str) -> str:
    """The name of a generated suite of a candidate, such as ``memorisation-support-v2``."""
    return f"{kind}-" + "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in candidate)


def _written(folder: Path, name: str, suite: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Suite:
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(suite, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return load(path, root=folder)[0]


@dataclass(frozen=True, slots=True)
class Parts:
    """What is compared: examples, at most ``most`` of each kind, drawn by a seed, and how unseen cases are marked.

    ``unseen`` is a tag and its value, such as ``("phrasing", "unseen")``.
    """

    train: Sequence[Example]
    validation: Sequence[Example]
    unseen: tuple[str, str] = ("phrasing", "unseen")
    most: int = 200
    seed: int = 0


def parts_suite(suite: Suite, parts: Parts, *, name: str) -> Suite:
    """The suite's own cases and the examples, each with the tag ``part``; cases and scorers of probes are left out.

    Raises `UsageError` for examples that its scorers cannot score.
    """
    train = comparable(parts.train, parts.validation) if parts.validation else parts.train
    cases = [
        *_cases(suite, train, TRAIN, parts),
        *_cases(suite, parts.validation, VALIDATION, parts),
        *(_own(case, parts) for case in suite.cases if case.tags.get(KIND_TAG, OWN) == OWN),
    ]
    scorers = tuple(scorer for scorer in suite.scorers if any(scorer in suite.scorers_of(case) for case in cases))
    found = replace(
        suite,
        name=name,
        cases=tuple(cases),
        scorers=scorers,
        slices=(PART,),
        gate=(),
        gate_lines=(),
        warnings=(),
        notices=(),
        data=(),
    )
    _check(found)
    return with_digest(found)


def _cases(suite: Suite, examples: Sequence[Example], part: str, parts: Parts) -> Iterator[Case]:
    draw = random.Random(f"{parts.seed}/{part}")
    # In a suite with probes, its own scorers apply to cases of this kind.
    kind = {KIND_TAG: OWN} if KIND_TAG in suite.values else {}
    ranked = sorted(range(len(examples)), key=lambda _: draw.random())
    for at in sorted(ranked[: parts.most]):
        example = examples[at]
        fields = dict(example.fields)
        tags = {tag: as_text(fields[tag]) for tag in suite.values if fields.get(tag) is not None}
        yield Case(
            case_id=f"{part}-{at + 1:05d}",
            messages=tuple(dict(message) for message in example.messages[:-1]),
            expected=fields.get("expected", example.completion),
            tags={**tags, **kind, PART: part},
            fields=fields,
        )


def _own(case: Case, parts: Parts) -> Case:
    tag, value = parts.unseen
    part = UNSEEN if value in tag_values(case, tag) else TEST
    return replace(case, tags={**case.tags, PART: part})


def _check(suite: Suite) -> None:
    """Every case has a scorer, and each of its scorers can score it."""
    for case in suite.cases:
        scorers = suite.scorers_of(case)
        if not scorers:
            raise UsageError(f"suite {suite.name}: no scorer measures the example {case.case_id} (see 'when')")
        for scorer in scorers:
            problem = scorer.case_problem(case) if isinstance(scorer, ChecksCases) else None
            if problem:
                raise UsageError(f"suite {suite.name}: the example {case.case_id} {problem} (scorer: {scorer.name})")
