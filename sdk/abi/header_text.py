"""Reads plugin.h: its declarations with their comments, as people see them, and as a compiler for one target minor
sees them. The header keeps to a simple form, and what does not fit it is an error here."""
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HEADER = Path(__file__).resolve().parent.parent / "include/syspulse/plugin.h"


class HeaderError(Exception):
    pass


@dataclass
class Member:
    name: str
    type: str  # canonical, without names of parameters
    doc: str = ""
    text: str = ""  # as it is written, with the names of parameters


@dataclass
class Declaration:
    what: str  # struct, enum, typedef, function, macro, opaque
    name: str  # "" for an enum
    doc: str = ""
    type: str = ""  # of a typedef or function; the value of a macro
    members: list = field(default_factory=list)

    @property
    def frozen(self):
        return "Frozen" in self.doc


@dataclass
class Section:
    title: str
    text: str
    declarations: list = field(default_factory=list)


def spaced(text):
    """One spelling of a type: "const void * ( __cdecl * )" is "const void*(__cdecl*)"."""
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r"\s*([*(),\[\]])\s*", r"\1", text)
    return text.replace(",", ", ")


def split(text, separator):
    """Splits at separators outside of any bracket."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        if char in "([{":
            depth += 1
        elif char in ")]}":
            depth -= 1
        elif char == separator and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts


def closing(text, at):
    depth = 0
    for end in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        if depth == 0:
            return end
    raise HeaderError(f"no closing bracket: {text}")


def variable(text):
    """(name, canonical type) of a member, a parameter or a function."""
    text = spaced(text)
    pointer = re.search(r"\((SYSP_CALL|__cdecl)?\s*\*\s*(\w*)\)\(", text)
    if pointer:
        inside = text[pointer.end():closing(text, pointer.end() - 1)]
        return pointer.group(2), f"{text[:pointer.start()]}({pointer.group(1) or ''}*)({parameters(inside)})"
    function = re.match(r"(.*?[\s*])(\w+)\(", text)
    if function:
        end = closing(text, function.end() - 1)
        return function.group(2), f"{function.group(1).strip()}({parameters(text[function.end():end])})"
    plain = re.fullmatch(r"(.*?[\s*])(\w+)((?:\[\w+\])?)", text)
    if not plain:
        return "", text
    base = plain.group(1).strip()
    if base in ("const", "struct", "unsigned", "const struct"):
        return "", text
    return plain.group(2), base + plain.group(3)


def parameters(text):
    return ", ".join(variable(part)[1] for part in split(text, ","))


def clean_doc(comment):
    """The words of a comment; paragraphs and list items keep their line breaks."""
    body = re.sub(r"^/\*|\*/$", "", comment.strip())
    lines = [re.sub(r"^\s*\* ?", "", line).rstrip() for line in body.split("\n")]
    text = "\n".join(lines).strip()
    text = re.sub(r"\n(?!\s*\n|\s*- |\s{2,}\[)\s*(?=\S)", " ", text)
    return re.sub(r"[ \t]+", " ", text) if "\n" not in text else text


COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def members_of(body, is_enum):
    """Members with their comments: above, or behind on the same line."""
    found, pending, rest = [], "", body
    separator = "," if is_enum else ";"
    while rest.strip():
        rest = rest.lstrip()
        if rest.startswith("#"):
            rest = rest.partition("\n")[2]
            continue
        comment = COMMENT.match(rest)
        if comment:
            pending = clean_doc(comment.group())
            rest = rest[comment.end():]
            continue
        cut = re.match(r"(?:[^%s/(]|\([^()]*(?:\([^()]*\)[^()]*)*\)|/(?!\*))+" % separator, rest)
        text, rest = cut.group(), rest[cut.end():]
        if rest.startswith(separator):
            rest = rest[1:]
        text = text.strip()
        behind = re.match(r"[ \t]*(/\*.*?\*/)", rest, re.DOTALL)
        doc = pending
        if behind:
            doc = clean_doc(behind.group(1))
            rest = rest[behind.end():]
        pending = ""
        if not text:
            continue
        if is_enum:
            name, value = (part.strip() for part in text.split("="))
            found.append(Member(name, value, doc))
        else:
            name, kind = variable(text)
            if not name:
                raise HeaderError(f"cannot read the member: {text}")
            found.append(Member(name, kind, doc, spaced(text)))
    return found


def statements(text):
    """(comment, statement) pairs of the top level; macros and other directives are statements of one line."""
    at, comment = 0, ""
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("/*", at):
            end = text.index("*/", at) + 2
            comment, at = text[at:end], end
            if re.match(r"/\*\s*====", comment):
                yield comment, ""
                comment = ""
        elif text[at] == "#":
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            yield comment, text[at:end]
            comment, at = "", end
        elif text.startswith('extern "C" {', at):
            at += len('extern "C" {')
        elif text[at] == "}":
            at += 1
        else:
            depth, end = 0, at
            while not (depth == 0 and text[end] == ";"):
                if text.startswith("/*", end):
                    end = text.index("*/", end) + 1
                depth += {"{": 1, "}": -1}.get(text[end], 0)
                end += 1
            yield comment, text[at:end]
            comment, at = "", end + 1


def declaration(statement, doc):
    macro = re.match(r"#\s*define\s+(SYSP_\w+)(\([^)]*\))?\s*(.*)", statement)
    if macro:
        return Declaration("macro", macro.group(1) + (macro.group(2) or ""), doc, macro.group(3).strip())
    if statement.startswith("#"):
        return None
    block = re.match(r"(typedef\s+)?(struct|enum)\s*(\w*)\s*\{(.*)\}\s*(\w*)$", statement, re.DOTALL)
    if block:
        kind, tag, body, name = block.group(2), block.group(3), block.group(4), block.group(5)
        return Declaration(kind, name or tag, doc, members=members_of(body, kind == "enum"))
    statement = COMMENT.sub("", statement)
    opaque = re.fullmatch(r"(?:typedef\s+)?struct\s+(\w+)(?:\s+\1)?\s*", statement)
    if opaque:
        return Declaration("opaque", opaque.group(1), doc)
    if statement.startswith("typedef"):
        name, kind = variable(statement[len("typedef"):])
        return Declaration("typedef", name, doc, kind)
    name, kind = variable(statement.replace("SYSP_EXPORT", "").replace("SYSP_CALL", ""))
    if not name:
        raise HeaderError(f"cannot read: {statement}")
    return Declaration("function", name, doc, kind)


def read_sections(path=HEADER):
    """The header as people read it, with all comments."""
    text = Path(path).read_text(encoding="utf-8")
    head = COMMENT.match(text)
    sections = [Section("", clean_head(head.group()))]
    for comment, statement in statements(text[head.end():]):
        title = re.match(r"/\*\s*====\s*(.*?)\s*====\s*(.*?)\*/", comment, re.DOTALL)
        if title and not statement:
            sections.append(Section(title.group(1), clean_head("/*" + title.group(2) + "*/")))
            continue
        made = declaration(statement, clean_doc(comment) if comment else "")
        if made is not None:
            sections[-1].declarations.append(made)
    return sections


def clean_head(comment):
    """Prose of several paragraphs: words that belong together on one line, list items and tags on their own."""
    body = re.sub(r"^/\*|\*/$", "", comment.strip())
    lines = [re.sub(r"^ ?\* ?", "", line).rstrip() for line in body.split("\n")]
    paragraphs = []
    for line in lines:
        starts = not line.strip() or line.startswith("- ") or re.match(r"\s+\[[\w-]+\]", line)
        if starts or not paragraphs or not paragraphs[-1]:
            paragraphs.append(line.strip())
        else:
            paragraphs[-1] += " " + line.strip()
    return "\n".join(paragraphs).strip()


def preprocessed(path, minor, compiler="cc"):
    """The header as a Windows compiler that targets `minor` sees it: there the calling convention is visible."""
    with tempfile.TemporaryDirectory() as empty:
        for name in ("stddef.h", "stdint.h"):
            (Path(empty) / name).write_text("")
        command = [compiler, "-E", "-P", "-dD", "-nostdinc", "-xc", "-I", empty, "-D_WIN32", f"-DSYSP_TARGET_MINOR={minor}",
                   str(path)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise HeaderError(result.stderr.strip())
    return result.stdout


def read_target(path, minor, compiler="cc"):
    """All declarations for one target minor, without comments."""
    found = []
    for _, statement in statements(preprocessed(path, minor, compiler)):
        if statement.startswith("#") and not re.match(r"#\s*define\s+SYSP_", statement):
            continue
        made = declaration(statement.replace("__attribute__((visibility(\"default\")))", "")
                           .replace("__declspec(dllexport)", "").replace("__cdecl syspulse", "syspulse"), "")
        if made is not None:
            found.append(made)
    return found
