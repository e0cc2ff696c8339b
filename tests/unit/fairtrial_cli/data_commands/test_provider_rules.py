"""`fairtrial data audit --for` and `convert` refuse what a provider does not accept, with the row and the rule."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from evaluators.training_data.provider_rules.check import row_breaches
from evaluators.training_data.provider_rules.rule import PROVIDERS
from evaluators.training_data.rows import NumberedRow
from fairtrial_cli.commands.data import command
from fairtrial_cli.training_data.data_files import PROVIDERS as CHOICES
from tests.fixtures.for_each import for_each
from tests.fixtures.training_data.provider_rows import BAD, GOOD, Row

TARGETS = {"chat": None, "messages": "trl", "trl-preference": "trl-dpo", "preference": "preference",
           "unpaired-preference": "trl-kto"}  # fmt: skip
"""The format that `convert` writes for a kind of row; ``None`` for that of the provider's name."""
REPAIRED = {"last-message", "keys", "row-weight", "one-format"}
"""Rules that a converted row never breaks, because it has only the fields of its format; pairs have no weights."""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def write(path: Path, rows: list[Row]) -> list[Row]:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return rows


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_choices_of_the_option_are_the_providers() -> None:
    assert sorted(CHOICES) == PROVIDERS.names()


@for_each("name", PROVIDERS.names())
def test_an_audit_names_each_bad_row_with_its_rule_and_no_good_one(tmp_path: Path, name: str) -> None:
    for layout, bad in BAD[name].items():
        if layout in ("text", "instruction"):
            continue
        file = tmp_path / f"{name}.{layout}.jsonl"
        good = GOOD[name][layout] * 4
        write(file, [*good, *bad.values()])
        done = run("audit", str(file), "--for", name, "--json")
        issues = [issue for issue in json.loads(done.output)["issues"] if issue["check"] == "provider-rules"]
        found = {(line, issue["details"]["kind"]) for issue in issues for line in issue["rows"]}
        assert {(len(good) + at, rule) for at, rule in enumerate(bad, 1)} <= found
        assert min(line for line, _ in found) > len(good) and done.exit_code == 1


@for_each("name", PROVIDERS.names())
def test_convert_writes_no_row_that_the_provider_refuses(tmp_path: Path, name: str) -> None:
    for layout, bad in BAD[name].items():
        key = f"trl-{layout}" if name == "trl" and layout == "preference" else layout
        if key not in TARGETS:
            continue
        target = TARGETS[key] or name
        file, made = tmp_path / f"{name}.{layout}.jsonl", tmp_path / f"{name}.{layout}.{target}.jsonl"
        good = GOOD[name][layout][:3] * 4
        write(file, [*good, *bad.values()])
        done = run("convert", str(file), "--to", target, "--for", name)
        assert done.exit_code == 1 and not made.exists() and "Nothing was written." in done.output
        done = run("convert", str(file), "--to", target, "--for", name, "--skip-bad", "--json")
        assert done.exit_code == 0, done.output
        rows = [NumberedRow(line, row) for line, row in enumerate(read(made), 1)]
        assert [breach for breach in row_breaches(PROVIDERS.get(name), rows) if breach.severity == "error"] == []
        listed = {(breach["line"], breach["rule"]) for breach in json.loads(done.stdout)["breaches"]}
        missed = {rule for at, rule in enumerate(bad, len(good) + 1) if not listed & {(at, rule), (at, "format")}}
        assert missed <= REPAIRED | ({"weight"} if layout == "preference" else set()) and len(rows) >= len(good)


def test_a_file_with_too_few_rows_is_refused_unless_it_is_held_out(tmp_path: Path) -> None:
    file = tmp_path / "few.jsonl"
    write(file, GOOD["openai"]["chat"])
    done = run("convert", str(file), "--to", "openai")
    assert done.exit_code == 1 and "error: least-rows: OpenAI needs at least 10 rows to train on" in done.stderr
    assert done.stdout == "Nothing was written.\n"
    assert run("convert", str(file), "--to", "openai", "--held-out").exit_code == 0
    write(tmp_path / "many.jsonl", GOOD["openai"]["chat"] * 4)
    done = run("audit", str(tmp_path / "many.jsonl"), "--validation", str(file), "--for", "openai", "--json")
    assert not [issue for issue in json.loads(done.output)["issues"] if issue["check"] == "provider-rules"]


def test_what_is_only_suggested_is_listed_and_strict_refuses_it(tmp_path: Path) -> None:
    file = tmp_path / "turns.jsonl"
    write(
        file, [*GOOD["openai"]["chat"] * 4, BAD["openai"]["chat"]["two-turns"], BAD["openai"]["chat"]["system-first"]]
    )
    done = run("convert", str(file), "--to", "openai", "--strict")
    assert done.exit_code == 1 and "suggestion: line 13: two-turns: messages[1]" in done.stderr
    assert "suggestion: line 14: system-first: messages[1]" in done.stderr
    assert run("convert", str(file), "--to", "openai").exit_code == 0


