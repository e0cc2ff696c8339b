"""The README's project file is one that `fairtrial check` takes."""

from __future__ import annotations

import re
from pathlib import Path

from fairtrial.config.project import load_project
from tests.fixtures.paths import ROOT

README = ROOT / "README.md"


def test_the_readme_shows_a_project_without_mistakes(tmp_path: Path) -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    projects = [block for block in blocks if "deployments:" in block]
    assert len(projects) == 1
    (tmp_path / "fairtrial.yaml").write_text(projects[0], encoding="utf-8")
    assert load_project(tmp_path / "fairtrial.yaml", {}).plan.routes.keys() == {"support-bot"}
