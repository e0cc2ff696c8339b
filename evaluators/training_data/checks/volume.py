"""Compares the number of training rows with what so many are good for."""

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus
from fairtrial.domain.wording import counted

TIERS = (
    (1_000, "1,000 and more rows can teach a broad task with many kinds of input"),
    (200, "200 to 1,000 rows can teach a narrow task, such as a classification or an extraction"),
    (50, "50 to 200 rows can teach a style or an output format, and rarely a task"),
)
"""The number of different rows from which on each sentence holds."""
LEAST = TIERS[-1][0]
TOO_FEW = "fewer than 50 rows are memorised instead of learnt; collect at least 50, better 200"


def _find(corpus: Corpus) -> list[Issue]:
    rows = len(corpus.train)
    different = len({(corpus.prompts[row], corpus.completions[row]) for row in corpus.train})
    advice = next((sentence for least, sentence in TIERS if different >= least), TOO_FEW)
    number = counted(rows, "row") + ("" if different == rows else f", {different:,} of them different")
    severity: Severity = "info" if different >= LEAST else "warning"
    return [corpus.summary("volume", severity, f"{number}: {advice}", rows, different=different)]


check = Check("the number of rows against the guidelines 50, 200 and 1,000", _find)
