"""The languages of prompts are counted as far as they are known, and answers in another language are found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluators.training_data.audit_report import Issue
from tests.fixtures.training_data.finding import PROSE, find, only

SHORT = [{"prompt": f"Where is order {at}?", "completion": f"Order {at} is on its way."} for at in range(100)]
OTHERS = ("Die Bestellung ist unterwegs.", "Votre commande est en route.", "Заказ в пути.", "ご注文は配送中です")


def summary(issues: list[Issue]) -> Issue:
    return next(issue for issue in issues if issue.severity == "info")


def with_completions(rows: list[dict[str, Any]], texts: dict[int, str]) -> list[dict[str, Any]]:
    return [{**row, "completion": texts.get(at, row["completion"])} for at, row in enumerate(rows)]


def test_short_answers_in_another_language_are_found(tmp_path: Path) -> None:
    planted = dict(zip((3, 20, 41, 77), OTHERS, strict=True))
    issue = only(find("language", with_completions(SHORT, planted), tmp_path), "switched")
    assert (issue.rows, issue.severity) == ((4, 21, 42, 78), "warning")


REQUESTS = (
    "How do you say “good luck with your exam” in German?", "Traduis en espagnol : Je voudrais réserver une table.",
    "Übersetze ins Englische: Das Paket ist noch da.", "Przetłumacz zdanie na francuski: Gdzie jest dworzec?",
    "Bu cümleyi İngilizceye çevir: Nasılsın?", "Скажи это по-английски: Я хочу домой.", "これを英語で言ってください。",
)  # fmt: skip


def test_an_answer_in_a_language_that_the_prompt_names_is_no_switch(tmp_path: Path) -> None:
    answers = ("Viel Glück bei deiner Prüfung morgen!", "Quisiera reservar una mesa.", *["The parcel is here."] * 5)
    rows = [{"prompt": text, "completion": answer} for text, answer in zip(REQUESTS, answers, strict=True)]
    sound = {"prompt": "Which bus goes to the station?", "completion": "Der Bus fährt jede Stunde zum Bahnhof."}
    assert only(find("language", [*SHORT, *rows, sound], tmp_path), "switched").rows == (108,)


def test_names_numbers_and_labels_have_no_language(tmp_path: Path) -> None:
    planted = {1: "Leonardo da Vinci", 2: "Neil Alden Armstrong", 3: "40 075 km", 4: "Oslo", 5: '{"class": "entrega"}'}
    planted[1] = "Miguel Cervantes Saavedra"
    assert [one.severity for one in find("language", with_completions(SHORT, planted), tmp_path)] == ["info"]


def test_the_sentence_has_the_share_of_prompts_whose_language_is_known(tmp_path: Path) -> None:
    rows = [*PROSE[:30], *({"prompt": f"{at} + {at}?", "completion": str(2 * at)} for at in range(70))]
    issue = summary(find("language", rows, tmp_path))
    assert issue.says.startswith("prompts: the language of 30 of 100 (30%) is known: en 30; the others")
    assert issue.details["counts"] == {"en": 30}


def test_a_translation_task_is_no_switch_of_languages(tmp_path: Path) -> None:
    german = "Diese Zahl ist sehr beliebt, weil viele Menschen sie in der Schule als erste gelernt haben."
    every = [{**row, "completion": german} for row in PROSE]
    few = [{"prompt": f"Translate into German: number {at}", "completion": german} for at in range(4)]
    for rows in (every, [*PROSE, *few]):
        assert [one.severity for one in find("language", rows, tmp_path)] == ["info"]
