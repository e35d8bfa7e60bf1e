"""Words that stand only where they belong: clocks, sleeping, platform switches, notes to self."""
import re

from common import code, files, finish, line_of, read

CLOCK = re.compile(r"_clock\s*::\s*now\b|(?<![\w.>:])(?:std::)?time\s*\(\s*(?:0|NULL|nullptr|&)|\bgettimeofday\s*\("
                   r"|\bclock_gettime\s*\(")
SLEEP = re.compile(r"\bsleep_for\b|\bsleep_until\b|(?<![\w.>])(?:u|nano)?sleep\s*\(")
DETACH = re.compile(r"\.\s*detach\(\)")
PLATFORM = re.compile(r"^[ \t]*#[ \t]*(?:el)?if\w*[^\n]*(?:_WIN32|__linux__|__unix__|__APPLE__)", re.MULTILINE)
NOTES = re.compile(r"\b(?:FIX" r"ME|X" r"XX|HA" r"CK|TO" r"DO)\b")


def search(paths, pattern, message, keep_comments=False):
    problems = []
    for path in paths:
        text = read(path)
        for found in pattern.finditer(text if keep_comments else code(text)):
            problems.append(f"{path}:{line_of(text, found.start())}: {message}: {found.group().strip()}")
    return problems


def outside(paths, *prefixes):
    return [p for p in paths if not str(p).startswith(prefixes)]


def main():
    sources = files("core", "plugins", "sdk", "tests")
    problems = search(outside(sources, "core/platform/", "plugins/", "sdk/", "tests/"), CLOCK,
                      "read the time through platform::Clock")
    problems += search([p for p in sources if str(p).startswith(("tests/unit/", "tests/simulation/"))], SLEEP,
                       "wait for an event, do not sleep")
    problems += search(outside(sources, "core/platform/", "plugins/", "sdk/", "tests/"), PLATFORM,
                       "platform differences belong into core/platform")
    problems += search([p for p in outside(sources, "core/base/detached_thread.hpp") if str(p).startswith("core/")], DETACH,
                       "start it by start_detached()")
    documents = files("core", "plugins", "sdk", "tests", "scripts", "config", "docs",
                      suffixes=SOURCE_SUFFIXES_AND_TEXT)
    problems += search(documents, NOTES, "say what is so, or do it", keep_comments=True)
    finish(problems, "banned words")


SOURCE_SUFFIXES_AND_TEXT = {".c", ".cpp", ".h", ".hpp", ".py", ".sh", ".txt", ".cmake", ".md", ".yaml", ".in"}
main()
