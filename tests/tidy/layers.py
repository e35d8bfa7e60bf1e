"""Every #include of our own and of third parties stands in the table of ARCHITECTURE.md."""
import re
import sys

from common import files, finish, line_of, read

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)
# The first part of an include's path, or the whole header, and the package that it belongs to.
PACKAGES = {
    "boost": "boost", "nlohmann": "nlohmann", "yaml-cpp": "yaml-cpp", "spdlog": "spdlog", "fmt": "spdlog",
    "CLI": "CLI11", "date": "date", "absl": "abseil", "curl": "curl", "re2": "re2", "sqlite3.h": "sqlite3", "zlib.h": "zlib",
    "gtest": "gtest", "gmock": "gtest", "benchmark": "benchmark",
}
CORE = {"base", "model", "engine", "config", "platform", "registry", "logs", "plugin_host", "conformance", "api",
        "keeper", "manager", "cli"}
SYSTEM = re.compile(r"^(sys/|linux/|netinet/|arpa/|windows\.h|unistd\.h|fcntl\.h|poll\.h|dlfcn\.h|pwd\.h|grp\.h)")


def layers():
    """Folder -> (folders it may include, packages it may include)."""
    section = read("ARCHITECTURE.md").partition("\n## Layers\n")[2].partition("\n## ")[0]
    table = {}
    for line in section.splitlines():
        cells = [c.strip() for c in line.strip().strip("|").split("|")]
        if len(cells) == 3 and line.startswith("|") and cells[0] not in ("folder", "---"):
            words = [{w.strip() for w in c.split(",")} - {"", "\u2013"} for c in cells[1:]]
            table[cells[0]] = (words[0], words[1])
    return table


def owner(path, table):
    return next((f for f in table if str(path).startswith(f + "/")), None)


def check(path, table):
    folder = owner(path, table)
    if folder is None:
        return [f"{path}:1: the folder has no row in the table of ARCHITECTURE.md"]
    mine = folder.removeprefix("core/")
    folders, packages = table[folder]
    problems = []
    text = read(path)
    for found in INCLUDE.finditer(text):
        kind, name = found.groups()
        first = name.split("/")[0]
        place = f"{path}:{line_of(text, found.start())}"
        if first in PACKAGES:
            if PACKAGES[first] not in packages:
                problems.append(f"{place}: {folder} must not include {PACKAGES[first]} ({name})")
        elif first == "syspulse":
            if "sdk" not in folders:
                problems.append(f"{place}: {folder} must not include the SDK ({name})")
        elif kind == '"' and folder.startswith("core/") and "/" in name and first in CORE:
            if first != mine and first not in folders:
                problems.append(f"{place}: {folder} must not include {first} ({name})")
        elif kind == '"' and not folder.startswith("core/") and first in CORE and "/" in name:
            problems.append(f"{place}: {folder} must not include the core ({name})")
        elif SYSTEM.match(name) and "os" not in packages:
            problems.append(f"{place}: {folder} must not talk to the operating system ({name})")
    return problems


def main():
    table = layers()
    if not table:
        sys.exit("ARCHITECTURE.md has no table in its section Layers")
    problems = [p for path in files("core", "plugins", "sdk") for p in check(path, table)]
    finish(problems, "layers")


main()
