"""Plants damage into texts: answers cut off, wrong encodings, tokens of templates, mark-up, placeholders."""

from __future__ import annotations

import re

from benchmarks.audit_trials.planted.planting import Fault, Trial, each
from benchmarks.audit_trials.planted.rows import Row


def cut_in_word(trial: Trial, row: Row) -> Row | None:
    """Ends inside a word of at least six letters."""
    words = [word for word in re.finditer(r"[^\W\d_]{6,}", row.answer) if 0.3 < word.start() / len(row.answer) < 0.85]
    if not words:
        return None
    word = trial.draw.choice(words)
    return row.with_answer(row.answer[: word.start() + trial.draw.randint(2, len(word.group()) - 3)])


def cut_after_word(trial: Trial, row: Row) -> Row | None:
    """Ends after a whole word, without a full stop."""
    words = [
        word for word in re.finditer(r"[^\W\d_]+(?= [^\W\d_])", row.answer) if 0.3 < word.end() / len(row.answer) < 0.85
    ]
    return row.with_answer(row.answer[: trial.draw.choice(words).end()]) if words else None


def cut_in_bracket(trial: Trial, row: Row) -> Row | None:
    """Ends behind an opening bracket, quote or fence that is not closed."""
    openings = [match for match in re.finditer(r"[(„«\[]|```\n", row.answer) if match.start() > 30]
    openings = [match for match in openings if "```" not in match.group() or row.answer[: match.end()].count("```") % 2]
    if not openings:
        return None
    end = trial.draw.choice(openings).end() + trial.draw.randint(3, 9)
    return row.with_answer(row.answer[:end]) if not set(")”»]`") & set(row.answer[end - 9 : end]) else None


def cut_at_length(trial: Trial, row: Row) -> Row | None:
    """Ends at the same length as others, wherever that is."""
    length = trial.wording.length
    return row.with_answer(row.answer[:length]) if len(row.answer) > length + 20 else None


def wrong_encoding(trial: Trial, row: Row) -> Row | None:
    """UTF-8 that was read as Windows' or ISO's western encoding: all, a word, or twice."""
    text = row.prompt if row.labelled else row.answer
    text = text.replace("'", "’").replace(" - ", " – ")
    plain = [word for word in text.split() if not word.isascii()]
    if not plain:
        return None
    word = trial.draw.choice(plain)
    damaged = trial.draw.choice((_misread(text), _misread(_misread(text)), text.replace(word, _misread(word))))
    return _with_text(row, damaged)


def replaced_signs(trial: Trial, row: Row) -> Row | None:
    """The sign for what could not be decoded, in place of letters."""
    text = row.prompt if row.labelled else row.answer
    at = trial.draw.randrange(len(text))
    return _with_text(row, text[:at] + "\ufffd" * trial.draw.randint(1, 2) + text[at + 1 :])


def template_token(trial: Trial, row: Row) -> Row:
    """A token of a chat template in the text."""
    return _within(trial, row, trial.wording.tokens)


def markup(trial: Trial, row: Row) -> Row:
    """Leftover HTML."""
    return _within(trial, row, trial.wording.markup)


def placeholder(trial: Trial, row: Row) -> Row:
    """A place that nobody filled in."""
    return _within(trial, row, trial.wording.placeholders)


def control_sign(trial: Trial, row: Row) -> Row:
    """A control character between two letters."""
    text = row.prompt if row.labelled else row.answer
    at = trial.draw.randint(1, len(text) - 1)
    return _with_text(row, text[:at] + trial.draw.choice(trial.wording.controls) + text[at:])


def list_as_text(trial: Trial, row: Row) -> Row:
    """Python's way to write a list or a dictionary, instead of its text."""
    sentences = re.split(r"(?<=[.!?。])\s+", row.answer)
    return row.with_answer(repr(sentences if trial.draw.random() < 0.7 else {"answer": row.answer}))


def _misread(text: str) -> str:
    data = text.encode("utf-8")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _within(trial: Trial, row: Row, forms: tuple[str, ...]) -> Row:
    text = row.prompt if row.labelled else row.answer
    return _with_text(row, trial.draw.choice(forms).format(text))


def _with_text(row: Row, text: str) -> Row:
    return row.with_prompt(text) if row.labelled else row.with_answer(text)


def _long(row: Row) -> bool:
    return len(row.answer) >= 80


CUT = ("completions:(truncated|unfinished)",)
FAULTS = (
    Fault("cut off in a word", "damage", CUT, 8, each(cut_in_word), _long),
    Fault("cut off after a word", "damage", CUT, 8, each(cut_after_word), _long),
    Fault("cut off in a bracket or code", "damage", CUT, 8, each(cut_in_bracket), _long),
    Fault("cut off at one length", "length", CUT, 40, each(cut_at_length), _long),
    Fault("mojibake", "damage", ("text-damage:mojibake", "text-damage"), 10, each(wrong_encoding)),
    Fault("replacement characters", "damage", ("text-damage:replacement", "text-damage"), 6, each(replaced_signs)),
    Fault("template tokens", "damage", ("text-damage:template",), 12, each(template_token)),
    Fault("leftover HTML", "damage", ("text-damage:html",), 10, each(markup)),
    Fault("placeholders", "damage", ("text-damage:placeholder",), 10, each(placeholder)),
    Fault("control characters", "damage", ("text-damage:control",), 8, each(control_sign)),
    Fault("list as text", "damage", ("text-damage:list",), 6, each(list_as_text), _long),
)
