"""Renews the table of measured reliability in docs/reference/training-data.md, whose rest is written by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from evaluators.training_data.audit_report import Measurement, measurements, reliability_of
from scripts.reference.markdown import code, table

PAGE = Path(__file__).parents[2] / "docs/reference/training-data.md"
TABLE = re.compile(r"(?<=<!-- reliability -->\n).*?(?=\n<!-- end -->)", re.DOTALL)


def training_data_page() -> str:
    """The page with the table of this program's measurements."""
    heads = ("check", "kind", "recall", "false alarms per 1,000 clean rows", "by source")
    return TABLE.sub(lambda _: table(heads, _rows()), PAGE.read_text(encoding="utf-8"))


def _rows() -> Iterator[tuple[str, ...]]:
    for check, kind in dict.fromkeys((each.check, each.kind) for each in measurements()):
        of = reliability_of(check, kind)
        if of is not None:
            sources = [
                each
                for each in measurements()
                if (each.check, each.kind) == (check, kind) and (each.planted or each.false_alarms)
            ]
            recall = "–" if of.recall is None else f"{of.recall:.0%}"
            yield (
                code(check),
                kind and code(kind),
                recall,
                f"{of.false_alarms_per_1000:.1f}",
                "; ".join(map(_by_source, sources)),
            )


def _by_source(of: Measurement) -> str:
    recall = f"{of.found}/{of.planted}, " if of.planted else ""
    return f"{of.source} {recall}{1_000 * of.false_alarms / of.clean_rows:.1f}"
