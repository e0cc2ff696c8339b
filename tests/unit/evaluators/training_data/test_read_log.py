"""Every format of training log is read to the same losses, and a file that is none is refused by name."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from evaluators.training_data.read_log import read_log
from evaluators.training_data.training_log import Evaluation, UnreadableLog
from tests.fixtures.for_each import for_each
from tests.fixtures.paths import ROOT

EXAMPLES = ROOT / "examples" / "support" / "training"
TRAINER_STATE: dict[str, Any] = {
    "epoch": 2.0,
    "global_step": 20,
    "log_history": [
        {"epoch": 1.0, "grad_norm": 1.1, "learning_rate": 1e-4, "loss": 1.5, "step": 10},
        {"epoch": 1.0, "eval_loss": 1.4, "eval_runtime": 2.3, "step": 10},
        {"epoch": 2.0, "loss": 1.1, "step": 20},
        {"epoch": 2.0, "eval_loss": 1.3, "eval_runtime": 2.2, "step": 20},
        {"epoch": 2.0, "step": 20, "total_flos": 5e14, "train_loss": 1.3, "train_runtime": 60.0},
    ],
}
TOGETHER = [
    {"timestamp": 1, "train/global_step": 10, "train/epoch": 1.0, "train/loss": 1.5},
    {"timestamp": 2, "eval/global_step": 10, "eval/epoch": 1.0, "eval/loss": 1.4},
    {"timestamp": 3, "train/global_step": 20, "train/epoch": 2.0, "train/loss": 1.1},
    {"timestamp": 4, "eval/global_step": 20, "eval/epoch": 2.0, "eval/loss": 1.3},
]
LINES = [
    {"step": 10, "epoch": 1, "train_loss": 1.5, "val_loss": 1.4},
    {"step": 20, "epoch": 2, "train_loss": 1.1, "val_loss": 1.3},
]
OPENAI = """\
step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy
10,1.5,0.6,1.4,0.62
15,1.2,0.7,,
20,1.1,0.8,1.3,0.66
"""


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@for_each(
    ("name", "text", "form"),
    [
        ("trainer_state.json", json.dumps(TRAINER_STATE), "trainer_state.json"),
        ("metrics.json", json.dumps(TOGETHER), "Together metrics"),
        ("answer.json", json.dumps({"metrics": TOGETHER}), "Together metrics"),
        ("log.jsonl", "".join(json.dumps(row) + "\n" for row in LINES), "JSON lines"),
        ("log.json", json.dumps(LINES), "JSON list"),
    ],
)
def test_each_format_gives_the_same_losses(tmp_path: Path, name: str, text: str, form: str) -> None:
    log = read_log(written(tmp_path, name, text))
    assert log.format == form
    assert log.train == (Evaluation(10, 1.5, 1), Evaluation(20, 1.1, 2))
    assert log.validation == (Evaluation(10, 1.4, 1), Evaluation(20, 1.3, 2))


@pytest.mark.parametrize("encoded", [False, True])
def test_a_result_file_of_openai_has_steps_but_no_epochs(tmp_path: Path, encoded: bool) -> None:
    text = base64.b64encode(OPENAI.encode()).decode() if encoded else OPENAI
    log = read_log(written(tmp_path, "step_metrics.csv", text))
    assert log.format == "OpenAI metrics"
    assert [one.step for one in log.train] == [10, 15, 20]
    assert log.validation == (Evaluation(10, 1.4), Evaluation(20, 1.3))
    assert log.validation[0].place == "step 10"


def test_checkpoints_of_openai_have_their_metrics_inside(tmp_path: Path) -> None:
    points = [
        {"step_number": at, "metrics": {"step": at, "train_loss": 2.0 - at / 10, "full_valid_loss": 2.1 - at / 10}}
        for at in (1, 2, 3)
    ]
    log = read_log(written(tmp_path, "checkpoints.json", json.dumps({"data": points})))
    assert [one.loss for one in log.validation] == pytest.approx([2.0, 1.9, 1.8])


def test_the_full_validation_loss_counts_only_where_it_shows_a_course(tmp_path: Path) -> None:
    rows = [{"step": at, "valid_loss": 1.0 + at, **({"full_valid_loss": 9.0} if at == 4 else {})} for at in range(5)]
    log = read_log(written(tmp_path, "log.json", json.dumps(rows)))
    assert [one.loss for one in log.validation] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert log.notes == ("not shown: full_valid_loss",)


def test_of_several_validation_sets_the_first_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    rows = [{"step": at, "eval_de_loss": 1.0, "eval_en_loss": 2.0} for at in range(3)]
    log = read_log(written(tmp_path, "log.json", json.dumps(rows)))
    assert [one.loss for one in log.validation] == [1.0, 1.0, 1.0]
    assert log.notes == ("not shown: eval_en_loss",)


def test_steps_of_lists_become_epochs() -> None:
    log = read_log(EXAMPLES / "log-overfit.json")
    assert (len(log.train), len(log.validation)) == (80, 7)
    assert [one.epoch for one in log.validation] == pytest.approx([6, 12, 18, 24, 30, 36, 40])


def test_losses_that_are_no_numbers_are_counted_and_left_out(tmp_path: Path) -> None:
    text = '{"step": 1, "loss": 1.0}\n{"step": 2, "loss": NaN}\n{"step": 3, "loss": "x"}\n'
    log = read_log(written(tmp_path, "log.jsonl", text))
    assert [one.step for one in log.train] == [1]
    assert log.notes == ("1 losses are not finite numbers; training may have diverged",)


@for_each(
    ("name", "text", "wrong"),
    [
        ("log.json", "[1, 2]", "entry 1 is not a JSON object"),
        ("log.jsonl", '{"step": 1, "loss": 1}\nnonsense\n', "log.jsonl:2: the line is not a JSON object"),
        ("log.csv", "time,speed\n1,2\n", "no loss is recorded in its entries (their keys: speed, time"),
        ("log.json", "{}", "no loss is recorded in its entries (their keys: none"),
        ("log.json", '{"train_loss": 3, "val_loss": [1]}', "must be lists"),
        ("log.txt", "", "no loss is recorded"),
    ],
)
def test_an_unreadable_log_is_refused_with_the_known_formats(tmp_path: Path, name: str, text: str, wrong: str) -> None:
    with pytest.raises(UnreadableLog) as raised:
        read_log(written(tmp_path, name, text))
    assert wrong in str(raised.value) and str(tmp_path / name) in str(raised.value)
    assert "trainer_state.json" in str(raised.value)


def test_a_missing_file_and_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLog, match="No such file"):
        read_log(tmp_path / "none.json")
    (tmp_path / "log.json").write_bytes(b"\xff\xfe{")
    with pytest.raises(UnreadableLog, match="not UTF-8"):
        read_log(tmp_path / "log.json")


def test_a_csv_may_have_a_very_long_cell(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("step,train_loss,x\n1,2.0," + "a" * 200_000 + "\n2,1.0,b\n", encoding="utf-8")
    assert [one.loss for one in read_log(path).train] == [2.0, 1.0]
