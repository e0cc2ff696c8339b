"""Finds the suites that a gate lists among those that the store has, by their digests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from evaluators.gate.evidence.document import GivenSuite
from evaluators.loading.suite_text import UnusableText, suite_of
from evaluators.suite import Suite
from fairtrial.api.verdicts import SuiteReference
from fairtrial.store.core.database import Database
from fairtrial.store.evaluations import runs, suite_texts

SHORT_DIGEST = 8


@dataclass(frozen=True, slots=True)
class StoredSuite:
    """A suite in the store. ``suite`` is ``None`` if it is unusable; ``missing`` then gives the reason."""

    reference: SuiteReference
    text_digest: str | None
    suite: Suite | None
    text: str | None = None
    missing: str = ""

    @property
    def listed(self) -> str:
        return self.reference.listed or self.reference.suite

    @property
    def path(self) -> Path:
        return Path(self.reference.file or f"{self.reference.suite}.yaml")

    def given(self) -> GivenSuite:
        """The suite as evidence."""
        text = None if self.suite is None else self.text
        return GivenSuite(self.listed, self.reference.suite, str(self.path), text)


def stored_suite(database: Database, reference: SuiteReference) -> StoredSuite:
    """The suite of these digests; raises `StoreError`."""
    name, digest = reference.suite, reference.digest
    found = suite_texts.newest(database, name, digest, reference.text_digest)
    if found is None:
        return StoredSuite(reference, None, None, missing=_why_absent(database, reference))
    entry = StoredSuite(reference, found.digest, None, found.text)
    try:
        suite = suite_of(found.text, entry.path)
    except UnusableText as error:
        return replace(entry, missing=f"the suite {name} can't be used: {error}")
    if (suite.name, suite.digest) != (name, digest):
        return replace(entry, missing=f"the stored text of the suite {name} belongs to another suite")
    return replace(entry, suite=suite)


def _why_absent(database: Database, reference: SuiteReference) -> str:
    name, short = reference.suite, reference.digest[:SHORT_DIGEST]
    if not runs.latest(database, suite=name, suite_digest=reference.digest):
        return f"there is no stored run of the suite {name} with the digest {short}"
    if reference.text_digest is not None:
        return f"the gate lines or slices of the suite {name} differ from those stored with its runs"
    return f"the runs of the suite {name} with the digest {short} were stored without its text by an earlier version"
