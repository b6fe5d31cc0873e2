"""Reads the suites' JUnit reports; tells each suite in one line, failures in full, and the sum.

summary.py suite NAME FOLDER EXIT_CODE SECONDS [BUILD_FOLDER]
    reads FOLDER/NAME.xml, writes FOLDER/NAME.count. With a build folder the report is meson's,
    and FOLDER/NAME.gtest/ has the reports of the programs that use GoogleTest.
summary.py total FOLDER NAME...
    the last line; exit code 1 when a test failed
"""

import json
import os
import pathlib
import sys
import xml.etree.ElementTree as ElementTree

# With CI set nobody is there to notice what was left out.
STRICT = os.environ.get("CI", "").lower() in ("1", "true", "yes")


def name_of(case):
    return "::".join(part for part in (case.get("classname"), case.get("name")) if part)


def text_of(case, element):
    parts = [element.get("message") or "", element.text or ""]
    parts += [out.text or "" for out in case.findall("system-out") + case.findall("system-err")]
    # pytest's message is the first line of its text.
    if parts[1].strip():
        parts[0] = ""
    return "\n".join(part.strip("\n") for part in parts if part.strip())


def read(report):
    """Lists (name, "passed" | "failed" | "skipped", text) of every test case in the file."""
    cases = []
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        bad = case.find("failure")
        if bad is None:
            bad = case.find("error")
        skip = case.find("skipped")
        if bad is not None:
            cases.append((name_of(case), "failed", text_of(case, bad)))
        elif skip is not None:
            cases.append((name_of(case), "skipped", skip.get("message") or skip.text or ""))
        else:
            cases.append((name_of(case), "passed", ""))
    return cases


def read_meson(report, gtest_folder, build_folder):
    """As read(), with the test cases of a program that has told them in the place of the program."""
    tests = json.loads((build_folder / "meson-info/intro-tests.json").read_text())
    programs = {test["name"]: pathlib.Path(test["cmd"][0]).name for test in tests}
    cases = []
    for name, state, text in read(report):
        # A program that died has left no report, and its own failure stays.
        # Meson's name of a case is "project:suite / test".
        told = gtest_folder / f"{programs.get(name.split(' / ')[-1])}.xml"
        inner = read(told) if told.exists() else []
        cases += inner
        if not inner or (state == "failed" and all(case[1] != "failed" for case in inner)):
            cases.append((name, state, text))
    return cases


def cases_of(suite_name, folder, code, build_folder):
    log = (folder / f"{suite_name}.log").read_text(errors="replace")
    report = folder / f"{suite_name}.xml"
    try:
        if build_folder:
            cases = read_meson(report, folder / f"{suite_name}.gtest", pathlib.Path(build_folder))
        else:
            cases = read(report)
    except (OSError, ElementTree.ParseError):
        return [(suite_name, "failed", f"no report; exit code {code}\n{log}")]
    if not cases:
        return [(suite_name, "failed", f"not one test; exit code {code}\n{log}")]
    if code != 0 and all(state != "failed" for _, state, _ in cases):
        cases.append((suite_name, "failed", f"exit code {code} though no test failed\n{log}"))
    return cases


def suite(name, folder, code, seconds, build_folder=None):
    folder = pathlib.Path(folder)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for case, state, text in cases_of(name, folder, int(code), build_folder):
        if state == "skipped" and STRICT:
            state, text = "failed", f"skipped, which CI does not allow: {text}"
        counts[state] += 1
        if state != "passed":
            print(f"--- {state}: {case}")
            print(text)
    (folder / f"{name}.count").write_text(" ".join(str(n) for n in counts.values()))
    told = ", ".join(f"{n} {state}" for state, n in counts.items())
    print(f"{name:8} {told}  ({seconds} s)", flush=True)


def total(folder, *names):
    sums = [0, 0, 0]
    for name in names:
        counts = (pathlib.Path(folder) / f"{name}.count").read_text().split()
        sums = [have + int(more) for have, more in zip(sums, counts)]
    print(f"{sums[0]} passed, {sums[1]} failed, {sums[2]} skipped")
    return 1 if sums[1] else 0


if __name__ == "__main__":
    sys.exit({"suite": suite, "total": total}[sys.argv[1]](*sys.argv[2:]))
