#!/usr/bin/env python3
"""What abidiff says of the plugin ABI: plugin.h, compiled with debug information, against the description that each minor
was released with. gate.py is the gate and knows the rules; this finds what a text of the layout could miss.

    report.py check [--header FILE] [--golden DIR]   exit 1 and the report for any difference; 77 without abidiff
    report.py update                                 describe the release candidate anew

A difference in a release candidate is wanted or a mistake: `update` says that it is wanted."""
import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import gate  # noqa: E402
import header_text  # noqa: E402

NO_ABIDIFF = 77
DESCRIBE = ["abidw", "--no-corpus-path", "--no-comp-dir-path", "--no-show-locs"]


def reference_source(header, structs):
    """A module that uses every struct, so that its debug information has them all."""
    pointers = [f"const {name}* reference_{name};" for name in structs]
    return "\n".join([f'#include "{header}"', *pointers,
                      "const sysp_module* SYSP_CALL syspulse_plugin_v1(void) { return reference_sysp_module; }", ""])


def build(header, minor, folder):
    structs = gate.layout(header, minor)["structs"]
    module = folder / f"reference-{minor}.so"
    command = ["cc", "-std=c11", "-g", "-shared", "-fPIC", f"-DSYSP_TARGET_MINOR={minor}", "-xc", "-", "-o", module]
    built = subprocess.run(command, input=reference_source(header, structs), capture_output=True, text=True)
    if built.returncode != 0:
        raise header_text.HeaderError(built.stderr.strip())
    return module


def run(command, header, golden):
    """The lines to print; none when nothing differs."""
    lines = []
    with tempfile.TemporaryDirectory(prefix="syspulse-abi-") as name:
        for known in gate.goldens(golden):
            place = golden / f"1.{known['minor']}/reference.abi"
            try:
                module = build(header, known["minor"], Path(name))
            except header_text.HeaderError as error:
                return [f"cannot build a module of {header}: {error}"]
            if command == "update" and known["status"] == "rc":
                place.write_text(subprocess.run([*DESCRIBE, module], capture_output=True, text=True, check=True).stdout)
                continue
            compared = subprocess.run(["abidiff", "--no-default-suppression", place, module], capture_output=True, text=True)
            if compared.returncode != 0:
                lines.append(f"against {known['abi']}, abidiff ends with {compared.returncode}:\n{compared.stdout}{compared.stderr}")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["check", "update"])
    parser.add_argument("--header", type=Path, default=header_text.HEADER)
    parser.add_argument("--golden", type=Path, default=gate.HERE)
    given = parser.parse_args()
    if shutil.which("abidiff") is None:
        print("skipped: there is no abidiff; apt-get install abigail-tools")
        sys.exit(NO_ABIDIFF)
    lines = run(given.command, given.header.resolve(), given.golden)
    print("\n".join(lines) if lines else "nothing differs")
    sys.exit(1 if lines else 0)


if __name__ == "__main__":
    main()
