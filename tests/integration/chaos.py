"""Kills syspulse again and again under load, then counts: every line once and in order, no daemon started
twice, every exit recorded as it was. Manager and keeper are also held still; as root, the disk also fills up and
forks fail.

    chaos.py [--kills 1000] [--daemons 200] [--keeper-kills 10] [--stops 10] [--disk-fills 10] [--fork-failures 10]

Needs SYSPULSE_PROGRAM and SYSPULSE_CHAOS_WORKER. The seed is printed; --seed repeats its choices."""
import argparse
import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import exits
from harness import DEADLINE_SECS, Manager, until

WORKER = os.environ["SYSPULSE_CHAOS_WORKER"]
PIDS = "/sys/fs/cgroup/pids"


class Chaos(Manager):
    def __init__(self, options):
        super().__init__("syspulse-chaos-")
        self.options = options
        self.random = random.Random(options.seed)
        self.back_ms = []
        self.back_after_keeper_ms = []
        self.keeper_deaths = []
        self.group = None
        self.done = []
        self.requests = 0
        self.over = threading.Event()

    def cli(self, *words):
        done = self.run(*words)
        return done.stdout if done.returncode == 0 else None

    def info(self):
        return self.get("/v1/info")

    def register(self):
        daemons = {}
        steady = self.options.daemons - self.options.crashing
        pace = max(1, self.options.lines // max(1, steady))
        for i in range(steady):
            daemons[f"s{i}"] = {"command": self.worker(f"s{i}", "steady", pace), "autostart": True,
                                "log_config": {"on_full": "block"}}
        for i in range(self.options.crashing):
            daemons[f"c{i}"] = {"command": self.worker(f"c{i}", "crashing", self.random.randint(100, 1500)),
                                "autostart": True, "restart_policy": {"policy": "always", "backoff_base_secs": 0.05,
                                                                      "backoff_max_secs": 0.5}}
        for i in range(min(5, steady)):
            daemons[f"s{i}"]["health_check"] = {"type": "command", "target": "true", "interval_secs": 1,
                                                "on_unhealthy": "none"}
        spec = self.root / "spec.yaml"
        spec.write_text(json.dumps({"daemons": daemons}))
        assert self.cli("add", "-f", spec) is not None
        assert self.cli("start", "--all") is not None
        self.steady = [n for n in daemons if n.startswith("s")]
        self.crashing = [n for n in daemons if n.startswith("c")]

    def worker(self, name, kind, pace):
        return [WORKER, str(self.root / f"{name}.lock"), str(self.root / f"{name}.starts"), kind, str(pace)]

    def storm(self):
        while not self.over.is_set():
            if self.get(f"/v1/daemons/{random.choice(self.steady)}", timeout=5) is not None:
                self.requests += 1

    def kill_manager(self):
        pid = int((self.data / "syspulse.pid").read_text() or 0)
        begin = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        until(lambda: (lambda i: i and i["pid"] != pid)(self.info()), "the endpoint is back", every=0.001)
        self.back_ms.append((time.monotonic() - begin) * 1000)

    def kill_keeper(self):
        begin = time.monotonic()
        self.keeper_deaths.append(exits.Death(time.monotonic() * 1000, time.time() * 1000))
        self.kill()
        self.begin()
        until(self.info, "the endpoint is back", every=0.001)
        self.back_after_keeper_ms.append((time.monotonic() - begin) * 1000)

    def stop_and_continue(self):
        manager = int((self.data / "syspulse.pid").read_text() or 0)
        pid = self.random.choice([manager, self.process.pid])
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.random.uniform(0.01, 0.2))
        os.kill(pid, signal.SIGCONT)

    def fill_disk(self):
        """Nothing can be written for a while: output waits, and so do the records of the registry."""
        ballast = self.data / "ballast"
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while file.write(bytes(65536)):
                pass
        time.sleep(self.random.uniform(0.1, 0.5))
        ballast.unlink()
        # A manager that is killed before it has recorded what waits is the double fault of decision 2.
        until(lambda: (lambda i: i and not any("registry" in w for w in i["warnings"]))(self.info()), "all is recorded")

    def fail_forks(self):
        current = (self.group / "pids.current").read_text()
        (self.group / "pids.max").write_text(current)
        time.sleep(self.random.uniform(0.1, 0.5))
        (self.group / "pids.max").write_text("max")

    def confine(self):
        """A disk and a group of processes of its own that can be used up. Returns what can be done with them."""
        deeds = []
        self.data.mkdir(mode=0o700)
        if self.options.disk_fills and mount(self.data):
            deeds += [self.fill_disk] * self.options.disk_fills
        with contextlib.suppress(OSError):
            group = pathlib.Path(PIDS) / self.root.name
            group.mkdir()
            self.group = group
            deeds += [self.fail_forks] * self.options.fork_failures
        return deeds

    def begin(self):
        """Whatever is started there stays in the group."""
        if self.group is None:
            return self.launch()
        with open("/proc/self/cgroup") as groups:
            home = next(line.strip().split(":", 2)[2] for line in groups if ":pids:" in line)
        (self.group / "cgroup.procs").write_text(str(os.getpid()))
        self.launch()
        pathlib.Path(f"{PIDS}{home}/cgroup.procs").write_text(str(os.getpid()))

    def clean(self, keep):
        if not keep:
            subprocess.run(["umount", "-l", self.data], capture_output=True)
            shutil.rmtree(self.root, ignore_errors=True)
        if self.group:
            until(lambda: not (self.group / "cgroup.procs").read_text(), "nobody is left")
            self.group.rmdir()

    def rage(self):
        more = self.confine()
        self.begin()
        until(self.info, "the manager answers")
        self.register()
        until(lambda: all((self.root / f"{n}.starts").exists() for n in self.steady + self.crashing), "all started")
        clients = [threading.Thread(target=self.storm) for _ in range(self.options.clients)]
        for client in clients:
            client.start()
        # In which order things happen is drawn in advance.
        deeds = ([self.kill_manager] * self.options.kills + [self.kill_keeper] * self.options.keeper_kills +
                 [self.stop_and_continue] * self.options.stops + more)
        self.random.shuffle(deeds)
        for deed in deeds:
            time.sleep(self.random.uniform(0, 2 * self.options.pause))
            deed()
            self.done.append(deed.__name__)
        self.over.set()
        for client in clients:
            client.join()

    def finish(self):
        for _ in range(2):  # The second time, everything stands still.
            until(lambda: self.cli("stop", *self.crashing) is not None or self.resting(self.crashing), "crashing rest")
        until(lambda: self.resting(self.crashing), "the crashing ones rest")
        self.cli("stop", "--all")
        until(lambda: self.resting(self.steady), "the steady ones rest")
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_SECS)

    def resting(self, names):
        listed = self.get("/v1/daemons")
        return listed and all(d["state"] in ("stopped", "failed") for d in listed if d["name"] in names)

    def starts(self, name):
        return [line.split() for line in (self.root / f"{name}.starts").read_text().splitlines()]

    def count_lines(self):
        """Numbers of lines written, lost, doubled or out of order."""
        written = lost = disorder = 0
        for name in self.steady:
            file = self.data / "logs" / name / "stdout.log"
            expected = 0
            for text in file.read_text().splitlines():
                written += 1
                if not text.isdigit() or int(text) != expected:
                    number = int(text) if text.isdigit() else expected
                    lost += max(0, number - expected)
                    disorder += number < expected or not text.isdigit()
                    expected = number
                expected += 1
        return written, lost, disorder

    def check_exits(self):
        """Of the crashing ones: as they were, and as they are recorded."""
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/syspulse.db?mode=ro", uri=True)) as registry:
            rows = registry.execute("SELECT s.name, r.pid, r.began_at, r.exit_kind, r.exit_value FROM runs AS r "
                                    "JOIN specs AS s USING (uuid) WHERE r.ended_at NOT NULL ORDER BY r.run").fetchall()
        count = exits.Count()
        apart = (time.time() - time.monotonic()) * 1000
        for name in self.crashing:
            lives = exits.read_lives(self.starts(name))
            recorded = [exits.Recorded(*row[1:]) for row in rows if row[0] == name]
            exits.compare(name, lives, recorded, self.keeper_deaths, count, apart)
        return count


