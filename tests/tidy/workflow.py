"""The workflow for a real Windows runs what the tests under Wine run: the same scripts, files, sessions and plugins."""
import re
import shlex

from common import ROOT, finish

WORKFLOW = ROOT / ".github/workflows/windows.yml"


def listed(text, variable):
    """The words of `foreach ($variable in 'a', 'b')`."""
    found = re.search(rf"foreach \(\${variable} in ([^)]*)\)", text)
    return set(re.findall(r"'([^']*)'", found.group(1))) if found else set()


def words_of(file, pattern):
    found = re.search(pattern, (ROOT / file).read_text())
    return set(shlex.split(found.group(1))) if found else set()


def main():
    text = WORKFLOW.read_text()
    wanted = {
        "file": {re.sub(r"^windows_|\.py$", "", name) for name in
                 words_of("tests/integration/CMakeLists.txt", r"foreach\(file (windows_[^)]*)\)")},
        "session": words_of("tests/cli/CMakeLists.txt", r"if\(WIN32\)[^(]*\([^)]*\)\s*foreach\(session ([^)]*)\)"),
        "plugin": words_of("tests/conformance/CMakeLists.txt", r"if\(WIN32\)[^(]*\([^)]*\)\s*foreach\(plugin ([^)]*)\)"),
    }
    problems = []
    for variable, names in wanted.items():
        if not names or listed(text, variable) != names:
            problems.append(f"{WORKFLOW.name}: every {variable} of {sorted(names)} is run under Wine, here {sorted(listed(text, variable))}")
    for command in ("scripts/test windows", "scripts/build-windows --zip"):
        if command not in text:
            problems.append(f"{WORKFLOW.name}: nothing runs {command}")
    problems += [f"{WORKFLOW.name}: there is no {path}" for path in re.findall(r"scripts/[\w/-]+", text) if not (ROOT / path).exists()]
    finish(problems, "workflow")


main()
