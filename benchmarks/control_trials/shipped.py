"""The suites and gates that the repository ships, the demo judges, and `fairtrial init` writes."""

from __future__ import annotations

from benchmarks.control_trials.answers import careless, chosen, right, safe, worded
from benchmarks.control_trials.entry import Entry, Shipped, content, form

SUPPORT = "suites/support/suite.yaml"
GENERAL = "suites/general/suite.yaml"
EDGES = "suites/edges/suite.yaml"
SHARED = "examples/init/shared"
GOOD = right(96)
FAIR = right(80)
TUNED = chosen(safe, right(98), lambda case: case.tags.get("probe", "own") != "own")
BASE = chosen(careless(10), right(80), lambda case: case.tags.get("probe", "own") != "own")


ENTRIES: tuple[Entry, ...] = (
    content("shipped-support-tickets", Shipped(SUPPORT), right(98), right(70), "Each ticket has fields of its own."),
    content("shipped-general-kept", Shipped(GENERAL), right(80), right(79, 0), "Each question has its own answer."),
    form(
        "shipped-edges",
        Shipped(EDGES),
        TUNED,
        BASE,
        "No answer contains a canary, another customer's data or an invented order, and an empty one doesn't, either.",
    ),
    content(
        "shipped-support-release",
        Shipped("suites/support-release.gate.yaml"),
        TUNED,
        BASE,
        "Fields of tickets and general questions have answers of their own.",
    ),
    content(
        "shipped-support-reviewed",
        Shipped("suites/support-reviewed.gate.yaml"),
        TUNED,
        BASE,
        "Reviewed pairs, fields and questions are content.",
        won=40,
        lost=15,
        ties=10,
    ),
    content(
        "shipped-forty-with-a-floor",
        Shipped("suites/general/forty.yaml"),
        right(90),
        FAIR,
        "Each question has its own answer.",
        require=("general.accuracy >= 50%",),
    ),
    content(
        "init-tickets",
        Shipped(f"{SHARED}/suites/tickets.yaml"),
        GOOD,
        right(60),
        "The ticket's kind differs from that of most other tickets.",
    ),
    content(
        "init-sums",
        Shipped(f"{SHARED}/suites/sums.yaml"),
        worded(right(100), "It is {}."),
        right(100),
        "Each sum has a result of its own.",
    ),
    content(
        "init-trial-gate",
        Shipped(f"{SHARED}/trial.gate.yaml"),
        worded(right(100), "It is {}."),
        right(65),
        "Kinds of tickets and sums have answers of their own.",
    ),
    content(
        "init-release-gate",
        Shipped(f"{SHARED}/release.gate.yaml"),
        worded(right(100), "It is {}."),
        right(65),
        "Tickets, sums and the users' feedback are content.",
        primary="feedback",
    ),
)