def mount(directory):
    return subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256m,mode=700", "syspulse-chaos", directory],
                          capture_output=True).returncode == 0


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("kills", 1000), ("daemons", 200), ("crashing", 20), ("keeper-kills", 10), ("stops", 10), ("disk-fills", 10),
                          ("fork-failures", 10),
                          ("lines", 1000), ("clients", 2), ("seed", random.randrange(2**32))):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--pause", type=float, default=1, help="mean seconds between two deeds; with less than half a "
                        "second no manager lives long, and the keeper slows the restarts down")
    parser.add_argument("--keep", action="store_true", help="leave the data directory for a look")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    chaos = Chaos(options)
    ok = False
    try:
        chaos.rage()
        code = chaos.finish()
        written, lost, disorder = chaos.count_lines()
        ends = chaos.check_exits()
        twice = sum(line[0] == "twice" for n in chaos.steady + chaos.crashing for line in chaos.starts(n))
        restarted = sum(len(chaos.starts(n)) - 1 for n in chaos.steady)
        result = {
            "kills": len(chaos.back_ms), "keeper_kills": len(chaos.back_after_keeper_ms),
            "back_ms_p50": round(percentile(chaos.back_ms, 0.5), 1),
            "back_ms_p99": round(percentile(chaos.back_ms, 0.99), 1),
            "back_ms_max": round(max(chaos.back_ms, default=0), 1),
            "back_after_keeper_ms_p50": round(percentile(chaos.back_after_keeper_ms, 0.5), 1),
            "requests": chaos.requests, "lines": written, "lines_lost": lost, "lines_disordered": disorder,
            "deeds": dict(collections.Counter(chaos.done)), "started_twice": twice, "steady_restarted": restarted,
            **{f"exits_{k}": v for k, v in dataclasses.asdict(ends).items()}, "exit_code": code,
        }
        print(json.dumps(result, indent=2))
        assert not (lost or disorder or twice or restarted or code), "something was lost"
        assert not (ends.wrong or ends.missing or ends.phantom or ends.unexplained), "exits are not as they were"
        ok = True
    finally:
        chaos.over.set()
        if chaos.process and chaos.process.poll() is None:
            chaos.process.send_signal(signal.SIGTERM)
            try:
                chaos.process.wait(30)
            except subprocess.TimeoutExpired:
                chaos.process.kill()
        keep = options.keep or not ok
        chaos.clean(keep)
        if keep:
            print(f"left in {chaos.root}")
    sys.exit(0 if ok else 1)


main()
