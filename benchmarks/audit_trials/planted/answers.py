"""Plants answers that do not belong: exchanged, empty, in another language, refused, or a copy of the prompt."""

from __future__ import annotations

from benchmarks.audit_trials.planted.planting import Fault, Trial, each
from benchmarks.audit_trials.planted.rows import Row

ADDED = ("", "", "", " {}", "{} ")
"""Where a further sentence stands beside a refusal."""


def refuse(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Answer rows of several languages with few refusals, some of them with a further sentence."""
    refusals, more_of = trial.wording.refusals, trial.wording.more
    done = [at for at in places if trial.rows[at].language in refusals][:count]
    for at in done:
        row = trial.rows[at]
        refusal = trial.draw.choice(refusals[row.language])
        form, more = trial.draw.choice(ADDED), trial.draw.choice(more_of.get(row.language, ("",)))
        trial.rows[at] = row.with_answer(
            f"{more} {refusal}".strip() if form == "{} " else refusal + form.format(more).rstrip()
        )
    trial.mark(fault, done)


def exchange(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Exchange the answers of two rows of one language."""
    done: list[int] = []
    waiting: dict[str, int] = {}
    for at in places:
        language = trial.rows[at].language
        other = waiting.pop(language, None)
        if other is None:
            waiting[language] = at
        elif len(done) < count:
            first, second = trial.rows[at], trial.rows[other]
            trial.rows[at], trial.rows[other] = first.with_answer(second.answer), second.with_answer(first.answer)
            done += [at, other]
    trial.mark(fault, done)


def translate(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Answer in English, or with the answer of a row in another language."""
    done: list[int] = []
    for at in places[:count]:
        row = trial.rows[at]
        others = [other for other in places[count:] if trial.rows[other].language != row.language]
        if row.original and trial.draw.random() < 0.6:
            trial.rows[at] = row.with_answer(row.original)
        elif others:
            other = trial.draw.choice(others)
            trial.rows[at] = row.with_answer(trial.rows[other].answer)
            trial.touched.add(other)
        else:
            continue
        done.append(at)
    trial.mark(fault, done)


def repeat_prompt(trial: Trial, row: Row) -> Row:
    """Answer with the prompt, as it is or as a sentence."""
    return row.with_answer(
        trial.draw.choice((row.prompt, row.prompt, row.prompt.rstrip("?.! ") + ".", f'"{row.prompt}"'))
    )


def empty(trial: Trial, row: Row) -> Row:
    """No answer."""
    return row.with_answer(trial.draw.choice(("", " ", "\n")))


def has_words(row: Row) -> bool:
    """Whether the prompt and the answer have enough text to be told apart from others."""
    return len(row.prompt) >= 15 and len(row.answer) >= 30


MULTILINGUAL = "chat alpaca"
FAULTS = (
    Fault("repeated refusals", "answers", ("answers:(refusal|repeated)",), 25, refuse, sources="text"),
    Fault(
        "exchanged answers",
        "answers",
        ("swapped:",),
        20,
        exchange,
        has_words,
        sources="text",
    ),
    Fault(
        "answer in another language", "answers", ("language:switched",), 30, translate, has_words, sources=MULTILINGUAL
    ),
    Fault(
        "answer repeats the prompt",
        "answers",
        ("(answers|completions):echo",),
        8,
        each(repeat_prompt),
        has_words,
        sources="text",
    ),
    Fault("empty answer", "answers", ("completions:empty",), 8, each(empty)),
)
