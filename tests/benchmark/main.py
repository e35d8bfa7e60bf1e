"""Runs the cases: every round goes once through all contestants, so that a change of the machine's mood hits all
alike, and ratios are taken within a round. See scripts/bench, which prepares what this needs."""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import cases
import procs
import report
from contestants import (BareLimit, Daemontools, Monit, Runit, S6, Supervisord, Syspulse, SyspulseFromFile,
                         SyspulseWithCheck, SyspulseWithoutCapture)

HERE = pathlib.Path(__file__).resolve().parent
# Per case: the function, the counts, the contestants; what --quick leaves of both; the most rounds worth their time.
CASES = {
    "start": (cases.start, (100, 1000, 5000), (BareLimit, Syspulse, SyspulseFromFile, S6, Daemontools, Runit, Supervisord,
                                               Monit), (1000,), (BareLimit, Syspulse, SyspulseFromFile, S6), 5),
    "restart": (cases.restart, (1, 1000), (BareLimit, Syspulse, Daemontools, Runit, S6, Supervisord), (1000,),
                (BareLimit, Syspulse, Runit), 3),
    "storm": (cases.storm, (200,), (BareLimit, Syspulse, S6, Supervisord), (200,), (BareLimit, Syspulse), 3),
    "status": (cases.status, (1000,), (Syspulse, S6, Runit, Supervisord), (1000,), (Syspulse, Runit), 3),
    "stop": (cases.stop, (1000,), (BareLimit, Syspulse, S6, Supervisord), (1000,), (BareLimit, Syspulse), 3),
    "logs": (cases.logs, (40, 1), (BareLimit, Syspulse, Supervisord, S6, Daemontools, Runit), (40,),
             (BareLimit, Syspulse), 3),
    "memory": (cases.memory, (0, 1000, 10000), (SyspulseWithoutCapture, Syspulse, SyspulseWithCheck, BareLimit, Supervisord,
                                                S6),
               (0, 10000), (SyspulseWithoutCapture, Syspulse, SyspulseWithCheck), 1),
    "checks": (cases.checks, (10000,), (Syspulse,), (1000,), (Syspulse,), 1),
    "ten_thousand": (cases.ten_thousand, (100, 1000, 5000, 10000), (BareLimit, Syspulse), (2000,), (Syspulse,), 1),
    "idle": (None, (1000,), (BareLimit, Syspulse, SyspulseWithCheck, S6, Runit, Supervisord), (1000,), (BareLimit, Syspulse), 1),
}
# Where a contestant would only burn the clock.
SKIPPED = {("memory", 10000, "s6"), ("memory", 10000, "supervisord"), ("memory", 0, "limit"), ("start", 5000, "supervisord"),
           ("start", 5000, "syspulse, from a spec file"), ("start", 1000, "runit"), ("restart", 1000, "supervisord")}


class Place:
    """The programs and directories of this run, and how long its cases take."""

    def __init__(self, options):
        self.program = str(pathlib.Path(options.build).resolve() / "bin/syspulse")
        self.helpers = options.helpers
        self.service = self.helper("stamped_service")
        self.temp = tempfile.mkdtemp(prefix="syspulse-bench-")
        self.shared = tempfile.mkdtemp(prefix="syspulse-bench-", dir="/dev/shm")
        os.chmod(self.temp, 0o755)
        quick = options.quick
        self.kills, self.calls = (60, 50) if quick else (200, 200)
        self.idle_s, self.storm_s, self.checks_s = (20, 4, 20) if quick else (60, 6, 40)
        self.log_mb, self.log_s = (400, 4) if quick else (1000, 6)

    def helper(self, name):
        return f"{self.helpers}/{name}"

    @staticmethod
    def free_port():
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            return s.getsockname()[1]

    json = staticmethod(json.loads)

    def remove(self):
        procs.end_all([self.service])
        shutil.rmtree(self.temp, ignore_errors=True)
        shutil.rmtree(self.shared, ignore_errors=True)


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), "?")
    with open("/proc/meminfo") as f:
        memory = int(f.readline().split()[1]) // 1024 // 1024
    with open("/etc/os-release") as f:
        system = next(line.split("=")[1].strip().strip('"') for line in f if line.startswith("PRETTY_NAME"))
    hard = procs.resource.getrlimit(procs.resource.RLIMIT_NOFILE)[1]
    return {"cpu": model, "cores": os.cpu_count(), "memory_gib": memory, "kernel": platform.release(),
            "system": system, "descriptors": hard}


def run_one(place, case, count, contestant):
    busy, all_ticks = procs.machine_busy()
    found = CASES[case][0](place, contestant, count)
    busy_now, all_now = procs.machine_busy()
    found["machine_busy_percent"] = 100 * (busy_now - busy) / max(1, all_now - all_ticks)
    return found


