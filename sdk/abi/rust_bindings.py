#!/usr/bin/env python3
"""Writes the Rust templates' abi.rs from plugin.h; with --check it only says whether they are in step."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import header_text  # noqa: E402

TEMPLATES = Path(__file__).resolve().parents[1] / "templates/rust"
SCALARS = {"uint64_t": "u64", "int64_t": "i64", "uint32_t": "u32", "int32_t": "i32", "uint16_t": "u16", "size_t": "usize",
           "double": "f64", "char": "c_char", "void": "c_void"}


def rust_type(text):
    text = text.strip().replace("struct ", "")
    function = re.search(r"\((?:SYSP_CALL)?\*\)\(", text)
    if function:
        result = text[:function.start()]
        inside = text[function.end():header_text.closing(text, function.end() - 1)]
        arguments = [rust_type(part) for part in header_text.split(inside, ",") if part.strip() not in ("", "void")]
        back = "" if result == "void" else f" -> {rust_type(result)}"
        return f"Option<unsafe extern \"C\" fn({', '.join(arguments)}){back}>"
    array = re.fullmatch(r"(\w+)\[(\d+)\]", text)
    if array:
        return f"[{rust_type(array.group(1))}; {array.group(2)}]"
    if text.endswith("*"):
        target = text[:-1].strip()
        constant = target.endswith("const") or (target.startswith("const ") and "*" not in target)
        target = re.sub(r"^const (?=[^*]*$)|\s*const$", "", target)
        return f"*{'const' if constant else 'mut'} {rust_type(target)}"
    return SCALARS.get(text, text)


def value(text):
    return text.replace("u", "")


def page():
    lines = ["//! The C ABI of syspulse plugins. Written from plugin.h; its comments are the documentation.",
             "#![allow(non_camel_case_types, dead_code)]", "", "use std::os::raw::{c_char, c_void};", ""]
    structs = {d.name for s in header_text.read_sections() for d in s.declarations if d.what == "struct"}
    for section in header_text.read_sections():
        for made in section.declarations:
            if made.what == "macro" and made.name in ("SYSP_ABI_MAJOR", "SYSP_TARGET_MINOR"):
                lines.append(f"pub const {made.name}: u16 = {made.type};")
            elif made.name == "SYSP_MAGIC":
                lines.append(f"pub const SYSP_MAGIC: u32 = {value(made.type)};")
            elif made.what == "macro" and made.type.startswith('"'):
                lines.append(f"pub const {made.name}: &[u8] = b{made.type[:-1]}\\0\";")
            elif made.what == "typedef":
                lines.append(f"pub type {made.name} = {rust_type(made.type)};")
            elif made.what == "opaque" and made.name not in structs:
                lines += ["#[repr(C)]", f"pub struct {made.name} {{", "    _private: [u8; 0],", "}"]
            elif made.what == "enum":
                kind = "u32" if any("<<" in m.type for m in made.members) else "i32"
                lines += [f"pub const {m.name}: {kind} = {value(m.type)};" for m in made.members]
            elif made.what == "struct":
                copy = ["#[derive(Clone, Copy)]"] if not any("SYSP_CALL" in m.type for m in made.members) else []
                lines += ["#[repr(C)]", *copy, f"pub struct {made.name} {{"]
                lines += [f"    pub {'r#' if m.name in ('type', 'fn', 'impl') else ''}{m.name}: {rust_type(m.type)}," for m in made.members]
                lines += ["}"]
    return "\n".join(lines) + "\n"


def main():
    wanted = page()
    # Each template has its own, as `plugin new` copies one folder.
    files = [folder / "src/abi.rs" for folder in sorted(TEMPLATES.iterdir())]
    if "--check" in sys.argv[1:]:
        for file in files:
            if not file.is_file() or file.read_text() != wanted:
                print(f"{file} is not what plugin.h says: run sdk/abi/rust_bindings.py")
                sys.exit(1)
        return
    for file in files:
        file.write_text(wanted)


main()
