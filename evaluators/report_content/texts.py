"""Shows the texts of cases as the report's reader may see them: masked, in full, or not at all."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Literal

from fairtrial.domain.verdicts.verdict import Finding, Verdict
from fairtrial.domain.wording import TEXT_DELETED, TEXT_NOT_STORED
from fairtrial.privacy.masking import mask

TextPolicy = Literal["masked", "full", "none"]
LEFT_OUT = "left out of this report"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a case; if it is ``absent``, the words say why."""

    words: str
    absent: bool = False


class Texts:
    """Shows texts by one policy, and counts in ``masked`` what it masked by kind."""

    def __init__(self, policy: TextPolicy) -> None:
        self.policy = policy
        self.masked: Counter[str] = Counter()
        self._case_ids: dict[str, str] = {}
        self._uses: Counter[str] = Counter()

    def shown(self, text: str | None, *, deleted: bool = False) -> Text:
        """A text of a case, or why the report does not have it; ``deleted``: retention has deleted it."""
        if deleted:
            return Text(TEXT_DELETED, absent=True)
        if text is None:
            return Text(TEXT_NOT_STORED, absent=True)
        if self.policy == "none":
            return Text(LEFT_OUT, absent=True)
        return Text(self.label(text.replace("\r\n", "\n")))

    def label(self, text: str) -> str:
        """A case id, a tag or another name from the data, which is shown by every policy, and masked unless in full."""
        return text if self.policy == "full" else mask(text, self.masked)

    def case_id(self, case_id: str) -> str:
        """A case's id, the same wherever it occurs; ids that masking makes equal are numbered."""
        if case_id not in self._case_ids:
            shown = self.label(case_id)
            self._uses[shown] += 1
            again = self._uses[shown] > 1
            self._case_ids[case_id] = f"{shown} ({self._uses[shown]})" if again else shown
        return self._case_ids[case_id]

    def verdict(self, verdict: Verdict) -> Verdict:
        """A verdict, whose sentences may quote names from the data."""
        return replace(
            verdict,
            headline=self.label(verdict.headline),
            findings=tuple(map(self._finding, verdict.findings)),
            conflicts=tuple(map(self.label, verdict.conflicts)),
        )

    def _finding(self, finding: Finding) -> Finding:
        says, needed, scope = map(self.label, (finding.says, finding.needed, finding.scope))
        return replace(finding, says=says, needed=needed, scope=scope)