def run_case(place, options, case, results):
    _, counts, contestants, quick_counts, quick_contestants, most_rounds = CASES[case]
    if options.quick:
        counts, contestants = quick_counts, quick_contestants
    if options.counts:
        counts = options.counts
    for round_number in range(min(options.rounds, most_rounds)):
        for count in counts:
            if case == "idle":
                for who, found in cases.idle(place, contestants, count).items():
                    results.add(case, count, who, found)
                continue
            for contestant in contestants:
                if count > contestant.most or (case, count, contestant.name) in SKIPPED:
                    continue
                try:
                    found = run_one(place, case, count, contestant)
                except (RuntimeError, OSError, ValueError) as error:
                    print(f"{case} {count} {contestant.name}: {error}", file=sys.stderr, flush=True)
                    results.fail(case, count, contestant.name, str(error))
                    continue
                results.add(case, count, contestant.name, found)
                print(report.progress(case, count, contestant.name, round_number, found), flush=True)


def simulate(place, options, results):
    """Events a second of the decision engine, from the programme of the regression gate."""
    # The workloads are optimised in every build, and built only with the tests.
    found = [p for p in (pathlib.Path(b) / "bin/workloads" for b in (options.build, "build/dev")) if p.exists()]
    if not found:
        print("engine: skipped, build the target workloads of the dev preset first")
        return
    program = found[0]
    rates = []
    for _ in range(min(options.rounds, 3)):
        rates.append(float(subprocess.run([program, "rate"], capture_output=True, text=True, check=True).stdout))
    for rate in rates:
        results.add("engine", 1000, "syspulse", {"events_per_s": rate})
        print(report.progress("engine", 1000, "syspulse", 0, {"events_per_s": rate}), flush=True)


def beside(options, results, case, command):
    """Rounds of a program that measures two ways of the same beside each other and says so in JSON."""
    for number in range(min(options.rounds, 3)):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            print(f"{case}:", done.stderr.strip(), file=sys.stderr, flush=True)
            results.fail(case, 1, "syspulse", done.stderr.strip())
            return
        found = json.loads(done.stdout)
        results.add(case, 1, "syspulse", found)
        print(report.progress(case, 1, "syspulse", number, found), flush=True)


def drivers(place, options, results):
    """The driver cgroup beside posix, through the plugin ABI; see helpers/driver_cost.cpp."""
    plugins = pathlib.Path(options.build).resolve() / "lib/syspulse/plugins"
    beside(options, results, "drivers", [place.helper("driver_cost"), plugins / "posix.so", plugins / "cgroup.so", "/bin/true",
                                         "200" if options.quick else "1000"])


def isolation(place, options, results):
    """What a process of its own costs a plugin, beside the same one inside; see isolation_benchmark.cpp."""
    build = pathlib.Path(options.build).resolve()
    beside(options, results, "isolation", [build / "tests/isolation_benchmark", build / "bin/syspulse",
                                           build / "tests/plugins", "--json"])


# What is neither a number of daemons nor beside peers.
OTHERS = {"engine": simulate, "drivers": drivers, "isolation": isolation}


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures syspulse beside the bare limit and its peers.")
    parser.add_argument("--only", action="append", choices=[*CASES, *OTHERS], metavar="CASE",
                        help="one of " + ", ".join([*CASES, *OTHERS]) + "; may be given again")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="fewer contestants and shorter cases, for a look")
    parser.add_argument("--counts", type=lambda t: [int(x) for x in t.split(",")], help="other numbers of services: 10,100")
    parser.add_argument("--json", type=pathlib.Path, help="write the results there")
    parser.add_argument("--record", action="store_true",
                        help="keep the results in tests/benchmark/results, with --only beside the others of the day, and "
                        "write README's table")
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    parser.add_argument("--helpers", required=True, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = arguments()
    procs.become_root_of_all()
    place = Place(options)
    wanted = options.only or [*CASES, *OTHERS]
    everybody = {c for case in CASES.values() for c in case[2]}
    versions = {c.name: c.version(place) for c in sorted(everybody, key=lambda c: c.name) if "," not in c.name}
    results = report.Results(machine(), versions, datetime.date.today().isoformat(), options.rounds)
    begin = time.monotonic()
    try:
        for case in wanted:
            if case in OTHERS:
                OTHERS[case](place, options, results)
            else:
                run_case(place, options, case, results)
    finally:
        place.remove()
        results.seconds = round(time.monotonic() - begin)
        print(report.text(results))
        if options.json:
            results.save(options.json)
    if options.record:
        kept = HERE / "results" / f"{results.date}.json"
        (results.with_others_of(kept) if options.only else results).save(kept)
        report.write_readme()


main()
