#!/usr/bin/env python3
"""The gate of the plugin ABI: compares plugin.h with the layout that each minor was released with.

    gate.py check [--header FILE] [--golden DIR]   exit 1 with one line for each violation
    gate.py update                                 take over additions; refuses what breaks a built plugin

A released minor never changes. While the newest one is a release candidate, additions to it are allowed."""
import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import header_text  # noqa: E402

HERE = Path(__file__).resolve().parent
HOST_MACROS = {"SYSP_ABI_MINOR", "SYSP_TARGET_MINOR"}  # these say which minor it is


def measured(path, minor, declarations, compiler):
    """Sizes, offsets and values, read from the compiler's assembly: no program has to run, so that it works for every
    target. One is added to each value, because zeros are written in a form of their own."""
    names, values = [], []
    for made in declarations:
        if made.what == "struct":
            names.append((made.name, 1))
            values.append(f"sizeof({made.name})")
            for member in made.members:
                names.append((f"{made.name}.{member.name}", 2))
                values += [f"offsetof({made.name}, {member.name})", f"sizeof((({made.name}*)0)->{member.name})"]
        elif made.what == "enum":
            names += [(m.name, 1) for m in made.members]
            values += [m.name for m in made.members]
        elif made.what == "typedef":
            names.append((made.name, 1))
            values.append(f"sizeof({made.name})")
    program = f'#include "{path}"\nconst long long layout[] = {{\n' + ",\n".join(f"(long long)({v}) + 1" for v in values) + "};\n"
    built = subprocess.run([compiler, "-std=c11", "-w", "-S", f"-DSYSP_TARGET_MINOR={minor}", "-xc", "-", "-o", "-"],
                           input=program, capture_output=True, text=True)
    if built.returncode != 0:
        raise header_text.HeaderError(built.stderr.strip())
    numbers = [int(n) - 1 for n in re.findall(r"^\s*\.(?:quad|xword|8byte)\s+(-?\d+)", built.stdout, re.MULTILINE)]
    if len(numbers) != len(values):
        raise header_text.HeaderError(f"{compiler} wrote {len(numbers)} numbers for {len(values)} values")
    found, at = {}, 0
    for name, count in names:
        found[name] = numbers[at:at + count]
        at += count
    return found


def documentation(path):
    """Comment of every struct, function and member; of an enumerator and a list of them."""
    docs = {}
    for section in header_text.read_sections(path):
        docs[f"section {section.title}"] = section.text
        for made in section.declarations:
            if made.what == "opaque" and not made.doc:
                continue
            name = made.name or (made.members[0].name + "...")
            docs[name] = made.doc
            for member in made.members:
                docs[f"{made.name}.{member.name}" if made.name else member.name] = member.doc
    return {name: doc for name, doc in docs.items() if doc}


def layout(path, minor, compiler="cc"):
    declarations = header_text.read_target(path, minor, compiler)
    sizes = measured(path, minor, declarations, compiler)
    frozen = {d.name for s in header_text.read_sections(path) for d in s.declarations if d.frozen}
    found = {"macros": {}, "typedefs": {}, "enumerators": {}, "structs": {}, "functions": {}}
    for made in declarations:
        if made.what == "macro" and made.name not in HOST_MACROS:
            found["macros"][made.name] = made.type
        elif made.what == "typedef":
            found["typedefs"][made.name] = made.type
        elif made.what == "enum":
            found["enumerators"].update({m.name: sizes[m.name][0] for m in made.members})
        elif made.what == "function":
            found["functions"][made.name] = made.type
        elif made.what == "struct":
            members = [[m.name, m.type, *sizes[f"{made.name}.{m.name}"]] for m in made.members]
            found["structs"][made.name] = {"size": sizes[made.name][0], "frozen": made.name in frozen, "members": members}
    return found


