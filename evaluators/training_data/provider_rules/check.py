"""Checks rows and files by the rules of a provider, counts their tokens, and says what a training cuts and costs."""

import base64
import importlib.metadata
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from evaluators.training_data.audit import Check
from evaluators.training_data.audit_report import MOST_LISTED, Issue, Severity
from evaluators.training_data.corpus import Corpus
from evaluators.training_data.example import REJECTED, Example, Row, RowError
from evaluators.training_data.example_file import ExampleFile, every_row
from evaluators.training_data.provider_rules.rule import PROVIDERS, Provider, RowLayout, TrainingUpload
from evaluators.training_data.provider_rules.training import PRICES, Training, short_name
from evaluators.training_data.rows import NumberedRow, UnreadableRow
from evaluators.training_data.similarity.near_duplicates import grouped
from fairtrial.domain.errors import UsageError
from fairtrial.domain.verdicts.verdict_wording import dollars
from fairtrial.domain.wording import counted
from fairtrial.named_files import read_named

NAME = "provider-rules"
LAYOUT = "fields"
"""The rule that a row has the fields of a layout, of the documented types."""
ONE_LAYOUT = "one-format"
READABLE = "readable"


@dataclass(frozen=True, slots=True)
class Breach:
    """What breaks a rule: the line of the row, or 0 for a file; the rule's name, and what is wrong."""

    line: int
    rule: str
    wrong: str
    severity: Severity = "error"


def row_breaches(provider: Provider, rows: Iterable[NumberedRow | UnreadableRow]) -> list[Breach]:
    """All rules that the rows break, each once a row."""
    breaches: list[Breach] = []
    layouts: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if isinstance(row, UnreadableRow):
            breaches.append(Breach(row.line, READABLE, row.wrong))
            continue
        fitting = layouts_of(provider, row.columns)
        if len(fitting) == 1 or (fitting and not provider.one_layout):
            layouts[fitting[0].name].append(row.line)
            breaches += (Breach(row.line, *broken) for broken in _broken(fitting[0], row.columns))
        elif fitting:
            names = " and ".join(layout.name for layout in fitting)
            breaches.append(Breach(row.line, ONE_LAYOUT, f"the row has the fields of several formats: {names}"))
        else:
            breaches.append(Breach(row.line, LAYOUT, _no_layout(provider, row.columns)))
    if provider.one_layout and len(layouts) > 1:
        usual = max(layouts, key=lambda name: len(layouts[name]))
        for name in layouts.keys() - {usual}:
            wrong = f"the row has the format {name}, unlike most rows, which have the format {usual}"
            breaches += (Breach(line, ONE_LAYOUT, wrong) for line in layouts[name])
    return sorted(breaches, key=lambda breach: breach.line)


def layouts_of(provider: Provider, row: Row) -> list[RowLayout]:
    """The layouts whose fields the row has, without those that are a part of another one."""
    layouts = [layout for layout in provider.layouts if all(name in row for name in layout.fields)]
    return [layout for layout in layouts if not any({*layout.fields} < {*other.fields} for other in layouts)]


def _no_layout(provider: Provider, row: Row) -> str:
    has = ", ".join(map(repr, list(row)[:10])) or "no field"
    known = "; or ".join(", ".join(layout.fields) for layout in provider.layouts)
    return f"the row has {has}, and {provider.title} reads rows with {known}"


def _broken(layout: RowLayout, row: Row) -> Iterator[tuple[str, str, Severity]]:
    try:
        conversations = layout.read(row)
    except RowError as error:
        yield LAYOUT, error.wrong, "error"
        return
    for rule in layout.rules:
        wrong = next(filter(None, map(rule.find, conversations)), "")
        if wrong:
            yield rule.name, wrong, rule.severity


def file_breaches(provider: Provider, upload: TrainingUpload, *, training: bool = True) -> list[Breach]:
    """The rules for files that one of so many rows and bytes breaks."""
    broken = [limit for limit in provider.limits if (training or not limit.training) and not limit.holds(upload)]
    has = f"{counted(upload.rows, 'row')}, {upload.size:,} bytes, named {upload.suffix or 'without an ending'}"
    return [Breach(0, limit.name, f"{provider.title} needs {limit.needs} (the file has {has})") for limit in broken]


