"""Lets lm-eval evaluate two small models on a text task and on a multiple choice, and writes their samples."""

import json
from pathlib import Path
from typing import Any

import lm_eval
from lm_eval.api.model import LM
from lm_eval.loggers import EvaluationTracker
from lm_eval.tasks import TaskManager

ROWS = [{"question": f"What is {at} + 1?", "choices": [str(at + 1), str(at + 2)], "gold": 0} for at in range(1, 25)]
TASK = """\
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {folder}/sums.jsonl}}}}
test_split: test
doc_to_text: "{{{{question}}}}"
"""
TEXTS = """\
output_type: generate_until
doc_to_target: "{{choices[0]}}"
generation_kwargs: {until: ["\\n"], do_sample: false}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list:
  - {name: strict, filter: [{function: regex, regex_pattern: "^(\\\\d+)$"}, {function: take_first}]}
  - {name: flexible, filter: [{function: regex, regex_pattern: "(\\\\d+)"}, {function: take_first}]}
"""
CHOICES = """\
output_type: multiple_choice
doc_to_target: gold
doc_to_choice: choices
metric_list: [{metric: acc, aggregation: mean, higher_is_better: true}]
"""


class Small(LM):
    """It is wrong in every n-th case, and says a whole sentence in every third one."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:  # noqa: ARG002
        numbers = [int(request.args[0].split()[2]) for request in requests]
        right = [f"It is {at + 1}" if at % 3 == 0 else str(at + 1) for at in numbers]
        return ["no idea" if at % self.every == 0 else text for at, text in zip(numbers, right, strict=True)]

    def loglikelihood(self, requests: list[Any], disable_tqdm: bool = False) -> list[tuple[float, bool]]:  # noqa: ARG002
        return [(-1.0 if self._says(*request.args) else -2.0, False) for request in requests]

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:  # noqa: ARG002
        return [-1.0] * len(requests)

    def _says(self, question: str, choice: str) -> bool:
        at = int(question.split()[2])
        return (choice.strip() == str(at + 1)) == (at % self.every != 0)


Path("sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
for task, rest in (("texts", TEXTS), ("choices", CHOICES)):
    Path(f"{task}.yaml").write_text(TASK.format(name=task, folder=Path.cwd()) + rest, encoding="utf-8")
for name, every in (("old", 5), ("new", 4)):
    tracker = EvaluationTracker(output_path=name)
    tracker.general_config_tracker.model_name_sanitized = name
    tasks = TaskManager(include_path=".")
    done = lm_eval.simple_evaluate(Small(every), tasks=["texts", "choices"], task_manager=tasks, log_samples=True)
    samples = done.pop("samples")
    tracker.save_results_aggregated(results=done, samples=samples)
    for task in done["configs"]:
        tracker.save_results_samples(task_name=task, samples=samples[task])
