"""Sound rows that look like faults: an audit that names them as errors or warnings is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.audit_trials.planted.planting import Trial
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.planted.structure import tool_row

Pairs = Mapping[str, tuple[tuple[str, str], ...]]
PAIRS: Pairs = {
    "numbers that identify no person": (
        ("My order number is 20260311845, where is it?", "Order 20260311845 left our warehouse yesterday."),
        ("Track 1Z999AA10123456784 please.", "That parcel is in Lyon and arrives tomorrow."),
        ("Do you have the book with ISBN 978-3-16-148410-0?", "Yes, two copies are on the shelf."),
        ("The serial number on the box is 482915036.", "Thank you, the warranty is valid until May."),
        ("Invoice 2026-0004711 has the wrong amount, 1,234,567.89.", "You are right. We send a new one."),
        ("Article 4006381333931 is missing its cap.", "We send you a new cap free of charge."),
        ("The log says 1717430400123 ms at build 10.15.7.2048.", "That build has a known bug; please update it."),
        ("Ticket 123456782 is still open.", "We close it today."),
        ("Le bon de commande 1 85 12 n'est pas arrivé.", "Nous le renvoyons aujourd'hui."),
        ("Die Kundennummer 86095742719 funktioniert nicht.", "Wir haben sie freigeschaltet."),
    ),
    "advice about passwords": (
        ("How do I reset my password?", "Choose “Forgot password” on the sign-in page."),
        ("What must a password look like?", "A password must have at least twelve characters and one digit."),
        ("The password field is greyed out.", "Accept the terms first; then the password field works."),
        ("My password is not accepted.", "Check that caps lock is off, and try it again."),
        ("Password: is it case sensitive?", "Yes, passwords are case sensitive."),
    ),
    "URLs without a secret": (
        ("Where is the status page?", "It is at https://status.example.org/shop?region=eu&page=2."),
        ("What does a connection string look like?", "For example postgres://localhost:5432/shop, without a password."),
    ),
    "questions about mark-up and templates": (
        ("How do I write a line break in HTML?", "Write `<br>` where the line shall end."),
        ("What does {{ name }} mean in Jinja?", "It prints the value of the variable `name`."),
        ("How do I make a paragraph bold?", "```html\n<p><strong>Your text</strong></p>\n```"),
        ("What is a lambda in Python?", "A small function: `lambda x: x + 1`."),
        ("Which token ends a turn in ChatML?", "ChatML ends each turn with the token `<|im_end|>`."),
    ),
    "translations": (
        ("Translate into French: Where is the station?", "Où se trouve la gare ?"),
        ("How do you say “good luck with your exam” in German?", "Viel Erfolg bei deiner Prüfung!"),
        ("Übersetze ins Englische: Das Paket ist noch nicht angekommen.", "The parcel has not arrived yet."),
        ("Traduis en espagnol : Je voudrais réserver une table.", "Quisiera reservar una mesa."),
    ),
    "short answers": (
        ("What is six times seven?", "42"),
        ("Which city is the capital of France?", "Paris"),
        ("Is the shop open on Sunday?", "No"),
        ("Where do I find the button?", "In the settings, at the top right"),
        ("Which file do I need?", "/etc/shop/config.yaml"),
        ("How much is the small one?", "€ 12.50"),
        ("What is the chemical sign of gold?", "Au"),
    ),
    "answers in a data format": (
        ("Give me the primary colours as JSON.", '["red", "yellow", "blue"]'),
        ("Return the order as JSON.", '{"order": "A-12", "items": 3}'),
        ("List three fruits.", "- apple\n- pear\n- plum"),
        ("Write a Python list of the first primes.", "[2, 3, 5, 7]"),
    ),
    "one refusal, rightly": (
        (
            "Can you tell me my neighbour's telephone number?",
            "I'm sorry, but I may not give out other people's numbers.",
        ),
    ),
    "prompts that differ in what matters": (
        ("How do I open port 80 on the router?", "Port 80 is open after a restart."),
        ("How do I open port 443 on the router?", "Add a rule for 443 under Security, then save."),
        ("Which trains go from Bonn to Köln before noon?", "There are four: at 7, 8, 9 and 11 o'clock."),
        ("Which trains go from Bonn to Mainz before noon?", "Only one goes directly, at ten past nine."),
    ),
    "several fitting replies": (
        ("Good evening!", "Good evening. What can I do for you?"),
        ("Good evening!", "Hello, nice to hear from you."),
        ("Tell me something funny.", "Why did the chicken cross the road? To get to the other side."),
        ("Tell me something funny.", "A neutron walks into a bar. “For you, no charge.”"),
        ("What do you like to eat?", "Electricity, mostly."),
        ("What do you like to eat?", "I am a program, so I don't eat."),
    ),
    "letters that look misread": (
        ("A INFORMAÇÃO NÃO ESTÁ NO SÍTIO.", "NÃO HÁ PROBLEMA: A INFORMAÇÃO ESTÁ NA PÁGINA SEGUINTE."),
        ("Où est l’Âge d’or ?", "Le tableau « L’Âge d’or » est au premier étage."),
    ),
}


def add_decoys(trial: Trial, *, tools: bool, pairs_by_name: Pairs = PAIRS) -> None:
    """Append them to rows of free text; conversations with tools only where the format has them."""
    for name, pairs in pairs_by_name.items():
        _append(trial, name, [Row((pair,), "en") for pair in pairs])
    if tools:
        rows = [row for row in trial.rows if len(row.turns) == 1][:4]
        _append(trial, "sound calls of a tool", [tool_row(row) for row in _reworded(rows)])


def _reworded(rows: list[Row]) -> list[Row]:
    """Rows that are equal to none of the file."""
    return [
        Row(((f"Where is parcel {at}-{len(row.prompt)} to Ghent?", f"Parcel {at} arrives in {at + 2} days."),), "en")
        for at, row in enumerate(rows, start=1)
    ]


def _append(trial: Trial, name: str, rows: list[Row]) -> None:
    places = set(range(len(trial.rows), len(trial.rows) + len(rows)))
    trial.rows += rows
    trial.decoys[name] = places
    trial.touched |= places
