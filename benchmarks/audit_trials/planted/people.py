"""Plants personal data and secrets, in sentences as customers of each country write them."""

from __future__ import annotations

import string

from benchmarks.audit_trials.planted.national_ids import MAKERS
from benchmarks.audit_trials.planted.planting import Change, Fault, Trial, each
from benchmarks.audit_trials.planted.rows import Row

OPENINGS = ("", "", "", "Hi, ", "PS: ")


def _number(name: str) -> Change:
    def change(trial: Trial, row: Row) -> Row:
        return _add(trial, row, trial.draw.choice(trial.wording.sentences[name]).format(MAKERS[name](trial.draw)))

    return change


def password(trial: Trial, row: Row) -> Row:
    """A password that somebody tells in prose."""
    return _add(trial, row, trial.draw.choice(trial.wording.passwords).format(_secret(trial)))


def database_url(trial: Trial, row: Row) -> Row:
    """A URL with a user's name and password."""
    host = trial.draw.choice(("acme-shop.net", "internal.acme.io", "10.2.0.14", "prod.widgets.eu"))
    url = trial.draw.choice(trial.wording.urls).format(
        user=trial.draw.choice(("admin", "shop_rw", "root")), password=_secret(trial), host=host
    )
    return _add(trial, row, trial.draw.choice(trial.wording.around_urls).format(url))


def _secret(trial: Trial) -> str:
    words = trial.draw.choice(trial.wording.secret_words)
    return trial.draw.choice(
        (
            f"{words}{trial.draw.randint(10, 2030)}!",
            "".join(trial.draw.choice(string.ascii_letters + string.digits) for _ in range(trial.draw.randint(9, 14))),
            f"{words}-{trial.draw.choice(('kv7', 'Rx9', 'zz4'))}#{trial.draw.randint(1, 99)}",
        )
    )


def _add(trial: Trial, row: Row, sentence: str) -> Row:
    if row.labelled or trial.draw.random() < 0.7:
        text = trial.draw.choice((f"{row.prompt} {sentence}", f"{sentence} {row.prompt}"))
        return row.with_prompt(trial.draw.choice(OPENINGS) + text)
    return row.with_answer(f"{row.answer} {sentence}")


NATIONAL_IDS = ("SSN", "NINO", "NIR", "DNI", "codice fiscale", "BSN", "PESEL", "CPF", "Aadhaar", "CN", "AHV")
FAULTS = (
    *(Fault(f"id: {name}", "people", ("pii:national id",), 6, each(_number(name))) for name in NATIONAL_IDS),
    *(Fault(name, "people", ("pii:phone",), 6, each(_number(name))) for name in ("French phone", "Indian phone")),
    Fault("password in prose", "people", ("secrets:.*passw", "passw|secret|credential"), 8, each(password)),
    Fault(
        "URL with a password",
        "people",
        ("secrets:.*(passw|url|credential)", "url|credential|secret|passw|connection"),
        8,
        each(database_url),
    ),
)
