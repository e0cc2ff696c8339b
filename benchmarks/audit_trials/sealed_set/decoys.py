"""Sound rows of the sealed set that look like faults."""

from __future__ import annotations

from benchmarks.audit_trials.planted.decoys import Pairs

PAIRS: Pairs = {
    "numbers that identify no person": (
        ("When does flight LH 1738 of 14.03.2026 land?", "It lands at 17:38."),
        ("My meter shows 004 718 293, is that much?", "No, that is normal for a flat of this size."),
        ("Has shipment 00340434161094042557 left the depot?", "Yes, it left at noon."),
        ("Which part fits frame number WVWZZZ1JZXW000001?", "The part 1J0 615 301 fits it."),
        ("What is 123456789 times 9?", "It is 1111111101."),
        ("Le dossier 2024-185-0612 est-il complet ?", "Oui, il ne manque rien."),
        ("Kassenbon 4711 0815 4242, kann ich umtauschen?", "Ja, innerhalb von 14 Tagen."),
        ("Patch KB5034441 fails with 0x80070643.", "Enlarge the recovery partition by 250 MB first."),
        ("What are the coordinates of the hut?", "47.421067, 10.985365"),
        ("Mit kell tudni a 1098-as rendeletről?", "A rendelet 2020. 03. 01-jén lépett hatályba."),
    ),
    "words about passwords": (
        ("Why was my password rejected?", "It contained a space at its end."),
        ("Який має бути пароль?", "Пароль має містити щонайменше вісім знаків."),
        ("Does the app store the password in plain text?", "No, the password is hashed before it is stored."),
        ("Mot de passe oublié, que faire ?", "Cliquez sur « Mot de passe oublié » et suivez le lien."),
        ("Is password protection available for PDF files?", "Yes, choose it in the export dialog."),
        ("Which flag prompts for the password in mysql?", "Use `-p`, and type nothing after it."),
    ),
    "addresses without a secret": (
        ("Which URL shall I use for Redis on my own machine?", "Use redis://localhost:6379/0."),
        ("How is a database URL built?", "It is scheme://host:port/name, and the user stands before the host."),
        ("Where do I find the source?", "At https://git.example.org/tools/app.git, branch `main`."),
    ),
    "code with brackets and tokens": (
        ("How do I read a variable in bash?", 'Write `"${HOME}"`, with the quotes.'),
        ("What does <br> do?", "The element `<br>` breaks a line."),
        ("How do I loop in Jinja?", "```\n{% for item in items %}{{ item.name }}{% endfor %}\n```"),
        ("What is `[INST]` in a prompt of Llama?", "It marks where the instruction of the user begins."),
        ("What does TODO mean in a source file?", "It marks work that somebody left for later."),
        ("How do I write an ampersand in HTML?", "Write `&amp;`."),
        ("Show me an empty list in Python.", "[]"),
    ),
    "answers that rightly change the language": (
        ("What is the Polish word for butterfly?", "motyl"),
        ("Say “see you tomorrow” in Italian.", "Ci vediamo domani!"),
        ("Переклади англійською: Я люблю читати книжки ввечері.", "I love reading books in the evening."),
        ("Wie lautet der erste Satz von “Moby-Dick”?", "Call me Ishmael."),
        ("Traduza para francês: Onde fica a biblioteca?", "Où se trouve la bibliothèque ?"),
    ),
    "short or open ends": (
        ("Who wrote Hamlet?", "William Shakespeare"),
        ("Complete: to be or not to be,", "that is the question"),
        ("Give me the formula of water.", "H2O"),
        ("Which command lists files?", "ls -la"),
        ("Nenne drei Farben.", "Rot, Grün, Blau"),
        ("How does the fairy tale end?", "And they lived happily ever after …"),
        ("What is the ratio?", "3:2"),
    ),
    "one refusal, rightly": (
        ("Where does my colleague live?", "I can't tell you this, since addresses of staff are private."),
    ),
    "an answer that repeats words on purpose": (
        ("Repeat after me: red lorry, yellow lorry.", "Red lorry, yellow lorry."),
        ("Correct this sentence: She walk to school every day.", "She walks to school every day."),
        ("Write in capital letters: closed on monday", "CLOSED ON MONDAY"),
    ),
    "questions that differ in one word": (
        ("How long may I keep a borrowed film?", "Seven days."),
        ("How long may I keep a borrowed book?", "Four weeks, and you can renew it twice."),
        ("What is the boiling point of ethanol?", "About 78 °C."),
        ("What is the melting point of ethanol?", "About −114 °C."),
    ),
}
