"""Counts each question of several seeds once, because seeds share questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fairtrial.domain.run import Run, Score


@dataclass(slots=True)
class Tally:
    """Every question of all seeds once: slice → question → model → whether its answer is right."""

    right: dict[str, dict[str, dict[str, bool]]] = field(default_factory=dict)

    def add(self, model: str, run: Run) -> None:
        for result in run.results:
            score = result.scores["general"]
            if isinstance(score, Score):
                questions = self.right.setdefault(result.case.tags["kind"], {})
                asked = questions.setdefault(str(result.case.messages[-1]["content"]), {})
                asked[model] = score.values["accuracy"] == 1

    def table(self, models: Sequence[str]) -> str:
        """A Markdown table: one line a slice, one column a model."""
        lines = [f"| slice | questions | {' | '.join(models)} |", "|---" * (len(models) + 2) + "|"]
        for kind, questions in sorted(self.right.items()):
            counts = (str(sum(asked.get(model, False) for asked in questions.values())) for model in models)
            lines.append(f"| {kind} | {len(questions)} | {' | '.join(counts)} |")
        return "\n".join(lines)
