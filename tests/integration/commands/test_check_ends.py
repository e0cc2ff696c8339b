"""`fairtrial check` ends by itself on whatever a pull request brings, and says what is wrong with it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from evaluators.gate import file as gate_file
from evaluators.loading import suite_reader
from fairtrial.config.project import load_project
from fairtrial.domain.errors import ConfigError
from tests.fixtures.paths import ROOT
from tests.fixtures.services.command import fairtrial
from tests.fixtures.services.hostile_files import corpus

FOR_EVER = 300
"""Seconds after which a command counts as hung; it takes a small part of them."""
SOUND = {"many_slices_of_many_rows/suite.yaml", "patterns/suite.yaml", "patterns/schema8.yaml", "patterns/schema9.yaml"}


def check(*files: Path) -> subprocess.CompletedProcess[str]:
    return fairtrial("check", "--json", *files, cwd=ROOT, stdin=subprocess.DEVNULL, timeout=FOR_EVER)


@pytest.mark.release("fuzz")
def test_check_ends_on_every_file_of_the_corpus(tmp_path: Path) -> None:
    """One command for all: a file that is never read to its end would keep it for ever, and a crash would end it."""
    files = corpus(tmp_path)
    done = check(*files)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[-2000:]
    said = json.loads(done.stdout)
    sound = {Path(one["file"]) for one in said["files"]}
    assert {str(one.relative_to(tmp_path)) for one in sound} == SOUND
    wrong = {one["file"] for one in said["mistakes"]}
    assert len(wrong) > 40
    assert not any("root:" in one["wrong"] or "daemon" in one["wrong"] for one in said["mistakes"])
    assert len(done.stdout) < 1_000_000


def test_check_does_not_wait_for_its_own_input_or_a_pipe_without_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    reader, writer = os.pipe()
    try:
        done = fairtrial("check", "/dev/stdin", tmp_path / "pipe.yaml", cwd=ROOT, stdin=reader, timeout=FOR_EVER)
    finally:
        os.close(reader)
        os.close(writer)
    assert (
        done.returncode == 2 and done.stderr.count("not a regular file") + done.stderr.count("outside the project") == 2
    )


WORDS = """
version deployments routes metrics experiments suite gate data score model base_url variants split enroll stages
primary metric require suites approvers price a <<
"""
KEYS = st.sampled_from(WORDS.split())
TEXTS = st.sampled_from(["${HOME}", "1pp", "20%", "openai/x", "exact", "regex", "live.primary better than base"])
SCALARS = st.one_of(st.text(max_size=20), TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
VALUES = st.recursive(
    SCALARS,
    lambda inside: st.one_of(st.lists(inside, max_size=4), st.dictionaries(KEYS, inside, max_size=5)),
    max_leaves=25,
)
READERS = (partial(load_project, environ={}), suite_reader.load, gate_file.load)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.dictionaries(KEYS, VALUES, max_size=6))
@pytest.mark.release("fuzz")
def test_any_tree_of_values_is_read_or_is_a_mistake(tmp_path: Path, value: dict[str, object]) -> None:
    """JSON is YAML: the shapes are any, and the keys those that mean something."""
    path = tmp_path / "fairtrial.yaml"
    path.write_text(json.dumps(value))
    for read in READERS:
        with contextlib.suppress(ConfigError):
            read(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet=st.sampled_from(list("ab:-[]{}&*!<>|'\"#%@,? \n\t0.~$\x85\ufeff")), max_size=60))
def test_any_text_is_yaml_or_a_mistake(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fairtrial.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_project(path, {})
