"""Rewrites prompts as another person would: greetings and signatures around them, or light paraphrase in English."""

from __future__ import annotations

import re

from benchmarks.audit_trials.planted.planting import Trial
from benchmarks.audit_trials.planted.rows import Row

CONTRACTIONS = (
    ("do not", "don't"),
    ("does not", "doesn't"),
    ("is not", "isn't"),
    ("it is", "it's"),
    ("I am", "I'm"),
    ("can not", "can't"),
    ("you are", "you're"),
    ("what is", "what's"),
    ("we are", "we're"),
    ("I have", "I've"),
    ("they are", "they're"),
    ("that is", "that's"),
    ("was not", "wasn't"),
    ("will not", "won't"),
    ("let us", "let's"),
    ("are not", "aren't"),
)
SPOTS = 2


def wrap(trial: Trial, row: Row) -> Row:
    """A greeting before the prompt, a signature after it, or both."""
    greeting = trial.draw.choice(trial.wording.greetings.get(row.language, trial.wording.greetings["en"]))
    signature = trial.draw.choice(trial.wording.signatures.get(row.language, trial.wording.signatures["en"]))
    form = trial.draw.choice(("{0} {1}", "{0}\n\n{1}\n\n{2}", "{1}\n{2}", "{0} {1} {2}"))
    return row.with_prompt(form.format(greeting, row.prompt, signature))


def paraphrase(trial: Trial, text: str) -> str:
    """Other words in at least two places, and clauses in another order; empty if there are not enough places."""
    changed, spots = text, 0
    for long, short in CONTRACTIONS:
        before, after = (long, short) if long in changed else (short, long)
        if before in changed:
            changed, spots = changed.replace(before, after), spots + 1
    for word in dict.fromkeys(re.findall(r"[A-Za-z]+", changed)):
        synonym = trial.wording.synonyms.get(word.lower(), "")
        if synonym and spots < 5:
            synonym = synonym.capitalize() if word[0].isupper() else synonym
            changed, spots = re.sub(rf"\b{word}\b", synonym, changed, count=1), spots + 1
    clauses = changed.rstrip(".!?").split(", ")
    if len(clauses) == 2 and min(len(clause) for clause in clauses) > 12 and trial.draw.random() < 0.5:
        changed = f"{clauses[1][0].upper()}{clauses[1][1:]}, {clauses[0][0].lower()}{clauses[0][1:]}."
        spots += 1
    return changed if spots >= SPOTS else ""
