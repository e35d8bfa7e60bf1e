"""Files stay below 400 lines and functions below 70. What is larger stands in ratchet.txt and may only
shrink; `size.py --update` writes the file anew after a shrink."""
import re
import sys

from common import ROOT, code, files, finish, read

FILE_LIMIT = 400
FUNCTION_LIMIT = 70
RATCHET = ROOT / "tests/tidy/ratchet.txt"
NAME = re.compile(r"([~\w:]+)\s*\([^;{}]*\)[^;{}()]*(?:->[^;{}]*)?$")
NOT_FUNCTIONS = {"if", "for", "while", "switch", "catch", "namespace", "return"}


def functions(text):
    """(name, lines) of every function: a block outside any other but namespaces and types."""
    text = code(text)
    text = re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.MULTILINE)
    found, stack, start = [], [], 0
    for at, char in enumerate(text):
        if char == "{":
            head = text[start:at].strip()
            match = NAME.search(head)
            is_type = re.search(r"\b(?:namespace|class|struct|union|enum)\b[^()]*$", head) or head.endswith('extern')
            inside = any(kind == "function" for kind, _, _ in stack)
            if match and not inside and not is_type and match.group(1) not in NOT_FUNCTIONS:
                stack.append(("function", match.group(1), text.count("\n", 0, at)))
            else:
                stack.append(("type" if is_type else "block", "", 0))
            start = at + 1
        elif char == "}":
            if stack:
                kind, name, line = stack.pop()
                if kind == "function":
                    found.append((name, text.count("\n", 0, at) - line + 1))
            start = at + 1
        elif char == ";":
            start = at + 1
    return found


def measured():
    sizes = {}
    for path in files("core", "plugins", "sdk", "tests"):
        if "templates" in path.parts or str(path) == "sdk/include/syspulse/plugin.h":
            continue
        text = read(path)
        lines = text.count("\n")
        if lines > FILE_LIMIT:
            sizes[str(path)] = lines
        for name, length in functions(text):
            if length > FUNCTION_LIMIT:
                key = f"{path}:{name}"
                sizes[key] = max(length, sizes.get(key, 0))
    return sizes


def main():
    sizes = measured()
    if "--update" in sys.argv:
        RATCHET.write_text("".join(f"{k} {v}\n" for k, v in sorted(sizes.items())))
        return
    allowed = dict(line.rsplit(" ", 1) for line in RATCHET.read_text().splitlines() if line)
    problems = [f"{what}: {lines} lines, allowed are {allowed.get(what, 'no more than the limit')}"
                for what, lines in sorted(sizes.items()) if lines > int(allowed.get(what, 0))]
    problems += [f"{what}: has shrunk; run tests/tidy/size.py --update" for what in sorted(allowed)
                 if sizes.get(what, 0) < int(allowed[what])]
    finish(problems, "size")


main()
