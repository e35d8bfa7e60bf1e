"""The driver cgroup as its users have it, on whatever cgroup hierarchies this machine has. One scenario per CTest."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from harness import DEADLINE_SECS, PROGRAM, Manager, alive, free_port, need, need_root, until

# Others may run these scenarios on the same machine, and cgroups carry the names of daemons.
BOMB, HELD, HOG, REDIS, TICK, WILD = (f"{name}-{os.getpid()}" for name in
                                      ("bomb", "held", "hog", "redis", "tick", "wild"))
MEMORY_HOG = [sys.executable, "-c", "x = []\nwhile True: x.append(bytearray(1 << 20))"]


def usable(m):
    """Skips where no cgroup may be made, with the driver's own reason."""
    m.start()
    spec = m.root / "probe.json"
    spec.write_text(json.dumps({"daemons": {"probe": {"command": ["true"], "driver": "cgroup"}}}))
    done = m.run("add", "-f", spec)
    if done.returncode == 0:
        done = m.run("start", "probe")
    if done.returncode != 0 and "Delegate=yes" in done.stderr:
        print("skipped:", done.stderr.strip())
        sys.exit(77)
    assert done.returncode == 0, done.stderr


def groups(name):
    return [p for p in pathlib.Path("/sys/fs/cgroup").rglob(f"{name}.*") if p.is_dir()]


def out_of_memory_is_told_and_restarted():
    with Manager() as m:
        usable(m)
        m.add(**{HOG: {"command": MEMORY_HOG, "driver": "cgroup", "resource_limits": {"max_memory_bytes": "48M"},
                       "restart_policy": {"policy": "on_failure", "max_retries": 1, "backoff_base_secs": 0.05}}})
        m.ok("start", HOG)
        ended = m.wait_for(HOG, state="failed", restart_count=1)
        assert ended["oom_killed"] and ended["exit_signal"] == "SIGKILL", ended
        assert 0 < ended["memory_peak_bytes"] <= 48 << 20, ended
        assert "out of memory" in ended["last_error"], ended
        events = [json.loads(line) for line in m.ok("--format", "json", "events", "--daemon", HOG).splitlines()
                  if line.startswith("{")] or json.loads(m.ok("--format", "json", "events", "--daemon", HOG))
        assert any(e["oom_killed"] and e["memory_peak_bytes"] for e in events if e["kind"] == "exit"), events
        assert not groups(HOG), groups(HOG)


def waited_secs(name):
    """How long some of the daemon's processes have waited for a CPU; nothing where the kernel does not count that."""
    for group in groups(name):
        with contextlib.suppress(OSError):
            return int((group / "cpu.pressure").read_text().split("total=")[1].split()[0]) / 1e6
    return None


def redis_lives_under_a_memory_limit_and_is_measured():
    need("redis-server")
    port = free_port()
    with Manager() as m:
        usable(m)
        m.add(**{REDIS: {"command": ["redis-server", "--port", str(port), "--save", ""],
                         "driver": {"type": "cgroup", "with": {"no_new_privs": True, "umask": "027"}},
                         "resource_limits": {"max_memory_bytes": "128M", "max_cpu_percent": 50, "max_processes": 32},
                         "health_check": {"type": "tcp", "target": f"127.0.0.1:{port}", "interval_secs": 1,
                                          "start_period_secs": 60}}})
        m.ok("start", REDIS, "--wait")
        stats = m.status(REDIS)["stats"]
        assert stats["tasks"] >= 1 and stats["memory_peak_bytes"] > 0 and stats["cpu_user_secs"] is not None, stats
        waited = waited_secs(REDIS)
        for what, told in ((what, stats[f"{what}_pressure"]) for what in ("cpu", "memory", "io")):
            assert (told is None) == (waited is None), (what, told, waited)
            assert told is None or told["some"]["total_secs"] >= told["full"]["total_secs"] >= 0, (what, told)
        assert waited is None or stats["cpu_pressure"]["some"]["total_secs"] <= waited, (stats, waited)
        m.ok("stop", REDIS)
        assert m.status(REDIS)["exit_code"] == 0
        assert not groups(REDIS)


