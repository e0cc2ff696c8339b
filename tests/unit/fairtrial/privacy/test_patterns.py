"""The catalogue shows what is found: phone numbers, passwords and keys among it."""

from __future__ import annotations

from collections import Counter

from fairtrial.privacy.masking import mask
from fairtrial.privacy.national_ids import NATIONAL_IDS
from fairtrial.privacy.patterns import CATALOGUE, PatternEntry, scope
from fairtrial.privacy.search import find_personal_text
from gateway.proxy.recording.redaction import redact_json, redact_text
from tests.fixtures.for_each import for_each


@for_each("entry", CATALOGUE)
def test_each_example_is_found_by_recording_and_by_audits(entry: PatternEntry) -> None:
    text = f"Well, {entry.example}"
    assert [find.kind for find in find_personal_text(text)] == [entry.kind]
    assert redact_text(text).replace(" ", "") == mask(text, Counter()).replace(" ", "")


def test_the_scope_names_every_country_and_what_is_missing() -> None:
    covered, missing = scope()
    assert [national_id.country for national_id in NATIONAL_IDS if national_id.country not in covered] == []
    assert missing.startswith("Not looked for: names, postal addresses, dates of birth")


@for_each(
    ("text", "masked"),
    [
        ("call 06 12 34 56 78 or 06.12.34.56.78", "call [phone] or [phone]"),
        ("+33 6 12 34 56 78, +91 98765 43210", "[phone], [phone]"),
        ("Mobile: 98765 43210", "Mobile: [phone]"),
        ("call me at 9876543210", "call me at [phone]"),
        ("mein Handy ist 0170 12 34 567", "mein Handy ist [phone]"),
        ("mi móvil es 612 34 56 78", "mi móvil es [phone]"),
        ("meu número é (11) 98765-4321", "meu número é [phone]"),
        ("手机号是13812345678", "手机号是[phone]"),
        ("8 (912) 345-67-89", "[phone]"),
        ("1-415-555-2671 or (415)555-2671", "[phone] or [phone]"),
        ("The phone was in order 9876543210.", "The phone was in order 9876543210."),
        ("phone: 2026-11-29", "phone: 2026-11-29"),
        ("my password is hunter2", "my password is [password]"),
        ("Passwort: Sommer-2024, bitte", "Passwort: [password], bitte"),
        ("mon mot de passe est azerty123", "mon mot de passe est [password]"),
        ("la contraseña es gato123", "la contraseña es [password]"),
        ("password for the portal is Tr0ub4dor", "password for the portal is [password]"),
        ("the password I use is hunter2", "the password I use is [password]"),
        ("my password reset to Xy123456 failed", "my password reset to [password] failed"),
        ("password was reset on 2026-11-29", "password was reset on 2026-11-29"),
        ("please call 98765 43210", "please call [phone]"),
        ("llámame al 612 345 678", "llámame al [phone]"),
        ("I recall 12345678 of them", "I recall 12345678 of them"),
        ("密码是abc12345", "密码是[password]"),
        ("비밀번호는 abc12345", "비밀번호는 [password]"),
        ("Пароль: abc12345", "Пароль: [password]"),
        ("Телефон: 912 345 67 89", "Телефон: [phone]"),
        ("WhatsApp me at 98765 43210, or contact 98765 43211", "WhatsApp me at [phone], or contact [phone]"),
        ("log in with my pass blue-41, please", "log in with my pass [password], please"),
        ("user bob, password blue41moon!", "user bob, password [password]!"),
        ("mit dem Passwort Sommer2024 geht es nicht", "mit dem Passwort [password] geht es nicht"),
        ("the password was set to kWqTzRbLmA", "the password was set to [password]"),
        ("Lozinka od servera je tulip88x", "Lozinka od servera je [password]"),
        ("Zaporka: tulip_88", "Zaporka: [password]"),
        ("Slaptažodis yra tulip88x.", "Slaptažodis yra [password]."),
        ("Kata sandi saya tulip88x.", "Kata sandi saya [password]."),
        ("Mật khẩu của tôi là tulip88x.", "Mật khẩu của tôi là [password]."),
        ("كلمة المرور هي tulip88x", "كلمة المرور هي [password]"),
        ("گذرواژهٔ من tulip88x است", "گذرواژهٔ من [password] است"),
        ("הסיסמה שלי היא tulip88x", "הסיסמה שלי היא [password]"),
        ("제 비밀번호는 tulip88x입니다.", "제 비밀번호는 [password]."),
        ("Пароль від бази — tulip88x", "Пароль від бази — [password]"),
        ("Мій пароль tulip88x не діє", "Мій пароль [password] не діє"),
        ("Ο κωδικός μου είναι tulip88x", "Ο κωδικός μου είναι [password]"),
        ("J'utilise tulip88x comme mot de passe.", "J'utilise [password] comme mot de passe."),
        ("You may use my password, tulip88x, today", "You may use my password, [password], today"),
        ("Usei tulip88x como senha", "Usei [password] como senha"),
        ("www = page2024, WW: 1939-45", "www = page2024, WW: 1939-45"),
        ("как пароль для входа, и на 2024 год", "как пароль для входа, и на 2024 год"),
        ("A jelszó hossza legalább 12 karakter", "A jelszó hossza legalább 12 karakter"),
        ("blue41moon is my new password", "[password] is my new password"),
        ("uso 'luna#41' como mi contraseña", "uso '[password]' como mi contraseña"),
        ("the bus pass AB12CD34", "the bus pass AB12CD34"),
        ("the password is PasswordResetForm", "the password is PasswordResetForm"),
        ("password isolated1 and password ISO27001", "password isolated1 and password ISO27001"),
        ("a password 12-character rule", "a password 12-character rule"),
        ("It is the password field", "It is the password field"),
        ("my password is wrong", "my password is wrong"),
        ("the password is SHA-256 hashed", "the password is SHA-256 hashed"),
        ("password: required, at least 8 characters", "password: required, at least 8 characters"),
        ("password = get_password(user1)", "password = get_password(user1)"),
        ("password=<your password1>", "password=<your password1>"),
        ("postgres://app:hunter2@host/db", "postgres://[password]@host/db"),
        ("https://admin:pw@shop.example/x", "https://[password]@shop.example/x"),
        ("postgres://${USER}:${PASS}@host/db", "postgres://${USER}:${PASS}@host/db"),
        ("http://host:8080/@x", "http://host:8080/@x"),
        ("api_key = a1b2c3d4e5f6g7h8i9j0", "api_key = [key]"),
        ("the api key is missing", "the api key is missing"),
        ("sk_live_51H8xJ2eZvKYlo2C0 whsec_" + "a1" * 16, "[key] [key]"),
        ("glpat-abcdefghijklmnopqrst", "[key]"),
        ("npm_" + "a1" * 18 + " pypi-" + "a1" * 40, "[key] [key]"),
        ("SG." + "a1" * 11 + "." + "b2" * 20, "[key]"),
        ("https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXX", "https://[key]"),
        ("AccountKey=" + "aB1+" * 21 + "==", "[key]"),
    ],
)
def test_phone_numbers_passwords_and_keys_are_masked(text: str, masked: str) -> None:
    assert mask(text, Counter()) == masked
    assert redact_text(text) == masked


def test_the_name_of_a_field_is_seen_in_json() -> None:
    body = b'{"password":"hunter2","tel":"98765 43210","arguments":"{\\"ssn\\": \\"536-90-4399\\"}","ssn":536904399}'
    assert redact_json(body) == (
        '{"password":"[password]","tel":"[phone]","arguments":"{\\"ssn\\": \\"[national id]\\"}","ssn":"[national id]"}'
    )
