"""items.py PROGRAM [--update]: the table of docs/plugin-conformance.md is what the kit itself says of each item, and what
broken.txt proves of it."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
PAGE = HERE.parents[1] / "docs/plugin-conformance.md"
PROGRAM = sys.argv[1]
BEGIN, END = "| item | level | of | rule | a plugin that breaks it is |\n|---|---|---|---|---|\n", "\n## What only"


def ask(*words):
    return subprocess.run([PROGRAM, "plugin", "check", *words], capture_output=True, text=True, timeout=120)


def every_item():
    """Of a file that is no plugin all items are told of, also those that need one."""
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(b"nothing")
        file.flush()
        return [i["item"] for i in json.loads(ask(file.name, "--level", "5", "--json").stdout)["items"]]


def faults():
    """Item -> whether it alone finds its fault."""
    found = {}
    for line in (HERE / "broken.txt").read_text().splitlines():
        if not line.startswith("#"):
            names, with_others, _ = line.partition(":")
            found |= {name.partition(".")[0]: not with_others for name in names.split()}
    return found


def row(item, broken):
    said = re.fullmatch(r"(\w+) \(level (\d), (.*?)\): (.*)\n", ask("--explain", item).stdout)
    level, subject, text = said.group(2), said.group(3), said.group(4)
    if subject == "left out":
        rule, _, why = text.partition(". Not looked at: ")
        return f"| {item} | {level} | - | {rule} | not found: {why} |\n"
    proof = {True: "found by it alone", False: "found, and by others"}.get(broken.get(item), "")
    return f"| {item} | {level} | {subject} | {text.replace('|', chr(92) + '|')} | {proof} |\n"


def main():
    items, broken = sorted(every_item(), key=lambda i: ("MCHDTSX".index(i[0]), i)), faults()
    assert len(items) == len(set(items)) >= 88, items
    assert sum(broken.values()) >= 25 and set(broken) <= set(items), broken
    page = PAGE.read_text()
    head, _, rest = page.partition(BEGIN)
    tail = rest[rest.index(END):]
    made = head + BEGIN + "".join(row(item, broken) for item in items) + tail
    if "--update" in sys.argv:
        PAGE.write_text(made)
    elif made != page:
        sys.exit(f"{PAGE} is out of step with the kit; run {' '.join(sys.argv)} --update")


main()
