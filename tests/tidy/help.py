"""docs/cli/help.txt holds the --help of every command. `help.py BINARY --update` writes it anew."""
import re
import subprocess
import sys

from common import ROOT, finish

GOLDEN = ROOT / "docs/cli/help.txt"


def page(binary, *words):
    result = subprocess.run([binary, *words, "--help"], capture_output=True, text=True, check=True)
    return "$ syspulse " + " ".join([*words, "--help"]) + "\n" + result.stdout


def main():
    binary = sys.argv[1]
    overview = page(binary)
    listed = overview.partition("\nCommands:\n")[2].partition("\n\n")[0]
    names = re.findall(r"^  ([a-z]+) ", listed, flags=re.MULTILINE)
    text = "\n".join([overview, *(page(binary, name) for name in names)])
    if "--update" in sys.argv:
        GOLDEN.parent.mkdir(parents=True, exist_ok=True)
        GOLDEN.write_text(text)
        return
    same = GOLDEN.read_text() == text
    finish([] if same else ["docs/cli/help.txt is not what --help prints; run: "
                            "tests/tidy/help.py BINARY --update"], "help")


main()
