"""Detects refusals by fields of the API or by how an answer begins, in eight languages."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Phrases:
    """One language: the words that begin a refusal (characters, where a language has no spaces), and the pattern.

    A pattern needs an apology or the speaker, then an inability, and then a verb of answering. "I'm sorry, but I cannot
    find your order" therefore matches none. All repetitions have bounds, so that a match takes bounded time.
    """

    starts: tuple[str, ...]
    pattern: str


def _any(*patterns: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in patterns)


REST = r"[^.!?\n]{0,100}?"
"""A part of the same sentence."""

_EN_CANT = (
    r"(?:can'?t|cannot|can not|won'?t(?: be able to)?|will not(?: be able to)?|shouldn'?t|(?:am |'m )?(?:unable to"
    r"|not (?:able to|allowed to|permitted to|going to|in a position to|authori[sz]ed to|designed to|programmed to)))"
)
_EN_DO = (
    r"(?:help|assist|answer|comply|respond|provide|offer|do (?:that|this|so)|fulfill?|engage|discuss|support|share"
    r"|continue|create|generate|produce|write|draft|give|explain|teach|describe|participate|advise|promote|encourage"
    r"|facilitate|reveal|disclose|repeat|proceed|recommend|endorse|condone|take part|talk about|speculate|tell you how"
    r"|complete (?:that|this)|process (?:that|this)|access|browse|perform|act as|pretend|roleplay|translate)\b"
    r"(?! (?:but|noticing|wondering|thinking|feeling)\b)"
)
_EN_SORRY = (
    r"(?:(?:i'?m|i am) (?:(?:very|so|really|truly|deeply) )?sorry|sorry|(?:my )?apologies|unfortunately|regrettably"
    r"|i apologi[sz]e|i(?:'m| am) afraid|i regret)(?: for (?:any|the) (?:confusion|inconvenience))?"
    r"[,.:;!—–-]{0,3} ?(?:but |that |however,? )?(?:as an ai[a-z ]{0,30},? ?)?"
)
_EN_AGAINST = (
    r"(?:violat|(?:is|goes|would be|be) (?:against|outside|beyond|not (?:something|appropriate))|not something i)"
)
ENGLISH = Phrases(
    ("i", "i'm", "i'd", "im", "sorry", "my", "apologies", "unfortunately",
     "regrettably", "as", "no", "it", "it's", "this", "that", "your"),
    _any(
        rf"{_EN_SORRY}(?:i |i'm |i am )?(?:really |simply |just )?{_EN_CANT} (?:and (?:won't|will not) )?{_EN_DO}",
        rf"{_EN_SORRY}(?:that'?s?|this|it'?s?|your request|the request)(?: is)? (?:request |question )?{_EN_AGAINST}",
        rf"{_EN_SORRY}i (?:must|have to|need to) (?:respectfully |politely )?(?:decline|refuse)",
        rf"{_EN_SORRY}i (?:do not|don't) (?:feel comfortable|{_EN_DO})",
        rf"(?:no[,.]? )?i ?(?:really |simply |just )?{_EN_CANT} (?:and (?:won't|will not) )?{_EN_DO}",
        rf"i understand {REST}\b(?:but|however),? i ?{_EN_CANT} {_EN_DO}",
        r"i (?:must|have to|need to|will have to) (?:respectfully |politely )?(?:decline|refuse)\b",
        r"i (?:refuse to|prefer not to|would rather not|do not feel comfortable|don't feel comfortable)\b",
        r"i(?:'d rather not|'m not comfortable| am not comfortable)\b",
        rf"as an? (?:ai|artificial intelligence|large language model|language model)\b[a-z -]{{0,40}},? i ?"
        rf"(?:{_EN_CANT}|(?:do not|don't) have (?:personal|access|the (?:ability|capability)|real)|must decline)",
        r"it (?:is|would be|'s) (?:not appropriate|inappropriate|unethical|not ethical) (?:for me )?to\b",
        r"(?:this|that|your) (?:request|question|content|topic) (?:violates|goes against|is against|is outside)\b",
    ),
)  # fmt: skip

_DE_CAN = r"(?:kann|darf|werde|möchte|könnte)"
_DE_DO = (
    r"(?:\w*helfen|unterstützen|behilflich|(?:be)?antworten|antwort|bereitstellen|erstellen|schreiben|verfassen|geben"
    r"|nachkommen|erfüllen|ausführen|bearbeiten|teilen|diskutieren|besprechen|fördern|tun|generieren|liefern"
    r"|weitergeben|preisgeben|offenlegen|anbieten|auskunft|anleitung\w*|informationen|durchführen|übersetzen)\b"
)
_DE_SORRY = (
    r"(?:(?:es )?tut mir (?:sehr |wirklich |furchtbar )?leid|leider|entschuldigung|entschuldige|entschuldigen sie|sorry"
    r"|ich bedaure|bedauerlicherweise|verzeihung)[,.:!–-]{0,2} ?(?:aber |dass |doch )?"
)
GERMAN = Phrases(
    ("es", "tut", "leider", "entschuldigung", "entschuldige", "entschuldigen", "sorry", "ich", "bedauerlicherweise",
     "verzeihung", "als", "dabei", "das", "dazu", "hierbei", "diese"),
    _any(
        rf"{_DE_SORRY}(?:(?:das|dabei|hierbei|dazu|ich|diese \w{{1,20}}) ){{0,2}}{_DE_CAN}\b{REST}"
        rf"\b(?:nicht(?! nur\b)|kein\w*)\b{REST}\b{_DE_DO}",
        rf"ich {_DE_CAN}\b{REST}\b(?:nicht(?! nur\b)|kein\w*)\b{REST}\b{_DE_DO}",
        rf"(?:dabei|das|dazu|hierbei|diese \w+) {_DE_CAN} ich {REST}\b(?:nicht|kein\w*)\b{REST}\b{_DE_DO}",
        rf"als (?:eine? )?(?:ki|künstliche intelligenz|sprachmodell)\b{REST}\b{_DE_CAN} ich "
        rf"{REST}\b(?:nicht|kein\w*)\b",
        r"(?:es tut mir leid, )?ich (?:muss|lehne) [^.!?\n]{0,60}?\b(?:ablehnen|ab)\b",
    ),
)  # fmt: skip

_FR_CANT = (
    r"je (?:ne peux|ne pourrai|ne saurais|ne vais|ne suis|n'ai|ne dois)(?: malheureusement)?(?: pas)?"
    r"(?: en mesure d[e']| autorisée? à| capable d[e']| habilitée? à| le droit d[e'])? ?"
    r"(?:vous |te |t'|y |l'|le |les )?"
)
_FR_DO = (
    r"(?:aider|répondre|fournir|assister|donner|créer|générer|écrire|rédiger|partager|accéder à (?:votre|cette|ta)"
    r"|satisfaire|traiter|participer|discuter|produire|proposer|faire (?:cela|ça)|révéler|communiquer|divulguer"
    r"|réaliser|continuer|offrir|promouvoir|expliquer|traduire)\b"
)
_FR_SORRY = (
    r"(?:(?:je suis )?(?:vraiment |sincèrement |profondément )?(?:désolée?|navrée?)|malheureusement|je regrette"
    r"|je m'excuse|pardon|excusez-moi)[,.:!–-]{0,2} ?(?:mais )?"
)
FRENCH = Phrases(
    ("je", "désolé", "désolée", "navré", "navrée", "malheureusement", "pardon", "excusez-moi", "en", "il"),
    _any(
        rf"(?:{_FR_SORRY})?{_FR_CANT}{_FR_DO}",
        rf"(?:{_FR_SORRY})?il m'est (?:impossible|interdit) d[e'] ?(?:vous |t')?{_FR_DO}",
        rf"(?:{_FR_SORRY})?je (?:dois|me vois (?:contrainte? de|dans l'obligation de)) (?:refuser|décliner)\b",
        rf"en tant qu[e'] ?(?:une? )?(?:ia|intelligence artificielle|modèle de langage|assistant)\b{REST}je ne "
        r"(?:peux|suis|pourrai) (?:malheureusement )?pas\b",
        r"je refuse de\b",
    ),
)

_ES_CANT = (
    r"no (?:puedo|podemos|podré|podría|voy a|debo|me es posible|me está permitido|tengo permitido"
    r"|estoy (?:autorizad[oa] (?:a|para)|en condiciones de|capacitad[oa] para|programad[oa] para)|soy capaz de)"
)
_ES_DO = (
    r"(?:ayudar|asistir|responder|contestar|proporcionar|proveer|brindar|ofrecer|crear|generar|escribir|redactar"
    r"|compartir|cumplir|dar|participar|continuar|realizar|hacer (?:eso|esto)|hacerlo|facilitar|revelar|discutir"
    r"|hablar (?:de|sobre)|producir|apoyar|promover|explicar|divulgar|traducir)"
)
_ES_SORRY = (
    r"(?:lo siento(?: mucho)?|lo lamento(?: mucho)?|lamento|disculpa|disculpe|perdón|perdona|desafortunadamente"
    r"|lamentablemente|por desgracia|desgraciadamente)[,.:!–-]{0,2} ?(?:pero |que )?"
)
SPANISH = Phrases(
    ("lo", "lamento", "disculpa", "disculpe", "perdón", "perdona", "desafortunadamente", "lamentablemente", "por",
     "desgraciadamente", "no", "como", "debo", "tengo", "me"),
    _any(
        rf"(?:{_ES_SORRY})?{_ES_CANT} {_ES_DO}",
        rf"{_ES_SORRY}no poder {_ES_DO}",
        rf"(?:{_ES_SORRY})?(?:debo|tengo que) (?:rechazar|declinar)\b",
        rf"como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje|asistente)\b{REST}{_ES_CANT}\b",
        r"me niego a\b",
    ),
)  # fmt: skip

_IT_CANT = (
    r"non (?:posso|possiamo|potrò|potrei|intendo|devo|sono (?:in grado di|autorizzat[oa] a|programmat[oa] per)"
    r"|mi è (?:possibile|consentito|permesso))"
)
_IT_DO = (
    r"(?:aiutar|assister|risponder|fornir|dar(?:e|ti|vi|le)\b|crear|generar|scriver|condivider|soddisfar|continuar"
    r"|discuter|offrir|produrr|eseguir|rivelar|farlo|fare (?:questo|ciò)|partecipar|supportar|divulgar|spiegar|tradurr)"
)
_IT_SORRY = (
    r"(?:mi dispiace(?: molto| davvero)?|mi spiace|(?:sono )?spiacente|purtroppo|scusami|scusa|scusate|mi scuso"
    r"|sfortunatamente)[,.:!–-]{0,2} ?(?:ma |che )?"
)
ITALIAN = Phrases(
    ("mi", "sono", "spiacente", "purtroppo", "scusami", "scusa", "scusate", "sfortunatamente", "non", "in", "come",
     "devo"),
    _any(
        rf"(?:{_IT_SORRY})?{_IT_CANT} {_IT_DO}",
        rf"(?:{_IT_SORRY})?devo (?:rifiutare|declinare)\b",
        rf"(?:in quanto|come) (?:una? |un')?(?:ia|ai|intelligenza artificiale|modello linguistico|assistente)\b{REST}"
        rf"{_IT_CANT}\b",
        r"mi rifiuto di\b",
    ),
)  # fmt: skip

_PT_CANT = (
    r"(?:eu )?não (?:posso|podemos|consigo|poderei|poderia|vou|devo|sou capaz de|me é (?:possível|permitido)"
    r"|estou (?:autorizad[oa] a|apt[oa] a|programad[oa] para)|tenho (?:permissão|autorização) para)"
)
_PT_DO = (
    r"(?:te |lhe |o )?(?:ajud|auxili|respond|fornec|oferec|criar|gerar|escrev|redigir|compartilh|partilh|atend|continu"
    r"|dar\b|discut|produzir|realiz|fazer (?:isso|isto)|revel|divulg|particip|prest|cumpr|explic|promov|traduzir)"
)
_PT_SORRY = (
    r"(?:desculpe(?:-me)?|desculpa|me desculpe|sinto muito|lamento|infelizmente|peço desculpas?|perdão)"
    r"[,.:!–-]{0,2} ?(?:mas |que )?"
)
PORTUGUESE = Phrases(
    ("desculpe", "desculpe-me", "desculpa", "me", "sinto", "lamento", "infelizmente", "peço", "perdão", "eu", "não",
     "como", "devo", "recuso-me"),
    _any(
        rf"(?:{_PT_SORRY})?{_PT_CANT} {_PT_DO}",
        rf"{_PT_SORRY}não poder {_PT_DO}",
        rf"(?:{_PT_SORRY})?devo (?:recusar|declinar)\b",
        rf"como (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem|assistente)\b{REST}{_PT_CANT}\b",
        r"(?:eu )?(?:me recuso|recuso-me) a\b",
    ),
)  # fmt: skip

_ZH_CANT = "(?:[无無]法|不能|[没沒]办法|[没沒]辦法|[没沒]法|不可以|不[会會]|不便|不方便)"
_ZH_DO = (
    "(?:(?:[为為]|[给給]|向|[对對])(?:您|你|此)[^。！？\n]{0,12})?(?:[帮幫]助|[帮幫](?:您|你)|[协協]助|回答|回[应應]|提供|[满滿]足"
    "|[继繼][续續]|[讨討][论論]|[参參][与與]|生成|[创創](?:作|建)|[编編][写寫]|撰[写寫]|[写寫]|完成[这這]|[执執]行|支持|透露|泄露|洩露"
    "|分享|[给給]出|[为為](?:您|你)|告[诉訴](?:您|你)如何|解答|答[复復]|[处處]理[这這]|[扮扮]演|翻[译譯])"
)
_ZH_SORRY = (
    "(?:很|非常|十分|真的|[实實]在|深感)?(?:抱歉|[对對]不起|不好意思|[遗遺]憾)[，,。.!！ ]{0,2}"
    "(?:但是?|不[过過]|可是|恐怕)?[，, ]?"
)
CHINESE = Phrases(
    tuple("很非十真实實深抱对對不遗遺我作根"),
    _any(
        f"(?:{_ZH_SORRY})?(?:作[为為][^，。,]{{1,20}}[，,])?我?(?:[们們])?(?:[暂暫][时時]|目前|[现現]在)?{_ZH_CANT}{_ZH_DO}",
        f"作[为為](?:一个|一個|一名)?(?:ai|人工智[能慧]|大?[语語]言模型)[^。！？\n]{{0,30}}{_ZH_CANT}",
        f"根据[^。，,\n]{{1,20}}[，,]?我?{_ZH_CANT}{_ZH_DO}",
    ),
)

_JA_CANT = (
    "(?:できません(?!でした)|できない|でき?かね|いたしかね|しかね|られません|なれません|ことはでき"
    "|ことができ(?:ません|ない))"
)
_JA_DO = (
    "(?:お?手[伝助]い|お?手助け|お?答え|お?応え|お?教え|お?伝え|回答|対応|提供|案内|協力|応じ|支援|サポート|作成|生成|お力|説明"
    "|紹介|開示|実行|共有|助言|参加|翻訳|執筆|アドバイス|書くこと|従うこと)"
)
_JA_SORRY = (
    "(?:大変|誠に|まことに|本当に)?(?:申し訳(?:ありません|ございません|ないです|ない)|すみません|すいません|ごめんなさい"
    "|恐れ入ります|恐縮です|残念ながら|残念です)(?:が|けれども?|けど)?[、，,。 ]{0,2}"
)
JAPANESE = Phrases(
    tuple("大誠ま本申すご恐残そこ私当a"),
    _any(
        f"{_JA_SORRY}[^。！？\n]{{0,60}}?{_JA_DO}[^。！？\n]{{0,15}}?{_JA_CANT}",
        f"(?:その|この|そのような|このような|ご)?(?:要望|依頼|質問|リクエスト|お願い|内容|件)(?:に|を|は|について)[^。！？\n]{{0,15}}?"
        f"{_JA_DO}[^。！？\n]{{0,12}}?{_JA_CANT}",
        f"(?:私は)?(?:ai|人工知能)[^。！？\n]{{0,40}}?{_JA_DO}?[^。！？\n]{{0,12}}?{_JA_CANT}",
    ),
)

SPACED = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "it": ITALIAN, "pt": PORTUGUESE}
"""Languages whose first word is a key."""
UNSPACED = {"zh": CHINESE, "ja": JAPANESE}
"""Languages whose first character is a key."""


FILTERED = frozenset({"content_filter", "refusal"})
"""The finish reasons of answers that a filter or the model itself withheld."""
WINDOW = 250
"""How many characters of an answer are read after its markup, because later the same words rarely mean a refusal."""

_HEAD = re.compile(r"[\s\"'“”„«»‘’*_>#¡¿~-]{0,200}+([^\W\d_]+(?:['’-][^\W\d_]+)?)")
"""The markup before an answer, and its first word."""
_JSON = frozenset("{[")
_THOUGHT, _THOUGHT_END = "<think>", "</think>"


_compiled = cache(re.compile)
"""Compiles a language's pattern when an answer first begins like it, because all of them take 20 ms."""


