"""The repository's files, and C++ text without its comments and literals."""

import functools
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


@functools.cache
def files():
    """Paths from the root of all files that belong to the repository, new ones included."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others",
                             "--exclude-standard"], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    paths = [pathlib.PurePosixPath(name) for name in listed.stdout.decode().split("\0") if name]
    return sorted({path for path in paths if (ROOT / path).is_file()})


def cpp(*folders):
    """C++ files under these folders, or all."""
    return [path for path in files() if path.suffix in (".cc", ".h") and
            (not folders or any(is_under(path, folder) for folder in folders))]


def headers():
    """But for those that are compiled as they are (pch), where #pragma once is an error."""
    return [path for path in cpp() if path.suffix == ".h" and path.parent.name != "pch"]


def is_under(path, folder):
    return pathlib.PurePosixPath(folder) in (path, *path.parents)


@functools.cache
def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


_NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
                       r"(?<!\w)'(?:\\.|[^'\\\n])+'", re.S)


@functools.cache
def code(path):
    """The text with comments and literals blanked; lines stay where they are."""
    return _NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text(path))


_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"][^>"]+[>"])', re.M)


def includes(path):
    """[(line, "<header>" or '"header"')]."""
    return [(line_of(text(path), match), match[1]) for match in _INCLUDE.finditer(text(path))]


def line_of(whole, match):
    return whole.count("\n", 0, match.start()) + 1


def find(paths, pattern, where=text):
    """["path:line: found"] of all matches."""
    pattern = re.compile(pattern, re.M)
    return [f"{path}:{line_of(where(path), match)}: {match[0].strip()}"
            for path in paths for match in pattern.finditer(where(path))]


def check(wrong, message):
    """Fails with the message and one line for each wrong place."""
    assert not wrong, f"{message}:\n" + "\n".join(wrong)
