"""Gates on texts and numbers: BLEU, ROUGE, chrF, exact, fuzzy, constant references, repeats, clusters, lost cases."""

from __future__ import annotations

from benchmarks.control_trials.answers import always, right, worded
from benchmarks.control_trials.entry import Entry, Written, content, form
from benchmarks.control_trials.rows import boilerplate, constant, facts, plain, prose, sums, years

ERRORS = "errors <= 1%"
POLITE = """from fairtrial.scoring import scorer


@scorer
def polite(answer: str) -> bool:
    return answer.lower().startswith("thank you")
"""
SAME = """from fairtrial.scoring import scorer


@scorer
def same(answer: str, expected: str) -> bool:
    return answer.strip().endswith(expected)
"""
SHARED = tuple({**row, "expected": [row["expected"], "see the manual"]} for row in facts(80))


ENTRIES: tuple[Entry, ...] = (
    content(
        "prose-bleu",
        Written(prose(100), "[bleu]", ("bleu >= 40", ERRORS)),
        right(100),
        right(80),
        "Sentences on other pictures share few words.",
    ),
    content(
        "prose-rouge",
        Written(prose(100), "[rouge: [1, L]]", ("rouge.rougeL >= 0.6", ERRORS)),
        right(100),
        right(80),
        "Sentences on other pictures share few words.",
    ),
    content(
        "prose-chrf",
        Written(prose(100), "[chrf]", ("chrf >= 60", ERRORS)),
        right(100),
        right(80),
        "Sentences on other pictures share few parts of words.",
    ),
    content(
        "prose-rouge-not-worse",
        Written(prose(120), "[rouge: [1, L]]", ("rouge.rougeL not worse than base by 5pp",)),
        right(98),
        right(97, 1),
        "Candidate and base are equally near, and a shuffle is far.",
    ),
    form(
        "boilerplate-rouge",
        Written(boilerplate(100), "[rouge: [1, L]]", ("rouge.rougeL >= 0.6", ERRORS)),
        right(100),
        right(80),
        "All replies are the same text except one number.",
    ),
    content(
        "facts-exact",
        Written(facts(100), "[exact: strip]", ("exact >= 80%", ERRORS)),
        right(90),
        right(80),
        "Each question has an answer of its own.",
    ),
    form(
        "facts-fuzzy-low-floor",
        Written(facts(100), "[fuzzy: ratio]", ("fuzzy.similarity >= 0.1", ERRORS)),
        right(100),
        right(80),
        "Any two short texts share more than a tenth of their letters.",
    ),
    content(
        "facts-contains",
        Written(facts(100), "[contains: {}]", ("contains >= 80%", ERRORS)),
        worded(right(95), "It is {}, I think."),
        right(80),
        "The expected words of another question differ.",
    ),
    form(
        "facts-shared-reference",
        Written(SHARED, "[exact: strip]", ("exact >= 90%", ERRORS)),
        always("see the manual"),
        right(80),
        "The answer that the candidate always gives is accepted everywhere.",
    ),
    content(
        "sums-number",
        Written(sums(80), "[number: {}]", ("number >= 80%", ERRORS)),
        worded(right(90), "It is {}."),
        right(80),
        "Each sum has a result of its own.",
    ),
    form(
        "years-wide-tolerance",
        Written(years(100), "[number: {absolute: 60}]", ("number >= 90%", ERRORS)),
        right(100),
        right(80),
        "Any year of the same fifty is within the tolerance.",
    ),
    form(
        "constant-exact",
        Written(constant(80, "Lumen Home"), "[exact: strip]", ("exact >= 90%", ERRORS)),
        right(100),
        right(85),
        "Every question has the same answer.",
    ),
    content(
        "facts-lost-none",
        Written(facts(80), "[exact: strip]", ("lost == 0", ERRORS)),
        right(95),
        right(80),
        "A shuffle loses nearly all cases that the base passes.",
    ),
    form(
        "facts-lost-none-of-a-useless-base",
        Written(facts(80), "[exact: strip]", ("lost == 0", ERRORS)),
        right(50),
        right(0),
        "The base passes no case, so that nothing can be lost, not even by empty answers.",
    ),
    content(
        "repeats-of-three",
        Written(facts(60), "[exact: strip]", ("exact >= 80%", ERRORS), "repeat: 3\n"),
        right(92),
        right(80),
        "Each repeat is shuffled within itself, and each question has an answer of its own.",
    ),
    content(
        "clusters-of-four",
        Written(
            tuple({**row, "thread": f"thread-{at // 4}"} for at, row in enumerate(facts(100))),
            "[exact: strip]",
            ("exact not worse than base by 10pp", ERRORS),
            "cluster: thread\n",
        ),
        right(97),
        right(95),
        "Each question has an answer of its own, also within a thread.",
    ),
    content(
        "own-scorer-same",
        Written(facts(60), "[own: {name: same, file: same.py}]", ("same >= 80%", ERRORS), files={"same.py": SAME}),
        right(95),
        right(80),
        "The function compares the answer with the row's reference.",
    ),
    form(
        "own-scorer-polite",
        Written(
            plain(60, "Thank you, the {} is on its way.", "Wait."),
            "[own: {name: polite, file: polite.py}]",
            ("polite >= 90%", ERRORS),
            files={"polite.py": POLITE},
        ),
        right(100),
        right(90),
        "The function reads only the manners of the answer.",
    ),
)
