"""Counts the classes of each label, and finds a class that is nearly all, and two spellings of one class."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import Issue, Severity
from evaluators.training_data.corpus import Corpus, LabelField, normalise

NEARLY_ALL = 0.95
"""The share of one class from which on a model that always answers it looks good."""
RARE = 10
"""Rows of a class below which it is named as rare."""


def _find(corpus: Corpus) -> list[Issue]:
    return [issue for field in corpus.label_fields for issue in (_balance(corpus, field), *_spellings(corpus, field))]


def _balance(corpus: Corpus, field: LabelField) -> Issue:
    counts = field.counts
    (most, largest), *_ = counts.most_common(1)
    least, smallest = counts.most_common()[-1]
    share = largest / counts.total()
    sentence = f"{field.name!r} has {len(counts)} classes, "
    sentence += f"from {least!r} ({smallest:,}) to {most!r} ({largest:,}, {share:.0%})"
    rare = sorted(name for name, count in counts.items() if count < RARE)
    if share >= NEARLY_ALL:
        sentence += f"; a model that always answers {most!r} is right in {share:.0%}"
    elif rare:
        sentence += f"; classes with fewer than {RARE} rows are hardly learnt: " + ", ".join(map(repr, rare[:5]))
    severity: Severity = "warning" if share >= NEARLY_ALL else "info"
    return corpus.summary("class-balance", severity, sentence, len(counts), field=field.name, counts=dict(counts))


def _spellings(corpus: Corpus, field: LabelField) -> Iterator[Issue]:
    """Classes that differ in case, punctuation or white space only."""
    spelt: dict[str, Counter[str]] = defaultdict(Counter)
    for value, count in field.counts.items():
        spelt[normalise(value.replace("_", " "))][value] = count
    for values in spelt.values():
        usual, *others = [value for value, _ in values.most_common()]
        if others:
            rows = [row for row in corpus.train if field.values[row] in others]
            spelt_so = ", ".join(map(repr, others))
            sentence = f"{{rows}} with another spelling of the class {usual!r} of {field.name!r}: {spelt_so}"
            yield from corpus.issues(
                "class-balance", "warning", rows, sentence, field=field.name, spellings=dict(values)
            )


check = Check("the classes of each label: their counts, a class that is nearly all, two spellings of one class", _find)
