"""Plants damage into the texts of rows: answers cut off, wrong encodings, tokens of templates, mark-up, placeholders."""

from __future__ import annotations

import random
import re

from benchmarks.audit_trials.planting import Fault, each
from benchmarks.audit_trials.rows import Row

TOKENS = (
    "{}<|im_end|>", "<|im_start|>assistant\n{}", "{}</s>", "{} [/INST]", "{}<|eot_id|>", "{}<|endoftext|>",
    "<start_of_turn>model\n{}", "### Response:\n{}", "<|assistant|>{}", "{}<end_of_turn>",
    "{}\n\n### Instruction:\nContinue.", "<s>[INST] {}",
)  # fmt: skip
MARKUP = (
    "<p>{}</p>", "<div class=\"answer\">{}</div>", "{}<br/><br/>", "{}&nbsp;", "<span style=\"color:#333\">{}</span>",
    "{} <a href=\"/help/contact\">&raquo;</a>", "&lt;b&gt;{}&lt;/b&gt;", "<ul><li>{}</li></ul>",
)  # fmt: skip
PLACEHOLDERS = (
    "{} [Your Name]", "{{{{customer_name}}}}: {}", "{} [insert link here]", "[NAME], {}", "{} <YOUR_EMAIL>",
    "{} Lorem ipsum dolor sit amet.", "{} TODO", "{{first_name}}, {}", "{} [INSERT DATE]", "{} %CUSTOMER_NAME%",
)  # fmt: skip
CONTROLS = ("\x07", "\x0b", "\x1b[0m", "\x08", "\x02", "\x1f", "\x7f")
LENGTH = 170


def cut_in_word(draw: random.Random, row: Row) -> Row | None:
    """Ends inside a word of at least six letters."""
    words = [word for word in re.finditer(r"[^\W\d_]{6,}", row.answer) if 0.3 < word.start() / len(row.answer) < 0.85]
    if not words:
        return None
    word = draw.choice(words)
    return row.with_answer(row.answer[: word.start() + draw.randint(2, len(word.group()) - 3)])


def cut_after_word(draw: random.Random, row: Row) -> Row | None:
    """Ends after a whole word, without a full stop."""
    words = [
        word
        for word in re.finditer(r"[^\W\d_]+(?= [^\W\d_])", row.answer)
        if 0.3 < word.end() / len(row.answer) < 0.85
    ]
    return row.with_answer(row.answer[: draw.choice(words).end()]) if words else None


def cut_in_bracket(draw: random.Random, row: Row) -> Row | None:
    """Ends behind an opening bracket, quote or fence that is not closed."""
    openings = [match for match in re.finditer(r"[(„«\[]|```\n", row.answer) if match.start() > 30]
    openings = [match for match in openings if "```" not in match.group() or row.answer[: match.end()].count("```") % 2]
    if not openings:
        return None
    end = draw.choice(openings).end() + draw.randint(3, 9)
    return row.with_answer(row.answer[:end]) if not set(")”»]`") & set(row.answer[end - 9 : end]) else None


def cut_at_length(_draw: random.Random, row: Row) -> Row | None:
    """Ends at the same length as others, wherever that is."""
    return row.with_answer(row.answer[:LENGTH]) if len(row.answer) > LENGTH + 20 else None


def wrong_encoding(draw: random.Random, row: Row) -> Row | None:
    """UTF-8 that was read as Windows' or ISO's western encoding: all, a word, or twice."""
    text = row.prompt if _is_label(row.answer) else row.answer
    text = text.replace("'", "’").replace(" - ", " – ")
    plain = [word for word in text.split() if not word.isascii()]
    if not plain:
        return None
    word = draw.choice(plain)
    damaged = draw.choice((_misread(text), _misread(_misread(text)), text.replace(word, _misread(word))))
    return _with_text(row, damaged)


def replaced_signs(draw: random.Random, row: Row) -> Row | None:
    """The sign for what could not be decoded, in place of letters."""
    text = row.prompt if _is_label(row.answer) else row.answer
    at = draw.randrange(len(text))
    return _with_text(row, text[:at] + "\ufffd" * draw.randint(1, 2) + text[at + 1 :])


def template_token(draw: random.Random, row: Row) -> Row:
    """A token of a chat template in the text."""
    return _within(draw, row, TOKENS)


def markup(draw: random.Random, row: Row) -> Row:
    """Leftover HTML."""
    return _within(draw, row, MARKUP)


def placeholder(draw: random.Random, row: Row) -> Row:
    """A place that nobody filled in."""
    return _within(draw, row, PLACEHOLDERS)


def control_sign(draw: random.Random, row: Row) -> Row:
    """A control character between two letters."""
    text = row.prompt if _is_label(row.answer) else row.answer
    at = draw.randint(1, len(text) - 1)
    return _with_text(row, text[:at] + draw.choice(CONTROLS) + text[at:])


def list_as_text(draw: random.Random, row: Row) -> Row:
    """Python's way to write a list or a dictionary, instead of its text."""
    sentences = re.split(r"(?<=[.!?。])\s+", row.answer)
    return row.with_answer(repr(sentences if draw.random() < 0.7 else {"answer": row.answer}))


def _misread(text: str) -> str:
    data = text.encode("utf-8")
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _within(draw: random.Random, row: Row, forms: tuple[str, ...]) -> Row:
    text = row.prompt if _is_label(row.answer) else row.answer
    return _with_text(row, draw.choice(forms).format(text))


def _with_text(row: Row, text: str) -> Row:
    return row.with_prompt(text) if _is_label(row.answer) else row.with_answer(text)


def _is_label(answer: str) -> bool:
    return len(answer) < 10 and answer.isalpha() and answer.isascii()


def _long(row: Row) -> bool:
    return len(row.answer) >= 80


CUT = ("completions:.*(truncat|cut|unfinished)", "truncat")
FAULTS = (
    Fault("cut off in a word", "damage", CUT, 8, each(cut_in_word), _long),
    Fault("cut off after a word", "damage", CUT, 8, each(cut_after_word), _long),
    Fault("cut off in a bracket or code", "damage", CUT, 8, each(cut_in_bracket), _long),
    Fault("cut off at one length", "length", CUT, 40, each(cut_at_length), lambda row: len(row.answer) > LENGTH + 20),
    Fault("mojibake", "damage", ("mojibake", "encoding"), 10, each(wrong_encoding)),
    Fault("replacement characters", "damage", ("mojibake", "encoding", "replac", "control"), 6, each(replaced_signs)),
    Fault("template tokens", "damage", ("template", "token"), 12, each(template_token)),
    Fault("leftover HTML", "damage", ("html", "markup"), 10, each(markup)),
    Fault("placeholders", "damage", ("placeholder",), 10, each(placeholder)),
    Fault("control characters", "damage", ("control",), 8, each(control_sign)),
    Fault("list as text", "damage", ("list", "repr", "literal"), 6, each(list_as_text), _long),
)
