"""Lets OpenAI's package evals evaluate two small models, and writes its events as `old.jsonl` and `new.jsonl`."""

import json
from pathlib import Path
from typing import Any

from evals.api import CompletionFn, CompletionResult
from evals.base import RunSpec
from evals.elsuite.basic.match import Match
from evals.record import LocalRecorder, record_sampling

NAME = "sums.test.v1"


class Said(CompletionResult):
    def __init__(self, text: str) -> None:
        self.text = text

    def get_completions(self) -> list[str]:
        return [self.text]


class Small(CompletionFn):
    """It is wrong in every n-th case."""

    def __init__(self, every: int) -> None:
        self.every = every

    def __call__(self, prompt: Any, **_: Any) -> Said:
        at = int(prompt[-1]["content"].split()[2])
        text = "no idea" if at % self.every == 0 else str(at + 1)
        record_sampling(prompt=prompt, sampled=[text])
        return Said(text)


rows = [{"input": [{"role": "user", "content": f"What is {at} + 1?"}], "ideal": str(at + 1)} for at in range(1, 25)]
Path("samples.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
for name, every in (("old", 5), ("new", 4)):
    spec = RunSpec(completion_fns=[name], eval_name=NAME, base_eval="sums", split="test", run_config={}, created_by="")
    recorder = LocalRecorder(f"{name}.jsonl", run_spec=spec)
    match = Match([Small(every)], "samples.jsonl", eval_registry_path=Path(), seed=1, name=NAME)
    recorder.record_final_report(match.run(recorder))
