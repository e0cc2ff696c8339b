"""Finds the sentence that refuses in an answer of training data, in some twenty languages.

It finds more than `fairtrial.domain.answers.refusals`, which is a recorded signal and only reads how an answer begins:
more languages, and a refusal before or after another sentence, such as "Is there anything else?".
"""

from __future__ import annotations

import re
from functools import cache

from fairtrial.domain.answers.refusals import refuses_by_text

LONGEST = 400
"""Characters of an answer that may be nothing but a refusal. Of a longer one, only the beginning is read."""
MOST_SENTENCES = 4

_SENTENCE = re.compile(r"(?<=[.!?。！？।؟…])[\"'”»’)]*\s*|\n+")
_CANNOT_AND_DO = (
    # What a speaker cannot do, and verbs of answering. A sentence with both refuses, in either order.
    (
        r"\bi(?:'m| am)? (?:\w+ ){0,2}(?:can'?t|cannot|can not|won'?t|will not|unable|not able|not allowed"
        r"|not permitted|must decline|have to decline|may not|shouldn'?t)\b(?! (?:wait|help but|help noticing|but)\b)"
        r"|\bnot (?:something|a topic|a question) (?:that )?i can\b"
        r"|\bi(?:'m| am) (?:\w+ ){0,2}not (?:in a position|comfortable|authori[sz]ed|programmed|designed)",
        r"\b(?:help|assist|answer|comply|respond|provide|discuss|share|fulfil|support|give out|process|do that|do this"
        r"|that request|this request|your request)",
    ),
    (
        r"\b(?:kann|darf|möchte|werde|könnte)\b.*\bich\b.*\b(?:nicht(?! nur)|kein\w*)\b"
        r"|\bich\b.*\b(?:kann|darf|möchte|werde|könnte)\b.*\b(?:nicht(?! nur)|kein\w*)\b"
        r"|\b(?:ist es mir|mir ist es|es ist mir) (?:leider )?nicht (?:möglich|erlaubt)|\bich bin nicht in der lage",
        r"helfen|weiterhelfen|antwort|unterstütz|behilflich|auskunft|nachkommen|erfüllen|bearbeiten",
    ),
    (
        r"\bje ne (?:peux|pourrai|puis|suis|saurais|vais)\b.*\bpas\b|\bje ne (?:peux|puis|saurais)\b|m'est impossible"
        r"|\bje ne suis pas (?:en mesure|autoris|habilit)",
        r"aider|répond|fourni|assist|donner suite|satisfaire|trait|partag|accéder",
    ),
    (
        r"\bno (?:me es posible|puedo|podré|podría|estoy (?:autorizad|en condiciones|capacitad)|se me permite)",
        r"ayud|respond|contest|proporcion|brind|ofrec|compart|atend|cumplir|asist",
    ),
    (
        r"\bnon (?:posso|potrò|potrei|mi è (?:possibile|consentito|permesso)|sono (?:in grado|autorizzat))",
        r"aiut|rispon|fornir|assist|soddisf|condivid|esaudir|dar\w* (?:seguito|informazioni)",
    ),
    (
        r"\bnão (?:posso|consigo|poderei|poderia|me é (?:possível|permitido)|estou autorizad|sou capaz"
        r"|tenho permissão)",
        r"ajud|respond|fornec|auxili|atend|oferec|compartilh|partilh|prest",
    ),
    (
        r"\b(?:kan|mag|wil|zal)\b.*\b(?:ik|u|je)\b.*\b(?:niet|geen)\b|\bik (?:kan|mag|wil|zal)\b.*\b(?:niet|geen)\b"
        r"|\bik ben niet (?:in staat|bevoegd)|\bhet is mij niet (?:mogelijk|toegestaan)",
        r"help|beantwoord|antwoord|voldoen|assister|verstrek|van dienst|ondersteun|inwillig",
    ),
    (
        r"\bnie (?:mogę|moge|jestem w stanie|potrafię|wolno mi|będę w stanie)|niemożliwe jest dla mnie",
        r"pom[oó][cż]|odpowiedzi|odpowiada|udzieli|spełni|zrealizowa|wesprze|przekaza|udostępni",
    ),
    (
        r"\b(?:не могу|не смогу|не в состоянии|не вправе|не имею права|не уполномочен|вынужден\w? отказать)"
        r"|не имею возможности",
        r"помочь|помога|ответить|отвеча|ответ\b|предостав|выполнить|обсужда|поделиться|отказать|содейств",
    ),
    (
        r"\b(?:не можу|не зможу|не в змозі|не маю (?:права|можливості|змоги)|змушен\w+ відмовити)",
        r"допомог|відпові|надати|виконати|обговор|поділитися|відмовити|підтрима|сприяти",
    ),
    (
        r"\b\w+(?:[ae]ma[mz]|[ae]mıyor\w*|[ae]miyor\w*|[ae]meye?ce\w+|[ae]maya?ca\w+)\b|\b\w*[ae]me[mz]\b"
        r"|mümkün değil|izin\w* yok",
        r"yardım|yanıt|cevap|destek|isteği|talebi|karşıla|sağla",
    ),
    (
        r"수(?:는|가)? ?없|못 ?합니다|못해|어렵습니다|불가능|드리지 못|하지 못",
        r"도와|도움|답변|답해|대답|답할|응할|제공|지원|처리해|들어드",
    ),
    (
        r"لا (?:أستطيع|استطيع|يمكنني|أقدر|يسعني|أملك)|لست (?:قادر|مخول)|لن (?:أتمكن|أستطيع)|غير قادر"
        r"|ليس بإمكاني|يتعذر علي|تعذر علي",
        r"مساعد|أساعد|اساعد|إجابة|الإجابة|أجيب|الرد|تقديم|أقدم|تلبية|تنفيذ",
    ),
    (r"नहीं (?:कर|दे|बता) ?(?:सक|पा)|असमर्थ|सक्षम नहीं|सकत[ाी] नहीं|नहीं सक", r"मदद|सहायता|उत्तर|जवाब|जानकारी|अनुरोध|सहयोग"),
    (
        r"نمی[\u200c ]?(?:توانم|تونم)|قادر (?:به .{0,30})?نیستم|مجاز نیستم|امکان(?:ش|پذیر)? .{0,20}نیست|ناتوانم",
        r"کمک|پاسخ|جواب|ارائه|راهنمایی|انجام|یاری|همکاری",
    ),
    (
        r"\b(?:kan|får|vill|kommer)\b.*\b(?:inte|ej)\b|\binte (?:möjligt för mig|i stånd|tillåtet)",
        r"hjälp|svara|besvara|svar\b|bistå|tillhandahåll|uppfylla|assistera|lämna ut",
    ),
    (
        r"\bne(?:mohu|můžu|mohl[a]? bych|dokáž[iu]|smím|jsem schop\w+|ní mi (?:možné|dovoleno)|budu moci)",
        r"pomoci|pomoct|pomáhat|odpověd|poskytn|vyhovět|splnit|asistovat|sdělit",
    ),
    (r"\bne(?:môžem|mohol by som|dokážem|smiem)|\bnie som schopn", r"pomôcť|odpoveda|poskytn|vyhovieť|splniť"),
    (r"\b(?:kan|må|vil)\b.*\bikk?e\b", r"hjælp|hjelp|svar|besvar|imødekomme|bistå|oppfylle|etterkomme"),
    (r"\b(?:en|emme) (?:valitettavasti )?(?:voi|pysty|saa|osaa)\b", r"autta|vasta|tarjo|toteutta|täyttä"),
    (r"\bnem (?:tudok|tudom|áll módomban|segíthetek|válaszolhatok)", r"segít|válasz|teljesít|megad|nyújt"),
    (r"δεν (?:μπορώ|είμαι σε θέση|δύναμαι|μου επιτρέπεται)", r"βοηθ|απαντ|παρέχ|παράσχ|ικανοποι|εξυπηρετ"),
    (r"\bне мога\b|\bне съм в състояние", r"помогна|помагам|отговор|предостав|изпълн"),
    (r"\bno (?:et |us |li |el |la )?(?:puc|podré|podria|estic autoritz)", r"ajud|respon|proporcion|oferir|atend"),
    (r"\btidak (?:dapat|bisa|mampu|boleh|diizinkan)\b", r"membantu|bantu|menjawab|memberi|memenuhi|menyediakan"),
    (r"không thể|không được phép", r"giúp|hỗ trợ|trả lời|cung cấp|đáp ứng|thực hiện"),
    (r"ไม่สามารถ|ไม่อาจ", r"ช่วย|ตอบ|ให้ข้อมูล|ดำเนินการ"),
    (
        r"\bnu (?:(?:vă|te|îți|îmi|o|le|l|vi|ți)[ -])?(?:\w+ )?(?:pot|putea|sunt (?:în măsură|capabil|autorizat)"
        r"|am voie|este posibil)",
        r"ajut|răspun|oferi|furniz|asist|satisfac|îndeplin|da curs",
    ),
    (
        "(?:[无無]法|不能|[没沒]辦?办?法|不可以|不[会會]|(?<![来來成])不便|拒[绝絕]|[帮幫]不)",
        "[帮幫]助|[帮幫][您你忙]|[协協]助|回答|回[应應复覆]|提供|[满滿]足|解答|[处處]理|答复|[帮幫]不了",
    ),
    (
        "できません|できない|できかね|いたしかね|しかねます|られません|お断り|かねます",
        "手[伝助]|答え|応え|回答|対応|提供|協力|支援|サポート|お力|ご要望|力になれ",
    ),
)
_REQUEST_TO_REFUSE = re.compile(
    r"refus|\bdeclin|rifiut|\brecus|rechaz|ablehn|absage|weiger|odmów|odmow|отказ|відмов|reddet|拒|断り|断る|거절|رفض|अस्वीकार"
    r"|odmít|avböj",
    re.IGNORECASE,
)


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], re.Pattern[str]], ...]:
    return tuple((re.compile(cannot), re.compile(do)) for cannot, do in _CANNOT_AND_DO)


def refusing_sentence(text: str) -> str:
    """The sentence of an answer that refuses, or an empty text."""
    text = text.strip()
    if refuses_by_text(text):
        return _sentences(text)[0]
    if len(text) > LONGEST or text[:1] in ("{", "["):
        return ""
    return next((each for each in _sentences(text)[:MOST_SENTENCES] if refuses_by_text(each) or _refuses(each)), "")


def asks_for_refusal(prompt: str) -> bool:
    """Whether a prompt is itself about refusing, such as a request for a polite refusal."""
    return _REQUEST_TO_REFUSE.search(prompt) is not None


def _sentences(text: str) -> list[str]:
    return [part.strip() for part in _SENTENCE.split(text) if part.strip()]


def _refuses(sentence: str) -> bool:
    lower = sentence.replace("İ", "i").lower().replace("’", "'")
    return any(do.search(lower) and cannot.search(lower) for cannot, do in _patterns())
