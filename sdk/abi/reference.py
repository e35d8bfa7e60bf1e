#!/usr/bin/env python3
"""Writes docs/plugin-reference.md from the comments of plugin.h; with --check it only says whether it is in step."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import header_text  # noqa: E402

PAGE = Path(__file__).resolve().parents[2] / "docs/plugin-reference.md"
INTRODUCTION = """# Plugin ABI reference

Written by `sdk/abi/reference.py` from the comments of `syspulse/plugin.h`; change them there.
How to write a plugin is in [plugin-guide.md](plugin-guide.md).

"""


def flat(text):
    return " ".join(text.split()).replace("|", "\\|")


def prose(text):
    """List items and thread tags of a section become items of a list."""
    lines = []
    for line in text.split("\n"):
        is_tag = line.startswith("[") and "]" in line
        lines.append(f"- `{line[:line.index(']') + 1]}` {line[line.index(']') + 1:].strip()}" if is_tag else line)
    out = []
    for at, line in enumerate(lines):
        if line.startswith("- ") and at > 0 and lines[at - 1].strip() and not lines[at - 1].startswith("- "):
            out.append("")
        out.append(line)
    return "\n".join(out)


def signature(member):
    """As C programmers write it, without what only the compiler needs."""
    text = re.sub(r"\(SYSP_CALL\*(\w+)\)", r" \1", member.text)
    return re.sub(r"\*(\w)", r"* \1", text).replace("const struct ", "const ")


def enum_title(made):
    names = [m.name for m in made.members]
    return f"{names[0]}" if len(names) == 1 else f"{names[0]} ... {names[-1]}"


def entry(made):
    lines = []
    if made.what == "macro":
        return [f"**`{made.name}`** = `{made.type}`. {flat(made.doc)}", ""] if made.doc else []
    if made.what == "typedef":
        return [f"**`{made.name}`** (`{made.type}`). {flat(made.doc)}", ""]
    if made.what == "opaque":
        return [f"**`{made.name}`** (opaque). {flat(made.doc)}", ""] if made.doc else []
    if made.what == "function":
        return [f"### {made.name}", "", f"`{made.type.replace('(void)', '')} {made.name}(void)`", "", flat(made.doc), ""]
    title = made.name if made.what == "struct" else enum_title(made)
    lines += [f"### {title}", "", flat(made.doc), ""]
    if made.what == "enum":
        lines += ["| value | | meaning |", "|---|---|---|"]
        lines += [f"| `{m.name}` | {m.type} | {flat(m.doc)} |" for m in made.members]
        return lines + [""]
    plain = [m for m in made.members if "(SYSP_CALL*)" not in m.type]
    slots = [m for m in made.members if "(SYSP_CALL*)" in m.type]
    if plain:
        lines += ["| member | meaning |", "|---|---|"]
        lines += [f"| `{flat(signature(m))}` | {flat(m.doc)} |" for m in plain]
        lines.append("")
    for slot in slots:
        lines += [f"- `{signature(slot)}`  ", f"  {' '.join(slot.doc.split())}"]
    return lines + ([""] if slots else [])


def page():
    text = INTRODUCTION
    for section in header_text.read_sections():
        if section.title:
            text += f"## {section.title}\n\n"
        if section.text:
            text += prose(section.text) + "\n\n"
        text += "\n".join(line for made in section.declarations for line in entry(made))
        text += "" if text.endswith("\n\n") else "\n"
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text.rstrip("\n") + "\n"


def main():
    wanted = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.is_file() or PAGE.read_text() != wanted:
            print(f"{PAGE.name} is not what plugin.h says: run sdk/abi/reference.py")
            sys.exit(1)
        return
    PAGE.write_text(wanted)


main()
