"""A whole project that is sound, and ways to break it."""

from __future__ import annotations

from pathlib import Path

from fairtrial.config.project import Project, load_project
from fairtrial.domain.errors import ConfigError

SOUND = """\
version: 1
deployments:
  base:   {model: openai/Qwen3-8B, base_url: "http://gpu-1:8000/v1/", price: {gpu_hour: 2.10}}
  tuned:  {model: openai/support-lora-v7, base_url: "http://gpu-1:8000/v1", parent: base}
  cloud:  {model: openai/gpt-4o-mini, base_url: "https://api.openai.com/v1", api_key: "${CLOUD_KEY}", external: true}
routes:
  support-bot: {experiment: tuned-vs-base, fallback: base, data: internal}
  base-direct: {deployment: base}
metrics:
  resolved: {from: feedback, key: resolved, kind: boolean, per: unit}
experiments:
  tuned-vs-base:
    question: Does the tuned model resolve more tickets without more errors?
    unit: user
    control: base
    variants:
      tuned: {deployment: tuned, system_prompt: support.md, params: {temperature: 0.2, stop: ["x"]}}
      base:  {deployment: base}
    split: {base: 50, tuned: 50}
    enroll: {stages: [2, 10, 40, 100], min_units: 200, min_hours: 24, approve: [100]}
    primary: {metric: feedback.resolved, require: superior, mde: 3pp}
    guardrails:
      - {metric: requests.error_rate,  margin: 1pp}
      - {metric: requests.latency_p95, margin: 20%}
    shadow: {variant: tuned, percent: 5, max_usd_per_day: 10, max_concurrency: 8}
    max_weeks: 6
store: {path: ./fairtrial.duckdb}
capture: {bodies: redacted, retain_days: 30}
"""
ENVIRON = {"CLOUD_KEY": "secret-of-the-cloud"}


def write(folder: Path, text: str = SOUND) -> Path:
    (folder / "support.md").write_text("You answer tickets.\n")
    path = folder / "fairtrial.yaml"
    path.write_text(text)
    return path


def changed(*changes: tuple[str, str]) -> str:
    text = SOUND
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def project(folder: Path, *changes: tuple[str, str]) -> Project:
    return load_project(write(folder, changed(*changes)), ENVIRON)


def mistakes(folder: Path, *changes: tuple[str, str], environ: dict[str, str] | None = None) -> list[str]:
    """Each mistake as printed, without the folder."""
    try:
        load_project(write(folder, changed(*changes)), ENVIRON if environ is None else environ)
    except ConfigError as error:
        return [str(mistake).replace(f"{folder}/", "") for mistake in error.mistakes]
    return []
