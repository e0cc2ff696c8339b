"""Plants personal data and secrets, in sentences as customers of each country write them."""

from __future__ import annotations

import random
import string

from benchmarks.audit_trials.national_ids import MAKERS
from benchmarks.audit_trials.planting import Change, Fault, each
from benchmarks.audit_trials.rows import Row

SENTENCES = {
    "SSN": ("My social security number is {}.", "SSN: {}", "You asked for my SSN, here it is: {}",
            "Please verify me with social {}, thanks."),
    "NINO": ("My National Insurance number is {}.", "NI number {}, in case payroll needs it.", "NINO: {}",
             "It says {} on my payslip."),
    "NIR": ("Mon numéro de sécurité sociale est le {}.", "N° de sécu : {}", "Voici mon NIR : {}.",
            "Je suis assuré sous le {}, merci de vérifier."),
    "DNI": ("Mi DNI es {}.", "DNI {}", "Les mando mi documento nacional de identidad: {}.",
            "Soy el titular, con número {}, gracias."),
    "codice fiscale": ("Il mio codice fiscale è {}.", "C.F.: {}", "Intestare la fattura a {} per favore.",
                       "Le mando il CF {} come richiesto."),
    "BSN": ("Mijn BSN is {}.", "Burgerservicenummer: {}", "Mijn burgerservicenummer is {}, kunt u dat controleren?",
            "BSN-nummer {} staat op mijn paspoort."),
    "PESEL": ("Mój PESEL to {}.", "PESEL: {}", "Podaję numer PESEL {} do umowy.", "Numer ewidencyjny {} mam w dowodzie."),
    "CPF": ("Meu CPF é {}.", "CPF: {}", "Segue o CPF do titular: {}.", "Pode emitir a nota no CPF {}?"),
    "Aadhaar": ("My Aadhaar number is {}.", "Aadhaar: {}", "मेरा आधार नंबर {} है।", "KYC is done with aadhaar card {}."),
    "CN": ("我的身份证号码是{}。", "身份证：{}", "身份证号 {}，请核实。", "证件号码{}，谢谢。"),
    "AHV": ("Meine AHV-Nummer lautet {}.", "AHV-Nr.: {}", "Mon numéro AVS est {}.", "Versichertennummer {}, bitte prüfen."),
    "French phone": ("Vous pouvez me joindre au {}.", "Tél. : {}", "Rappelez-moi au {} après 18 h.", "Mon portable : {}"),
    "Indian phone": ("Please call me on {}.", "My mobile number is {}.", "Contact: {}", "WhatsApp me at {} please."),
}  # fmt: skip
PASSWORDS = (
    "My password is {} and I still can't log in.", "I changed the password to {} yesterday.",
    "user: karin, pw: {}", "The login is admin and the password {}.", "Mein Passwort lautet {}, bitte setzen Sie es zurück.",
    "Mon mot de passe est {}.", "Mi contraseña es {}.", "La password è {}.", "Het wachtwoord is {}.",
    "Try it with my pass {}, it worked before.",
)  # fmt: skip
URLS = (
    "postgres://{user}:{password}@db.{host}:5432/shop", "mysql://{user}:{password}@{host}/orders",
    "mongodb+srv://{user}:{password}@cluster0.{host}/test?retryWrites=true", "redis://:{password}@cache.{host}:6379/0",
    "https://{user}:{password}@{host}/export.csv", "amqp://{user}:{password}@mq.{host}/vhost",
    "postgresql+psycopg2://{user}:{password}@{host}/app",
)  # fmt: skip
AROUND_URLS = ("We connect to {} but it times out.", "DATABASE_URL={}", "The connection string is {}.", "Use {} for now.")
OPENINGS = ("", "", "", "Hi, ", "PS: ")


def _number(name: str) -> Change:
    def change(draw: random.Random, row: Row) -> Row:
        return _add(draw, row, draw.choice(SENTENCES[name]).format(MAKERS[name](draw)))

    return change


def password(draw: random.Random, row: Row) -> Row:
    """A password that somebody tells in prose."""
    return _add(draw, row, draw.choice(PASSWORDS).format(_secret(draw)))


def database_url(draw: random.Random, row: Row) -> Row:
    """A URL with a user's name and password."""
    host = draw.choice(("acme-shop.net", "internal.acme.io", "10.2.0.14", "prod.widgets.eu"))
    url = draw.choice(URLS).format(user=draw.choice(("admin", "shop_rw", "root")), password=_secret(draw), host=host)
    return _add(draw, row, draw.choice(AROUND_URLS).format(url))


def _secret(draw: random.Random) -> str:
    words = draw.choice(("Sommer", "tiger", "Blue", "haus", "Winter", "pizza", "Lisboa", "dragon"))
    return draw.choice(
        (
            f"{words}{draw.randint(10, 2030)}!",
            "".join(draw.choice(string.ascii_letters + string.digits) for _ in range(draw.randint(9, 14))),
            f"{words}-{draw.choice(('kv7', 'Rx9', 'zz4'))}#{draw.randint(1, 99)}",
        )
    )


def _add(draw: random.Random, row: Row, sentence: str) -> Row:
    labelled = len(row.answer) < 10 and row.answer.isalpha()
    if labelled or draw.random() < 0.7:
        text = draw.choice((f"{row.prompt} {sentence}", f"{sentence} {row.prompt}"))
        return row.with_prompt(draw.choice(OPENINGS) + text)
    return row.with_answer(f"{row.answer} {sentence}")


KINDS = {
    "SSN": "ssn|social.?security|(^|[_:-])us", "NINO": "nino|national.?insurance|(^|[_:-])(uk|gb)", "NIR": "nir|(^|[_:-])fr",
    "DNI": "dni|(^|[_:-])es($|[_-])", "codice fiscale": "codice|fiscal|(^|[_:-])it($|[_-])", "BSN": "bsn|(^|[_:-])nl",
    "PESEL": "pesel|(^|[_:-])pl", "CPF": "cpf|(^|[_:-])br", "Aadhaar": "aadhaar|(^|[_:-])in($|[_-])",
    "CN": "(^|[_:-])(cn|chin)|resident", "AHV": "ahv|avs|(^|[_:-])ch($|[_-])",
    "French phone": "phone|tel", "Indian phone": "phone|tel",
}  # fmt: skip
FAULTS = (
    *(
        Fault(name if "phone" in name else f"id: {name}", "people", (f"pii:.*({pattern})", "pii:.*(national|id_)"), 6, each(_number(name)))
        for name, pattern in KINDS.items()
    ),
    Fault("password in prose", "people", ("pii:.*(passw|secret|credential)",), 8, each(password)),
    Fault("URL with a password", "people", ("pii:.*(url|credential|secret|passw|connection)",), 8, each(database_url)),
)
