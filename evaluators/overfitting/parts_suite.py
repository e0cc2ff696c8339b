"""Makes a suite that asks training and validation examples beside the suite's own cases, scored by the same scorers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evaluators.loading.template import as_text
from evaluators.overfitting.generalisation import PART, TEST, TRAIN, UNSEEN, VALIDATION
from evaluators.scoring.scorer import ChecksCases
from evaluators.suite import KIND_TAG, OWN, Suite, tag_values, with_digest
from evaluators.training_data.example import Example
from evaluators.training_data.memorisation.continuations import comparable
from fairtrial.domain.errors import UsageError
from fairtrial.domain.run import Case


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
    scorers = tuple(one for one in suite.scorers if any(one in suite.scorers_of(case) for case in cases))
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
            messages=tuple(dict(one) for one in example.messages[:-1]),
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