def pause_holds_still_across_a_restart_of_the_manager():
    with Manager() as m:
        usable(m)
        m.add(**{TICK: {"command": ["/bin/sh", "-c", "while :; do echo tick; sleep 0.05; done"], "driver": "cgroup"},
                 "plain": {"command": ["sleep", "1000"]}})
        m.ok("start", TICK, "plain")
        until(lambda: "tick" in m.log(TICK), "it ticks")
        done = m.run("pause", "plain")
        assert done.returncode != 0 and "cannot pause" in done.stderr, done
        m.ok("pause", TICK)
        before = m.log(TICK)
        assert m.status(TICK)["paused"] and m.status(TICK)["state"] == "running"
        m.fails(5, "pause", TICK)
        pid = m.status(TICK)["pid"]
        m.ok("shutdown", "--keep-running")
        m.process.wait(DEADLINE_SECS)
        m.start()
        found = m.wait_for(TICK, state="running", paused=True)
        assert found["pid"] == pid
        assert m.log(TICK).count("tick") <= before.count("tick") + 2
        m.ok("resume", TICK)
        until(lambda: m.log(TICK).count("tick") > before.count("tick") + 5, "it ticks again")
        m.ok("pause", TICK)
        began = time.monotonic()
        m.ok("stop", TICK)
        assert time.monotonic() - began < 20, "a paused daemon heeds the request to end"
        assert not groups(TICK)


def frozen_by_hand(name):
    """Asks for it again, as one of the two kinds of hierarchy wants, and says whether it is so."""
    for group in groups(name):
        if (group / "cgroup.freeze").exists():
            (group / "cgroup.freeze").write_text("1")
            return "frozen 1" in (group / "cgroup.events").read_text()
        if (group / "freezer.state").exists():
            (group / "freezer.state").write_text("FROZEN")
            return (group / "freezer.state").read_text().strip() == "FROZEN"
    return False


def resume_lets_go_what_somebody_else_has_frozen():
    with Manager() as m:
        usable(m)
        m.add(**{TICK: {"command": ["/bin/sh", "-c", "while :; do echo tick; sleep 0.05; done"], "driver": "cgroup"},
                 "plain": {"command": ["sleep", "1000"]}})
        m.ok("start", TICK, "plain")
        m.ok("resume", TICK)
        assert "is not paused" in m.fails(5, "resume", "plain")
        until(lambda: frozen_by_hand(TICK), "it is frozen")
        assert m.status(TICK)["paused"] is False
        before = m.log(TICK).count("tick")
        m.ok("resume", TICK)
        until(lambda: m.log(TICK).count("tick") > before + 5, "it ticks again")
        m.ok("stop", TICK)


def nothing_outlives_a_stop():
    runaway = "import os\nos.setsid() if os.fork() == 0 else None\nif os.fork() == 0: os.setsid()\n" \
              "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(os.getpid(), flush=True)\n" \
              "time.sleep(1000)"
    with Manager() as m:
        usable(m)
        m.add(**{WILD: {"command": [sys.executable, "-c", runaway], "driver": "cgroup", "stop_timeout_secs": 1}})
        m.ok("start", WILD)
        pids = until(lambda: (lambda p: p if len(p) == 4 else None)(m.log(WILD).split()), "four of them run")
        m.ok("stop", WILD)
        assert not any(alive(int(p)) for p in pids), "all are gone when the stop is answered"
        assert not groups(WILD)


