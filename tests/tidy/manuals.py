"""The man pages are sound, and name every command and option that --help names, and no others."""
import re
import shutil
import subprocess
import sys

from common import ROOT, finish, read

PAGE = ROOT / "docs/man/syspulse.1"


def help_pages():
    """Command -> its options, from the golden help; "" is the overview."""
    pages = {}
    for part in re.split(r"^\$ syspulse ", read("docs/cli/help.txt"), flags=re.MULTILINE)[1:]:
        title, _, body = part.partition("\n")
        name = title.removesuffix("--help").strip()
        own = body.partition("\nOptions:\n")[2].partition("\n\n")[0] if name else body
        pages[name] = set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", own, flags=re.MULTILINE))
    return pages


def manual_sections(text):
    """Command -> options, from `.Ss name` sections; "" is what stands before the first."""
    sections = {"": set()}
    current = ""
    for line in text.splitlines():
        if line.startswith(".Sh "):
            current = ""
        elif line.startswith(".Ss "):
            current = line[4:].strip()
            sections[current] = set()
        elif line.startswith(".It Fl"):
            sections[current].update(re.findall(r"Fl -([a-z-]+)", line))
    return sections


def compare():
    problems = []
    pages, manual = help_pages(), manual_sections(PAGE.read_text())
    for name, options in pages.items():
        if name not in manual:
            problems.append(f"{PAGE.name}: no section for the command {name}")
            continue
        selection = {"tag", "all"}  # Described once for all commands.
        for missing in sorted(options - manual[name] - selection):
            problems.append(f"{PAGE.name}: {name or 'global options'}: --{missing} is missing")
        for extra in sorted(manual[name] - options - selection):
            problems.append(f"{PAGE.name}: {name or 'global options'}: --{extra} does not exist")
    problems += [f"{PAGE.name}: {n} is no command" for n in manual if n not in pages]
    return problems


def lint():
    tool = shutil.which("mandoc")
    if tool is None:
        print("mandoc is not installed: the pages' syntax is not checked")
        return []
    pages = sorted(str(p) for p in (ROOT / "docs/man").glob("*.[1-9]"))
    result = subprocess.run([tool, "-Tlint", "-W", "warning", *pages], capture_output=True, text=True)
    return result.stdout.splitlines()


def main():
    finish(compare() + lint(), "man pages")


if __name__ == "__main__":
    sys.exit(main())
