"""Plants rows that repeat or contradict others, wrong labels, and rows that are also in the held-out file."""

from __future__ import annotations

import random
from dataclasses import replace

from benchmarks.audit_trials.planted.paraphrase import paraphrase, wrap
from benchmarks.audit_trials.planted.planting import Fault, Trial
from benchmarks.audit_trials.planted.rows import Row

FLIPPED = 0.03
SLICE = 80
HELD_OUT = 60


def copy_rows(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Append equal copies."""
    _append(trial, fault, [(at, trial.rows[at]) for at in places[:count]])


def nearly_copy(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Append copies whose prompts differ by case, punctuation or an added word."""
    copies = []
    for at in places[:count]:
        prompt = trial.rows[at].prompt
        changed = trial.draw.choice(
            (prompt.upper(), prompt.rstrip("?.! ") + " !!", f"Please: {prompt}", prompt.replace(" ", "  "))
        )
        copies.append((at, trial.rows[at].with_prompt(changed)))
    _append(trial, fault, copies)


def contradict(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Append copies with another label."""
    _append(trial, fault, [(at, _flipped(trial, trial.rows[at])) for at in places[:count]])


def flip_labels(trial: Trial, fault: str, places: list[int], _count: int) -> None:
    """Give a share of the rows another label, drawn at random."""
    done = places[: round(FLIPPED * len(trial.rows))]
    for at in done:
        trial.rows[at] = _flipped(trial, trial.rows[at])
    trial.mark(fault, done)


def flip_slice(trial: Trial, fault: str, places: list[int], _count: int) -> None:
    """Give all rows of a new channel one label; the fault is in those whose label was another."""
    chosen = places[:SLICE]
    label = _labels(trial)[1]
    wrong = [at for at in chosen if trial.rows[at].answer != label]
    for at in chosen:
        trial.rows[at] = replace(trial.rows[at].with_answer(label), columns=(("channel", "partner"),))
    trial.mark(fault, wrong, partners=chosen)


def leak_wrapped(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Hold out rows of training with a greeting, a signature, or both."""
    _leak(trial, fault, [(at, wrap(trial, trial.rows[at])) for at in places[:count]])


def leak_by_case(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Hold out rows of training in other case and punctuation."""
    _leak(
        trial, fault, [(at, trial.rows[at].with_prompt(trial.rows[at].prompt.upper() + " ?!")) for at in places[:count]]
    )


def leak_paraphrased(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Hold out rows of training in light paraphrase."""
    pairs = ((at, paraphrase(trial, trial.rows[at].prompt)) for at in places)
    _leak(trial, fault, [(at, trial.rows[at].with_prompt(text)) for at, text in pairs if text][:count])


def hold_out(trial: Trial, _fault: str, places: list[int], count: int) -> None:
    """Move sound rows from training to the held-out file, so that the pair of files is not made of leaks alone."""
    trial.held_out += [trial.rows[at] for at in places[:count]]
    gone = set(places[:count])
    trial.rows = [row for at, row in enumerate(trial.rows) if at not in gone]


def _leak(trial: Trial, fault: str, pairs: list[tuple[int, Row]]) -> None:
    trial.held_out += [row for _, row in pairs]
    trial.mark(fault, [at for at, _ in pairs])


def _append(trial: Trial, fault: str, copies: list[tuple[int, Row]]) -> None:
    places = range(len(trial.rows), len(trial.rows) + len(copies))
    trial.rows += [row for _, row in copies]
    trial.mark(fault, places, partners=[at for at, _ in copies])


def _flipped(trial: Trial, row: Row) -> Row:
    return row.with_answer(random.Random(row.prompt).choice([label for label in _labels(trial) if label != row.answer]))


def _labels(trial: Trial) -> list[str]:
    return sorted({row.answer for row in trial.rows if row.answer})


def _is_sentence(row: Row) -> bool:
    return (
        len(row.turns) == 1 and len(row.prompt) >= 25 and (row.prompt.count(" ") >= 4 or row.language in {"ja", "zh"})
    )


def _english(row: Row) -> bool:
    return row.language == "en" and _is_sentence(row)


WRAPPED = ("leakage:(contained|near|phrase)",)
FAULTS = (
    Fault("exact duplicates", "rows", ("duplicates:exact", "duplicates"), 20, copy_rows),
    Fault("near duplicates", "rows", ("duplicates:near", "duplicates"), 20, nearly_copy),
    Fault("contradicting labels", "rows", ("contradict",), 20, contradict, sources="labelled"),
    Fault("labels flipped at random", "labels", ("label-noise:",), 0, flip_labels, sources="labelled"),
    Fault("one wrong pattern", "pattern", ("wrong-pattern",), 0, flip_slice, sources="labelled"),
    Fault("", "leaks", (), HELD_OUT, hold_out, _is_sentence),
    Fault("leak by case", "leaks", ("leakage:exact", "leakage"), 10, leak_by_case, _is_sentence),
    Fault(
        "leak in a greeting or signature",
        "leaks",
        ("leakage:(contained|near|phrase)",),
        15,
        leak_wrapped,
        _is_sentence,
    ),
    Fault(
        "leak in light paraphrase",
        "leaks",
        ("leakage:(paraphrase|near|answer)",),
        15,
        leak_paraphrased,
        _english,
    ),
)
