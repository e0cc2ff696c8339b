"""Lets Inspect evaluate two small models, and writes the logs `old` and `new` into folders of these names."""

from typing import Any

from inspect_ai import Task, eval as evaluate, task
from inspect_ai.dataset import Sample
from inspect_ai.model import GenerateConfig, ModelAPI, ModelOutput, ModelUsage, get_model, modelapi
from inspect_ai.scorer import match
from inspect_ai.solver import generate


@task
def sums() -> Task:
    samples = [Sample(id=f"sum {at}", input=f"What is {at} + 1?", target=str(at + 1)) for at in range(1, 25)]
    return Task(dataset=samples, solver=[generate()], scorer=match())


@modelapi(name="small")
class Small(ModelAPI):
    """It is wrong in every n-th case, and the new one fails once."""

    def __init__(self, model_name: str, *_: Any, every: int = 5, **__: Any) -> None:
        super().__init__(model_name, None, None, [], GenerateConfig())
        self.every = every

    async def generate(self, input: list[Any], **_: Any) -> ModelOutput:  # noqa: A002 - Inspect names it so
        at = int(input[-1].text.split()[2])
        if at == 7 and self.every == 4:
            raise RuntimeError("HTTP 503")
        output = ModelOutput.from_content("small", "no idea" if at % self.every == 0 else str(at + 1))
        output.usage = ModelUsage(input_tokens=6, output_tokens=2, total_tokens=8)
        return output

    async def count_tokens(self, *_: Any, **__: Any) -> int:
        return 6


for name, every in (("old", 5), ("new", 4)):
    evaluate(sums(), model=get_model("small/m", every=every), log_dir=name, display="none", fail_on_error=False)