def a_fork_bomb_is_held_and_ended():
    most = 64
    with Manager() as m:
        usable(m)
        m.add(**{BOMB: {"command": [os.environ["SYSPULSE_BUILD"] + "/bin/syspulse_load", "bomb"], "driver": "cgroup",
                        "resource_limits": {"max_processes": most}, "stop_timeout_secs": 1}})
        m.ok("start", BOMB)
        until(lambda: m.status(BOMB)["stats"]["tasks"] == most, "it has as many processes as it may")
        m.ok("stop", BOMB)
        assert not groups(BOMB), groups(BOMB)


def a_killed_manager_finds_its_runs_in_their_cgroups():
    with Manager() as m:
        usable(m)
        m.add(**{HELD: {"command": ["/bin/sh", "-c", "sleep 1000 & echo $!; wait"], "driver": "cgroup",
                        "stop_timeout_secs": 1}})
        m.ok("start", HELD)
        child = int(until(lambda: m.log(HELD), "its child runs"))
        leader = m.status(HELD)["pid"]
        manager = m.pid()
        os.kill(m.process.pid, signal.SIGSTOP)
        os.kill(manager, signal.SIGKILL)
        m.kill()
        assert alive(leader) and alive(child) and groups(HELD)
        m.start()
        assert m.wait_for(HELD, state="running")["pid"] == leader
        m.ok("stop", HELD)
        assert not alive(leader) and not alive(child)
        assert not groups(HELD), groups(HELD)


def bad_options_are_refused_with_their_place():
    with Manager() as m:
        m.start()
        file = m.root / "bad.yaml"
        file.write_text("daemons:\n  a:\n    command: [true]\n    driver:\n      type: cgroup\n      with:\n"
                        "        cpu_weight: 0\n        umask: '999'\n        colour: red\n"
                        "    resource_limits:\n      max_memory_bytes: -1\n      max_cpu_percent: -5\n      max_processes: -3\n"
                        "      max_open_files: 0\n")
        errors = m.fails(2, "add", "-f", file)
        for part in ("cpu_weight", "umask", "colour", "max_memory_bytes", "max_cpu_percent", "max_processes",
                     "max_open_files"):
            assert part in errors, errors


def what_only_the_driver_can_tell_is_refused_with_its_place():
    with Manager() as m:
        m.start()
        file = m.root / "bad.yaml"
        file.write_text("daemons:\n  a:\n    command: ['true']\n    driver:\n      type: cgroup\n      with:\n"
                        "        umask: '027'\n        capabilities: [CAP_CHOWN, FLY]\n")
        for command in (("validate",), ("add", "-f")):
            said = m.fails(2, *command, file)
            assert 'bad.yaml:8:9: the driver "cgroup" refuses "capabilities": "FLY" is no capability' in said, said
        m.fails(4, "status", "a")


def a_place_for_cgroups_that_there_is_not_is_told_before_the_start():
    with Manager() as m:
        usable(m)
        file = m.root / "bad.yaml"
        file.write_text("daemons:\n  a:\n    command: ['true']\n    driver: {type: cgroup, with: {parent: no/such/place}}\n")
        for command in (("validate",), ("add", "-f")):
            said = m.fails(2, *command, file)
            assert "bad.yaml:4:" in said and "cannot create cgroups in " in said and "no/such/place" in said, said
        m.fails(4, "status", "a")


def who_gets_no_cgroup_is_warned_before_the_start():
    need_root()
    with Manager() as m:
        usable(m)
        file = pathlib.Path(f"/tmp/who-{os.getpid()}.yaml")
        file.write_text("daemons:\n  a:\n    command: ['true']\n    driver: cgroup\n")
        try:
            m.ok("validate", file)
            file.chmod(0o644)
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "--data-dir",
                                   "/nonexistent", "validate", file], capture_output=True, text=True)
        finally:
            file.unlink()
        # The manager may have what who validates has not.
        assert done.returncode == 0 and "warning" in done.stderr and "Delegate=yes" in done.stderr, done


if __name__ == "__main__":
    globals()[sys.argv[1]]()
