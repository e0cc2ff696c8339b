"""The sealed set: texts, languages and wordings that no check and no threshold was made with. It runs by `--sealed`."""

from __future__ import annotations

from benchmarks.audit_trials.planted.wordings import Wording
from benchmarks.audit_trials.sealed_set.damage_words import CONTROLS, MARKUP, TOKENS
from benchmarks.audit_trials.sealed_set.decoys import PAIRS
from benchmarks.audit_trials.sealed_set.faults import FAULTS
from benchmarks.audit_trials.sealed_set.letters import GREETINGS, SIGNATURES
from benchmarks.audit_trials.sealed_set.private_words import AROUND_URLS, SECRET_WORDS, SENTENCES, URLS
from benchmarks.audit_trials.sealed_set.sources import SOURCES

__all__ = ["FAULTS", "PAIRS", "SOURCES", "WORDING"]
WORDING = Wording(
    tokens=TOKENS,
    markup=MARKUP,
    placeholders=(),
    controls=CONTROLS,
    length=0,
    refusals={},
    more={},
    sentences=SENTENCES,
    passwords=(),
    urls=URLS,
    around_urls=AROUND_URLS,
    secret_words=SECRET_WORDS,
    greetings=GREETINGS,
    signatures=SIGNATURES,
    synonyms={},
)
"""What the development set's planters write here; the others have their words beside them."""
