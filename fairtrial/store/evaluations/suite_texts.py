"""Reads the texts of suites, as their runs stored them, by digest."""

from __future__ import annotations

from dataclasses import dataclass

from fairtrial.store.core.database import Database
from fairtrial.store.core.query import Page, Query

LIST = """
SELECT suite, suite_digest, text_digest, max(at_time) AS at_time, count(*) AS stored
FROM suite_texts
WHERE ($1 IS NULL OR suite = $1) AND ($2 IS NULL OR suite_digest = $2) AND ($3 IS NULL OR text_digest = $3)
GROUP BY suite, suite_digest, text_digest
HAVING max(at_time) >= $4 AND max(at_time) < $5
ORDER BY at_time DESC, text_digest
LIMIT $6 OFFSET $7
"""

NEWEST = """
SELECT text_digest, text
FROM suite_texts
WHERE suite = $1 AND suite_digest = $2 AND ($3 IS NULL OR text_digest = $3)
ORDER BY at_time DESC, text_digest
LIMIT 1
"""

ONE = "SELECT text FROM suite_texts WHERE suite_digest = $1 AND text_digest = $2 LIMIT 1"


@dataclass(frozen=True, slots=True)
class SuiteText:
    """One text. ``digest`` is its SHA-256, unlike the suite's digest, which does not cover the gate lines."""

    digest: str
    text: str


def listing(
    page: Page, *, suite: str | None = None, suite_digest: str | None = None, text_digest: str | None = None
) -> Query:
    """Each distinct text without its content, with the time it was last stored and how often."""
    window = (page.since, page.until, page.rows, page.offset)
    return Query(LIST, (suite, suite_digest, text_digest, *window))


def newest(database: Database, suite: str, suite_digest: str, text_digest: str | None = None) -> SuiteText | None:
    """The text with this digest, or the latest if none is given; ``None`` if there is none."""
    found = database.rows(NEWEST, (suite, suite_digest, text_digest))
    return SuiteText(str(found[0][0]), str(found[0][1])) if found else None


def find(database: Database, suite_digest: str, text_digest: str) -> str | None:
    """The content of one text; ``None`` if it is not stored."""
    found: str | None = database.value(ONE, (suite_digest, text_digest))
    return found
