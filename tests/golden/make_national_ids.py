"""Writes `national_ids.json`: ids that python-stdnum accepts, and the same with one digit changed, which it refuses.

python -m tests.golden.make_national_ids    # needs python-stdnum 2.2
"""

from __future__ import annotations

import json
import random
from importlib import import_module
from pathlib import Path

GOLDEN = Path(__file__).with_name("national_ids.json")
EACH = 12
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
PLACES = {"d": "0123456789", "L": LETTERS, "x": "0123456789XK"}
ORIGINALS = {
    "AT Sozialversicherungsnummer": ("at.vnr", "dddd311286"),
    "AU tax file number (TFN)": ("au.tfn", "ddddddddd"),
    "BE Rijksregisternummer": ("be.nn", "850730ddddd"),
    "BR CPF": ("br.cpf", "ddddddddddd"),
    "CA Social Insurance Number": ("ca.sin", "ddddddddd"),
    "CH AHV/AVS number": ("ch.ssn", "756dddddddddd"),
    "CL RUT": ("cl.rut", "ddddddddx"),
    "CN identity card": ("cn.ric", "11010519491231dddx"),
    "CZ rodné číslo (also SK)": ("cz.rc", "710319dddd"),
    "DE Steuer-ID": ("de.idnr", "ddddddddddd"),
    "ES DNI, NIE": ("es.dni", "ddddddddL"),
    "ES NIE": ("es.nie", "XdddddddL"),
    "FI henkilötunnus": ("fi.hetu", "131052-dddL"),
    "FR NIR (sécurité sociale)": ("fr.nir", "295109912dddddd"),
    "GB NHS number": ("gb.nhs", "dddddddddd"),
    "IE PPS number": ("ie.pps", "dddddddL"),
    "IN Aadhaar": ("in_.aadhaar", "dddddddddddd"),
    "IT codice fiscale": ("it.codicefiscale", "LLLLLL85T10AdddL"),
    "JP My Number": ("jp.in_", "dddddddddddd"),
    "MX CURP": ("mx.curp", "BOXW310820HNERXNdd"),
    "NL burgerservicenummer (BSN)": ("nl.bsn", "ddddddddd"),
    "NO fødselsnummer": ("no.fodselsnummer", "151086ddddd"),
    "PL PESEL": ("pl.pesel", "440514ddddd"),
    "PT NIF": ("pt.nif", "ddddddddd"),
    "RO CNP": ("ro.cnp", "163061512dddd"),
    "SE personnummer": ("se.personnummer", "880320dddd"),
    "TR T.C. kimlik numarası": ("tr.tckimlik", "ddddddddddd"),
    "US Social Security number": ("us.ssn", "ddddddddd"),
    "US taxpayer number (ITIN)": ("us.itin", "9dd7ddddd"),
    "US employer number (EIN)": ("us.ein", "12ddddddd"),
    "IN PAN": ("in_.pan", "LLLPLddddL"),
    "DK CPR number": ("dk.cpr", "211062dddd"),
}
"""The module of each id, and a pattern of its numbers: ``d`` is a digit, ``L`` a letter, ``x`` a digit, X or K."""


def vectors(module: str, pattern: str, draw: random.Random) -> dict[str, list[str]]:
    """Ids that are valid, and each with another character at a free place, if that is not valid."""
    valid = import_module(f"stdnum.{module}").is_valid
    right: list[str] = []
    wrong: list[str] = []
    while len(right) < EACH:
        number = "".join(draw.choice(PLACES.get(one, one)) for one in pattern)
        if not valid(number):
            continue
        right.append(number)
        place = draw.choice([at for at, one in enumerate(pattern) if one in PLACES])
        other = number[:place] + draw.choice(PLACES[pattern[place]]) + number[place + 1 :]
        if not valid(other):
            wrong.append(other)
    return {"valid": right, "invalid": wrong}


def main() -> None:
    """Write the file."""
    draw = random.Random(5)
    found = {name: vectors(module, pattern, draw) for name, (module, pattern) in ORIGINALS.items()}
    lines = ",\n".join(f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(both)}" for name, both in found.items())
    GOLDEN.write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