def compare_struct(name, old, new):
    """(what breaks a built plugin, what is added)"""
    broken, added = [], []
    before, after = old["members"], new["members"]
    for at, (member, kind, offset, size) in enumerate(before):
        if at >= len(after):
            broken.append(f"{name}.{member}: removed")
            continue
        got = after[at]
        if got[0] != member:
            others = [m[0] for m in after]
            what = f"moved: {got[0]} stands in its place" if member in others else f"removed or renamed: {got[0]} stands there"
            broken.append(f"{name}.{member}: {what}")
            break
        if got[1] != kind:
            broken.append(f"{name}.{member}: its type was {kind}, is {got[1]}")
        elif got[2:] != [offset, size]:
            broken.append(f"{name}.{member}: was {size} bytes at {offset}, is {got[3]} at {got[2]}")
    extra = [m[0] for m in after[len(before):]]
    if old["frozen"] and not new["frozen"]:
        broken.append(f"{name}: was frozen, is not")
    if extra and old["frozen"]:
        broken.append(f"{name}: is frozen, and got {', '.join(extra)}")
    elif extra and not broken:
        added += [f"{name}.{member}" for member in extra]
    if not broken and new["size"] != old["size"] and not extra:
        broken.append(f"{name}: its size was {old['size']}, is {new['size']}")
    return broken, added


def compare(old, new):
    broken, added = [], []
    words = {"macros": "macro", "typedefs": "type", "enumerators": "enumerator", "functions": "function"}
    for group, word in words.items():
        for name, value in old[group].items():
            if name not in new[group]:
                broken.append(f"{word} {name}: removed")
            elif new[group][name] != value:
                broken.append(f"{word} {name}: was {value}, is {new[group][name]}")
        more = [name for name in new[group] if name not in old[group]]
        if group == "functions":
            broken += [f"function {name}: a plugin exports one symbol, offer an extension" for name in more]
        else:
            added += [f"{word} {name}" for name in more]
    for name, struct in old["structs"].items():
        if name not in new["structs"]:
            broken.append(f"struct {name}: removed")
            continue
        more_broken, more_added = compare_struct(name, struct, new["structs"][name])
        broken += more_broken
        added += more_added
    added += [f"struct {name}" for name in new["structs"] if name not in old["structs"]]
    return broken, added


def check_form(found):
    """What must hold for every header, whatever was before."""
    problems = []
    sized = {name for name, struct in found["structs"].items() if not struct["frozen"]}
    for name, struct in found["structs"].items():
        members = struct["members"]
        if name in sized and members[0][:2] != ["size", "uint32_t"]:
            problems.append(f"{name}: begin it with uint32_t size, or say in its comment that it is Frozen")
        for at, (member, kind, offset, size) in enumerate(members):
            base = kind.split("[")[0].strip()
            if base in sized:
                problems.append(f"{name}.{member}: {base} can grow, so it must be reached by a pointer")
            end = members[at + 1][2] if at + 1 < len(members) else struct["size"]
            if offset + size != end:
                problems.append(f"{name}.{member}: {end - offset - size} bytes of padding behind it; name them reservedN")
        pointers = [m for m in members if m[1].startswith("const sysp_") and m[1].endswith("*") and "(" not in m[1]]
        counts = {m[0] for m in members if m[0].endswith("_count") or m[0] in ("argc", "envc")}
        for member in pointers:
            base = member[1][len("const "):-1]
            if base in sized and f"{member[0].rstrip('s')}_count" in counts:
                problems.append(f"{name}.{member[0]}: an array of {base}, which can grow; use an array of pointers")
    return problems


def check_docs(path):
    problems = []
    for section in header_text.read_sections(path):
        for made in section.declarations:
            if made.what == "struct":
                for member in made.members:
                    if "(SYSP_CALL*)" in member.type and not any(tag in member.doc for tag in ("[main]", "[any]", "[in-call]")):
                        problems.append(f"{made.name}.{member.name}: its comment names no thread: [main], [any] or [in-call]")
            if made.what in ("struct", "enum", "function") and not made.doc:
                problems.append(f"{made.name or made.members[0].name}: has no comment")
    return problems


def current_minor(path):
    for section in header_text.read_sections(path):
        for made in section.declarations:
            if made.name == "SYSP_ABI_MINOR":
                return int(made.type)
    raise header_text.HeaderError("SYSP_ABI_MINOR is missing")


def goldens(folder):
    found = [json.loads(file.read_text()) for file in folder.glob("1.*/layout.json")]
    return sorted(found, key=lambda golden: golden["minor"])


