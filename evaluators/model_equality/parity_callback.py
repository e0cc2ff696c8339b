"""Records what a model answers at the end of its training, for `fairtrial parity`. It needs only transformers.

trainer.add_callback(ParityCallback("parity.jsonl", [row["messages"][:-1] for row in validation][:32]))
"""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

try:
    from transformers import TrainerCallback
except ImportError:  # where nothing is trained
    TrainerCallback = object


class ParityCallback(TrainerCallback):  # type: ignore[misc]
    """``conversations`` end with a user's message; the first ``tokens`` of each answer are recorded."""

    def __init__(self, path: str, conversations: Sequence[Any], tokens: int = 8, top: int = 8) -> None:
        self.path, self.conversations, self.tokens, self.top = path, conversations, tokens, top

    def on_train_end(self, *_: Any, model: Any, processing_class: Any, **others: Any) -> None:  # noqa: ARG002
        was_training, off = model.training, getattr(model, "disable_adapter", nullcontext)
        model.eval()
        with Path(self.path).open("w", encoding="utf-8") as file:
            for messages in self.conversations:
                prompt = processing_class.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
                ids = processing_class(prompt, add_special_tokens=False, return_tensors="pt").input_ids.to(model.device)
                row = {"messages": messages, "prompt": prompt, "token_ids": ids[0].tolist()}
                row["on"] = self._answer(model, processing_class, ids)
                with off():
                    row["off"] = self._answer(model, processing_class, ids)
                file.write(json.dumps(row) + "\n")
        model.train(was_training)

    def _answer(self, model: Any, tokenizer: Any, ids: Any) -> dict[str, Any]:
        options = {"do_sample": False, "max_new_tokens": self.tokens, "attention_mask": ids.new_ones(ids.shape)}
        done = model.generate(ids, **options, return_dict_in_generate=True, output_logits=True)
        new, ends = done.sequences[0, ids.shape[1] :].tolist(), model.generation_config.eos_token_id
        ended = new[-1] in {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        likeliest = [logits[0].float().log_softmax(-1).topk(self.top) for logits in done.logits]
        tops = [{tokenizer.decode([at]): round(value, 4) for value, at in _pairs(each)} for each in likeliest]
        shown = new[:-1] if ended and len(new) > 1 else new
        text = tokenizer.decode(shown, skip_special_tokens=True)
        tokens = [tokenizer.decode([at]) for at in shown]
        return {"text": text, "tokens": tokens, "tops": tops[: len(shown)], "ended": ended}


def _pairs(likeliest: Any) -> list[tuple[float, int]]:
    """The likeliest token last, because it counts if two tokens have the same text."""
    return list(zip(likeliest.values.tolist(), likeliest.indices.tolist(), strict=True))[::-1]
