"""Gates that read how an answer looks: its format, length, language and words, and what it takes."""

from __future__ import annotations

from benchmarks.control_trials.answers import REFUSAL, right
from benchmarks.control_trials.entry import Entry, Written, content, form
from benchmarks.control_trials.rows import ENGLISH, GERMAN, bilingual, facts, labels, plain, tickets

ERRORS = "errors <= 1%"
BOX = plain(60)
LONG = plain(60, slip="very " * 200)
LABELLED = labels({"refund": 25, "delivery": 25, "setup": 25, "billing": 25})
QUEUES = "[label: [refund, delivery, setup, billing]]"


ENTRIES: tuple[Entry, ...] = (
    form(
        "format-any-answer",
        Written(BOX, r"[regex: '\S']", ("regex >= 99%", ERRORS)),
        right(100),
        right(90),
        "Any text that is not empty matches.",
    ),
    form(
        "format-contains-a-common-word",
        Written(BOX, "[contains: {any: [the, a, is]}]", ("contains >= 95%", ERRORS)),
        right(100),
        right(80),
        "Every English sentence has one of these words.",
    ),
    form(
        "format-signal-valid",
        Written(tickets(80), "[fields: {name: ticket, of: [intent]}]", ("format_valid >= 95%", ERRORS)),
        right(100),
        right(80),
        "Every answer is a JSON object, as the references are.",
    ),
    form(
        "length-at-most",
        Written(LONG, "[regex: '^.{1,200}$']", ("regex >= 95%", ERRORS)),
        right(100),
        right(80),
        "All answers are short.",
    ),
    form(
        "length-not-more",
        Written(LONG, "[regex: {none: '^.{201,}'}]", ("regex >= 95%", ERRORS)),
        right(100),
        right(80),
        "All answers are short, and an empty one is shorter.",
    ),
    form(
        "length-verbosity-not-worse",
        Written(LONG, r"[regex: '\S']", ("verbosity not worse than base by 20%",)),
        right(100),
        right(80),
        "The mean length is the same in any order.",
    ),
    form(
        "words-none-of-competitors",
        Written(plain(60, slip="Buy a Zentrix."), "[contains: {none: [Zentrix]}]", ("contains >= 99%", ERRORS)),
        right(100),
        right(80),
        "No answer names the competitor, and an empty one names nobody.",
    ),
    form(
        "language-one",
        Written(plain(60, f"{GERMAN} {{}}", ENGLISH), "[language: de]", ("language >= 95%", ERRORS)),
        right(100),
        right(80),
        "All answers are German.",
    ),
    content(
        "language-of-the-row",
        Written(bilingual(80), "[language: {}]", ("language >= 90%", ERRORS)),
        right(100),
        right(85),
        "Half of the shuffled answers are in the wrong language.",
    ),
    form(
        "over-refusals-signal",
        Written([{**row, "slip": REFUSAL} for row in facts(80)], "[exact: strip]", ("over_refusals <= 2%", ERRORS)),
        right(100),
        right(80),
        "No answer refuses, whatever the question was.",
    ),
    form(
        "errors-latency-cost",
        Written(LABELLED, QUEUES, ("errors <= 1%", "latency.p95 <= 2s", "cost <= $5", "tokens <= 100")),
        right(90),
        right(80),
        "None of these lines reads the answer.",
    ),
)
