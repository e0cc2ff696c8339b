"""Makes the changed copies of a suite's own rows for the families of kind invariance and directional."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluators.generators.draw import Draw
from evaluators.probes.asked import text_of, with_text
from evaluators.probes.probe import ORIGINAL, Probe, Severity, Source

Change = Callable[[str, Draw], str]
"""A text and a draw of its own to the changed text; the same text if nothing can be changed."""


def changed_rows(source: Source, family: str, change: Change, severity: Severity) -> list[dict[str, Any]]:
    """A changed copy of each drawn row, in the order of the suite; rows without a change are left out."""
    drawn = sorted(Draw(source.seed, "rows").shuffled(range(len(source.rows)))[: source.count])
    made = []
    for at in drawn:
        row = source.rows[at]
        text = text_of(source, row)
        changed = change(text, Draw(source.seed, f"{family}/{row['id']}"))
        if changed == text:
            continue
        made.append(
            {
                **with_text(source, row, changed),
                "id": f"{row['id']}~{family}",
                ORIGINAL: row["id"],
                "family": family,
                "technique": family,
                "severity": severity,
                "seed_id": row["id"],
            }
        )
    return made


def invariance(name: str, summary: str, change: Change, *, severity: Severity = "medium") -> Probe:
    """A family whose changed text must get the same answer as the original."""
    return Probe(
        name=name,
        kind="invariance",
        summary=summary,
        rows=lambda source: changed_rows(source, name, change, severity),
        score=({"keep": {}},),
        phrase="keep answer under",
    )
