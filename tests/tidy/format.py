"""All C and C++ is as clang-format 14 writes it; another version writes it differently."""
import shutil
import subprocess
import sys

from common import ROOT, SKIPPED, files, finish

# Written for readers of C, written by a script, and full of placeholders.
EXEMPT = ("sdk/include/syspulse/plugin.h", "sdk/abi/", "sdk/templates/", "sdk/templates-windows/")


def main():
    tool = shutil.which("clang-format-14")
    if tool is None:
        print("clang-format-14 is not installed: skipped")
        sys.exit(SKIPPED)
    paths = [str(p) for p in files("core", "plugins", "sdk", "tests") if not str(p).startswith(EXEMPT)]
    problems = []
    for begin in range(0, len(paths), 100):
        result = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *paths[begin:begin + 100]], cwd=ROOT,
                                capture_output=True, text=True)
        problems += [line for line in result.stderr.splitlines() if "warning:" in line or "error:" in line]
    finish(problems, "clang-format")


main()
