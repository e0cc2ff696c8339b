"""Lists the national ids that are recognised, with their forms, check digits and cue words."""

import re
from dataclasses import dataclass

from fairtrial.privacy import checks
from fairtrial.privacy.checks import Valid, elevens, every, luhn, weighted


@dataclass(frozen=True, slots=True)
class NationalId:
    """One kind of id. All patterns are regular expressions without groups that RE2 reads, too.

    ``form``: how it is written beside one of the ``cues``, in any case. ``alone``: how it is written if it is
    recognised without a cue; empty if it never is. ``valid`` decides by check digits. ``example`` has a cue if it needs
    one. ``sign``: what follows the first letters, if the id begins with several, as most words do.
    """

    country: str
    name: str
    form: str
    alone: str
    valid: Valid | None
    cues: str
    example: str
    sign: str = ""

    @property
    def cue(self) -> str:
        """The cue in the example."""
        return re.split(r" [A-Z]*\d", self.example, maxsplit=1)[0]


_DATE = r"(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])\d\d"
"""Day, month and year."""
_BACKWARDS = r"\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"
_THREES = r"\d{3}(?:\d{6}|[ .\-]\d{3}[ .\-]\d{3})"
_DNI = (
    r"(?i:\d{8}-?[A-Z]|\d\d?\.\d{3}\.\d{3}-?[A-Z]|[XYZ]-?\d{7}-?[A-Z])|[XYZ] \d{7}[ \-][A-Z]"
    r"|(?:\d{8}|\d\d?\.\d{3}\.\d{3}) [A-HJ-NP-TV-Zb-df-hj-np-tv-xz]"
)
"""A small *a*, *e* or *y* behind a blank is a word."""
_NINO_START = r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]"
_NINO_END = r"\d{6}[A-D]| \d\d \d\d \d\d [A-D]| \d{6} [A-D]"
_NINO = f"{_NINO_START}(?:{_NINO_END})"
_MONTH = r"(?:0[1-9]|1[0-2]|[2-9]\d)"
_NIR = (
    rf"[1-478]\d\d{_MONTH}(?:\d\d|2[AB])\d{{6}} ?\d\d"
    rf"|[1-478] \d\d {_MONTH} (?:\d\d|2[AB]) \d{{3}} \d{{3}} \d\d"
)
_FISCALE_END = r"\d\d[A-EHLMPR-T]\d\d ?[A-Z]\d{3} ?[A-Z]"
_FISCALE = r"[A-Z]{3} ?[A-Z]{3} ?" + _FISCALE_END
_CHINA = r"[1-9]\d{5}(?:19|20)" + _BACKWARDS + r"\d{3}[0-9Xx]"
_RENTE = rf"\d\d{_DATE}[A-Z]\d{{3}}|\d\d {_DATE} [A-Z] \d{{3}}"
_HETU = _DATE + r"[\-+A-FU-Y]\d{3}"
_CURP_END = _BACKWARDS + r"[HMX][A-Z]{5}[A-Z0-9]\d"
_CURP = r"[A-Z]{4}" + _CURP_END
_AHV = r"756(?:\d{10}|[. ]\d{4}[. ]\d{4}[. ]\d\d)"
_SNILS = r"\d{3}-\d{3}-\d{3}[ \-]\d\d"
_BELGIUM = r"\d\d\.\d\d\.\d\d-\d{3}\.\d\d"

