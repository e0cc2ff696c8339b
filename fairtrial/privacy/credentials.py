"""Defines keys by their prefixes, passwords in prose and in fields, and URLs with credentials."""

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
    r"pass(?:words?| words?|wd|phrase|code|wort|ord)?|pwd|psw|pw|ww|kennwort|mot de passe|mdp|contrase(?:ñ|n|ny)a|clave"
    r"|senha|palavra-passe|wachtwoord|parola(?: d.ordine| chiave)?|parol[ae]|parool|has(?:ł|l)(?:o|em|a)|hesl[oa]"
    r"|l(?:ö|o)senord|adgangskoden?|kodeord|salasana|jelsz(?:ó|o)|(?:Ş|ş|s)ifre(?:m|yi|si)?|lozink[aeu]|zapork[au]|geslo"
    r"|slapta(?:ž|z)od(?:is|į)|kata sandi|m(?:ậ|a)t kh(?:ẩ|a)u|lykilorð|(?:П|п)арол(?:ь|я|ем|а|ата)|лозинк[ау]"
    r"|(?:Κ|κ)ωδικός(?: πρόσβασης)?|كلمة (?:المرور|السر)|رمز عبور|گذرواژه(?:ٔ|ی)?|סיסמ(?:ה|א|ת)"
    r"|密码|密碼|口令|パスワード|비밀번호|पासवर्ड|รหัสผ่าน"
)
_OWN = "saya|của tôi|tôi|من|שלי|mi|mám|mam|مني|μου|ми|мій|мой|benim|meg|mea|mele|minu|mano"
"""Whose password it is, in languages that say so behind the word."""
_FOR = (
    r"(?: (?:I|we|was|reset|changed|set|for|to|of|f(?:ü|u)r|von|zum?|de|del|da|di|para|pour|per|do|voor|till?"
    r"|za|od|k|na|lui|pentru|untuk|cho|від|от|до|к|од|за|для|такий|такой|של|ל\S{1,12}|الخاصة)"
    r"(?: [^\s\"]{1,24}){0,3})?"
)
_IS = r"(?:[\x00\"' ]{0,2} ?(?:[:=]|：|は|是|는|은)| (?:-|–|—|->|→)"
_IS += (
    r"| (?:is|was|ist|lautet|war|est|es|era|é|è|to|jest|je|(?:ä|a)r|er|on|fue|foi|yra|ir|adalah|là|este|είναι|на"
    r"|to be|mám|mi je|היא|هي):?[ \x00\"'`])"
)
PASSWORD = (
    rf"(?i)(?:^|[^A-Za-z])(?:{_WORDS})(?:{_FOR}{_IS}|(?: (?:{_OWN}))?(?:{_IS}|,?[ \x00\"'`]))[ \x00\"'`]{{0,3}}"
).encode()
"""What stands before a password."""

_SIGN = rb"[0-9!@#$%^&*+=~?]"
SECRET = rb"[^\s\x00\"'`<>]{0,20}(?:" + _SIGN + rb"|(?-i:[a-z][A-Z]))"
"""How a password begins: up to a digit, a sign or letters of mixed case."""

BEHIND = (
    "(?: (?:is|was|ist|es|est|to|je) (?:my|the|our|mein|das|mi|la|mon|le|meu|minha|a|moje|mijn|het)(?: new| old)?"
    "| (?:as|als|como|comme|come|com a|jako|kao|som|sebagai|làm|як|как|като|ca)"
    "(?: (?:a|my|the|our|mein|das|mi|la|mon|le|meu|minha|moje|mijn|het|mitt|min|мій|мой))?(?: new| old)?)"
    f" (?i:{_WORDS})"
).encode()
"""What stands behind a password, such as ``is my new password``."""
GIVEN = rb"[^\s\x00\"'`<>][\x00\"'`]?" + BEHIND

NAMED = (
    rb"(?i)(?:^|[^A-Za-z])(?:api|(?:secret[ _\-]?)?access|secret|client)[ _\-]?(?:key|secret|token)"
    rb"[\x00\"' ]{0,2}(?:[:=]| is)[\x00\"'` ]{0,3}"
)
"""What stands before a key without a known prefix."""

