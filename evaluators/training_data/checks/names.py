"""Estimates how many training rows name persons or places, with Presidio and spaCy where they are installed."""

from collections.abc import Callable
from typing import Any

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue
from evaluators.training_data.corpus import Corpus

MODELS = ("en_core_web_lg", "en_core_web_md", "en_core_web_sm")
"""The models of spaCy that are tried, the best first."""
KINDS = ("PERSON", "LOCATION")
LEAST_SCORE = 0.6
MOST_ROWS = 500
"""Rows that are read, evenly spread, because each takes about ten milliseconds."""
LONGEST = 2_000


def _find(corpus: Corpus) -> list[Issue]:
    kinds_in = _recognizer()
    if kinds_in is None:
        sentence = (
            "names and addresses were not looked for; that needs the extra presidio and an English model of spaCy"
        )
        return [corpus.summary("names", "info", sentence, 0, looked=False)]
    rows = corpus.train[:: max(1, len(corpus.train) // MOST_ROWS)]
    rows_of = {row: kinds for row in rows if (kinds := kinds_in(corpus.examples[row].prompt[:LONGEST]))}
    if not rows_of:
        return []
    share = len(rows_of) / len(rows)
    sentence = (
        f"about {share:.0%} of the rows name a person or a place, by an estimate from {len(rows):,} rows: {{rows}}"
    )
    counts = {kind: sum(kind in kinds for kinds in rows_of.values()) for kind in KINDS}
    return corpus.issues("names", "info", rows_of, sentence, looked=True, read=len(rows), kinds=counts)


def _recognizer() -> Callable[[str], set[str]] | None:
    """What finds the kinds of names in a text, or ``None`` if Presidio or a model of spaCy is missing."""
    try:
        import spacy
        from presidio_analyzer import AnalyzerEngine
        from presidio_analyzer.nlp_engine import NlpEngineProvider
    except ImportError:
        return None
    model = next((name for name in MODELS if spacy.util.is_package(name)), None)
    if model is None:
        return None
    settings = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": model}]}
    engine: Any = AnalyzerEngine(
        nlp_engine=NlpEngineProvider(nlp_configuration=settings).create_engine(), supported_languages=["en"]
    )

    def kinds_in(text: str) -> set[str]:
        finds = engine.analyze(text, language="en", entities=list(KINDS), score_threshold=LEAST_SCORE)
        return {str(find.entity_type) for find in finds}

    return kinds_in


check = Check("names of persons and places, where the extra presidio is installed", _find)
