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


KINDS = {
    "SSN": "ssn|social.?security|(^|[_:-])us",
    "NINO": "nino|national.?insurance|(^|[_:-])(uk|gb)",
    "NIR": "nir|(^|[_:-])fr",
    "DNI": "dni|(^|[_:-])es($|[_-])",
    "codice fiscale": "codice|fiscal|(^|[_:-])it($|[_-])",
    "BSN": "bsn|(^|[_:-])nl",
    "PESEL": "pesel|(^|[_:-])pl",
    "CPF": "cpf|(^|[_:-])br",
    "Aadhaar": "aadhaar|(^|[_:-])in($|[_-])",
    "CN": "(^|[_:-])(cn|chin)|resident",
    "AHV": "ahv|avs|(^|[_:-])ch($|[_-])",
    "French phone": "phone|tel",
    "Indian phone": "phone|tel",
}
FAULTS = (
    *(
        Fault(
            name if "phone" in name else f"id: {name}",
            "people",
            (f"pii:.*({pattern})", "pii:.*(national|id_)"),
            6,
            each(_number(name)),
        )
        for name, pattern in KINDS.items()
    ),
    Fault("password in prose", "people", ("pii:.*(passw|secret|credential)",), 8, each(password)),
    Fault("URL with a password", "people", ("pii:.*(url|credential|secret|passw|connection)",), 8, each(database_url)),
)
