"""Commands, pages and reports read answers by attributes, so that mypy notices a renamed field."""

from __future__ import annotations

from collections import Counter

from scripts.renamed_fields import KEYS_OF_OTHERS, key_reads
from tests.fixtures.paths import ROOT

MOST = 55
"""In commands and pages."""


def test_every_file_that_reads_by_a_string_key_has_a_reason() -> None:
    counts = Counter(path for path, _, _ in key_reads(ROOT))
    assert sorted(counts) == sorted(KEYS_OF_OTHERS)
    shown = {path: count for path, count in counts.items() if path.startswith(("dashboard/", "fairtrial_cli/"))}
    assert sum(shown.values()) <= MOST, shown