def check(header, folder):
    newest = current_minor(header)
    problems, lagging = [], []
    now = layout(header, newest)
    known = goldens(folder)
    if [g["minor"] for g in known] != list(range(newest + 1)):
        problems.append(f"the minors with a layout are {[g['minor'] for g in known]}, the header is at {newest}: run update")
    for golden in known:
        if golden["minor"] > newest:
            continue
        name = f"1.{golden['minor']}"
        broken, _ = compare(golden, now)
        problems += [f"against {name}: {text}" for text in broken]
        targeted = now if golden["minor"] == newest else layout(header, golden["minor"])
        broken, added = compare(golden, targeted)
        problems += [f"for target {name}: {text}" for text in broken if f"against {name}: {text}" not in problems]
        if golden["status"] == "rc":
            lagging += [f"{name} has a new {text}: run sdk/abi/gate.py update" for text in added]
        else:
            problems += [f"for target {name}: {text} is newer, put it under #if SYSP_TARGET_MINOR" for text in added]
        docs = documentation(header)
        for what, text in golden["docs"].items():
            if what not in docs:
                lagging.append(f"{name}: the comment of {what} is gone: run sdk/abi/gate.py update if its meaning is the same")
            elif docs[what] != text:
                lagging.append(f"{name}: the comment of {what} changed: run sdk/abi/gate.py update if its meaning is the same")
    return problems + check_form(now) + check_docs(header), lagging


def freeze_source(golden):
    minor = golden["minor"]
    lines = [f"/* The layout of ABI 1.{minor}, asserted by every compiler that builds this; written by gate.py. */",
             f"#define SYSP_TARGET_MINOR {minor}", "#include <syspulse/plugin.h>", "",
             "#ifdef __cplusplus", "#define FROZEN(condition, text) static_assert(condition, text)", "#else",
             "#define FROZEN(condition, text) _Static_assert(condition, text)", "#endif", "",
             "/* All targets have pointers of 64 bits. */", "#if UINTPTR_MAX > 0xffffffffu"]
    for name, struct in golden["structs"].items():
        lines.append(f'FROZEN(sizeof({name}) == {struct["size"]}, "{name}");')
        for member, _, offset, _ in struct["members"]:
            lines.append(f'FROZEN(offsetof({name}, {member}) == {offset}, "{name}.{member}");')
    lines.append("#endif")
    for name, value in golden["enumerators"].items():
        lines.append(f'FROZEN({name} == {value}, "{name}");')
    return "\n".join(lines) + "\n"


def update(header, folder):
    problems, _ = check(header, folder)
    problems = [p for p in problems if not p.startswith("the minors with a layout")]
    if problems:
        return problems
    newest = current_minor(header)
    known = {g["minor"]: g for g in goldens(folder)}
    for minor in range(newest + 1):
        golden = known.get(minor, {"abi": f"1.{minor}-rc", "minor": minor, "status": "rc"})
        docs = documentation(header)
        if golden["status"] == "rc":
            golden = {**golden, **layout(header, minor), "docs": docs}
        else:
            # Of a released minor only the words may change, and only of what it has.
            golden = {**golden, "docs": {what: text for what, text in docs.items() if what in golden["docs"]}}
        place = folder / f"1.{minor}"
        place.mkdir(exist_ok=True)
        (place / "layout.json").write_text(json.dumps(golden, indent=1) + "\n")
        (place / "freeze.c").write_text(freeze_source(golden))
    return []


def run(command, header, folder):
    """The lines to print; none when all is well."""
    try:
        if command == "update":
            return update(header, folder)
        problems, lagging = check(header, folder)
    except header_text.HeaderError as error:
        return [f"cannot read {header}: {error}"]
    stale = [f"{golden['abi']}: freeze.c is not what its layout.json says: run sdk/abi/gate.py update"
             for golden in goldens(folder)
             if (folder / f"1.{golden['minor']}/freeze.c").read_text() != freeze_source(golden)]
    return problems + lagging + stale


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "update"])
    parser.add_argument("--header", type=Path, default=header_text.HEADER)
    parser.add_argument("--golden", type=Path, default=HERE)
    given = parser.parse_args()
    lines = run(given.command, given.header.resolve(), given.golden)
    for line in lines:
        print(line)
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
