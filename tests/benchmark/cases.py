"""The cases. Each runs one contestant once and gives {metric: value}; main.py alternates and repeats them."""
import os
import random
import shutil
import signal
import subprocess
import time

import procs
from contestants import BareLimit, Syspulse

SETTLE_S = 3


class Session:
    """A contestant with `count` services, ended with everything it left behind."""

    def __init__(self, place, contestant, count, mode="p", logs=None):
        self.place, self.count = place, count
        self.stamps = procs.Stamps(f"{place.shared}/stamps-{contestant.name.replace(' ', '-')}", max(count, 1))
        self.who = contestant(place, f"{place.temp}/{contestant.name.replace(' ', '-')}")
        names = [(f"s{i:05d}", place.service, f"{self.stamps.path}:{i}:{mode}") for i in range(count)]
        try:
            self.who.prepare(names, logs)
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        procs.end_all([self.place.service])
        self.who.clean_up()
        self.stamps.close()

    def start(self, limit_s=120):
        os.sync()  # Nobody waits for what the one before left to be written.
        begin = time.monotonic_ns()
        self.who.start()
        if not procs.until(self.stamps.all_started if self.count else lambda: True, limit_s, 0.02):
            started = sum(1 for s in self.stamps.slots() if s[0])
            raise RuntimeError(f"only {started} of {self.count} services started in {limit_s} s")
        return begin

    def supervisors(self):
        return procs.supervisors([self.place.service])


def start(place, contestant, count):
    """From launching the supervisor until the last service's first instruction."""
    with Session(place, contestant, count) as session:
        begin = session.start()
        return {"start_ms": (max(s[0] for s in session.stamps.slots()) - begin) / 1e6}


def memory(place, contestant, count):
    """Of the manager and whatever belongs to it, once all services run and no check is under way."""
    with Session(place, contestant, count) as session:
        session.start()
        if not procs.until(lambda: session.who.is_idle(count), 120, 0.1):
            raise RuntimeError("the supervisor did not come to rest in 120 s")
        time.sleep(SETTLE_S)
        return {"pss_kib": procs.pss_kib(session.supervisors())}


def restart(place, contestant, count):
    """kill -9 of one service after the other until the first instruction of its replacement."""
    # Those that take a second for each would take all the time there is.
    slow = contestant.name in ("s6", "supervisord") or (count == 1 and contestant.settle_s > 0)
    kills = min(place.kills, 20) if slow else place.kills
    with Session(place, contestant, count) as session:
        session.start()
        time.sleep(SETTLE_S)
        order = random.Random(1).choices(range(count), k=kills)
        latencies = [one_restart(session, i) for i in order]
    return {"restart_p50_ms": procs.percentile(latencies, 50), "restart_p99_ms": procs.percentile(latencies, 99),
            "restarts": latencies}


def one_restart(session, index):
    started, pid, _ = session.stamps.slot(index)
    young = session.who.settle_s + 0.15 - (time.monotonic_ns() - started) / 1e9
    if session.who.settle_s and young > 0:
        time.sleep(young)
    killed = time.monotonic_ns()
    os.kill(pid, signal.SIGKILL)
    if not procs.until(lambda: session.stamps.slot(index)[0] > killed, 30, 0.001):
        raise RuntimeError(f"service {index} did not come back in 30 s")
    time.sleep(0.01)
    return (session.stamps.slot(index)[0] - killed) / 1e6


def idle(place, contestants, count):
    """All contestants at the same time, because idling does not disturb the others."""
    sessions = {}
    try:
        for contestant in contestants:
            before = set(procs.descendants())
            session = Session(place, contestant, min(count, contestant.most))
            session.start()
            mine = set(procs.descendants()) - before
            sessions[contestant.name] = (session, [p for p in mine if procs.program_of(p) != place.service])
        time.sleep(10)
        before = {name: procs.cpu_and_wakeups(pids) for name, (_, pids) in sessions.items()}
        time.sleep(place.idle_s)
        found = {}
        for name, (_, pids) in sessions.items():
            cpu, wakeups, ticks = (b - a for a, b in zip(before[name], procs.cpu_and_wakeups(pids)))
            scale = 60 / place.idle_s
            found[name] = {"cpu_ms_per_min": cpu * 1e3 * scale, "wakeups_per_min": wakeups * scale,
                           "ticks_per_min": ticks * scale}
        return found
    finally:
        for session, _ in sessions.values():
            session.__exit__()


