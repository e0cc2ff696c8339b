"""Defines how phone numbers are written by country, and which words say that a number is one."""

from __future__ import annotations

import re

INTERNATIONAL = rb"(?:\+|00)[1-9](?:[ ().\-/]{0,2}\p{Nd}){6,14}"
US_PHONE = rb"\(?[2-9]\p{Nd}{2}\)?[ .\-]{1,2}\p{Nd}{3}[ .\-]\p{Nd}{4}"
TRUNK = rb"\(?0[1-9]\p{Nd}{0,4}\)?[ /\-]?\p{Nd}{3,8}(?:[ \-]?\p{Nd}{2,8}){0,3}"
"""A prefix of an area or network that begins with 0, as in most of Europe and Asia."""

GROUPED = {
    "BE": rb"0[0-9]{2,3}[ /.\-][0-9]{2}[ .][0-9]{2}[ .][0-9]{2,3}",
    "BR": rb"\([1-9]{2}\) ?9?[0-9]{4}[ \-][0-9]{4}",
    "DE": rb"0[1-9][0-9]{1,4} ?[/\-] ?[0-9]{2,4}(?: [0-9]{2,4}){1,3}",
    "FR": rb"0[1-9](?:[ .\-][0-9]{2}){4}",
    "HU": rb"06[ \-/][0-9]{1,2}[ \-/][0-9]{3}[ \-][0-9]{4}",
    "RU": rb"8[ \-]?\([0-9]{3}\) ?[0-9]{3}[ \-]?[0-9]{2}[ \-]?[0-9]{2}",
    "US": rb"\([2-9][0-9]{2}\)[0-9]{3}-[0-9]{4}|1[ .\-][2-9][0-9]{2}[ .\-][0-9]{3}[ .\-][0-9]{4}",
}
"""National forms that only their groups tell from other numbers."""

_WORDS = (
    "phone|telephone|contact|tel|t(?:é|e)l(?:é|e)phone|telefon(?:e|o|u)?|tel(?:é|e)fono|telefoon|rufnummer|mobile|mobil|m(?:ó|o)vil"
    "|telem(?:ó|o)vel|cell(?:phone)?|celular|cellulare|portable|handy|whatsapp|sms|kom(?:ó|o)rka"
    "|call|dial|reach|ring|text"
    "|ll(?:á|a)m(?:a|e)(?:me|nos) al|chiamami al|zadzwo(?:ń|n) (?:na|pod)|ligue para"
    "|my number|meine nummer|mon num(?:é|e)ro|mi n(?:ú|u)mero|meu n(?:ú|u)mero"
    "|(?:Т|т)ел|(?:Т|т)елефон|(?:Н|н)омер|电话|手机|電話|手機|携帯|전화|휴대폰|फ़ोन|फोन|मोबाइल"
)
_LINKS = (
    r"[ :.,#=(_\x00\-]|\" ?: ?\"?|nummer|number|num(?:é|e)?ro|n(?:ú|u)mero|no|nr|is|ist|lautet|est|es|é|è|to|at|on"
    "|unter|au|me|us|him|her|home|work|private|privat|是|号|號|码|碼|は|है|नंबर|번호"
)
WITH_CUE = rf"(?i)(?:^|[^A-Za-z])(?:{_WORDS})s?(?:{_LINKS}){{1,8}}(\(?[1-9][0-9]\)?(?:[ .\-]?[0-9]){{6,9}})".encode()
"""A number without prefix right behind a cue, perhaps with words such as ``number is`` between."""

_WITH_CUE = re.compile(WITH_CUE + rb"(?![0-9A-Za-z_]|[.\-/:][0-9])")
_DATE = re.compile(
    rb"(?:19|20)[0-9]{2}[ .\-]?[01][0-9][ .\-]?[0-3][0-9]|[0-3]?[0-9][ .\-][01]?[0-9][ .\-](?:19|20)[0-9]{2}\Z"
)


def phone_with_cue(look: bytes, start: int) -> tuple[int, int] | None:
    """The number behind the cue that begins here."""
    match = _WITH_CUE.match(look, start - 1)
    return None if match is None or _DATE.match(match[1]) else match.span(1)
