"""Light paraphrases of the sealed set's English questions, and of its questions about a shop."""

from __future__ import annotations

import random
import re

from benchmarks.audit_trials.planted.planting import Trial
from benchmarks.audit_trials.planted.rows import Row
from benchmarks.audit_trials.sealed_set.shop_texts import QUESTIONS

PHRASES = (
    (r"What will (\w+) want to do next\?", r"And what is \1 likely to do after that?"),
    (r"What does (\w+) need to do before this\?", r"Before that, what did \1 have to do?"),
    (r"How would you describe (\w+)\?", r"Which words would fit \1 best?"),
    (r"Why did (\w+) do this\?", r"For what reason did \1 act like that?"),
    (r"How would (\w+) feel afterwards\?", r"In what mood would \1 be later on?"),
    (r"How would (\w+) feel as a result\?", r"What feelings would that leave \1 with?"),
    (r"What will happen to (\w+)\?", r"What is going to become of \1?"),
    (r"^Which of the following ", "Which one of these "),
    (r"^What is ", "Tell me what is meant by "),
    (r"^What (are|can|should|might|must|may) ", r"Which things \1 "),
    (r"^Why (is|are|does|do|should) ", r"For which reason \1 "),
    (r"^How (does|do|is|are|can) ", r"In which way \1 "),
    (r"I'm reading the Celery manual\. What is (.+) about\?", r"What does the Celery documentation tell us about \1?"),
    (r"^(.+) in Celery, please explain\.", r"Please tell me more about \1 in Celery."),
    (r"What do I have to know about (.+) when I run Celery\?", r"What's important about \1 for somebody using Celery?"),
    (r"Could you walk me through (.+) \(Celery\)\?", r"Can you give me a tour of \1 in Celery?"),
    (r"Celery newbie here: (.+)\?", r"I'm new to Celery. What about \1?"),
)
"""Each replaces the frame of a question."""
SYNONYMS = {
    "decided": "made up their mind", "wanted": "wished", "asked": "requested",
    "bought": "purchased", "saw": "noticed", "friend": "buddy",
    "friends": "mates", "house": "home", "kids": "children", "mother": "mum", "job": "position", "because": "since",
    "larger": "bigger", "bigger": "larger", "faster": "quicker", "increase": "go up", "decrease": "go down",
    "increases": "rises", "decreases": "falls", "required": "necessary", "types": "kinds", "type": "kind",
    "amount": "quantity", "car": "vehicle", "street": "road", "sued": "took to court",
    "injured": "hurt", "store": "shop", "big": "sizeable", "small": "little", "very": "extremely",
    "always": "at all times", "new": "brand-new", "started": "began", "told": "informed", "while": "as",
    "helped": "assisted", "happy": "glad", "hard": "difficult", "nice": "pleasant", "party": "celebration",
    "large": "big", "heavier": "weightier", "two": "a pair of", "likely": "apt",
}  # fmt: skip
LEAST_CHANGES = 2


def reword(trial: Trial, row: Row) -> str:
    """The prompt in another frame and with other words; empty if it cannot be changed enough."""
    if row.language != "en":
        return _ask_otherwise(trial.draw, row)
    text, changes = row.prompt, 0
    for pattern, form in PHRASES:
        changed = re.sub(pattern, form, text, count=1)
        if changed != text:
            text, changes = changed, changes + 1
            break
    for word in dict.fromkeys(re.findall(r"[A-Za-z]+", text)):
        synonym = SYNONYMS.get(word)
        if synonym and changes < 2 * LEAST_CHANGES:
            text, changes = re.sub(rf"\b{word}\b", synonym, text, count=1), changes + 1
    enough = changes >= LEAST_CHANGES or (changes == 1 and "Celery" in text)
    return text if enough else ""


def _ask_otherwise(draw: random.Random, row: Row) -> str:
    forms = QUESTIONS.get(row.language, ())
    for form in forms:
        before, _, after = form.partition("{}")
        if row.prompt.startswith(before) and row.prompt.endswith(after):
            field = row.prompt[len(before) : len(row.prompt) - len(after)]
            return draw.choice([other for other in forms if other != form]).format(field)
    return ""
