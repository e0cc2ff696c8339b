"""Detects confusable names: mixed scripts, and letters that resemble Latin ones.

Follows Unicode Technical Standard 39. A name must use one script, or Latin with Japanese, Chinese or Korean
(section 5.2). Two names are confusable if their skeletons are equal (section 4). ``LETTERS`` is the part of the
standard's data file confusables.txt whose targets are single Latin letters, without the letters that NFKC replaces.
Not covered: Arabic and Hebrew letters that resemble a stroke, and pairs within a script other than Latin.

The data is copyright Unicode, Inc., and is used under the Unicode License V3 (https://www.unicode.org/license.txt).
"""

import unicodedata

LETTERS = (
    "ıƄƍƖƦƽǀɑɡɣɩɪɯʋʏᴄᴏᴑᴜᴠᴡᴢᶃᶌẝỿꜱꞘꞙꞟꞲꞳꞴꬲꬵꬽꭇꭈꭎꭒꭚ"  # Latin
    "ͿΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγινορσυϜϳϺᴦ"  # Greek
    "ЅІЈАВЕКМНОРСТУХЬагеорсухѕіјѡѴѵҮүһҽӀӏԁԌԛԜԝꙇ"  # Cyrillic
    "ՍՏՕագզհոռսցքօ"  # Armenian
    "ᎠᎡᎢᎥᎩᎪᎫᎬᎳᎷᎻᎽᏀᏂᏃᏏᏒᏔᏕᏙᏚᏞᏟᏢᏦᏧᏳᏴꭵꮁꮃꮓꮩꮪꮯ"  # Cherokee
    "ⲅⲎⲒⲔⲘⲚⲞⲟⲢⲣⲤⲥⲦⲨⲬⳐ"  # Coptic
    "ꓐꓑꓒꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ"  # Lisu
    "ଠഠဝყჿሀዐᐯᑌᑭᑯᑲᒍᒪᕁᕼᕽᖇᖯᖴᗅᗞᗪᗰᗷᚷᛁᛕᛖⴸⴹⵏⵔⵕⵝꛟ𐊂𐊆𐊇𐊊𐊐𐊒𐊕𐊖𐊗𐊠𐊡𐊢𐊥𐊫𐊰𐊱𐊲𐊴𐋏𐌁𐌂"  # rare and historic scripts
    "𐌉𐌑𐌕𐌗𐐄𐐕𐐛𐐠𐐬𐐽𐑈𐒴𐓂𐓎𐓪𐓶𐔓𐔖𐔘𐔜𐔝𐔥𐔦𐔧𑜆𑜊𑜎𑜏𑢠𑢢𑢣𑢤𑢦𑢩𑢮𑢲𑢵𑢸𑢼𑣀𑣁𑣂𑣃𑣄𑣈𑣗𑣘𑣜𖼈𖼊𖼖𖼨𖼵𖼺𖽀𖽂𖽃"  # the same
)
LATIN = (
    "ibglRslagyiiwuycoouvwzgyfysFfuJXBeforruuy"
    "JABEZHlKMNOPTYXayivopouFjMr"
    "SlJABEKMHOPCTYXbareopcyxsijwVvYyhelidGqWwi"
    "USOwqqhnnugfo"
    "DRTiYAJEWMHYGhZbRWSVSLCPKdGBirwzvsc"
    "rHlKMNOoPpCcTYXL"
    "BPdDTGKJCZFMNLSRVHWXYAElOU"
    "OooyoUOVUPdbJLxHxRbFADDMBXlKMVElOQXVBEFlXOPSTABCFOMTYXHBC"
    "lMTXOCLSocsROUouNOKCVFLXvwwwVFLYEZELOUTvsFizoouyVTLlRSAUY"
)
TABLE = str.maketrans(LETTERS + "01I|", LATIN + "Olll")
PAIRS = (("rn", "m"), ("vv", "w"))
TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)
"""Scripts that one name may mix, because languages mix them."""

SCRIPT_OF_NAME = {"CJK": "HAN", "IDEOGRAPHIC": "HAN", "MODIFIER": "", "KATAKANA-HIRAGANA": ""}
INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x3164, 0x3164), (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0), (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)  # fmt: skip
"""Default-ignorable code points that Python considers printable."""


def mixes_scripts(name: str) -> bool:
    """Whether a name mixes scripts that no language mixes, or digits of two number systems."""
    scripts = {script for character in name if character.isalpha() and (script := _script(character))}
    zeros = {ord(character) - unicodedata.decimal(character) for character in name if character.isdecimal()}
    return len(zeros) > 1 or (len(scripts) > 1 and not any(scripts <= allowed for allowed in TOGETHER))


def has_invisible(name: str) -> bool:
    """Whether a name has invisible characters."""
    return not name.isprintable() or not INVISIBLE.isdisjoint(name)


def look_alike(known: str, name: str) -> bool:
    """Whether a reader could confuse the two names."""
    return not _skeletons(known).isdisjoint(_skeletons(name))


def _skeletons(name: str) -> frozenset[str]:
    """The skeletons of the name as written and in lower case, because ``I`` resembles ``l`` and ``i`` does not."""
    normal = unicodedata.normalize("NFKC", name).strip()
    return frozenset(map(_skeleton, (normal, normal.casefold())))


def _skeleton(name: str) -> str:
    text = unicodedata.normalize("NFD", name).translate(TABLE).casefold()
    for pair, letter in PAIRS:
        text = text.replace(pair, letter)
    return unicodedata.normalize("NFC", text)


def _script(letter: str) -> str:
    """The script by the letter's name in Unicode, because Python has no property for it; empty for shared letters."""
    first = unicodedata.name(letter, "UNKNOWN").split()[0]
    return SCRIPT_OF_NAME.get(first, first)
