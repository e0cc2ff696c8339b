"""Records what a model answers at the end of its training, for `fairtrial parity`. Needs transformers; copy it freely.

trainer.add_callback(ParityCallback("parity.jsonl", [row["messages"] for row in validation][:32]))
"""

import json
from contextlib import nullcontext

import torch
from transformers import TrainerCallback


class ParityCallback(TrainerCallback):
    def __init__(self, path, conversations, tokens=8, top=20):
        self.path, self.conversations, self.tokens, self.top = path, conversations, tokens, top

    def on_train_end(self, args, state, control, model=None, processing_class=None, **_):
        model.eval()
        off = model.disable_adapter if hasattr(model, "disable_adapter") else nullcontext
        with open(self.path, "w", encoding="utf-8") as file:
            for messages in self.conversations:
                prompt = processing_class.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
                ids = processing_class(prompt, add_special_tokens=False, return_tensors="pt").input_ids.to(model.device)
                row = {"messages": messages, "prompt": prompt, "token_ids": ids[0].tolist()}
                row["on"] = self.answer(model, processing_class, ids)
                with off():
                    row["off"] = self.answer(model, processing_class, ids)
                file.write(json.dumps(row) + "\n")

    @torch.no_grad()
    def answer(self, model, tokenizer, ids):
        options = {"do_sample": False, "max_new_tokens": self.tokens, "attention_mask": torch.ones_like(ids)}
        done = model.generate(ids, **options, return_dict_in_generate=True, output_logits=True)
        new = done.sequences[0, ids.shape[1] :].tolist()
        ended = bool(new) and new[-1] in {tokenizer.eos_token_id, *_as_list(model.generation_config.eos_token_id)}
        likely = [logits[0].float().log_softmax(-1).topk(self.top) for logits in done.logits]
        names = tokenizer.decode
        tops = [
            {names([at]): value for value, at in zip(each.values.tolist(), each.indices.tolist())} for each in likely
        ]
        tokens = new[:-1] if ended and len(new) > 1 else new
        text = tokenizer.decode(tokens, skip_special_tokens=True)
        return {"text": text, "tokens": [names([at]) for at in tokens], "tops": tops[: len(tokens)], "ended": ended}


def _as_list(value):
    return value if isinstance(value, list) else [value]
