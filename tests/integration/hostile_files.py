"""A corpus of files that a pull request could bring, each made to keep whoever reads it busy, or to lead it astray."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

SUITE = "suite: s\ndata: {data}\nscore: [exact]\n"
ROW = '{"id": "a", "input": "x", "expected": "y"}\n'
NAMES = [f"n{number}" for number in range(3000)]


def corpus(folder: Path) -> list[Path]:
    """Writes every file below the folder, each in one of its own, and names them."""
    made: list[Path] = []
    for maker in MAKERS:
        place = folder / maker.__name__
        place.mkdir()
        made += maker(place)
    return made


def _written(path: Path, text: str) -> list[Path]:
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return [path]


def _suite(place: Path, *, data: str = "rows.jsonl", rows: str = ROW, more: str = "") -> list[Path]:
    (place / "rows.jsonl").write_text(rows)
    return _written(place / "suite.yaml", SUITE.format(data=data) + more)


def a_pipe_a_device_a_folder_and_a_circle(place: Path) -> list[Path]:
    os.mkfifo(place / "fairtrial.yaml")
    (place / "zero.yaml").symlink_to("/dev/zero")
    (place / "loop.yaml").symlink_to("loop.yaml")
    (place / "secrets.yaml").symlink_to("/proc/self/environ")
    names = ("fairtrial.yaml", "zero.yaml", "loop.yaml", "secrets.yaml", ".")
    return [*(place / name for name in names), Path("/dev/zero"), Path("/dev/stdin"), Path("/dev/tty")]


def rows_that_are_devices_pipes_or_elsewhere(place: Path) -> list[Path]:
    os.mkfifo(place / "pipe.jsonl")
    (place / "zero.jsonl").symlink_to("/dev/zero")
    (place / "passwd.csv").symlink_to("/etc/passwd")
    names = ("pipe.jsonl", "zero.jsonl", "/dev/zero", "passwd.csv", "../../../../etc/passwd", ".")
    return [_written(place / f"s{at}.yaml", SUITE.format(data=name))[0] for at, name in enumerate(names)]


def a_sparse_gigabyte(place: Path) -> list[Path]:
    for name in ("rows.jsonl", "fairtrial.yaml"):
        with (place / name).open("wb") as file:
            file.truncate(1 << 30)
    return [place / "fairtrial.yaml", *_written(place / "suite.yaml", SUITE.format(data="rows.jsonl"))]


def aliases(place: Path) -> list[Path]:
    levels = "".join(f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(30))
    merges = "".join(f"b{n + 1}: &b{n + 1} {{<<: [{', '.join([f'*b{n}'] * 9)}]}}\n" for n in range(30))
    inside = "vars:\n  a0: &a0 [x]\n  " + levels.replace("\n", "\n  ")
    wide = "base: &b {" + ", ".join(f"k{n}: 1" for n in range(2000)) + "}\nx: {<<: [" + "*b, " * 2000 + "]}\n"
    return [
        *_written(place / "lists.yaml", "a0: &a0 [x]\n" + levels),
        *_written(place / "merges.yaml", "b0: &b0 {x: 1}\n" + merges),
        *_written(place / "suite.yaml", SUITE.format(data="x.jsonl") + inside),
        *_written(place / "wide.yaml", wide),
    ]


def depth(place: Path) -> list[Path]:
    return [
        *_written(place / "lists.yaml", "a: " + "[" * 100_000),
        *_written(place / "maps.yaml", "a: " + "{a: " * 100_000),
        *_written(place / "dashes.yaml", "- " * 100_000),
        *_written(place / "block.yaml", "".join(" " * n + "a:\n" for n in range(1400))),
        *_suite(place, rows='{"id": "a", "input": ' + "[" * 900 + "]" * 900 + "}\n" + "[" * 200_000 + "\n"),
    ]


def much_of_everything(place: Path) -> list[Path]:
    return [
        *_written(place / "flow.yaml", "a: [" + "1," * 120_000 + "]"),
        *_written(place / "keys.yaml", "".join(f"k{n}: 1\n" for n in range(25_000))),
        *_written(place / "documents.yaml", "---\na: 1\n" * 28_000),
        *_written(place / "scalar.yaml", "a: " + "x " * 130_000),
        *_written(place / "tag.yaml", "a: !" + "t" * 260_000 + " b"),
        *_written(place / "number.yaml", "version: " + "9" * 260_000),
        *_written(place / "hex.yaml", "version: 0x" + "f" * 260_000),
        *_written(place / "key.yaml", "k" * 900 + ": 1\n? " + "k" * 200_000 + "\n: 1\n"),
        *_written(place / "large.yaml", "a: " + "x" * 1_000_000),
        *_written(place / "surrogate.yaml", "a: \ud800"),
    ]


def many_mistakes(place: Path) -> list[Path]:
    names = NAMES[:1200]
    model = "model: openai/x, base_url: 'http://127.0.0.1:1/v1'"
    wrong = "\n".join(f"  {name}: {{{model}, parent: x{name}}}" for name in names)
    after = zip(names, [*names[1:], names[0]], strict=True)
    circle = "\n".join(f"  {name}: {{{model}, parent: {parent}}}" for name, parent in after)
    unknown = "a: {" + ", ".join(f"{name}: 1" for name in NAMES) + "}"
    unset = "\n".join(f"  {name}: '${{{name}}}'" for name in NAMES)
    lines = "gate: [" + ", ".join(f"{name} >= 1%" for name in NAMES[:200]) + "]\n"
    start = "version: 1\ndeployments:\n"
    texts = {"unknown": f"  {unknown}", "parents": wrong, "circle": circle, "variables": unset}
    made = [_written(place / f"{name}.yaml", f"{start}{text}\n")[0] for name, text in texts.items()]
    return [*made, *_suite(place, more=lines)]


def many_slices_of_many_rows(place: Path) -> list[Path]:
    row = {"input": "x", "expected": '{"a": 1}', **{f"c{n}": n for n in range(20)}}
    rows = "".join(json.dumps({"id": n, **row}) + "\n" for n in range(10_000))
    slices = "tags: {" + ", ".join(f"t{n}: c{n}" for n in range(20)) + "}\n"
    lines = "gate:\n" + "".join(f"  - exact >= {n % 100}% in every t{n % 20}\n" for n in range(200))
    return [
        *_suite(place, rows=rows, more=slices + lines),
        *_written(place / "again.yaml", SUITE.format(data="[" + "rows.jsonl, " * 100 + "]")),
    ]


def a_list_of_rows_in_one_file(place: Path) -> list[Path]:
    (place / "rows.json").write_text("[\n" + ",\n".join([ROW.strip()] * 300_000) + "]")
    (place / "rows.csv").write_text("id,input\n" + "a,b\n" * 300_000 + '"' + "x" * 1_000_000)
    return [
        *_written(place / "json.yaml", SUITE.format(data="rows.json")),
        *_written(place / "csv.yaml", SUITE.format(data="rows.csv")),
    ]


def prompts_that_multiply(place: Path) -> list[Path]:
    rows = '{"id": "a", "input": "' + "x" * 1_000_000 + '"}\n'
    many = "".join(f'{{"id": {n}, "input": "x"}}\n' for n in range(50_000))
    (place / "many.jsonl").write_text(many)
    return [
        *_suite(place, rows=rows, more="prompt: '" + "$input" * 40_000 + "'\n"),
        *_written(place / "long.yaml", SUITE.format(data="many.jsonl") + "prompt: '" + "y" * 200_000 + "'\n"),
    ]


def patterns(place: Path) -> list[Path]:
    evil = [r"(a+)+$", r"(?=(a+))\1b", "(" * 5000, "a" * 100_000, "((a{1,100}){1,100}){1,100}", r"(x+x+)+y"]
    rows = json.dumps({"id": "a", "input": "x", "regex_match": evil}) + "\n"
    (place / "schema.json").write_text('{"a":' * 5000 + "1" + "}" * 5000)
    return [
        *_suite(place),
        *_regex(place, rows),
        *_written(place / "file.yaml", "suite: s\ndata: rows.jsonl\nscore:\n  - json_schema: schema.json\n"),
        *[_schema(place, at, schema) for at, schema in enumerate(_schemas(evil))],
    ]


def _regex(place: Path, rows: str) -> list[Path]:
    (place / "patterns.jsonl").write_text(rows)
    return _written(place / "regex.yaml", "suite: s\ndata: patterns.jsonl\nscore: [regex]\n")


def _schema(place: Path, at: int, schema: object) -> Path:
    text = f"suite: s\ndata: rows.jsonl\nscore:\n  - json_schema: {{schema: {json.dumps(schema)}}}\n"
    return _written(place / f"schema{at}.yaml", text)[0]


def _schemas(evil: list[str]) -> list[object]:
    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(60)} | {"d60": {}}
    return [
        {"type": "string", "pattern": evil[1]},
        {"patternProperties": {evil[1]: {}}},
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$ref": "#/$defs/d0", "$defs": doubling},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/nowhere"},
        {"$schema": "http://127.0.0.1:9/kind.json", "type": "object"},
        {"properties": {"a": {"$id": "http://127.0.0.1:9/x", "$ref": "y"}}},
        {"$dynamicRef": "#x", "$dynamicAnchor": "x"},
        {"enum": "$v", "allOf": [{"enum": "$v"}] * 1000},
    ]


def a_gate_among_many_files(place: Path) -> list[Path]:
    wide = "suite: x\na: [" + "1," * 9_000 + "]"
    for number in range(210):
        (place / f"s{number:03}.yaml").write_text(wide)
    os.mkfifo(place / "a.yaml")
    (place / "b.yaml").symlink_to("/dev/zero")
    more = "version: 1\ngate: g\nsuites: [nowhere, /dev/zero, ../../../etc/passwd, b.yaml, a.yaml, s001.yaml]\n"
    return _written(place / "release.gate.yaml", more)


MAKERS: tuple[Callable[[Path], list[Path]], ...] = (
    a_pipe_a_device_a_folder_and_a_circle,
    rows_that_are_devices_pipes_or_elsewhere,
    a_sparse_gigabyte,
    aliases,
    depth,
    much_of_everything,
    many_mistakes,
    many_slices_of_many_rows,
    a_list_of_rows_in_one_file,
    prompts_that_multiply,
    patterns,
    a_gate_among_many_files,
)
