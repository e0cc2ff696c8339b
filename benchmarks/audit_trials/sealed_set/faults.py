"""Plants the faults of the sealed set. Where its own planting differs from the development set's, it stands here."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable
from dataclasses import replace

from benchmarks.audit_trials.planted import answers, people, repeats, text
from benchmarks.audit_trials.planted.planting import Fault, Plant, Trial, each
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.sealed_set.damage_words import PLACEHOLDERS
from benchmarks.audit_trials.sealed_set.private_words import PASSWORDS, SECRET_WORDS
from benchmarks.audit_trials.sealed_set.refusals import FURTHER, REFUSALS
from benchmarks.audit_trials.sealed_set.rewordings import reword
from benchmarks.audit_trials.sealed_set.structures import FAULTS as STRUCTURES

REPEATS = (6, 5, 4, 3, 3, 2, 2)
"""How often each of seven refusals stands in a file."""
WRONG_PATTERN = 32
RIGHT_BESIDE_THE_PATTERN = 12
PHRASES = ("(scanned from paper)", "[via hotline 7]", "— передано з Одеси", "Ref: import job B.")
"""Endings of which one marks the rows of a wrong pattern."""
ALIKE = ({"sr", "hr"}, {"cs", "sk"}, {"da", "sv"}, {"pt", "es", "ca"})
"""Languages of which even a reader may take one for another."""
CODE_PAGES = (("utf-8", "cp1252"), ("utf-8", "cp1251"), ("utf-8", "cp437"), ("cp1251", "cp1252"), ("cp1250", "cp1252"))
"""How a text was written and how it was read."""


def refuse(trial: Trial, fault: str, places: list[int], _count: int) -> None:
    """Answer rows with seven refusals of several languages, each of which recurs."""
    done: list[int] = []
    used: set[str] = set()
    for times in REPEATS:
        by_language: dict[str, list[int]] = {}
        for at in places:
            if at not in done:
                by_language.setdefault(trial.rows[at].language, []).append(at)
        fresh = sorted(
            (language, refusal)
            for language, group in by_language.items()
            if len(group) >= times
            for refusal in REFUSALS.get(language, ())
            if refusal not in used
        )
        language = trial.draw.choice(sorted({language for language, _ in fresh}))
        refusal = trial.draw.choice([refusal for of, refusal in fresh if of == language])
        used.add(refusal)
        for at in by_language[language][:times]:
            further = trial.draw.choice(("", "", "", *FURTHER.get(language, ())))
            trial.rows[at] = trial.rows[at].with_answer(f"{refusal} {further}".strip())
            done.append(at)
    trial.mark(fault, done)


def placeholder(trial: Trial, row: Row) -> Row:
    """A place that nobody filled in, in the language of the row."""
    form = trial.draw.choice(PLACEHOLDERS[row.language])
    if row.labelled:
        return row.with_prompt(form.replace("{}", row.prompt))
    return row.with_answer(form.replace("{}", row.answer))


def password(trial: Trial, row: Row) -> Row:
    """A password in a sentence in the language of the row, mostly in the question."""
    sentence = trial.draw.choice(PASSWORDS[row.language]).replace("{}", _secret(trial.draw))
    if row.labelled or trial.draw.random() < 0.75:
        return row.with_prompt(trial.draw.choice((f"{row.prompt} {sentence}", f"{sentence} {row.prompt}")))
    return row.with_answer(f"{row.answer}\n{sentence}")


def _secret(draw: random.Random) -> str:
    word = draw.choice(SECRET_WORDS)
    signs = "".join(draw.choice("abcdefghkmnpqrstuvwxyzABCDEFGHKMNPQRSTUVWXYZ23456789!$%*?") for _ in range(10))
    number = draw.randint(100, 2026)
    return draw.choice((f"{word}{number}", f"{word}_{number}!", signs, f"{signs[:4]}@{word}"))


def misread(trial: Trial, row: Row) -> Row | None:
    """A text that was read as another code page; signs that it does not have are lost."""
    content = row.prompt if row.labelled else row.answer
    content = content.replace("'", "’").replace('"', "”")
    forms = []
    for written, read in CODE_PAGES:
        try:
            forms.append(content.encode(written).decode(read, errors="ignore"))
        except UnicodeEncodeError:
            continue
    forms = [form for form in forms if sum(before != after for before, after in zip(content, form, strict=False)) > 2]
    if content.isascii() or not forms:
        return None
    damaged = trial.draw.choice(forms)
    return row.with_prompt(damaged) if row.labelled else row.with_answer(damaged)


def cut_at_own_length(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Cut answers at one length, which is near the middle of the file's long answers."""
    lengths = sorted(len(trial.rows[at].answer) for at in places)
    length = 5 * math.floor(lengths[len(lengths) // 2] / 5)
    done = [at for at in places if len(trial.rows[at].answer) > length + 15][:count]
    for at in done:
        trial.rows[at] = trial.rows[at].with_answer(trial.rows[at].answer[:length])
    trial.mark(fault, done)


def echo(trial: Trial, row: Row) -> Row:
    """The question as the answer, also with a few words around it."""
    forms = ("{}", "{}", "{}!", "«{}»", "{} …", "> {}", "Q: {}")
    return row.with_answer(trial.draw.choice(forms).format(row.prompt))


def list_as_text(trial: Trial, row: Row) -> Row:
    """A list, a tuple, a set or a dictionary as Python prints it."""
    parts = [part for part in re.split(r"(?<=[.!?,;])\s+", row.answer) if part]
    value = trial.draw.choice((parts, tuple(parts), {"text": row.answer, "score": None}, [{"generated": row.answer}]))
    return row.with_answer(repr(value))


def translate(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Answer in English, or with the answer of a row in a language that is not much like the row's."""
    done: list[int] = []
    for at in places:
        row = trial.rows[at]
        others = [other for other in places if other not in done and _unlike(trial.rows[other].language, row.language)]
        if len(done) == count or at in trial.touched or not others:
            continue
        if row.original and trial.draw.random() < 0.5:
            trial.rows[at] = row.with_answer(row.original)
        else:
            other = trial.draw.choice(others)
            trial.rows[at] = row.with_answer(trial.rows[other].answer)
            trial.touched.add(other)
        done.append(at)
    trial.mark(fault, done)


def _unlike(language: str, other: str) -> bool:
    return language != other and not any({language, other} <= group for group in ALIKE)


def nearly_copy(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Append copies whose questions have other signs, a slip of the pen or a polite word."""
    start = len(trial.rows)
    for at in places[:count]:
        prompt = trial.rows[at].prompt
        slip = trial.draw.randrange(len(prompt) - 1)
        forms = (
            prompt[:slip] + prompt[slip + 1] + prompt[slip] + prompt[slip + 2 :],
            prompt.rstrip("?.!") + " ...?",
            f"{prompt} pls",
            prompt.swapcase(),
            f"  {prompt}\n",
            prompt.replace(",", " ,") + "??",
        )
        trial.rows.append(trial.rows[at].with_prompt(trial.draw.choice(forms)))
    trial.mark(fault, range(start, len(trial.rows)), partners=places[:count])


def leak_by_signs(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Hold out rows of training in small letters and without their last signs."""
    trial.held_out += [
        trial.rows[at].with_prompt(trial.rows[at].prompt.lower().rstrip("?.!:") + " …") for at in places[:count]
    ]
    trial.mark(fault, places[:count])


def address(trial: Trial, row: Row) -> Row:
    """An address with a name and a password."""
    words = trial.wording
    host = trial.draw.choice(("db7.lan", "warehouse.example.org", "192.168.4.20", "shop-prod.eu-west.acme.cloud"))
    user = trial.draw.choice(("svc_backup", "mila", "postgres", "deploy"))
    secret = re.sub(r"[^\w!$*]", "", _secret(trial.draw))
    url = trial.draw.choice(words.urls).format(user=user, password=secret, host=host)
    sentence = trial.draw.choice(words.around_urls).format(url)
    if row.labelled or trial.draw.random() < 0.75:
        return row.with_prompt(f"{row.prompt}\n{sentence}")
    return row.with_answer(f"{row.answer}\n{sentence}")


def wrong_batch(trial: Trial, fault: str, places: list[int], _count: int) -> None:
    """Give all rows of a new value of the column one label: most of them had another."""
    column = trial.rows[0].columns[0][0]
    _wrong_pattern(trial, fault, places, lambda row: replace(row, columns=((column, "delta"),)))


def wrong_phrase(trial: Trial, fault: str, places: list[int], _count: int) -> None:
    """Give all rows that end with one phrase one label: most of them had another."""
    phrase = trial.draw.choice(PHRASES[:2] if trial.rows[0].language == "en" else PHRASES[2:])
    _wrong_pattern(trial, fault, places, lambda row: row.with_prompt(f"{row.prompt} {phrase}"))


def _wrong_pattern(trial: Trial, fault: str, places: list[int], mark: Callable[[Row], Row]) -> None:
    label = trial.draw.choice(sorted({trial.rows[at].answer for at in places}))
    wrong = [at for at in places if trial.rows[at].answer != label][:WRONG_PATTERN]
    right = [at for at in places if trial.rows[at].answer == label][:RIGHT_BESIDE_THE_PATTERN]
    for at in wrong + right:
        trial.rows[at] = mark(trial.rows[at].with_answer(label))
    trial.mark(fault, wrong, partners=right)


def leak_reworded(trial: Trial, fault: str, places: list[int], count: int) -> None:
    """Hold out rows of training with their question in other words."""
    pairs = ((at, reword(trial, trial.rows[at])) for at in places)
    reworded = [(at, trial.rows[at].with_prompt(prompt)) for at, prompt in pairs if prompt][:count]
    trial.held_out += [row for _, row in reworded]
    trial.mark(fault, [at for at, _ in reworded])


def _whole(row: Row) -> bool:
    """Whether the answer is long and ends as a sentence does, so that a reader sees a cut."""
    return len(row.answer) >= 80 and row.answer.rstrip('"»”)').endswith((".", "!", "?", "`"))


def _single(row: Row) -> bool:
    return len(row.turns) == 1


def _sentence(row: Row) -> bool:
    return _single(row) and len(row.prompt) >= 25


REPLANTED: dict[str, Plant] = {
    "repeated refusals": refuse,
    "answer in another language": translate,
    "near duplicates": nearly_copy,
    "leak by case": leak_by_signs,
    "URL with a password": each(address),
    "answer repeats the prompt": each(echo),
    "cut off at one length": cut_at_own_length,
    "mojibake": each(misread),
    "placeholders": each(placeholder),
    "list as text": each(list_as_text),
    "password in prose": each(password),
    "one wrong pattern": wrong_batch,
    "leak in light paraphrase": leak_reworded,
}
"""Faults of the development set that are planted in another way here."""
SUITS = {"leak in light paraphrase": _sentence} | {fault.name: _whole for fault in text.FAULTS if "cut" in fault.name}
SOURCES = {"answer in another language": "text", "list as text": "text"} | dict.fromkeys(
    (fault.name for fault in text.FAULTS if "cut" in fault.name), "text"
)


def _replanted(fault: Fault) -> Fault:
    return replace(
        fault,
        plant=REPLANTED.get(fault.name, fault.plant),
        suits=SUITS.get(fault.name, fault.suits),
        sources=SOURCES.get(fault.name, fault.sources),
    )


FAULTS: tuple[Fault, ...] = (
    *(_replanted(fault) for fault in (*text.FAULTS, *answers.FAULTS, *people.FAULTS, *repeats.FAULTS)),
    Fault("one wrong pattern in a phrase", "phrase", ("wrong-pattern",), 0, wrong_phrase, sources="labelled"),
    *STRUCTURES,
)
