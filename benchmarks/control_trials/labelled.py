"""Gates on fixed labels: rare, uneven, balanced and constant ones, slices, families and tiny suites."""

from __future__ import annotations

from benchmarks.control_trials.answers import always, right
from benchmarks.control_trials.entry import Entry, Written, content, form
from benchmarks.control_trials.rows import Rows, labels

RARE = labels({"ham": 190, "spam": 10})
RARE_400 = labels({"ham": 380, "spam": 20})
SIXTY = labels({"yes": 120, "no": 80})
TWO = labels({"yes": 100, "no": 100})
FOUR = labels({"refund": 50, "delivery": 50, "setup": 50, "billing": 50})
EIGHT = labels(dict.fromkeys(("hub", "camera", "bulb", "lock", "plug", "sensor", "alarm", "blind"), 30))
PAIRS = tuple(
    {**row, "expected": ("refund", "delivery")[at % 2], "slip": "setup", "family": f"family-{at // 2}"}
    for at, row in enumerate(FOUR[:24])
)
SPAM = "[label: {of: [ham, spam], positive: [spam]}]"
YES = "[label: ['yes', 'no']]"
QUEUES = "[label: [refund, delivery, setup, billing]]"
MANY = "[label: [hub, camera, bulb, lock, plug, sensor, alarm, blind]]"
ERRORS = "errors <= 1%"


def queues(rows: Rows, *gate: str, more: str = "") -> Written:
    return Written(rows, QUEUES, (*gate, ERRORS), more)


ENTRIES: tuple[Entry, ...] = (
    form(
        "labels-95-5-accuracy-floor",
        Written(RARE, SPAM, ("label.accuracy >= 85%", ERRORS)),
        right(100),
        right(90),
        "All right answers in another order are still right in 90 %.",
    ),
    form(
        "labels-95-5-majority",
        Written(RARE, SPAM, ("label.accuracy >= 85%", ERRORS)),
        always("ham"),
        right(90),
        "The candidate says ham to everything, in any order.",
    ),
    content(
        "labels-95-5-macro-f1",
        Written(RARE, SPAM, ("label.macro_f1 >= 75%", ERRORS)),
        right(100),
        right(90),
        "In another order no rare label is found, so that its F1 is 0.",
    ),
    content(
        "labels-95-5-high-floor",
        Written(RARE, SPAM, ("label.accuracy >= 94%", ERRORS)),
        right(100),
        right(90),
        "90 % of a shuffle is below this floor, and 100 % of the candidate is above it.",
    ),
    form(
        "labels-95-5-not-worse",
        Written(RARE_400, SPAM, ("label.accuracy not worse than base by 5pp",)),
        right(100),
        right(88),
        "A shuffle is right in 90 %, and the base in 88 %.",
    ),
    content(
        "labels-60-40",
        Written(SIXTY, YES, ("label.accuracy >= 70%", ERRORS)),
        right(90),
        right(80),
        "Most answers of a shuffle go to cases of the other label.",
    ),
    form(
        "labels-60-40-better-than-a-poor-base",
        Written(SIXTY, YES, ("label.accuracy better than base",)),
        right(100),
        right(4),
        "A shuffle is right in 20 %, and the base in 4 %.",
    ),
    content(
        "labels-balanced-four",
        queues(FOUR, "label.accuracy >= 80%"),
        right(85),
        right(80),
        "A shuffle is right where a wrong answer meets its label by chance.",
    ),
    form(
        "labels-balanced-four-low-floor",
        queues(FOUR, "label.accuracy >= 8%"),
        right(40),
        right(30, 1),
        "Wrong answers in another order are right in about 20 %, far above the floor.",
    ),
    content(
        "labels-balanced-eight-not-worse",
        Written(EIGHT, MANY, ("label.accuracy not worse than base by 5pp", ERRORS)),
        right(94),
        right(93, 1),
        "Candidate and base are equally good, and a shuffle is wrong nearly everywhere.",
    ),
    content(
        "labels-not-worse-than-a-better-base",
        queues(FOUR, "label.accuracy not worse than base by 10pp"),
        right(90),
        right(93),
        "A shuffle is worse than the base by far more than the margin.",
    ),
    form(
        "labels-constant",
        Written(labels({"yes": 200}), YES, ("label.accuracy >= 90%", ERRORS)),
        right(100),
        right(90),
        "All cases have the same label, so that any order is right.",
    ),
    form(
        "labels-constant-in-each-family",
        queues(
            tuple({**row, "family": row["expected"]} for row in FOUR),
            "label.accuracy >= 80%",
            more="slices: [family]\n",
        ),
        right(100),
        right(90),
        "Answers move only within a family, and each family has one label.",
    ),
    content(
        "labels-in-every-language",
        queues(
            labels({"refund": 50, "delivery": 50, "setup": 50, "billing": 50}, language=("en", "de", "fr")),
            "label.accuracy >= 75% in every language",
            more="slices: [language]\n",
        ),
        right(95),
        right(80),
        "A shuffle is wrong in every language, and each has more than 60 cases.",
    ),
    form(
        "labels-in-a-slice-of-twelve",
        queues(
            labels({"refund": 36, "delivery": 36, "setup": 36, "billing": 36}, language=("de", *["en"] * 11)),
            "label.accuracy >= 50% in language:de",
            more="slices: [language]\n",
        ),
        right(100),
        right(90),
        "The line reads 12 cases, and fewer than 20 show nothing.",
    ),
    form(
        "labels-tiny-five",
        queues(labels({"refund": 2, "delivery": 1, "setup": 1, "billing": 1}), "label.accuracy >= 60%"),
        right(100),
        right(80),
        "Five cases are too few for a control.",
    ),
    form(
        "labels-tiny-nineteen",
        queues(labels({"refund": 5, "delivery": 5, "setup": 5, "billing": 4}), "label.accuracy >= 60%"),
        right(100),
        right(80),
        "Nineteen cases are one too few.",
    ),
    content(
        "labels-tiny-twenty",
        queues(labels({"refund": 5, "delivery": 5, "setup": 5, "billing": 5}), "label.accuracy >= 60%"),
        right(100),
        right(80),
        "Twenty cases are enough, and no shuffled answer is right.",
    ),
    content(
        "labels-tiny-twenty-one",
        queues(labels({"refund": 6, "delivery": 5, "setup": 5, "billing": 5}), "label.accuracy >= 60%"),
        right(100),
        right(80),
        "Twenty-one cases are enough, and no shuffled answer is right.",
    ),
    form(
        "labels-alone-in-their-families",
        queues(
            tuple({**row, "family": f"family-{at}"} for at, row in enumerate(FOUR[:40])),
            "label.accuracy >= 60%",
            more="slices: [family]\n",
        ),
        right(100),
        right(90),
        "No case has another one in its family, so that none has a donor.",
    ),
    content(
        "labels-two-in-each-family",
        queues(PAIRS, "label.accuracy >= 70%", more="slices: [family]\n"),
        right(100),
        right(80),
        "The two cases of each family exchange their answers, and their labels differ.",
    ),
)
