"""Sources are ASCII, no line ends in blanks, every file ends in one line break, every test is registered."""
from common import ROOT, files, finish, read

TEXT = {".c", ".cpp", ".h", ".hpp", ".py", ".sh", ".txt", ".cmake", ".in", ".sql"}


def check(path):
    problems = []
    text = read(path)
    # Comments may use typography such as a dash; code may not.
    for number, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            problems.append(f"{path}:{number}: blanks at the end of the line")
        if not line.isascii() and path.suffix in {".c", ".cpp", ".h", ".hpp"}:
            problems.append(f"{path}:{number}: not ASCII; write an escape or another word")
    if text and not text.endswith("\n"):
        problems.append(f"{path}: the last line has no end")
    return problems


def unregistered():
    problems = []
    for path in files("tests", suffixes={".cpp"}):
        if not path.stem.endswith("_test"):
            continue
        folders = [p for p in path.parents if (ROOT / p / "CMakeLists.txt").is_file() and str(p) != "."]
        if not any(path.name in read(f / "CMakeLists.txt") for f in folders):
            problems.append(f"{path}: no CMakeLists.txt mentions this test")
    return problems


def main():
    paths = files("core", "plugins", "sdk", "tests", "scripts", "config", "docs", suffixes=TEXT)
    paths = [p for p in paths if "/corpus/" not in str(p) and "/golden" not in str(p)]
    finish([p for path in paths for p in check(path)] + unregistered(), "text")


main()
