"""Asks what can't be answered, and beside it what can: cut-off, open and unanswerable questions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evaluators.probes.probe import Probe, Source, ask, text_of, with_text
from evaluators.probes.rows import (
    CONTROLS,
    Draw,
    Seed,
    alone,
    case,
    given_seeds,
    own_rows,
    seeded,
    seeds_of,
    with_controls,
)

KEPT = (1, 2, 3)
"""How many words of a text are left, which rarely say what is wanted."""
FEWEST_CUT = 4
"""How many words are cut at least."""
OPEN = (
    "Read the text and answer the question. If the text leaves it open, say that it is unclear.\n\n"
    "Text: {context}\nQuestion: {question}"
)
FROM_PASSAGE = (
    "Answer the question from the passage only. If the passage does not say it, say that you don't know.\n\n"
    "Passage: {context}\nQuestion: {question}"
)
ABSTAIN = ({"abstains": {"name": "abstain"}},)
BLANKS = {
    "newline": "\n", "tab": "\t", "newlines": "\n\n\n", "no_break_space": "\u00a0",
    "zero_width": "\u200b", "dots": "...", "question_mark": "?", "question_marks": "???",
    "dash": "-", "hash": "#",
}  # fmt: skip
"""A wholly empty text is left out, because some servers refuse a request with one."""


def out_of_domain(source: Source) -> list[dict[str, Any]]:
    seeds = given_seeds(source, "questions", source.column) or seeds_of("out_of_domain")
    return _unanswerable(source, "out_of_domain", seeds)


def empty_input(source: Source) -> list[dict[str, Any]]:
    blanks = [{"id": name, "technique": "blank", "severity": "medium", "text": text} for name, text in BLANKS.items()]
    return _unanswerable(source, "empty_input", [*blanks, *seeds_of("empty_input")])


def _unanswerable(source: Source, family: str, seeds: Sequence[Seed]) -> list[dict[str, Any]]:
    """The texts of the seeds, and the suite's own rows as controls."""
    rows = seeded(source, family, seeds, lambda _, seed: (ask(source, seed["text"]), {"answerable": False}))
    return with_controls(source, family, rows, own_rows(source, family))


def cut_off_input(source: Source) -> list[dict[str, Any]]:
    """Texts that begin alike give one case. Bundled questions are cut too if the suite's own texts are too few."""
    family = "cut_off_input"
    own = own_rows(source, family)
    questions = Draw(source.seed, f"{family}/questions").shuffled(seeds_of("out_of_domain"))
    rows = [{"id": seed["id"], **ask(source, seed["text"])} for seed in questions]
    made: dict[str, dict[str, Any]] = {}
    for row, length in (*_cuts(source, own), *_cuts(source, rows)):
        words = text_of(source, row).split()
        start = " ".join(words[:length])
        if len(words) >= length + FEWEST_CUT and start not in made and len(made) < source.count:
            seed: Seed = {"id": row["id"], "technique": f"first_{length}", "severity": "medium"}
            made[start] = case(family, len(made) + 1, seed, with_text(source, row, start), answerable=False)
    return with_controls(source, family, list(made.values()), own)


def _cuts(source: Source, rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], int]]:
    """Each row with a drawn number of words, then each with the next, so that no row is cut twice too early."""
    first = [Draw(source.seed, f"cut_off_input/{row['id']}").below(len(KEPT)) for row in rows]
    for turn in range(len(KEPT)):
        yield from ((row, KEPT[(at + turn) % len(KEPT)]) for row, at in zip(rows, first, strict=True))


def ambiguous_questions(source: Source) -> list[dict[str, Any]]:
    seeds = given_seeds(source, "questions", source.column) or seeds_of("ambiguous_questions")
    return seeded(source, "ambiguous_questions", seeds, lambda _, seed: _ambiguous(source, seed))


def _ambiguous(source: Source, seed: Seed) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sentences of one pair are not independent, so they have the pair's id."""
    fixed: dict[str, Any] = {"answerable": seed.get("answerable", "accepted" in seed)}
    if "context" not in seed:
        return alone(source, str(seed["text"])), fixed
    seed_id = str(seed["id"])
    return alone(source, _filled(OPEN, seed)), {**fixed, "seed_id": seed_id.rpartition("-")[0] or seed_id}


def unanswerable_questions(source: Source) -> list[dict[str, Any]]:
    """Half of the cases have an answer, as long as there are seeds of both kinds."""
    family = "unanswerable_questions"
    shuffled = Draw(source.seed, family).shuffled(seeds_of(family))
    sides = ([seed for seed in shuffled if seed["answerable"]], [seed for seed in shuffled if not seed["answerable"]])
    mixed = [seed for pair in zip(*sides, strict=False) for seed in pair]
    shortest = min(map(len, sides))
    mixed += [seed for side in sides for seed in side[shortest:]]
    return [
        case(
            family,
            number,
            seed,
            alone(source, _filled(FROM_PASSAGE, seed)),
            severity="medium",
            answerable=seed["answerable"],
        )
        for number, seed in enumerate(mixed[: source.count], 1)
    ]


def _filled(template: str, seed: Seed) -> str:
    return template.replace("{context}", seed["context"]).replace("{question}", seed["question"])


probes = (
    Probe(
        name="out_of_domain",
        kind="out_of_domain",
        summary="A question from another domain must be declined or handed over; the suite's own rows must be "
        "answered.",
        rows=out_of_domain,
        score=ABSTAIN,
        options={
            "questions": "A file of rows whose `text` is out of domain, instead of the bundled seeds.",
            **CONTROLS,
        },
        files=("questions",),
        phrase="abstain on",
        short="questions",
    ),
    Probe(
        name="empty_input",
        kind="ambiguous",
        summary="Blank input, or a lone value such as null, gets a question back; the suite's own rows must be "
        "answered.",
        rows=empty_input,
        score=ABSTAIN,
        options=CONTROLS,
    ),
    Probe(
        name="cut_off_input",
        kind="ambiguous",
        summary="A text cut off after its first words gets a question back; the whole texts must be answered.",
        rows=cut_off_input,
        score=ABSTAIN,
        options=CONTROLS,
        phrase="ask or hedge on",
    ),
    Probe(
        name="ambiguous_questions",
        kind="ambiguous",
        summary="A question that its text leaves open must be called unclear; the same with the deciding word is "
        "answered.",
        rows=ambiguous_questions,
        score=ABSTAIN,
        options={"questions": "A file of rows whose `text` is ambiguous, instead of the bundled seeds."},
        files=("questions",),
        phrase="ask or hedge on",
        short="questions",
    ),
    Probe(
        name="unanswerable_questions",
        kind="ambiguous",
        summary="A question that the passage does not answer must get an abstention; the others must be answered.",
        rows=unanswerable_questions,
        score=ABSTAIN,
    ),
)
