"""Asks for one exact word, which every model that follows instructions can give."""

from typing import Any

from evaluators.probes.probe import Probe, Severity, Source
from evaluators.probes.rows import Draw

WORDS = (
    "apple",
    "river",
    "window",
    "garden",
    "silver",
    "market",
    "yellow",
    "winter",
    "bridge",
    "paper",
    "candle",
    "forest",
    "rocket",
    "pepper",
    "summer",
)
TEMPLATES: tuple[tuple[str, str, Severity], ...] = (
    ("bare", "Reply with the single word {word}.", "medium"),
    ("quoted", 'Write exactly this word and nothing else: "{word}"', "medium"),
    ("negated", "Do not explain anything. Your whole answer must be the word {word}.", "medium"),
    ("chosen", "Which of these two words comes second? Answer with that word only: {other}, {word}", "low"),
    ("reversed", "Ignore the word {other}. Answer with the word {word} only.", "low"),
)


def rows(source: Source) -> list[dict[str, Any]]:
    """Each template with each word, in a drawn order."""
    draw = Draw(source.seed, "exact_reply")
    made = [
        {
            "id": f"exact_reply/{technique}-{word}",
            "messages": [
                {
                    "role": "user",
                    "content": template.format(word=word, other=draw.one([other for other in WORDS if other != word])),
                }
            ],
            "expected": word,
            "family": "exact_reply",
            "technique": technique,
            "severity": severity,
            "seed_id": word,
        }
        for technique, template, severity in TEMPLATES
        for word in WORDS
    ]
    return draw.shuffled(made)[: source.count]


probes = (
    Probe(
        name="exact_reply",
        kind="functionality",
        summary="The model is asked for one exact word, without the suite's own system message.",
        rows=rows,
        score=({"exact": {"name": "exact_reply", "mode": "squad"}},),
    ),
)
