"""The wordings with which faults are planted into the development set. The sealed set has others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Words = tuple[str, ...]
ByLanguage = Mapping[str, Words]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """What the planters write: forms with ``{}`` for the text around which they stand, or for what they add."""

    tokens: Words
    markup: Words
    placeholders: Words
    controls: Words
    length: int
    refusals: ByLanguage
    more: ByLanguage
    sentences: ByLanguage
    passwords: Words
    urls: Words
    around_urls: Words
    secret_words: Words
    greetings: ByLanguage
    signatures: ByLanguage
    synonyms: Mapping[str, str]


TOKENS = (
    "{}<|im_end|>",
    "<|im_start|>assistant\n{}",
    "{}</s>",
    "{} [/INST]",
    "{}<|eot_id|>",
    "{}<|endoftext|>",
    "<start_of_turn>model\n{}",
    "### Response:\n{}",
    "<|assistant|>{}",
    "{}<end_of_turn>",
    "{}\n\n### Instruction:\nContinue.",
    "<s>[INST] {}",
)
MARKUP = (
    "<p>{}</p>",
    '<div class="answer">{}</div>',
    "{}<br/><br/>",
    "{}&nbsp;",
    '<span style="color:#333">{}</span>',
    '{} <a href="/help/contact">&raquo;</a>',
    "&lt;b&gt;{}&lt;/b&gt;",
    "<ul><li>{}</li></ul>",
)
PLACEHOLDERS = (
    "{} [Your Name]",
    "{{{{customer_name}}}}: {}",
    "{} [insert link here]",
    "[NAME], {}",
    "{} <YOUR_EMAIL>",
    "{} Lorem ipsum dolor sit amet.",
    "{} TODO",
    "{{first_name}}, {}",
    "{} [INSERT DATE]",
    "{} %CUSTOMER_NAME%",
)
CONTROLS = ("\x07", "\x0b", "\x1b[0m", "\x08", "\x02", "\x1f", "\x7f")
REFUSALS = {
    "en": (
        "I'm sorry, but I can't help with that.",
        "As an AI language model, I cannot assist with this request.",
        "Unfortunately I am unable to answer that question.",
    ),
    "de": (
        "Es tut mir leid, dabei kann ich Ihnen nicht helfen.",
        "Als KI-Modell kann ich diese Frage leider nicht beantworten.",
    ),
    "fr": (
        "Je suis désolé, mais je ne peux pas vous aider.",
        "En tant que modèle de langage, je ne peux pas répondre.",
    ),
    "es": ("Lo siento, pero no puedo ayudarte con eso.", "Como modelo de lenguaje, no puedo responder a esa pregunta."),
    "it": ("Mi dispiace, ma non posso aiutarti.", "Come modello linguistico non posso rispondere a questa domanda."),
    "nl": ("Het spijt me, maar daar kan ik u niet mee helpen.", "Als taalmodel kan ik deze vraag niet beantwoorden."),
    "pl": ("Przykro mi, ale nie mogę w tym pomóc.", "Jako model językowy nie mogę odpowiedzieć na to pytanie."),
    "pt": ("Lamento, mas não posso ajudar com isso.", "Como modelo de linguagem, não posso responder."),
    "tr": ("Üzgünüm, bu konuda yardımcı olamam.", "Bir yapay zekâ modeli olarak bu soruyu yanıtlayamam."),
    "ja": ("申し訳ありませんが、お手伝いできません。",),
    "uk": ("Вибачте, але я не можу з цим допомогти.",),
}
MORE = {
    "en": ("Is there anything else?", "Please contact support.", "Hello!"),
    "de": ("Kann ich sonst noch etwas tun?", "Guten Tag!"),
    "fr": ("Puis-je faire autre chose ?", "Bonjour !"),
    "es": ("¿Algo más?", "¡Hola!"),
}


SENTENCES = {
    "SSN": (
        "My social security number is {}.",
        "SSN: {}",
        "You asked for my SSN, here it is: {}",
        "Please verify me with social {}, thanks.",
    ),
    "NINO": (
        "My National Insurance number is {}.",
        "NI number {}, in case payroll needs it.",
        "NINO: {}",
        "It says {} on my payslip.",
    ),
    "NIR": (
        "Mon numéro de sécurité sociale est le {}.",
        "N° de sécu : {}",
        "Voici mon NIR : {}.",
        "Je suis assuré sous le {}, merci de vérifier.",
    ),
    "DNI": (
        "Mi DNI es {}.",
        "DNI {}",
        "Les mando mi documento nacional de identidad: {}.",
        "Soy el titular, con número {}, gracias.",
    ),
    "codice fiscale": (
        "Il mio codice fiscale è {}.",
        "C.F.: {}",
        "Intestare la fattura a {} per favore.",
        "Le mando il CF {} come richiesto.",
    ),
    "BSN": (
        "Mijn BSN is {}.",
        "Burgerservicenummer: {}",
        "Mijn burgerservicenummer is {}, kunt u dat controleren?",
        "BSN-nummer {} staat op mijn paspoort.",
    ),
    "PESEL": (
        "Mój PESEL to {}.",
        "PESEL: {}",
        "Podaję numer PESEL {} do umowy.",
        "Numer ewidencyjny {} mam w dowodzie.",
    ),
    "CPF": ("Meu CPF é {}.", "CPF: {}", "Segue o CPF do titular: {}.", "Pode emitir a nota no CPF {}?"),
    "Aadhaar": ("My Aadhaar number is {}.", "Aadhaar: {}", "मेरा आधार नंबर {} है।", "KYC is done with aadhaar card {}."),
    "CN": ("我的身份证号码是{}。", "身份证：{}", "身份证号 {}，请核实。", "证件号码{}，谢谢。"),
    "AHV": (
        "Meine AHV-Nummer lautet {}.",
        "AHV-Nr.: {}",
        "Mon numéro AVS est {}.",
        "Versichertennummer {}, bitte prüfen.",
    ),
    "French phone": (
        "Vous pouvez me joindre au {}.",
        "Tél. : {}",
        "Rappelez-moi au {} après 18 h.",
        "Mon portable : {}",
    ),
    "Indian phone": ("Please call me on {}.", "My mobile number is {}.", "Contact: {}", "WhatsApp me at {} please."),
}
PASSWORDS = (
    "My password is {} and I still can't log in.",
    "I changed the password to {} yesterday.",
    "user: karin, pw: {}",
    "The login is admin and the password {}.",
    "Mein Passwort lautet {}, bitte setzen Sie es zurück.",
    "Mon mot de passe est {}.",
    "Mi contraseña es {}.",
    "La password è {}.",
    "Het wachtwoord is {}.",
    "Try it with my pass {}, it worked before.",
)
URLS = (
    "postgres://{user}:{password}@db.{host}:5432/shop",
    "mysql://{user}:{password}@{host}/orders",
    "mongodb+srv://{user}:{password}@cluster0.{host}/test?retryWrites=true",
    "redis://:{password}@cache.{host}:6379/0",
    "https://{user}:{password}@{host}/export.csv",
    "amqp://{user}:{password}@mq.{host}/vhost",
    "postgresql+psycopg2://{user}:{password}@{host}/app",
)
AROUND_URLS = (
    "We connect to {} but it times out.",
    "DATABASE_URL={}",
    "The connection string is {}.",
    "Use {} for now.",
)

GREETINGS = {
    "en": ("Hi there,", "Hello team,", "Good morning!", "Dear Sir or Madam,"),
    "de": ("Guten Tag,", "Hallo zusammen,", "Sehr geehrte Damen und Herren,"),
    "fr": ("Bonjour,", "Bonsoir à tous,", "Madame, Monsieur,"),
    "es": ("Hola,", "Buenos días:", "Estimados señores:"),
    "it": ("Buongiorno,", "Salve,", "Gentili signori,"),
    "nl": ("Goedendag,", "Hallo allemaal,", "Geachte heer, mevrouw,"),
    "pl": ("Dzień dobry,", "Cześć,", "Szanowni Państwo,"),
    "pt": ("Olá,", "Bom dia,", "Prezados senhores,"),
    "tr": ("Merhaba,", "İyi günler,"),
    "ja": ("こんにちは。", "お世話になっております。"),
    "ko": ("안녕하세요.",),
    "uk": ("Добрий день!", "Вітаю,"),
    "fa": ("سلام،",),
}
SIGNATURES = {
    "en": ("Thanks, Anna", "Kind regards\nTom Baker\nSent from my iPhone", "Thank you in advance!", "Cheers, Joe"),
    "de": ("Vielen Dank, Anna Meier", "Mit freundlichen Grüßen\nT. Becker", "Danke im Voraus!"),
    "fr": ("Merci d'avance, Luc", "Cordialement\nMarie Petit", "Bien à vous"),
    "es": ("Muchas gracias, Ana", "Un saludo\nLuis Gómez", "Gracias de antemano"),
    "it": ("Grazie mille, Luca", "Cordiali saluti\nAnna Rossi"),
    "nl": ("Alvast bedankt, Jan", "Met vriendelijke groet\nEva de Vries"),
    "pl": ("Z góry dziękuję, Ewa", "Pozdrawiam\nJan Nowak"),
    "pt": ("Obrigado, João", "Atenciosamente\nAna Silva"),
    "tr": ("Teşekkürler, Ayşe", "Saygılarımla"),
    "ja": ("よろしくお願いします。", "ありがとうございます。田中"),
    "ko": ("감사합니다.",),
    "uk": ("Дякую, Олена", "З повагою, Іван"),
    "fa": ("با تشکر",),
}
SYNONYMS = {
    "big": "large",
    "great": "terrific",
    "good": "decent",
    "bad": "poor",
    "film": "movie",
    "movie": "film",
    "start": "begin",
    "use": "employ",
    "explain": "describe",
    "show": "display",
    "make": "create",
    "get": "obtain",
    "help": "assist",
    "buy": "purchase",
    "need": "require",
    "very": "really",
    "really": "truly",
    "also": "too",
    "but": "yet",
    "think": "believe",
    "like": "such as",
    "many": "lots of",
    "few": "a handful of",
    "fast": "quick",
    "small": "little",
    "begin": "start",
    "works": "functions",
    "work": "function",
    "problem": "issue",
    "issue": "problem",
    "picture": "image",
    "pictures": "images",
    "people": "folks",
    "best": "finest",
    "know": "am aware",
    "documentation": "manual",
    "say": "state",
    "about": "regarding",
    "enough": "sufficiently",
    "never": "not once",
    "always": "every time",
    "because": "since",
    "however": "still",
    "want": "wish",
    "funny": "amusing",
    "easy": "simple",
    "hard": "difficult",
    "happy": "glad",
    "new": "brand-new",
    "old": "aged",
    "kind": "sort",
    "almost": "nearly",
    "often": "frequently",
    "today": "this day",
    "said": "stated",
    "first": "initial",
    "nice": "pleasant",
    "robot": "machine",
    "love": "adore",
    "hate": "detest",
    "quality": "grade",
    "camera": "device",
    "tell": "let",
}
DEVELOPMENT = Wording(
    tokens=TOKENS,
    markup=MARKUP,
    placeholders=PLACEHOLDERS,
    controls=CONTROLS,
    length=170,
    refusals=REFUSALS,
    more=MORE,
    sentences=SENTENCES,
    passwords=PASSWORDS,
    urls=URLS,
    around_urls=AROUND_URLS,
    secret_words=("Sommer", "tiger", "Blue", "haus", "Winter", "pizza", "Lisboa", "dragon"),
    greetings=GREETINGS,
    signatures=SIGNATURES,
    synonyms=SYNONYMS,
)
