"""Fetches the packages whose texts the trials use, and reads their catalogues, dialogues and documentation.

The archives are downloaded once, at pinned versions, into a folder of the benchmark's own; nothing of them is run.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

ROOM = Path.home() / ".cache" / "fairtrial-bench" / "texts"
LINE_NUMBER = re.compile(r":\d+")
QUOTED = re.compile(r'^"(?:[^"\\]|\\.)*"$')
ROLE = re.compile(r":[a-zA-Z:+-]+:`~?!?\.?([^`<]+?)\s*(?:<[^`>]+>)?`")
LINK = re.compile(r"`([^`<]+?)\s*<[^`>]+>`__?")
HEADING = re.compile(r"^(.{3,})\n([=\-~^\"'*+`#])\2{2,}\s*$", re.MULTILINE)
DIRECTIVE = re.compile(r"^\.\. .*$|^\s+:[a-z-]+:.*$|^\.\. _.*$")


def archive(package: str, version: str, *, source: bool) -> Path:
    """The wheel or the source archive of a package; downloads it at the first call."""
    folder = ROOM / f"{package}-{version}"
    if not folder.is_dir() or not any(folder.iterdir()):
        print(f"downloading {package} {version} into {folder} (once)", file=sys.stderr, flush=True)
        kind = ("--no-binary", ":all:") if source else ("--only-binary", ":all:")
        call = [str(_pip()), "download", "--quiet", "--no-deps", *kind, "-d", str(folder), f"{package}=={version}"]
        subprocess.run(call, check=True)
    return next(folder.iterdir())


def members(path: Path, ending: str) -> Iterator[tuple[str, bytes]]:
    """The files of an archive whose names end so, in order of their names."""
    if path.suffix in {".whl", ".zip"}:
        with zipfile.ZipFile(path) as file:
            for name in sorted(file.namelist()):
                if name.endswith(ending):
                    yield name, file.read(name)
        return
    with tarfile.open(path) as file:
        yield from _of_tar(file, ending)


def inner_members(content: bytes, ending: str) -> Iterator[tuple[str, bytes]]:
    """The same of a tar archive inside an archive."""
    with tarfile.open(fileobj=io.BytesIO(content)) as file:
        yield from _of_tar(file, ending)


def _of_tar(file: tarfile.TarFile, ending: str) -> Iterator[tuple[str, bytes]]:
    for member in sorted(file.getmembers(), key=lambda member: member.name):
        if member.name.endswith(ending) and (stream := file.extractfile(member)) is not None:
            yield member.name, stream.read()


def messages(catalogue: str) -> Iterator[tuple[str, str, str]]:
    """The references, the English text and the translation of each plain message of a gettext catalogue."""
    for block in catalogue.split("\n\n"):
        if "fuzzy" in block or "msgid_plural" in block:
            continue
        fields = {"msgid": "", "msgstr": "", "": ""}
        references, field = "", ""
        for line in block.splitlines():
            if line.startswith("#: "):
                references += line[3:] + " "
            elif line.startswith(("msgid ", "msgstr ")):
                field, _, line = line.partition(" ")
            elif line.startswith("msgctxt"):
                field = ""
            if QUOTED.match(line):
                fields[field] += ast.literal_eval(line)
        if fields["msgid"] and fields["msgstr"]:
            yield LINE_NUMBER.sub("", references), fields["msgid"], fields["msgstr"]


def sections(page: str) -> Iterator[tuple[str, str]]:
    """The titles and texts of a page of reStructuredText, with code in fences and without its mark-up."""
    headings = list(HEADING.finditer(page))
    ends = [*(heading.start() for heading in headings[1:]), len(page)][: len(headings)]
    for heading, end in zip(headings, ends, strict=True):
        title = plain(heading.group(1).strip())
        body = _as_markdown(page[heading.end() : end])
        if body and title:
            yield title, body


def plain(text: str) -> str:
    """Text without roles and links."""
    return LINK.sub(r"\1", ROLE.sub(r"\1", text)).replace("``", "`").replace("|version|", "").strip()


def _as_markdown(body: str) -> str:
    lines: list[str] = []
    fenced = False
    for line in body.splitlines():
        indented = line.startswith(("    ", "\t"))
        if fenced and line.strip() and not indented:
            while lines and not lines[-1].strip():
                lines.pop()
            lines += ["```", ""]
            fenced = False
        starts_code = line.startswith((".. code-block::", ".. sourcecode::"))
        if not starts_code and DIRECTIVE.match(line):
            continue
        if starts_code or (line.endswith("::") and not indented):
            lines += ["```"] if starts_code else [plain(line[:-1]), "", "```"]
            fenced = True
        elif fenced:
            if line.strip() or lines[-1] != "```":
                lines.append(line.removeprefix("    "))
        else:
            lines.append(plain(line) if line.strip() else "")
    while lines and not lines[-1].strip():
        lines.pop()
    if fenced:
        lines.append("```")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _pip() -> Path:
    pip = ROOM.parent / "pip" / "bin" / "pip"
    if not pip.exists():
        subprocess.run([sys.executable, "-m", "venv", str(pip.parents[1])], check=True)
    return pip
