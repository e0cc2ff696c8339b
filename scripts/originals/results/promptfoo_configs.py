"""Writes the configurations `old.config.json` and `new.config.json` for promptfoo into this folder's copy."""

import json
from pathlib import Path

for name, every in (("old", 5), ("new", 4)):
    tests = [
        {
            "description": f"sum {at}",
            "vars": {"number": at},
            "assert": [{"type": "equals", "value": str(at + 1), "metric": "right"}],
        }
        for at in range(1, 25)
    ]
    provider = {"id": "file://promptfoo_model.js", "config": {"every": every}}
    config = {"prompts": ["What is {{number}} + 1?"], "providers": [provider], "tests": tests}
    Path(f"{name}.config.json").write_text(json.dumps(config), encoding="utf-8")
