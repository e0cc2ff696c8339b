"""Writes a suite whose rows are recorded traffic or reviewed pairs, with the lines that a successor must meet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evaluators.criteria.content_lines import REVIEW_LINE
from evaluators.imports.files import yaml_text
from evaluators.migration.answer_forms import form_of
from evaluators.review.training_rows import LeftOut, preferred
from fairtrial.domain.wording import counted
from fairtrial.privacy.masking import mask
from fairtrial.safe_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

    from fairtrial.api.review_answers import ReviewedPair

NOTHING: Mapping[str, Any] = {}
FLOOR = ">= 90% sure"
"""How often a successor must give the recorded answer. OLD can't be the measure, because these answers are its own."""
NOT_WORSE = "not worse than base by 5pp"
"""How often it must give the preferred answer of a review, which may be another model's."""


def write_suite(
    path: Path,
    description: str,
    rows: Sequence[Mapping[str, Any]],
    *,
    agreement: str = FLOOR,
    tags: Sequence[str] = (),
    params: Mapping[str, Any] = NOTHING,
) -> None:
    """Write the suite and its rows, readable only by their owner.

    Each row has ``messages``, the recorded answer as ``expected``, and its provenance. ``agreement``: how often an
    answer must be the recorded one, if these are labels, short texts or JSON. ``tags``: the columns by which the suite
    is sliced. ``params`` are sent besides temperature 0. Another wording of prose is not worse, so people judge it.
    """
    form = form_of(rows)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in form.rows)
    write_private(path.with_suffix(".jsonl"), lines.encode())
    if others := len(rows) - len(form.rows):
        description += f" {counted(others, 'answer')} of another form left out."
    content = {
        "suite": path.stem,
        "description": description,
        "data": f"{path.stem}.jsonl",
        "params": {"temperature": 0, **params},
        "score": [form.entry],
        "gate": [
            REVIEW_LINE if form.metric is None else f"{form.metric} {agreement}",
            f"refusals {NOT_WORSE}",
            "errors <= 1%",
        ],
    }
    if tags:
        content |= {"tags": {name: name for name in tags}, "slices": list(tags)}
    write_private(path, yaml_text(content).encode())


def pair_row(pair: ReviewedPair) -> dict[str, Any] | None:
    """One case, or ``None`` without an agreed preference. An erasure knows the row by its case and its request."""
    try:
        arm = preferred(pair)
    except LeftOut:
        return None
    kinds: Counter[str] = Counter()
    return {
        "id": pair.case_id,
        "case_id": pair.case_id,
        "request_id": pair.request(arm),
        "queue_id": pair.queue_id,
        "votes": len(pair.votes),
        "preferred": pair.target(arm),
        **mask({"messages": pair.asked, "expected": pair.output(arm)}, kinds),
    }
