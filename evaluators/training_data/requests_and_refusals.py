"""Recognises prompts that ask for a language, a format or a refusal, and answers that refuse."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from fairtrial.domain.answers.refusals import refuses_by_text

_NAMES = (
    # Languages that write each name as a word, often with an ending.
    "afrikaans|albanian|arabic|bengali|bulgarian|catalan|chinese|croatian|czech|danish|dutch|english|estonian|finnish"
    "|french|georgian|german|greek|gujarati|hebrew|hindi|hungarian|indonesian|italian|japanese|kannada|korean|latin"
    "|latvian|lithuanian|macedonian|malay|malayalam|mandarin|marathi|norwegian|persian|farsi|polish|portuguese|romanian"
    "|russian|serbian|slovak|slovene|slovenian|spanish|swahili|swedish|tagalog|tamil|telugu|thai|turkish|ukrainian|urdu"
    "|vietnamese|klingon|esperanto",
    r"(?:englisch|französisch|spanisch|italienisch|portugiesisch|niederländisch|holländisch|polnisch|russisch|türkisch"
    r"|chinesisch|japanisch|koreanisch|arabisch|persisch|schwedisch|tschechisch|rumänisch|ukrainisch|ungarisch"
    r"|griechisch|dänisch|norwegisch|finnisch|lateinisch)\w{0,2}|latein|deutsch(?:en?)?",
    "anglais|allemand|français|espagnol|italien|portugais|néerlandais|hollandais|polonais|russe|turc|chinois|japonais"
    "|coréen|arabe|persan|suédois|tchèque|roumain|ukrainien|hongrois|grec|danois|norvégien|finnois|hébreu",
    "inglés|alemán|francés|español|castellano|italiano|portugués|neerlandés|holandés|polaco|ruso|turco|chino|japonés"
    "|coreano|árabe|persa|sueco|checo|rumano|ucraniano|húngaro|griego|latín",
    "inglese|tedesco|francese|spagnolo|portoghese|olandese|polacco|russo|cinese|giapponese|arabo|persiano|svedese|ceco"
    "|rumeno|ucraino|ungherese|greco|latino",
    "inglês|alemão|francês|espanhol|português|holandês|polonês|polonés|chinês|japonês|tcheco|romeno|grego|latim",
    "engels|duits|frans|spaans|italiaans|portugees|nederlands|pools|turks|chinees|japans|koreaans|perzisch|zweeds"
    "|tsjechisch|roemeens|oekraïens|hongaars|grieks|latijn",
    r"(?:angiels|francus|włos|portugals|holenders|niderlandz|rosyjs|chińs|japońs|koreańs|arabs|pers|szwedz|czes|rumuńs"
    r"|ukraińs|węgiers)k\w{1,3}|(?:niemiec|hiszpańs|turec)k\w{1,3}|polsk(?:i|iego|u)|po polsku|grec(?:ki|kiego|ku)",
    r"(?:английс|немец|французс|испанс|итальянс|португальс|голландс|нидерландс|польс|рус|турец|китайс|японс|корейс|арабс"
    r"|персидс|шведс|чешс|румынс|украинс|венгерс|гречес)к\w{1,3}|русск\w{1,3}",
    r"(?:англійс|німец|француз|іспанс|італійс|португальс|нідерландс|польс|російс|турец|китайс|японс|корейс|арабс|перс"
    r"|шведс|чес|румунс|українс|угорс|грец)ьк\w{1,3}",
    r"(?:ingilizce|almanca|fransızca|ispanyolca|italyanca|portekizce|felemenkçe|hollandaca|lehçe|rusça|türkçe|çince"
    r"|japonca|korece|arapça|farsça|isveççe|çekçe|romence|ukraynaca|macarca|yunanca)\w{0,4}",
    "engelska|tyska|franska|spanska|italienska|portugisiska|nederländska|holländska|polska|ryska|turkiska|kinesiska"
    "|japanska|koreanska|arabiska|persiska|svenska|tjeckiska|rumänska|ukrainska|ungerska|grekiska|danska|norska|finska",
    r"\w{2,9}[šč]tin\w{1,2}|němčin\w{1,2}|(?:anglic|němec|francouz|španěls|čes|rus|pols)ky",
    "engleză|germană|franceză|spaniolă|italiană|portugheză|olandeză|poloneză|rusă|turcă|chineză|japoneză|coreeană|arabă"
    "|persană|suedeză|cehă|română|ucraineană|maghiară|greacă|engleza|romana",
)
_PARTS = (
    # Parts of words, because the script has no spaces or joins prefixes and endings.
    "[英法德日韓韩西俄中葡意荷波泰阿露仏独伊][語语文]|(?:スペイン|フランス|ドイツ|イタリア|ロシア|ポルトガル|オランダ|アラビア|ポーランド)語",
    "(?:영|독일|프랑스|스페인|이탈리아|러시아|포르투갈|네덜란드|일본|중국|한국|아랍|터키)어",
    "ال(?:إنجليزية|انجليزية|ألمانية|فرنسية|إسبانية|اسبانية|إيطالية|برتغالية|هولندية|بولندية|روسية|تركية|صينية|يابانية|كورية|عربية"
    "|فارسية)|انگلیسی|آلمانی|فرانسوی|فرانسه|اسپانیایی|ایتالیایی|پرتغالی|هلندی|روسی|چینی|ژاپنی|عربی|فارسی|سوئدی",
    "अंग्रेज़ी|अंग्रेजी|जर्मन|फ़्रेंच|फ्रेंच|स्पेनिश|इतालवी|रूसी|चीनी|जापानी|कोरियाई|अरबी|हिंदी|हिन्दी",
)
_TRANSLATE = (
    r"translat\w*|übersetz\w*|tradu(?:i[st]|ire|z|c|ç|t|k|cción|ction|zione)\w*|vert(?:aal|alen)\w*|prze?tłumacz\w*"
    r"|перевед\w*|перевод\w*|переклад\w*|çevir\w*|översätt\w*|přelož\w*|překlad\w*"
)
_LANGUAGE = re.compile(
    rf"\b(?:{'|'.join((*_NAMES, _TRANSLATE))})\b|{'|'.join(_PARTS)}|翻[译譯訳]|번역|ترجم|अनुवाद", re.IGNORECASE
)
_FORMAT = re.compile(
    r"\b(?:json|jsonl|csv|tsv|xml|html|svg|ya?ml|markdown|latex|lists?|liste|lista|array|table\w?|dict(?:ionary)?|tuple|object"
    r"|tab[eé]l\w{0,3}|tableau|tabla|tabella|lijst|elenco|списо?к\w{0,3}|таблиц\w{0,3}|wykaz|listy|seznam)\b"
    "|列表|清单|清單|表格|一覧|リスト|목록|قائمة|فهرست|सूची",
    re.IGNORECASE,
)

_REPEAT = re.compile(
    r"\b(?:repeat|copy|correct|proofread|(?:fix|check) (?:the|this|my)|spelling|punctuat|capital|upper ?case"
    r"|lower ?case|wiederhol|nachsprech|sprich|korrigier|verbesser|berichtig|répèt|répét|corrig|repit|repet|ripet"
    r"|corregg|herhaal|verbeter|corrigeer|powtórz|popraw|повтор|исправ|виправ|поправ|tekrar|düzelt|upprepa|rätta"
    r"|gjenta|gentag|rett|toista|korjaa|opakuj|zopakuj|oprav|ponov|isprav|popravi|ismétel|javíts|corect|επανάλαβ"
    r"|διόρθω|ulangi|perbaiki|pakartok|korda|paranda|atkārto|lặp lại|sửa)"
    "|重复|重複|跟我|改正|纠正|修改|繰り返|訂正|直して|따라|고쳐|반복|كرر|صحح|اصلاح|תקן|חזור|दोहरा|सुधार|ทวน|แก้",
    re.IGNORECASE,
)


def asks_to_repeat(prompt: str) -> bool:
    """Whether a prompt asks for a text of it again, as it is, corrected, or in other letters."""
    return _REPEAT.search(prompt) is not None


def names_language(text: str) -> bool:
    """Whether a text names a language, or asks for a translation."""
    return _LANGUAGE.search(text.replace("İ", "i")) is not None


def named_formats(text: str) -> set[str]:
    """The data formats and kinds of lists that a text names, in small letters."""
    return {name.lower() for name in _FORMAT.findall(text)}


# Finds the sentence that refuses in an answer of training data, in some forty languages.
#
# It finds more than `fairtrial.domain.answers.refusals`, which is a recorded signal and only reads how an answer
# begins: more languages, and a refusal before or after another sentence, such as "Is there anything else?".

LONGEST = 400
"""Characters of an answer that may be nothing but a refusal. Of a longer one, only the beginning is read."""
SHORT = 200
"""Characters of an answer that may refuse in general words, which a longer one can have for another reason."""
MOST_SENTENCES = 4

_SENTENCE = re.compile(r"(?<=[.!?。！？।؟…])[\"'”»’)]*\s*|\n+")
_REQUEST_TO_REFUSE = re.compile(
    r"refus|\bdeclin|rifiut|\brecus|rechaz|ablehn|absage|weiger|odmów|odmow|отказ|відмов|reddet|拒|断り|断る|거절|رفض|अस्वीकार"
    r"|odmít|avböj",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Patterns:
    """The patterns of all languages in `refusals.toml`, for text in lower case.

    ``pairs`` refuse if both of one language occur. In a short answer, so do ``declined``, ``alone``, and ``sorry``
    with ``no``, which may be in two languages. ``request`` is in every text that ``declined`` fits.
    """

    pairs: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    declined: tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]
    request: re.Pattern[str]
    alone: re.Pattern[str]
    sorry: re.Pattern[str]
    no: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    path = Path(__file__).with_name("refusals.toml")
    words = msgspec.toml.decode(path.read_bytes(), type=dict[str, dict[str, list[str]]]).values()
    return _Patterns(
        tuple((re.compile("|".join(each["cannot"])), re.compile("|".join(each["do"]))) for each in words),
        tuple((_at_word(each["request"]), _at_word(each["declined"])) for each in words),
        _at_word([pattern for each in words for pattern in each["request"]]),
        _at_word([pattern for each in words for pattern in each["alone"]]),
        _at_word([pattern for each in words for pattern in each["sorry"]]),
        _at_word([pattern for each in words for pattern in each["no"]]),
    )


def _at_word(alternatives: Sequence[str]) -> re.Pattern[str]:
    """Any of them where no Latin, Greek or Cyrillic letter precedes."""
    return re.compile(rf"(?<![a-z\u00df-\u024f\u0370-\u052f])(?:{'|'.join(dict.fromkeys(alternatives))})")


def refusing_sentence(text: str) -> str:
    """The sentence of an answer that refuses, or an empty text."""
    text = text.strip()
    if refuses_by_text(text):
        return sentences(text)[0]
    if len(text) > LONGEST or text[:1] in ("{", "["):
        return ""
    is_short = len(text) <= SHORT
    parts = sentences(text)[:MOST_SENTENCES]
    return next((each for each in parts if refuses_by_text(each) or _refuses(each, is_short=is_short)), "")


def asks_for_refusal(prompt: str) -> bool:
    """Whether a prompt is itself about refusing, such as a request for a polite refusal."""
    return _REQUEST_TO_REFUSE.search(prompt) is not None


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text."""
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def _refuses(sentence: str, *, is_short: bool) -> bool:
    lower = sentence.replace("İ", "i").lower().replace("’", "'")
    patterns = _patterns()
    if any(do.search(lower) and cannot.search(lower) for cannot, do in patterns.pairs):
        return True
    return is_short and bool(
        patterns.alone.search(lower)
        or (patterns.sorry.search(lower) and patterns.no.search(lower))
        or (
            patterns.request.search(lower)
            and any(request.search(lower) and no.search(lower) for request, no in patterns.declined)
        )
    )
