"""The regression gate: instructions of fixed workloads, counted by callgrind, against instructions.json. The counts do
not depend on how busy the machine is; they do depend on the compiler and the C++ library, so that others than those the
counts were taken with are skipped.

instructions.py PROGRAM COMPILER [--update]    COMPILER as "GNU 12.2.0"; --update writes the counts anew"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

COUNTS = pathlib.Path(__file__).with_name("instructions.json")
SKIPPED = 77
WORKLOADS = ("engine", "spec", "request", "logs", "rows")


def count(program, workload):
    with tempfile.TemporaryDirectory() as directory:
        out = f"{directory}/out"
        ran = subprocess.run(["valgrind", "--tool=callgrind", f"--toggle-collect=measured_{workload}",
                              f"--callgrind-out-file={out}", program, workload], capture_output=True, text=True)
        if ran.returncode != 0:
            sys.exit(f"{workload} failed:\n{ran.stdout}{ran.stderr}")
        text = pathlib.Path(out).read_text()
    return int(re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE).group(1))


def update(program, compiler):
    known = json.loads(COUNTS.read_text()) if COUNTS.exists() else {}
    for workload in WORKLOADS:
        known.setdefault(workload, {"tolerance": 0.03})["instructions"] = count(program, workload)
    known["compiler"] = compiler
    COUNTS.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")


def check(program, compiler):
    known = json.loads(COUNTS.read_text())
    if known["compiler"] != compiler:
        print(f"skipped: the counts are of {known['compiler']}, this is {compiler}")
        sys.exit(SKIPPED)
    failed = False
    for workload in WORKLOADS:
        expected, tolerance = known[workload]["instructions"], known[workload]["tolerance"]
        now = count(program, workload)
        change = now / expected - 1
        wrong = abs(change) > tolerance
        failed = failed or wrong
        print(f"{workload:8} {now:12} {change:+7.2%} of {expected} (tolerance {tolerance:.0%})"
              + (" WRONG" if wrong else ""))
    if failed:
        sys.exit("More instructions: find out why. Fewer, or more for a good reason: keep the new counts with "
                 "cmake --build --preset dev --target update_instruction_counts")


def main():
    program, compiler = sys.argv[1:3]
    if shutil.which("valgrind") is None:
        print("skipped: valgrind is not installed")
        sys.exit(SKIPPED)
    (update if "--update" in sys.argv else check)(program, compiler)


main()