def storm(place, contestant, count):
    """All services exit at once, again and again; a client asks meanwhile."""
    with Session(place, contestant, count, mode="x") as session:
        session.start()
        time.sleep(place.storm_s / 4)
        pids = session.supervisors()
        cpu, starts, begin = procs.cpu_and_wakeups(pids)[0], session.stamps.total(), time.monotonic()
        asked = ask_for(session, place.storm_s)
        lasted = time.monotonic() - begin
        found = {"restarts_per_s": (session.stamps.total() - starts) / lasted,
                 "cpu_percent": (procs.cpu_and_wakeups(pids)[0] - cpu) / lasted * 100}
        if asked:
            found["storm_status_p50_ms"] = procs.percentile(asked, 50)
            found["storm_status_p99_ms"] = procs.percentile(asked, 99)
        return found


def ask_for(session, seconds):
    """Status latencies in ms: of the raw endpoint if there is one, else of the peer's client."""
    end = time.monotonic() + seconds
    if hasattr(session.who, "endpoint"):
        endpoint = session.who.endpoint()
        ask = lambda: endpoint("s00007")  # noqa: E731
    elif session.who.status_command("s00007"):
        ask = lambda: subprocess.run(session.who.status_command("s00007"), capture_output=True)  # noqa: E731
    else:
        time.sleep(seconds)
        return []
    asked = []
    while time.monotonic() < end:
        begin = time.monotonic_ns()
        ask()
        asked.append((time.monotonic_ns() - begin) / 1e6)
        time.sleep(0.02)
    return asked


def status(place, contestant, count):
    """One of many, by the client program and, where there is one, by the raw endpoint."""
    with Session(place, contestant, count) as session:
        session.start()
        time.sleep(SETTLE_S)
        command = session.who.status_command(f"s{count // 2:05d}")
        calls = 20 if contestant.name == "supervisord" else place.calls
        ran = subprocess.run([place.helper("run_repeatedly"), str(calls), *command], capture_output=True, text=True)
        clients = [float(x) for x in ran.stdout.split()]
        found = {"cli_p50_ms": procs.percentile(clients, 50), "cli_p99_ms": procs.percentile(clients, 99)}
        if hasattr(session.who, "endpoint"):
            ask = session.who.endpoint()
            taken = []
            for _ in range(5 * place.calls):
                begin = time.monotonic_ns()
                ask(f"s{count // 2:05d}")
                taken.append((time.monotonic_ns() - begin) / 1e6)
            found["raw_p50_ms"] = procs.percentile(taken, 50)
            found["raw_p99_ms"] = procs.percentile(taken, 99)
        return found


def stop(place, contestant, count):
    """From the signal to the supervisor until no service is left."""
    with Session(place, contestant, count) as session:
        session.start()
        time.sleep(SETTLE_S)
        pids = [s[1] for s in session.stamps.slots()]
        begin = time.monotonic_ns()
        session.who.stop()
        if not procs.until(lambda: not any(procs.program_of(p) == place.service for p in pids), 60, 0.002):
            raise RuntimeError("services are left 60 s after the stop")
        return {"stop_ms": (time.monotonic_ns() - begin) / 1e6}


def logs(place, contestant, lines_per_write):
    """One service writes lines as fast as it can; every line is looked for afterwards."""
    directory = f"{place.shared}/logs"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    told = f"{place.temp}/log-source"
    if os.path.exists(told):
        os.unlink(told)
    argument = f"{told}:{lines_per_write}:{place.log_mb}:{place.log_s}"
    source = place.helper("log_source")
    who = contestant(place, f"{place.temp}/logs")
    try:
        begin_logging(place, who, directory, source, argument)
        return measure_logging(place, directory, source, told)
    finally:
        procs.end_all([source])
        who.clean_up()
        shutil.rmtree(directory, ignore_errors=True)


def begin_logging(place, who, directory, source, argument):
    if not isinstance(who, BareLimit):
        who.prepare([("source", source, argument)], logs=directory)
        who.start()
        return
    reading, writing = os.pipe()
    subprocess.Popen([place.helper("log_limit"), directory, "100"], stdin=reading)
    subprocess.Popen([source, argument], stdout=writing)
    os.close(reading)
    os.close(writing)


def log_files(directory):
    skipped = {"lock", "state", "config", "stderr.log"}
    return [f"{d}/{f}" for d, _, names in os.walk(directory) for f in names
            if f not in skipped and not f.startswith((".", "syspulse."))]