def provider_check(provider: Provider) -> Check:
    """The check of an audit for the provider's rules. It reads training and validation files as they are written."""

    def find(corpus: Corpus) -> list[Issue]:
        issues: list[Issue] = []
        rows = [len(file.examples) + len(file.errors) for file in corpus.files]
        total = sum(number for number, role in zip(rows, corpus.roles, strict=True) if role == "train")
        for file, role, number in zip(corpus.files, corpus.roles, rows, strict=True):
            if role == "suite":
                continue
            training = role == "train"
            upload = TrainingUpload(file.path.suffix.lower(), file.path.stat().st_size, total if training else number)
            breaches = file_breaches(provider, upload, training=training) + row_breaches(provider, every_row(file))
            issues += _issues(provider, file, breaches)
        return issues

    return Check(f"the rules of {provider.title} for rows and files", find)


def _issues(provider: Provider, file: ExampleFile, breaches: Iterable[Breach]) -> Iterator[Issue]:
    by_rule = grouped(((breach.rule, breach.severity), breach) for breach in breaches)
    rules = {rule.name: rule for layout in provider.layouts for rule in layout.rules}
    needs = {name: f" ({rule.needs})".replace("`", "") for name, rule in rules.items()}
    for (rule, severity), breaches_of in by_rule.items():
        lines = tuple(breach.line for breach in breaches_of if breach.line)
        verb = "that breaks" if len(lines) == 1 else "that break"
        rows = f"{counted(len(lines), 'row')} {verb} {provider.title}'s rule {rule}{needs.get(rule, '')}; the first: "
        sentence = (rows if lines else f"rule {rule}: ") + breaches_of[0].wrong
        listed = [f"{breach.line}: {breach.wrong}" for breach in breaches_of[:MOST_LISTED] if breach.line]
        details = {"kind": rule, "provider": provider.title, "errors": listed}
        yield Issue(NAME, severity, sentence, str(file.path), lines, len(breaches_of), details)


COST = "training-cost"
TRAINING_CHECKS = (NAME, COST)
"""The names of the further checks."""


def training_checks(training: Training) -> dict[str, Check]:
    """The further checks of an audit by name: the provider's rules, and tokens and price if anything is known."""
    if training == Training():
        return {}
    rules = {NAME: provider_check(PROVIDERS.get(training.provider))} if training.provider else {}
    return {**rules, COST: cost_check(training)}


def cost_check(training: Training) -> Check:
    """The check of an audit for tokens, cut rows and price."""
    tokenizer = tokenizer_of(training.model, training.tokenizer)

    def find(corpus: Corpus) -> list[Issue]:
        tokens_of, limit = row_counter(tokenizer), training.most_tokens
        rows = {row: tokens_of(corpus.examples[row]) for row in corpus.train}
        total = sum(tokens.total for tokens in rows.values())
        cut = [] if limit is None else [row for row, tokens in rows.items() if tokens.longest > limit]
        trained = training.epochs * (total - sum(rows[row].longest - (limit or 0) for row in cut))
        sentence, details = _sentence(training, total, trained, tokenizer.name, exact=tokenizer.exact)
        says_cut = f"{{rows}} with more than {limit:,} tokens, whose ends are cut off" if limit else ""
        return [
            *corpus.issues(COST, "warning", cut, says_cut, kind="cut", most_tokens=limit),
            corpus.summary(COST, "info", sentence, total, **details),
        ]

    return Check("tokens, rows that are cut, and the price of a training", find)


def _sentence(
    training: Training, total: int, trained: int, tokenizer: str, *, exact: bool
) -> tuple[str, dict[str, object]]:
    price = training.price if training.price is not None else training.known.price if training.known else None
    source = "--price" if training.price is not None else PRICES
    cost = None if price is None else trained * price / 1_000_000
    about = "" if exact else "about "
    epochs = "1 epoch" if training.epochs == 1 else f"{training.epochs} epochs"
    sentence = f"{about}{total:,} tokens ({tokenizer}); {epochs} of training: {about}{trained:,} tokens"
    sentence += (
        " at a price that is not known (--price USD_PER_MILLION)" if cost is None else f", {about}{dollars(cost)}"
    )
    sentence += "" if price is None else f" at {dollars(price)} per million ({source})"
    sentence += "" if training.most_tokens else "; from how many tokens on a row is cut is not known (--context TOKENS)"
    details = {
        "kind": "tokens", "tokens": total, "trained_tokens": trained, "epochs": training.epochs, "tokenizer": tokenizer,
        "exact": exact, "model": training.model, "usd_per_million": price, "usd": cost, "price_source": source,
    }  # fmt: skip
    return sentence, details


