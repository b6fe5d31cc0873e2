"""What a file looks like: length, blanks, format, words."""

import ast
import concurrent.futures
import re
import subprocess

from sources import ROOT, check, code, cpp, files, find, headers, is_under, text

TEXT = {".cc", ".h", ".py", ".sh", ".md", ".build", ".txt", ".proto", ".yaml", ".yml", ".in", ""}
MAX_LINES, MAX_TEST_LINES, MAX_FUNCTION = 600, 1000, 70


def text_files():
    return [path for path in files() if path.suffix in TEXT]


def test_files_are_small():
    programs = [path for path in files()
                if path.suffix in (".cc", ".h", ".py", ".sh", ".proto", ".build")]
    wrong = []
    for path in programs:
        lines = text(path).count("\n")
        limit = MAX_TEST_LINES if is_under(path, "tests") else MAX_LINES
        if lines > limit:
            wrong.append(f"{path}: {lines} lines, {limit} are allowed")
    check(wrong, "files that are too long")


# By the format, a function opens with a line that ends in ") {" or the like, and closes with a
# brace under the first letter of its declaration.
_OPENS = re.compile(r"\)(?: const| override| noexcept| &&?| mutable| -> [\w:<>*& ]+)* \{$")
_NO_FUNCTION = re.compile(r" *(?:if|for|while|switch|else|do|catch|\}|return|case)\b")


def functions(path):
    """[(first line, number of lines)] of functions at file and at class level."""
    lines = [line.rstrip() for line in code(path).split("\n")]
    found = []
    for start, line in enumerate(lines):
        if not _OPENS.search(line):
            continue
        # A declaration's further lines are indented by four or more.
        first = start
        while first > 0 and len(_indent(lines[first])) >= 4 and lines[first - 1]:
            first -= 1
        indent = _indent(lines[first])
        if len(indent) > 2 or _NO_FUNCTION.match(lines[first]):
            continue
        end = next((at for at in range(start + 1, len(lines)) if lines[at] == indent + "}"), start)
        found.append((first + 1, end - first + 1))
    return found


def _indent(line):
    return line[:len(line) - len(line.lstrip())]


def test_functions_are_short():
    # A test's table may be longer.
    wrong = [f"{path}:{line}: {length} lines" for path in cpp() if not is_under(path, "tests")
             for line, length in functions(path) if length > MAX_FUNCTION]
    for path in files():
        if path.suffix == ".py":
            wrong += [f"{path}:{node.lineno}: {node.end_lineno - node.lineno + 1} lines"
                      for node in ast.walk(ast.parse(text(path)))
                      if isinstance(node, ast.FunctionDef)
                      and node.end_lineno - node.lineno + 1 > MAX_FUNCTION]
    check(wrong, f"functions of more than {MAX_FUNCTION} lines")


def test_no_tabs_and_no_trailing_blanks():
    check(find(text_files(), r"^.*(\t|[ \t]+$).*$"), "tabs, or blanks at the end of a line")


def test_files_end_with_one_newline():
    wrong = [str(path) for path in text_files()
             if text(path) and (not text(path).endswith("\n") or text(path).endswith("\n\n"))]
    check(wrong, "files that do not end with one newline")


def test_headers_have_pragma_once():
    check([str(path) for path in headers() if "\n#pragma once\n" not in "\n" + text(path)],
          "headers without #pragma once")


def test_nothing_is_left_to_do():
    # Written in parts, so that this file passes itself.
    words = "|".join(("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK"))
    check(find(text_files(), rf"\b({words})\b"), "notes of unfinished work")


def test_no_paths_of_one_machine():
    places = "|".join((r"(?<![\w.])/wo" "rk/", "/tmp/bri" "efs", r"/home/\w+", r"/root/\w+"))
    check(find(text_files(), places), "paths that only one machine has")


def test_scripts_are_good_bash():
    scripts = [path for path in files() if path.suffix == ".sh" or text(path).startswith("#!/bin/bash")]
    wrong = []
    for path in scripts:
        done = subprocess.run(["bash", "-n", ROOT / path], stderr=subprocess.PIPE, text=True,
                              check=False)
        if done.returncode != 0:
            wrong.append(done.stderr.strip())
    check(wrong, "scripts that bash cannot read")


def test_clang_format():
    def wrong_lines(path):
        done = subprocess.run(["clang-format-19", "--dry-run", "-Werror", path], cwd=ROOT,
                              stderr=subprocess.PIPE, text=True, check=False)
        return [line for line in done.stderr.splitlines() if ": error: " in line][:1]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        wrong = [line for lines in pool.map(wrong_lines, cpp()) for line in lines]
    check(wrong, "files that tools/dev format would change (the first place in each)")
