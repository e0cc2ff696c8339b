"""Text in a wrong encoding is found for every pair of code pages, and sound text of many languages is left alone."""

from __future__ import annotations

from evaluators.training_data.damage.wrong_encoding import is_mojibake, with_right_encoding

SOUND = {
    "cp1252": (
        "Süße Äpfel wachsen überall, größere Bäume tragen später.",
        "Où est passé l’élève ? Il était déjà à la fenêtre.",
        "As crianças não são só corações: têm opiniões próprias.",
    ),
    "cp1250": (
        "Zażółć gęślą jaźń, proszę państwa, i wróć później.",
        "Příliš žluťoučký kůň úpěl ďábelské ódy.",
        "Az őrült fűrész hűvös éjjelen zúgott, s elűzte a tyúkot.",
    ),
    "cp1251": (
        "Съешь ещё этих мягких французских булок.",
        "Щастя їжака ґрунтується на їжі й затишку.",
        "Всички хора се раждат свободни и равни.",
    ),
    "cp1254": ("Yağmurlu günlerde çayı şekersiz içiyoruz, sıcağı özlüyoruz.",),
    "cp1257": ("Įlinkdama fechtuotojo špaga sublykčiojusi pragręžė apvalų arbūzą.", "Glāžšķūņa rūķīši dzērumā čiepj."),
}
OTHERS = (
    "Η γρήγορη αλεπού πηδάει.", "نص حكيم له سر قاطع", "Chữ Quốc ngữ được dùng khắp nước.",
    "키스의 고유조건은", "いろはにほへと",
    "The room has 30 m³ and 12 m², costs 40 £ or 45 € and is 5° warm; see § 3, 1ª and nº 4 – “fine”.",
    "Søren, José, Zoë, Jürgen, Łukasz and Jiří met in Málaga, Ærø and São Tomé.", "┌──┐\n│ab│\n└──┘",
    "├── src\n│   └── main.py\n└── README", "«É» l’État, d’États; “Éditions” – Écoles",
    "iOS-Gerät, eBay-Käufer, LaTeX-Übung",
)  # fmt: skip
READERS = {
    "cp1252": ("cp1250", "cp1251", "cp437", "cp850"),
    "cp1250": ("cp1252", "cp1251"),
    "cp1251": ("cp1252", "cp866", "koi8-r"),
    "cp1254": ("cp1252",),
    "cp1257": ("cp1252",),
}


def test_utf8_that_was_read_as_any_code_page_is_found_also_with_lost_bytes() -> None:
    missed = [
        (text, page)
        for texts in SOUND.values()
        for text in texts
        for page in ("cp1250", "cp1251", "cp1252", "cp1254", "cp1257", "cp437", "cp850", "cp852", "cp866", "koi8-r")
        if not is_mojibake(text.encode().decode(page, "ignore"))
    ]
    assert missed == []


def test_a_code_page_that_was_read_as_another_one_is_found() -> None:
    missed = [
        (text, written, read)
        for written, texts in SOUND.items()
        for text in texts
        for read in READERS[written]
        if not is_mojibake(wrong := text.encode(written).decode(read, "ignore")) and wrong != text
    ]
    assert missed == []


def test_text_that_lost_nothing_is_repaired() -> None:
    text = "Щастя їжака ґрунтується на їжі."
    for wrong in (text.encode().decode("cp866"), text.encode("cp1251").decode("cp1252")):
        assert with_right_encoding(wrong) == text


def test_sound_text_of_many_languages_is_not_mojibake() -> None:
    texts = [*(text for texts in SOUND.values() for text in texts), *OTHERS]
    texts += [text.upper() for text in texts] + [word for text in texts for word in text.split()]
    assert [text for text in texts if is_mojibake(text)] == []