def _by_start(languages: Mapping[str, Phrases]) -> dict[str, tuple[str, ...]]:
    """Each first word or character, with the patterns that it can begin."""
    by_start: dict[str, tuple[str, ...]] = {}
    for phrases in languages.values():
        for start in phrases.starts:
            by_start[start] = (*by_start.get(start, ()), phrases.pattern)
    return by_start


_BY_WORD, _BY_CHARACTER = _by_start(SPACED), _by_start(UNSPACED)


def refuses(text: str | None, *, refusal: str | None = None, finish_reason: str | None = None) -> bool:
    """Whether an answer refuses; ``refusal`` is the API's field."""
    return withheld(refusal, finish_reason) or (text is not None and refuses_by_text(text))


def withheld(refusal: str | None, finish_reason: str | None) -> bool:
    """Whether the API itself reports a refusal or a filter."""
    return bool(refusal) or finish_reason in FILTERED


def refuses_by_text(text: str) -> bool:
    """Whether an answer begins like a refusal in English, German, French, Spanish, Italian, Portuguese, Chinese or
    Japanese. A leading ``<think>`` block is skipped.
    """
    if text[:1] in _JSON:
        return False
    start = text.find(_THOUGHT_END) + len(_THOUGHT_END) if text.startswith(_THOUGHT) else 0
    head = _HEAD.match(text, start)
    if head is None:
        return False
    at = head.start(1)
    word = head[1].lower()
    patterns = _BY_WORD.get(word.replace("’", "'")) or _BY_CHARACTER.get(word[0])
    if patterns is None:
        return False
    window = text[at : at + WINDOW].lower().replace("’", "'")
    return any(_compiled(pattern).match(window) for pattern in patterns)
