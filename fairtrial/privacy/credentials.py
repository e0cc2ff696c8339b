"""Defines keys by their prefixes, passwords in prose and in fields, and URLs with credentials."""

from __future__ import annotations

import re

KEYS = {
    "OpenAI, Anthropic, fairtrial": rb"(?:sk|ft|rk|pk)-[A-Za-z0-9_\-]{16,}",
    "Groq": rb"gsk_[A-Za-z0-9]{40,}",
    "xAI": rb"xai-[A-Za-z0-9]{40,}",
    "Hugging Face": rb"hf_[A-Za-z0-9]{30,}",
    "AWS": rb"(?:AKIA|ASIA)[0-9A-Z]{16}",
    "Azure": rb"(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{40,}={0,2}",
    "Google": rb"AIza[0-9A-Za-z_\-]{30,}|ya29\.[0-9A-Za-z_\-]{20,}|GOCSPX-[0-9A-Za-z_\-]{20,}|1//0[0-9A-Za-z_\-]{30,}",
    "GitHub": rb"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}",
    "GitLab": rb"glpat-[A-Za-z0-9_\-]{20,}",
    "Slack": rb"xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-[0-9]-[A-Za-z0-9\-]{10,}"
    rb"|hooks\.slack\.com/[a-z]+/[A-Za-z0-9/]{20,}",
    "Stripe": rb"[srp]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/]{24,}",
    "Twilio": rb"SK[0-9a-f]{32}",
    "SendGrid": rb"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
    "npm": rb"npm_[A-Za-z0-9]{30,}",
    "PyPI": rb"pypi-[A-Za-z0-9_\-]{50,}",
}
"""The forms of keys by who issues them."""

URL = rb"://[!#-.0-9;-?A-~]{0,40}:[!#-.0-?A-~]{1,64}@"
"""A URL with a user and a password. Its ASCII classes leave out quotes, ``/`` and ``@``."""

_WORDS = (
    r"pass(?:words?| words?|wd|phrase|code)|pwd|pw|passwor[td]|kennwort|mot de passe|contrase(?:ñ|n)a|senha|wachtwoord"
    r"|has(?:ł|l)o|пароль|密码|密碼|パスワード"
)
_FOR = (
    r"(?: (?:I|we|was|reset|changed|set|for|to|of|f(?:ü|u)r|von|zum?|de|del|da|di|para|pour|per|do|voor)"
    r"(?: [^\s\"]{1,24}){0,3})?"
)
_IS = r"(?:[\x00\"' ]{0,2} ?(?:[:=]|：|は|是)"
_IS += r"| (?:is|was|ist|lautet|war|est|es|era|é|è|to|jest|(?:ä|a)r|er|fue|foi):?)"
PASSWORD = rf"(?i)(?:^|[^A-Za-z])(?:{_WORDS}){_FOR}{_IS}[ \x00\"'`]{{0,3}}".encode()
"""What stands before a password."""

NAMED = (
    rb"(?i)(?:^|[^A-Za-z])(?:api|(?:secret[ _\-]?)?access|secret|client)[ _\-]?(?:key|secret|token)"
    rb"[\x00\"' ]{0,2}(?:[:=]| is)[\x00\"'` ]{0,3}"
)
"""What stands before a key without a known prefix."""

_URL = re.compile(rb"://([!#-.0-9;-?A-~]{0,40}:[!#-.0-?A-~]{1,64})@")
_PASSWORD = re.compile(PASSWORD + rb"([^\s\x00\"'`<>]{4,64})")
_NAMED = re.compile(NAMED + rb"([A-Za-z0-9_\-+/=.~]{20,256})")
_TRAIL = b".,;:!?)]}"
_NO_PASSWORD = re.compile(
    rb"(?i)[\[({<$%*]|\*|.*(?:://|\(|\[)|(?:sha|md5|base|aes|utf|2fa|oauth|ntlm|argon|pbkdf|[bs]crypt"
    rb"|[0-9]{1,5}[^0-9]?[a-z]*\Z)"
    rb"|[a-z_]+[0-9]?(?:\.[a-z_]+[0-9]?)+\Z"
)
"""What a password never is: a place to fill in, a call, the name of a method, or a short number."""


def password_in_url(look: bytes, start: int) -> tuple[int, int] | None:
    """User and password of the URL whose ``://`` begins here, unless they are places to fill in."""
    match = _URL.match(look, start)
    return None if match is None or re.search(rb"[\[{<$]|\*\*", match[1]) else match.span(1)


def password(look: bytes, start: int) -> tuple[int, int] | None:
    """The password behind the words that begin here: it has a letter and a digit or sign, or only digits."""
    match = _PASSWORD.match(look, start - 1)
    if match is None:
        return None
    value = match[1].rstrip(_TRAIL)
    strong = re.search(rb"[0-9!@#$%^&*+=~?]", value) and (re.search(rb"[A-Za-z]", value) or value.isdigit())
    if len(value) < 5 or not strong or _NO_PASSWORD.match(value):
        return None
    return match.start(1), match.start(1) + len(value)


def named_key(look: bytes, start: int) -> tuple[int, int] | None:
    """The key behind the name that begins here: at least three letters and three digits."""
    match = _NAMED.match(look, start - 1)
    if match is None:
        return None
    mixed = len(re.findall(rb"[0-9]", match[1])) > 2 and len(re.findall(rb"[A-Za-z]", match[1])) > 2
    return match.span(1) if mixed else None
