"""Renders docs/reference/personal-data.md from the catalogue of personal and secret text."""

from __future__ import annotations

from fairtrial.privacy.checks import HARMLESS
from fairtrial.privacy.patterns import CATALOGUE, NOT_LOOKED_FOR
from scripts.reference.markdown import code, page, prose, table

INTRO = """\
[Recorded traffic](../privacy/data-flow.md), [reports](../how-to/share-a-report.md), and the
[audit and repair of training data](training-data.md) look for the same kinds of text. A find is replaced by its kind,
such as `[email]`."""

CUES = """\
A random number passes one check digit in ten, and some ids have none. These ids need a *cue*: their name in the
language of the country or in English, or a general one such as `national id`. It stands up to 40 characters before the
id or after it in the same sentence, or it is the name of the field, such as `customer_ssn`. A number right after a word
such as *order* or *invoice* is not taken for an id. It is one if its own cue stands between, or if no order is
written so. Belgian, Brazilian and Russian ids need a cue if they are written without dots and dashes."""

KEPT = """\
Audits do not name these finds, and repairs, reports and exports keep them, because they identify nobody and open
nothing. Recording masks them, too, because a mask costs nothing there."""


def personal_data_page() -> str:
    """The page."""
    rows = [
        (code(f"[{entry.kind}]"), prose(entry.name), entry.country, prose(entry.recognised_by), code(entry.example))
        for entry in CATALOGUE
    ]
    heads = ("replaced by", "what", "country", "recognised by", "example")
    missing = "\n".join(f"- {words}" for words in NOT_LOOKED_FOR)
    kept = "\n".join(f"- {words}" for words in HARMLESS)
    looked_for = ("## Looked for", CUES, table(heads, rows))
    return page(
        "Personal and secret text",
        INTRO,
        *looked_for,
        "## Masked in recordings only",
        KEPT,
        kept,
        "## Not looked for",
        missing,
    )