def measure_logging(place, directory, source, told):
    """Until all bytes are on file, or nothing came for 3 s."""
    cpu_before, last, changed = {}, -1, time.monotonic()
    lines = 0
    while time.monotonic() - changed < 3:
        size = sum(os.stat(f).st_size for f in log_files(directory) if os.path.exists(f))
        for pid in procs.supervisors([source]):
            cpu_before.setdefault(pid, procs.cpu_and_wakeups([pid])[0] if size > 1_000_000 else 0.0)
        if size != last:
            last, changed = size, time.monotonic()
        if os.path.exists(told):
            with open(told) as f:
                lines, began, ended, _, error = f.read().split()
            if int(error) != 0:
                raise RuntimeError(f"the writer saw error {error}")
            if size >= int(lines) * 100:
                break
        time.sleep(0.01)
    if not os.path.exists(told):
        raise RuntimeError("the writer did not tell what it wrote")
    cpu = sum(procs.cpu_and_wakeups([p])[0] - before for p, before in cpu_before.items())
    counted = subprocess.run([place.helper("log_count"), lines, *log_files(directory)], capture_output=True, text=True)
    missing, doubled, torn = map(int, counted.stdout.split())
    seconds = max(changed, float(ended)) - float(began)
    return {"mb_per_s": int(lines) / 1e4 / seconds, "cpu_s_per_gb": cpu / (int(lines) / 1e7),
            "lines_lost": missing, "lines_doubled": doubled, "lines_torn": torn}


def checks(place, contestant, count):
    """`count` daemons with a TCP check each, every 10 s; the target tells how late the checks came."""
    port, interval_s = place.free_port(), 10

    class Checked(Syspulse):
        name = contestant.name

        @staticmethod
        def check(index):
            return {"type": "tcp", "target": f"127.1.{index // 250}.{index % 250 + 1}:{port}",
                    "interval_secs": interval_s, "timeout_secs": 5}

    target = subprocess.Popen([place.helper("accept_all"), str(port), str(count), str(interval_s * 1000)],
                              stdout=subprocess.PIPE, text=True)
    with Session(place, Checked, count) as session:
        session.start()
        time.sleep(interval_s + 2)
        pids = [p for p in session.supervisors() if p != target.pid]
        cpu, begin = procs.cpu_and_wakeups(pids)[0], time.monotonic()
        time.sleep(place.checks_s)
        percent = (procs.cpu_and_wakeups(pids)[0] - cpu) / (time.monotonic() - begin) * 100
        target.send_signal(signal.SIGTERM)
        seen = place.json(target.communicate(timeout=30)[0])
    return {"cpu_percent": percent, "checks": seen["intervals"], "checks_late": seen["late"],
            "latest_ms": seen["latest_ms"]}


def ask_all(session, count, found):
    """One daemon by the raw endpoint and by the client program, and all of them by the latter."""
    ask, taken = session.who.endpoint(), []
    for i in range(200):
        at = time.monotonic_ns()
        ask(f"s{i * 31 % count:05d}")
        taken.append((time.monotonic_ns() - at) / 1e6)
    found["raw_p50_ms"] = procs.percentile(taken, 50)
    for metric, arguments in (("cli_p50_ms", ("status", f"s{count // 2:05d}")), ("list_p50_ms", ("list",))):
        ran = subprocess.run([session.place.helper("run_repeatedly"), "20", *session.who.command(*arguments)],
                             capture_output=True, text=True)
        found[metric] = procs.percentile([float(x) for x in ran.stdout.split()], 50)


def ten_thousand(place, contestant, count):
    """Start, ask, and stop of as many daemons as fit, and of fewer: no figure may grow faster than their number."""
    with Session(place, contestant, count) as session:
        begin = session.start(300)
        started = (max(s[0] for s in session.stamps.slots()) - begin) / 1e6
        time.sleep(SETTLE_S)
        found = {"start_ms": started, "pss_kib": procs.pss_kib(session.supervisors())}
        if hasattr(session.who, "endpoint"):
            ask_all(session, count, found)
        latencies = [one_restart(session, i * 37 % count) for i in range(50)]
        found["restart_p50_ms"] = procs.percentile(latencies, 50)
        begin = time.monotonic_ns()
        session.who.stop()
        pids = [s[1] for s in session.stamps.slots()]
        if not procs.until(lambda: not any(procs.program_of(p) == place.service for p in pids), 120, 0.02):
            raise RuntimeError("services are left 120 s after the stop")
        found["stop_ms"] = (time.monotonic_ns() - begin) / 1e6
        return found