# fmt: off
NATIONAL_IDS = (
    NationalId(
        "AR", "DNI", r"\d{7,8}|\d\d?\.\d{3}\.\d{3}", "", None,
        "(?-i:DNI)|[ms]u? ?dni|d\\.n\\.i|mi documento|documento n(?:acional|[°ºúu])", "DNI 30.123.456",
    ),
    NationalId(
        "AT", "Sozialversicherungsnummer", r"[1-9]\d{3} ?" + _DATE, "", weighted((3, 7, 9, -1, 5, 8, 4, 2, 1, 6), 11),
        "sv-?(?:nr|nummer)|svnr|(?:sozial)?versicherungs-?(?:nr|nummer)|vsnr|social (?:security|insurance)",
        "SV-Nr. 1237 010180",
    ),
    NationalId(
        "AU", "tax file number (TFN)", _THREES, "", weighted((1, 4, 3, 7, 5, 8, 6, 9, 10), 11),
        "tfn|tax file", "TFN 123 456 782",
    ),
    NationalId(
        "BE", "Rijksregisternummer", r"\d{11}|" + _BELGIUM, _BELGIUM, checks.rijksregister,
        "rijksregister(?:nummer|nr)?|insz|niss|registre national|num[ée]ro national|nationaal nummer"
        "|national register",
        "85.07.30-033.28",
    ),
    NationalId(
        "BR", "CPF", r"\d{3}[. ]?\d{3}[. ]?\d{3}[. \-]?\d\d", r"\d{3}\.\d{3}\.\d{3}-\d\d",
        elevens(range(10, 1, -1), range(11, 1, -1)),
        "cpf|cadastro de pessoas?|pessoa f[íi]sica|titular|contribuinte|identidade", "529.982.247-25",
    ),
    NationalId(
        "CA", "Social Insurance Number", _THREES, "", luhn,
        "(?-i:SIN|NAS)|social insurance|assurance sociale", "SIN 046 454 286",
    ),
    NationalId(
        "CH", "AHV/AVS number", _AHV, _AHV, weighted((1, 3) * 6 + (1,), 10),
        "ahv|avs", "756.9217.0769.85",
    ),
    NationalId(
        "CL", "RUT", r"\d\d?\.?\d{3}\.?\d{3}-?[0-9K]", "", weighted((3, 2, 7, 6, 5, 4, 3, 2, 1), 11),
        "(?-i:RUT|RUN|rut)|r\\.u\\.t|rol [úu]nico", "RUT 12.531.909-2",
    ),
    NationalId(
        "CN", "identity card", _CHINA, _CHINA,
        weighted((7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2, 1), 11, 1),
        "身份证|身份證|身份號|身份号|证件号|證件號", "11010519491231002X",
    ),
    NationalId(
        "CZ", "rodné číslo (also SK)", r"\d\d[0156]\d[0-3]\d/?\d{3,4}", "", checks.rodne_cislo,
        "rodn(?:é|e|ého|eho|ým|ym) [čc][íi]sl(?:o|a|em)|birth number|(?-i:RČ)", "rodné číslo 710319/2745",
    ),
    NationalId(
        "DE", "Steuer-ID", r"[1-9]\d ?\d{3} ?\d{3} ?\d{3}", "", checks.steuer_id,
        "steuer-?(?:id|identifikations-?(?:nr|nummer)|nr|nummer)|idnr|tin|finanzamt"
        "|identifikations-?(?:nr|nummer)",
        "Steuer-ID 36 574 261 809",
    ),
    NationalId(
        "DE", "Rentenversicherungsnummer", _RENTE, f"(?i:{_RENTE})", checks.rentenversicherung,
        "renten-?versicherung|rvnr|svnr|sv-?nr|(?:sozial)?versicherungs-?(?:nr|nummer)", "15 070649 C 103",
    ),
    NationalId(
        "DK", "CPR number", _DATE + r"[ \-]?\d{4}", "", None,
        "cpr(?:-?(?:nr|nummer|nummeret))?|personnummer", "CPR 211062-5629",
    ),
    NationalId(
        "ES", "DNI, NIE", r"\d{8}[ \-]?[A-Z]|\d\d?\.\d{3}\.\d{3}[ \-]?[A-Z]|[XYZ][ \-]?\d{7}[ \-]?[A-Z]", _DNI,
        checks.dni,
        "dni|(?-i:NIE)|nif|d\\.n\\.i|documento|carn[ée]|identidad|titular|n[úu]mero", "54362315K",
    ),
    NationalId(
        "FI", "henkilötunnus", _HETU + "[0-9A-FHJ-NPR-Y]", f"(?i:{_HETU}[A-FHJ-NPR-Y])", checks.hetu,
        "hetu|henkil[öo]tunnu(?:s|kseni)", "131052-308T",
    ),
    NationalId(
        "FR", "NIR (sécurité sociale)", _NIR, _NIR, checks.nir,
        "nir|s[ée]curit[ée] sociale|num[ée]ro de s[ée]cu|insee", "2 95 10 99 126 111 93",
    ),
    NationalId(
        "GB", "National Insurance number", f"(?:QQ|{_NINO_START})(?:{_NINO_END})", _NINO,
        lambda text: text[:2] not in ("BG", "GB", "NK", "KN", "TN", "NT", "ZZ"),
        "nino|national insurance|(?-i:NI) (?:number|no)", "AB 12 34 56 C", f"[A-Z](?:{_NINO_END})",
    ),
    NationalId(
        "GB", "NHS number", r"\d{3}[ \-]?\d{3}[ \-]?\d{4}", "", weighted(range(10, 0, -1), 11),
        "nhs|national health", "NHS number 943 476 5870",
    ),
    NationalId(
        "IE", "PPS number", r"\d{7} ?[A-W][A-IW]?", "", checks.pps,
        "ppsn?|personal public service", "PPS 1234567T",
    ),
    NationalId(
        "IN", "Aadhaar", r"[2-9]\d{3}(?:\d{8}|[ \-]\d{4}[ \-]\d{4})", "", checks.aadhaar,
        "a?add?h?aa?r|uidai|(?-i:UID)|unique identification|e-?kyc|kyc|आधार", "Aadhaar 2341 2341 2346",
    ),
    NationalId(
        "IN", "PAN", r"[A-Z]{5}\d{4}[A-Z]", "", None,
        "(?-i:PAN)|pan (?:card|number|no)|permanent account|पैन", "PAN AFZPK7190K",
    ),
    NationalId(
        "IT", "codice fiscale", _FISCALE, "(?i:" + _FISCALE + ")", checks.codice_fiscale,
        "codice fiscale|cod(?:\\.|ice)? ?fisc|(?-i:CF|C\\.F)", "RSSMRA85T10A562S", "(?i:" + _FISCALE_END + ")",
    ),
    NationalId(
        "JP", "My Number", r"\d{4}(?:\d{8}|[ \-]\d{4}[ \-]\d{4})", "", elevens((6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)),
        "マイナンバー|個人番号|(?-i:My Number)", "マイナンバー 1234 5678 9018",
    ),
    NationalId(
        "KR", "resident registration number", _BACKWARDS + r"-?[1-8]\d{6}", "", None,
        "주민등록번호|주민번호|rrn|resident registration", "주민등록번호 900101-1234567",
    ),
    NationalId(
        "MX", "CURP", _CURP, f"(?i:{_CURP})", checks.curp,
        "curp", "BOXW310820HNERXN09", f"(?i:{_CURP_END})",
    ),
    NationalId(
        "NL", "burgerservicenummer (BSN)", r"\d{9}|\d{4}[. ]\d\d[. ]\d{3}|\d{3}[ .]\d{3}[ .]\d{3}", "",
        weighted((9, 8, 7, 6, 5, 4, 3, 2, -1), 11),
        "bsn(?:-?(?:nr|nummer))?|burger service (?:nr|nummer)|sofi (?:nr|nummer)|citizen service|burger (?:nr|nummer)"
        "|persoons (?:nr|nummer)|id (?:nr|nummer|kaart|bewijs)|identiteits ?nummer|legitimatie(?:bewijs|nummer)?"
        "|paspoort|rijbewijs|fiscaal nummer",
        "BSN 111222333",
    ),
    NationalId(
        "NO", "fødselsnummer", r"[0-7]\d[0-5]\d{3} ?\d{5}", "",
        every(weighted((3, 7, 6, 1, 8, 9, 4, 5, 2, 1), 11), weighted((5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), 11)),
        "f(?:ø|o|oe)dsels-?(?:nr|nummer)|person-?(?:nr|nummer)|fnr", "fødselsnummer 151086 95088",
    ),
    NationalId(
        "PL", "PESEL", r"\d\d(?:[02468][1-9]|[13579][0-2])(?:0[1-9]|[12]\d|3[01])\d{5}", "",
        weighted((1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1), 10),
        "pesel(?:u|em|owi)?|numer(?:em|u|ze)?|ewidencyjn(?:y|ego|ym)|identyfikacyjn(?:y|ego|ym)|dow[óo]d(?:u|zie|em)?"
        "|to[żz]samo[śs](?:ci|[ćc])|legitymuj[ęe]|urodz(?:ony|ona|enia)",
        "PESEL 44051401359",
    ),
    NationalId(
        "PT", "NIF", _THREES, "", elevens(range(9, 1, -1)),
        "nif|contribuinte|n[úu]mero fiscal|identifica[cç][ãa]o fiscal|finan[çc]as", "NIF 501 964 843",
    ),
    NationalId(
        "RO", "CNP", r"[1-9]" + _BACKWARDS + r"\d{6}", "", checks.cnp,
        "(?-i:CNP|cnp)|cod(?:ul)? numeric personal", "CNP 1630615123457",
    ),
    NationalId(
        "RU", "SNILS", r"\d{11}|\d{3}[ \-]\d{3}[ \-]\d{3}[ \-]?\d\d", _SNILS, checks.snils,
        "снилс|snils", "112-233-445 95",
    ),
    NationalId(
        "SE", "personnummer", r"(?:19|20)?\d\d[01]\d[0-9]\d[\-+ ]?\d{4}", "", lambda text: luhn(text[-10:]),
        "person-?(?:nr|nummer)|personal identity|f[öo]delse (?:nr|nummer)", "personnummer 880320-0016",
    ),
    NationalId(
        "SG", "NRIC, FIN", r"[STFGM]\d{7}[A-Z]", r"[STFGM]\d{7}[A-Z]", checks.nric,
        "nric", "S1234567D",
    ),
    NationalId(
        "TR", "T.C. kimlik numarası", r"[1-9]\d{10}", "", checks.kimlik,
        "kimlik|tckn|(?-i:TC) no|n[üu]fus|vatanda[şs]l[ıi]k", "TCKN 17291716060",
    ),
    NationalId(
        "US", "Social Security number", r"[0-8]\d\d(?:\d{6}|[ .\-]\d\d[ .\-]\d{4})", "",
        lambda text: text[:3] not in ("000", "666") and text[3:5] != "00" and text[5:] != "0000",
        "ssn|ss ?#|ss (?:number|num|no)|soc(?:ial)?|soc\\.|seguro social|s\\.s\\.n?|irs|payroll"
        "|social security|(?:credit|background) (?:check|report)",
        "SSN 536-90-4399",
    ),
    NationalId(
        "US", "taxpayer number (ITIN)", r"9\d\d(?:[4-9]\d{5}|[ \-][4-9]\d[ \-]\d{4})", "", None,
        "itin|taxpayer", "ITIN 912-90-3456",
    ),
    NationalId(
        "US", "employer number (EIN)", r"\d\d-?\d{7}", "", None,
        "(?-i:EIN|FEIN)|employer id(?:entification)?|federal tax", "EIN 91-1144442",
    ),
)
# fmt: on

ANY = (
    "(?-i:ID) (?:number|num|no)|identity"
    "|national (?:id|identity|identification|insurance|registration)|identity (?:card|number|document|no)|id card"
    "|(?:my|his|her|their|personal|citizen|government)(?:'s)? id(?:entification|entity)?"
    "|personal (?:number|code)|tax(?:payer)? id(?:entification)?|(?-i:TIN)"
    "|(?:personal)?ausweis(?:-?(?:nr|nummer))?|steuer-?(?:nr|nummer)|carte (?:nationale )?d.identit[ée]"
    "|num[ée]ro d.identit[ée]"
    "|documento (?:nacional )?(?:de|d.) ?(?:identidad|identidade|identit[àa])|carta d.identit[àa]"
    "|identifica[cç](?:i[óo]n|[ãa]o) fiscal"
    "|identiteits(?:kaart|bewijs)|dow[óo]d(?:u)? osobist(?:y|ego)|identidade?|identit[àé]|identit[äa]t"
)
"""Cues for an id of any country."""
