"""Nothing reads the program's own English: a release with all sentences in upper case decides and shows the same."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.fixtures.paths import ROOT
from tests.fixtures.releases.plain_answers import differences
from tests.fixtures.upper_case.importer import AS_WRITTEN, as_written, in_upper_case

STORY = (sys.executable, "-m", "tests.fixtures.upper_case.story")
VARIES = re.compile(
    r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b(?=\d*[a-f])[0-9a-f]{16,}\b"
    r"|took \d+\.\d seconds|by fairtrial \S+|\.json \d{19}"
)
"""Ids, digests of sentences, how long an audit took, the version, and when a file was written."""
NOT_COMPARED = {"seconds", "folders", "bytes", "sha256"}
"""Fields on time and sizes of files."""


STORIES = pytest.mark.release("stories")


@cache
def told() -> dict[str, Any]:
    """Both stories, in processes that import the program anew."""
    with TemporaryDirectory() as upper, TemporaryDirectory() as written, ThreadPoolExecutor() as pool:
        ran = pool.map(tell, ("upper", "written"), (upper, written))
        return dict(zip(("upper", "written"), ran, strict=True))


def tell(letters: str, folder: str) -> Any:
    ran = subprocess.run([*STORY, letters, folder], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def without_case(value: Any) -> Any:
    """The same in lower case, without ids and digests, and with each run of spaces as one: lines break elsewhere."""
    if isinstance(value, str):
        return " ".join(VARIES.sub("…", value.casefold()).split())
    if isinstance(value, list):
        return [without_case(item) for item in value]
    if isinstance(value, dict):
        return {f"{without_case(name)} {at}": without_case(item)
                for at, (name, item) in enumerate(value.items()) if name not in NOT_COMPARED}  # fmt: skip
    return value


@STORIES
def test_every_command_of_the_story_ends_with_the_same_exit_code() -> None:
    upper, written = (
        {name: ran["exit"] for name, ran in told()[letters]["commands"].items()} for letters in ("upper", "written")
    )
    assert upper == written
    assert {0, 1, 2, 3, 5} <= set(written.values())


@STORIES
def test_all_answers_pages_and_prints_are_the_same_but_for_their_letters() -> None:
    upper, written = told()["upper"], told()["written"]
    for part in written:
        assert list(differences(without_case(written[part]), without_case(upper[part]), part)) == []


@STORIES
def test_the_sentences_are_in_upper_case() -> None:
    headlines = [row["headline"] for row in told()["upper"]["answers"]["arrow"]["gates.json"]["/api/gates"]["rows"]]
    assert headlines
    assert all("EXPERIMENT tuned-vs-base: tuned" in headline for headline in headlines)


READER = """
from typing import Literal
State = Literal["cannot tell", "shown only"]
WAITS = "it waits for a person"

def state(found: str) -> State:
    return "cannot tell"

def sentence(state: State) -> str:
    return WAITS if state == "cannot tell" else f"SHIP, {state} so far"

def waits(text: str) -> list[bool]:
    return [text == WAITS, text.startswith("it waits"), WAITS in text, "waits for" in text, text.endswith((WAITS, "."))]
"""


@pytest.mark.release("stories")
def test_what_reads_a_sentence_finds_nothing_in_it_and_what_reads_a_state_does() -> None:
    names: dict[str, Any] = {AS_WRITTEN: as_written}
    exec(compile(in_upper_case(READER, "reader"), "reader", "exec"), names)
    assert names["sentence"](names["state"]("")) == "IT WAITS FOR A PERSON"
    assert names["sentence"]("shown only") == "SHIP, shown only SO FAR"
    assert names["waits"](names["sentence"]("cannot tell")) == [False] * 5
