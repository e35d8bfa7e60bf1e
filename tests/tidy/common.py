"""What the tidy checks share: the tracked files, and telling what is wrong."""
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(os.environ.get("SYSPULSE_SOURCE_DIR", pathlib.Path(__file__).resolve().parents[2]))
SOURCE_SUFFIXES = {".c", ".cpp", ".h", ".hpp"}
SKIPPED = 77  # What CTest takes for "skipped".


def files(*folders, suffixes=SOURCE_SUFFIXES):
    """Files below the folders, new ones included, ignored ones not; paths relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode == 0:
        names = result.stdout.splitlines()
    else:  # A release archive has no history.
        found = (p for f in folders for p in (ROOT / f).rglob("*"))
        names = [str(p.relative_to(ROOT)) for p in found]
    paths = (pathlib.PurePosixPath(n) for n in sorted(set(names)))
    return [p for p in paths if (not suffixes or p.suffix in suffixes) and (ROOT / p).is_file()]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


LITERAL = re.compile(
    r'R"(?P<mark>[^()\s]*)\((?:.|\n)*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    r"|//[^\n]*|/\*(?:.|\n)*?\*/")


def code(text):
    """The text with comments and literals blanked, line breaks kept."""
    return LITERAL.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(problems, what):
    for problem in problems:
        print(problem)
    print(f"{what}: {len(problems)} problem(s)" if problems else f"{what}: ok")
    sys.exit(1 if problems else 0)