_URL = re.compile(rb"://([!#-.0-9;-?A-~]{0,40}:[!#-.0-?A-~]{1,64})@")
_PASSWORD = re.compile(PASSWORD + rb"([^\s\x00\"'`<>]{4,64})")
_LINKED = re.compile(f"(?i)[^A-Za-z]?(?:{_WORDS})(?:{_FOR}| (?:{_OWN})){_IS}".encode())
_TICKET = re.compile(rb"(?i)(?<!my)(?<!user)(?<!login)(?<!admin)(?<!and)(?<!with)(?<!with the)[^A-Za-z]pass (?![:=])")
"""A *pass* that may as well be one for a bus."""
_VALUE = re.compile(rb"[^\s\x00\"'`<>]{1,64}\Z")
_NAMED = re.compile(NAMED + rb"([A-Za-z0-9_\-+/=.~]{20,256})")
_TRAIL = b".,;:!?)]}"
_NO_PASSWORD = re.compile(
    rb"(?i)[\[({<$%*]|\*|.*(?:://|\(|\[)|(?:sha|md5|base|aes|utf|2fa|oauth|ntlm|argon|pbkdf|[bs]crypt"
    rb"|[0-9]{1,5}[^0-9]?[a-z]*\Z|(?:iso|rfc|cve|nist|tls|http)-?[0-9]|[0-9]{4}-[0-9]{2}-)"
    rb"|[a-z_]+[0-9]?(?:\.[a-z_]+[0-9]?)+\Z|[^@]+@[^@]+\.[a-z]+\Z|[a-z_]+[=+-]+[a-z_]*\Z"
)
"""What a password never is: a place to fill in, a call, the name of a method, a standard, or a short number."""

_CASES = re.compile(rb"(?=[a-z][A-Z]|[A-Z][a-z])")
_CAMEL = re.compile(rb"[a-z]*(?:[A-Z][a-z]{2,})+[A-Z]?\Z")


def password_in_url(look: bytes, start: int) -> tuple[int, int] | None:
    """User and password of the URL whose ``://`` begins here, unless they are places to fill in."""
    match = _URL.match(look, start)
    return None if match is None or re.search(rb"[\[{<$]|\*\*", match[1]) else match.span(1)


def password(look: bytes, start: int) -> tuple[int, int] | None:
    """The password behind the words that begin here. One that follows them directly must look more like one."""
    match = _PASSWORD.match(look, start - 1)
    if match is None or _TICKET.match(look, start - 1):
        return None
    value = match[1].rstrip(_TRAIL)
    linked = _LINKED.match(look[match.start() : match.start(1)])
    return (match.start(1), match.start(1) + len(value)) if (_is_strong if linked else _is_clear)(value) else None


def password_before(look: bytes, start: int) -> tuple[int, int] | None:
    """The password before words such as ``is my password``, whose last character stands here."""
    match = _VALUE.search(look[max(0, start - 64) : start + 1])
    return (start + 1 - len(match[0]), start + 1) if match and _is_clear(match[0]) else None


def _is_strong(value: bytes) -> bool:
    """Whether it has a letter and a digit or sign, or only digits, or letters in random case."""
    mixed = value.isalpha() and len(value) > 7 and len(_CASES.findall(value)) > 3 and not _CAMEL.match(value)
    signs = re.search(_SIGN, value) and (re.search(rb"[A-Za-z]", value) or value.isdigit())
    return len(value) > 4 and bool(mixed or signs) and not _NO_PASSWORD.match(value)


def _is_clear(value: bytes) -> bool:
    """Whether it also has two digits, or a digit in random case, or a sign among letters."""
    digits, letters = len(re.findall(rb"[0-9]", value)), len(re.findall(rb"[A-Za-z]", value))
    random_case = digits and len(_CASES.findall(value)) > 1
    good = letters > 1 and len(value) > 5 and bool(digits > 1 or random_case or re.search(rb"[!@#$%^&*+=~]\w", value))
    return good and _is_strong(value)


def named_key(look: bytes, start: int) -> tuple[int, int] | None:
    """The key behind the name that begins here: at least three letters and three digits."""
    match = _NAMED.match(look, start - 1)
    if match is None:
        return None
    mixed = len(re.findall(rb"[0-9]", match[1])) > 2 and len(re.findall(rb"[A-Za-z]", match[1])) > 2
    return match.span(1) if mixed else None
