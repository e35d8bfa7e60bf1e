"""The workflow for a real Windows runs what the tests under Wine run: the same scripts, files, sessions and plugins, by
names that are there."""
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


# What the build makes, by the file that says so.
MADE = {"build/windows/bin": ("CMakeLists.txt", "CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin"),
        "build/windows/lib": ("plugins/CMakeLists.txt", "${PROJECT_BINARY_DIR}/lib/syspulse/plugins"),
        "build/windows/share": ("config/CMakeLists.txt", "${PROJECT_BINARY_DIR}/share/syspulse"),
        "build/windows/tests": ("scripts/cmake/SyspulseTargets.cmake", "${PROJECT_BINARY_DIR}/tests"),
        "build/windows-prefix/share": ("scripts/windows/prefix", "share/syspulse/tzdata"),
        "build/syspulse-windows.zip": ("scripts/windows/zip", "build/syspulse-windows.zip")}


def says(file, words):
    path = ROOT / file
    return path.is_file() and words in path.read_text()


def is_there(path):
    """Of the sources, or made by the build."""
    return says(*MADE[path]) if path in MADE else (ROOT / path).exists()


def commands_missing(text):
    """Scripts that are not there, and words that they do not know."""
    for script, word in re.findall(r"(scripts/[\w/-]+)(?: (--\w+|\w+))?", text):
        if not (ROOT / script).is_file():
            yield f"there is no {script}"
        elif word and not re.search(rf"^ *(?:\w+ \| )*{word}(?: \| \w+)*\)", (ROOT / script).read_text(), re.MULTILINE):
            yield f"{script} knows no {word}"


def paths_missing(text):
    """Of what is packed on Debian, and of what is run on Windows, in the folder build/windows of the clone."""
    for path in re.findall(r"(?<=[ ])syspulse/([\w./-]+)", text):
        if not is_there(path):
            yield f"nothing makes {path}, which is packed"
    # Some of it are links to places of that machine.
    if not re.search(r"tar -C / -\w*h", text):
        yield "links are packed as such"
    for path in re.findall(r"'?\.\.\\\.\.\\([\w\\.$-]+\.py)", text):
        names = [path.replace("$file", file) for file in listed(text, "file")] if "$file" in path else [path]
        yield from (f"there is no {name}" for name in names if not (ROOT / name.replace("\\", "/")).is_file())
    programs = "".join((ROOT / f).read_text() for f in ("tests/sdk/CMakeLists.txt", "core/cli/CMakeLists.txt"))
    for program in re.findall(r"build\\windows\\bin\\(\w+)\.exe", text):
        if f"add_executable({program} " not in programs:
            yield f"nothing makes {program}.exe"


def variables_missing(text):
    """Those that the tests cannot do without."""
    files = [*(ROOT / "tests/integration").glob("windows_*.py"), ROOT / "tests/cli/windows_transcripts.py", ROOT / "tests/cli/transcripts.py",
             ROOT / "tests/conformance/conformance.py"]
    wanted = {name for file in files for name in re.findall(r'os\.environ\["(SYSPULSE_\w+)"\](?! =)', file.read_text())}
    # The harness asks first whether there is one.
    wanted -= {"SYSPULSE_RUNNER"}
    return [f"{name} is not set" for name in sorted(wanted) if f"$env:{name} = " not in text]


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
    missing = [*commands_missing(text), *paths_missing(text), *variables_missing(text)]
    problems += [f"{WORKFLOW.name}: {problem}" for problem in missing]
    finish(problems, "workflow")


main()