def test_pairs_become_rows_of_kto_and_rows_without_a_pair_are_listed_with_the_reason(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    pairs: list[Row] = [
        {"prompt": "How warm is it?", "chosen": "Mild.", "rejected": "Cold."},
        {"prompt": "Where?", "chosen": "Oslo.", "rejected": "Oslo."},
    ]
    write(file, pairs)
    for target in ("preference", "trl-dpo", "trl-kto"):
        done = run("convert", str(file), "--to", target)
        assert done.exit_code == 1
        assert "error: line 2: format: the preferred and the rejected answer are equal" in done.stderr
    assert run("convert", str(file), "--to", "trl-kto", "--skip-bad").exit_code == 0
    prompt = [{"role": "user", "content": "How warm is it?"}]
    assert read(tmp_path / "pairs.trl-kto.jsonl") == [
        {"prompt": prompt, "completion": [{"role": "assistant", "content": "Mild."}], "label": True},
        {"prompt": prompt, "completion": [{"role": "assistant", "content": "Cold."}], "label": False},
    ]
    write(file, [{"prompt": "How warm is it?", "completion": "Mild."}])
    done = run("convert", str(file), "--to", "trl-kto", "--force")
    assert "line 1: format: the row has no 'label' of true or false, and no pair of answers" in done.stderr
    done = run("convert", str(file), "--to", "trl-dpo", "--skip-bad")
    assert done.exit_code == 1 and "line 1: format: the row has no rejected answer" in done.stderr


@pytest.fixture
def chats(tmp_path: Path) -> Path:
    write(tmp_path / "chats.jsonl", GOOD["openai"]["chat"] * 4)
    return tmp_path / "chats.jsonl"


def costs(*arguments: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    issues = json.loads(run("audit", *arguments, "--json").output)["issues"]
    *cut, total = [issue for issue in issues if issue["check"] == "training-cost"]
    return total["details"], cut


def test_an_audit_prices_a_training_by_the_tokens_of_the_model(chats: Path) -> None:
    details, cut = costs(str(chats), "--for", "openai", "--model", "gpt-4.1-mini-2025-04-14", "--epochs", "3")
    assert (details["tokenizer"], details["exact"], cut) == ("o200k_base", True, [])
    assert details["trained_tokens"] == 3 * details["tokens"] > 0
    assert details["usd"] == pytest.approx(details["trained_tokens"] * 5 / 1_000_000)
    details, _ = costs(str(chats), "--for", "fireworks", "--price", "0.5")
    assert details["tokenizer"] == "estimate: characters ÷ 3.6" and not details["exact"]
    assert details["usd"] == pytest.approx(details["tokens"] * 0.5 / 1_000_000)
    assert costs(str(chats), "--for", "together")[0]["usd"] is None


def test_an_audit_lists_the_rows_that_the_context_cuts(chats: Path, tmp_path: Path) -> None:
    long = {"messages": [{"role": "user", "content": "warm " * 2_000}, {"role": "assistant", "content": "Yes."}]}
    write(tmp_path / "long.jsonl", [*read(chats), long])
    details, [cut] = costs(str(tmp_path / "long.jsonl"), "--for", "trl", "--model", "gpt-4o")
    assert (cut["severity"], cut["rows"], cut["details"]["most_tokens"]) == ("warning", [13], 1_024)
    assert details["trained_tokens"] < details["tokens"] - 900
    assert costs(str(tmp_path / "long.jsonl"), "--for", "trl", "--context", "9000")[1] == []


def test_a_model_is_known_by_its_short_name_and_an_unknown_limit_is_said(chats: Path) -> None:
    assert costs(str(chats), "--model", "ft:gpt-4.1-nano:acme::7")[0]["usd_per_million"] == 1.5
    says = run("audit", str(chats), "--for", "together").output.partition("training-cost")[2]
    assert "about" in says and "(--price" in says and "(--context" in says


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--price", "nan"),
        ("--price", "-1"),
        ("--epochs", "0"),
        ("--context", "0"),
        ("--for", "acme"),
        ("--tokenizer", "x"),
    ],
)
def test_an_option_that_makes_no_sense_is_a_usage_error(chats: Path, option: str, value: str) -> None:
    assert run("audit", str(chats), option, value).exit_code == 2


def test_a_file_that_is_no_tokenizer_is_a_usage_error(chats: Path) -> None:
    done = run("audit", str(chats), "--tokenizer", str(chats))
    assert getattr(done.exception, "exit_code", 0) == 2 and "is not a tokenizer.json" in str(done.exception)