CHARACTERS_PER_TOKEN = 3.6
ESTIMATE = f"estimate: characters ÷ {CHARACTERS_PER_TOKEN}"
PER_MESSAGE = 3
"""Tokens of a chat template around each message, and at the end of a row; the exact number depends on the model."""
FOLDER = "litellm/litellm_core_utils/tokenizers"
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|"
    r"\s+(?!\S)|\s"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
ENCODINGS = {
    "cl100k_base": ("9b5ad71b2ce5302211f9c61530b329a4922fc6a4", CL100K),
    "o200k_base": ("fb374d419588a4632f3f557e76b4b70aebbca790", O200K),
}
"""The file of each encoding in the distribution of litellm, and how it splits a text into words."""
MODELS = (
    ("gpt-3.5", "cl100k_base"), ("gpt-35", "cl100k_base"), ("gpt-4o", "o200k_base"), ("gpt-4.", "o200k_base"),
    ("gpt-4", "cl100k_base"), ("gpt-5", "o200k_base"), ("gpt-oss", "o200k_base"), ("o1", "o200k_base"),
    ("o3", "o200k_base"), ("o4", "o200k_base"), ("deepseek", "deepseek_tokenizer.json"),
)  # fmt: skip
"""The tokenizer of each model by the beginning of its name; the first that fits counts."""


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Counts the tokens of a text. ``name``: the encoding or the file, or how it estimates."""

    name: str
    count: Callable[[str], int]
    exact: bool = True


def estimated(text: str) -> int:
    """About how many tokens a text has."""
    return math.ceil(len(text) / CHARACTERS_PER_TOKEN)


def tokenizer_of(model: str | None, file: Path | None = None) -> Tokenizer:
    """The tokenizer in the file, or that of the model, or an estimate; `UsageError` for a file that is not one."""
    if file is not None:
        return Tokenizer(file.name, _of_json(file, read_named(file)))
    name = next((name for start, name in MODELS if short_name(model).startswith(start)), None)
    path = None if name is None else _packaged(ENCODINGS[name][0] if name in ENCODINGS else name)
    if name is None or path is None:
        return Tokenizer(ESTIMATE, estimated, exact=False)
    content = path.read_bytes()
    count = _of_ranks(name, ENCODINGS[name][1], content) if name in ENCODINGS else _of_json(path, content)
    return Tokenizer(name, count)


def _packaged(name: str) -> Path | None:
    """A file of litellm's distribution, which is not imported, because that takes seconds and changes tiktoken."""
    try:
        path = Path(str(importlib.metadata.distribution("litellm").locate_file(f"{FOLDER}/{name}")))
    except importlib.metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _of_ranks(name: str, pattern: str, content: bytes) -> Callable[[str], int]:
    import tiktoken

    pairs = (line.split() for line in content.splitlines() if line)
    ranks = {base64.b64decode(token): int(rank) for token, rank in pairs}
    encoding = tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return lambda text: len(encoding.encode_ordinary(text))


def _of_json(path: Path, content: bytes) -> Callable[[str], int]:
    import tokenizers

    try:
        tokenizer = tokenizers.Tokenizer.from_str(content.decode())
    except Exception as error:  # the library raises this very class
        raise UsageError(f"{path}: is not a tokenizer.json: {str(error)[:200]}") from error
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False))


@dataclass(frozen=True, slots=True)
class RowTokens:
    """The tokens of a row: of its longest conversation, which the context limits, and of all that is trained."""

    longest: int
    total: int


def row_counter(tokenizer: Tokenizer) -> Callable[[Example], RowTokens]:
    """Counts the tokens of rows. Texts that many rows share, such as a system prompt, are counted once."""
    count = lru_cache(maxsize=4096)(tokenizer.count)

    def tokens_of(example: Example) -> RowTokens:
        *before, answer = [count(message["content"]) + PER_MESSAGE for message in example.messages]
        tools = example.fields.get("tools")
        prompt = sum(before) + PER_MESSAGE + (count(json.dumps(tools, ensure_ascii=False)) if tools else 0)
        rejected = example.fields.get(REJECTED)
        other = count(rejected) + PER_MESSAGE if isinstance(rejected, str) else 0
        return RowTokens(prompt + max(answer, other), prompt + answer + other)

    return tokens_of
