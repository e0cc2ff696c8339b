"""Files that a project names are regular files inside its folder, within bounds; nothing else is opened."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from fairtrial.config.file.project_files import Budget, project_root, read_text
from fairtrial.safe_files import FileRefused
from tests.fixtures.for_each import for_each

MOST = 1000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "prompts").mkdir(parents=True)
    (folder / "prompts" / "support.txt").write_text("You answer tickets.\n")
    (tmp_path / "secret.txt").write_text("of somebody else\n")
    return folder


def refused(path: Path, root: Path) -> str:
    with pytest.raises(FileRefused) as raised:
        read_text(path, root, most=MOST)
    return f"{raised.value.wrong} ({raised.value.known})"


def test_a_file_inside_is_read_by_any_way_that_stays_inside(root: Path) -> None:
    (root / "link.txt").symlink_to("prompts/support.txt")
    (root / "folder").symlink_to(root / "prompts")
    for name in ("prompts/support.txt", "link.txt", "folder/support.txt", "prompts/../prompts/support.txt"):
        assert read_text(root / name, root, most=MOST) == "You answer tickets.\n"
    assert read_text(root / "prompts/support.txt", root.parent / "project" / ".", most=MOST)


@for_each("name", ["../secret.txt", "/etc/passwd", "prompts/../../secret.txt", "/dev/zero", "a\0b"])
def test_a_path_that_leads_out_is_refused(root: Path, name: str) -> None:
    assert "is outside the project's folder (the project's folder is the one with" in refused(root / name, root)


def test_a_link_that_leads_out_is_refused_wherever_it_stands(root: Path) -> None:
    (root / "out.txt").symlink_to("../secret.txt")
    (root / "up").symlink_to("..")
    (root / "zero").symlink_to("/dev/zero")
    (root / "environ").symlink_to("/proc/self/environ")
    for name in ("out.txt", "up/secret.txt", "zero", "environ"):
        assert "is outside" in refused(root / name, root)


def test_what_is_no_regular_file_is_refused_and_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(root / "socket"))
        for name in ("pipe", "socket"):
            assert "it is not a regular file (no devices, pipes or sockets)" in refused(root / name, root)
    assert "it is a folder" in refused(root / "prompts", root)
    assert "it is a folder" in refused(root, root)


def test_links_in_a_circle_and_files_that_do_not_exist_are_reported(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    assert "its links form a cycle" in refused(root / "a", root)
    assert "No such file or directory" in refused(root / "none.txt", root)
    assert "Not a directory" in refused(root / "prompts/support.txt/more", root)


def test_a_file_beyond_the_bound_is_not_read_however_it_says_its_size(root: Path) -> None:
    with (root / "sparse.txt").open("wb") as file:
        file.truncate(1 << 30)
    assert "has 1,073,741,824 bytes (at most 1,000)" in refused(root / "sparse.txt", root)
    with pytest.raises(FileRefused, match="has too many bytes"):  # the kernel says 0 bytes of such a file
        read_text(Path("/proc/self/status"), Path("/proc/self"), most=10)


def test_all_files_of_a_command_have_one_bound_together(root: Path) -> None:
    budget = Budget(bytes_left=30)
    assert read_text(root / "prompts/support.txt", root, most=MOST, budget=budget)
    with pytest.raises(FileRefused, match="has 20 bytes"):
        read_text(root / "prompts/support.txt", root, most=MOST, budget=budget)


def test_what_is_not_text_is_reported_with_its_line(root: Path) -> None:
    (root / "latin.txt").write_bytes(b"a\nb\xff\n")
    with pytest.raises(FileRefused, match="is not UTF-8 text") as raised:
        read_text(root / "latin.txt", root, most=MOST)
    assert raised.value.line == 2


def test_a_folder_that_becomes_a_link_in_the_meantime_lets_nobody_out(root: Path) -> None:
    """The path is swapped as fast as it goes while it is read; the file outside is never what is read."""
    (root.parent / "outside").mkdir()
    (root.parent / "outside" / "note.txt").write_text("of somebody else\n")
    (root / "real").mkdir()
    (root / "real" / "note.txt").write_text("mine\n")
    (root / "swapped").symlink_to("real")
    ended = threading.Event()

    def swap() -> None:
        while not ended.is_set():
            for target in ("../outside", "real"):
                (root / "next").symlink_to(target)
                (root / "next").replace(root / "swapped")

    swapping = threading.Thread(target=swap)
    swapping.start()
    seen: set[str] = set()
    try:
        for _ in range(2000):
            try:
                seen.add(read_text(root / "swapped" / "note.txt", root, most=MOST))
            except FileRefused as error:
                seen.add(error.wrong.partition(":")[0])
    finally:
        ended.set()
        swapping.join()
    assert "of somebody else\n" not in seen
    assert "mine\n" in seen


def test_the_projects_folder_is_that_of_the_nearest_project_file_else_the_files_own(tmp_path: Path) -> None:
    suite = tmp_path / "shop" / "suites" / "tickets" / "suite.yaml"
    suite.parent.mkdir(parents=True)
    if project_root(tmp_path / "any.yaml") != tmp_path:
        pytest.skip("there is a fairtrial.yaml above the folder of the tests")
    assert project_root(suite) == suite.parent
    (tmp_path / "shop" / "fairtrial.yaml").write_text("version: 1\n")
    assert project_root(suite) == tmp_path / "shop"
