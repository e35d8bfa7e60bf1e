"""What needs a machine of its own: users with and without a delegated subtree, missing controllers, the manager as
the first process and under systemd. scripts/vm/init runs these; nothing here cares about what else the machine does."""
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

from confinement import MEMORY_HOG, groups
from harness import PROGRAM, Manager, alive, until

CGROUPS = pathlib.Path("/sys/fs/cgroup")
NOBODY = 65534
FOREVER = ["sleep", "1000"]
# Nobody but the cgroup can tell where these have gone. In a spec file two dollar signs stand for one.
RUNAWAY = ["/bin/sh", "-c", "trap '' TERM; setsid sh -c 'trap \"\" TERM; echo $$$$; while :; do sleep 1; done' & "
                            "while :; do sleep 1; done"]


def become_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def user_without_a_subtree_is_told_how_to_get_one():
    become_nobody()
    with Manager() as m:
        m.start()
        told = m.fails(2, "add", "-f", m.spec_file(a={"command": FOREVER, "driver": "cgroup"}))
        assert "Delegate=yes" in told, told


def user_with_a_delegated_subtree_confines():
    (CGROUPS / "cgroup.subtree_control").write_text("+memory +pids +cpu")
    subtree = CGROUPS / "delegated"
    subtree.mkdir()
    for file in (".", "cgroup.procs", "cgroup.subtree_control", "cgroup.threads"):
        os.chown(subtree / file, NOBODY, NOBODY)
    (subtree / "cgroup.procs").write_text(str(os.getpid()))
    become_nobody()
    with Manager() as m:
        m.start()
        m.add(hog={"command": MEMORY_HOG, "driver": "cgroup", "resource_limits": {"max_memory_bytes": "32M"},
                   "restart_policy": {"policy": "never"}},
              wild={"command": RUNAWAY, "driver": "cgroup", "resource_limits": {"max_processes": 16},
                    "stop_timeout_secs": 1})
        m.ok("start", "hog", "wild")
        assert m.wait_for("hog", state="failed")["oom_killed"]
        inner = int(until(lambda: m.log("wild"), "it runs"))
        assert groups("wild")[0].parent == subtree, groups("wild")
        m.ok("stop", "wild")
        assert not alive(inner)
        assert not groups("wild") and not groups("hog")


def missing_controllers_are_named():
    """Of version 1 only freezer and memory are mounted."""
    with Manager() as m:
        m.start()
        file = m.root / "missing.yaml"
        for controller, limit in (("pids", "max_processes: 8"), ("cpu", "max_cpu_percent: 50")):
            file.write_text(f"daemons:\n  a:\n    command: [sleep, '1000']\n    driver: cgroup\n"
                            f"    resource_limits:\n      {limit}\n")
            for command in (("validate",), ("add", "-f")):
                said = m.fails(2, *command, file)
                assert f"missing.yaml:6:7: the driver \"cgroup\" refuses \"{limit.split(':')[0]}\": " \
                       f"the cgroup controller {controller} is not available" in said, said
        m.add(memory={"command": FOREVER, "driver": "cgroup", "resource_limits": {"max_memory_bytes": "64M"}})
        m.ok("start", "memory")
        m.ok("stop", "memory")
        assert not groups("memory")


def a_clock_that_jumps_by_hours_starts_nothing_twice_and_loses_nothing():
    start_of_hour = 1_773_140_400  # 2026-03-10T11:00:00Z

    def set_clock(secs):
        time.clock_settime(time.CLOCK_REALTIME, start_of_hour + secs)

    hour = 3600
    set_clock(-hour / 2)
    with Manager() as m:
        def counted(name, then):
            return ["/bin/sh", "-c", f"echo x >> {m.root / name}; {then}"]

        def runs(name):
            return (m.root / name).read_text().count("x") if (m.root / name).exists() else 0

        def goes_on():
            """What is to run again and again still does, and checks are still made."""
            before = {name: runs(name) for name in ("crashing", "often")}
            checked = m.status("checked")["last_check"]["at"]
            until(lambda: all(runs(name) > count + 1 for name, count in before.items()), f"{before}: they run again")
            until(lambda: m.status("checked")["last_check"]["at"] != checked, "the next check")
            assert runs("checked") == 1 and runs("waiting") == 1, "nothing is started twice"
            waiting = m.status("waiting")
            assert m.status("checked")["health_status"] == "healthy" and waiting["state"] == "backoff"
            # What is waited for moves with the clock.
            at = datetime.datetime.fromisoformat(waiting["next_restart_at"].replace("Z", "+00:00")).timestamp()
            assert 28000 < at - time.time() < 33000, (waiting, time.time())

        hourly = {"command": counted("hourly", "exit 0"), "schedule": {"cron": "0 * * * *"}}
        m.start()
        m.add(checked={"command": counted("checked", "exec sleep 1000"), "restart_policy": "always",
                       "health_check": {"type": "command", "target": "true", "interval_secs": 1}},
              crashing={"command": counted("crashing", "exit 1"),
                        "restart_policy": {"policy": "always", "backoff_base_secs": 0.5, "backoff_max_secs": 1}},
              waiting={"command": counted("waiting", "exit 1"),
                       "restart_policy": {"policy": "always", "backoff_base_secs": 30000, "backoff_max_secs": 30000}},
              often={"command": counted("often", "exit 0"), "schedule": "@every 1s"},
              hourly=hourly, made_up={"command": counted("made_up", "exit 0"),
                                      "schedule": {"cron": "0 * * * *", "catch_up": "one"}})
        m.ok("start", "checked", "crashing")  # The others are armed by being registered.
        m.run("start", "waiting")
        m.wait_for("waiting", state="backoff")
        until(lambda: m.status("checked")["last_check"], "the first check")
        daemon = m.status("checked")["pid"]
        goes_on()
        set_clock(4.5 * hour)  # Over five of its times.
        until(lambda: runs("made_up") == 1, "one is made up for")
        goes_on()
        assert (runs("hourly"), runs("made_up")) == (0, 1)
        assert m.status("hourly")["next_run_at"] == "2026-03-10T16:00:00.000Z", m.status("hourly")
        set_clock(5 * hour - 2)
        until(lambda: (runs("hourly"), runs("made_up")) == (1, 2), "both run at the hour")
        set_clock(2.5 * hour)  # Back by two and a half.
        goes_on()
        assert (runs("hourly"), runs("made_up")) == (1, 2), "nothing is repeated by it"
        os.kill(m.pid(), signal.SIGKILL)
        set_clock(1.5 * hour)  # And while no manager runs.
        until(lambda: m.run("ping").returncode == 0, "the next manager")
        assert m.wait_for("checked", state="running")["pid"] == daemon
        m.wait_for("waiting", state="backoff")
        goes_on()
        m.stop()
        assert runs("checked") == 1 and runs("waiting") == 1


def call(data, *words):
    done = subprocess.run([PROGRAM, "--data-dir", data, *words], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout


def confines_under(data):
    """A run of the manager whose data directory is given: confined, measured, ended whole."""
    spec = pathlib.Path("/tmp/confined.yaml")
    spec.write_text(json.dumps({"daemons": {"wild": {
        "command": RUNAWAY, "driver": "cgroup", "stop_timeout_secs": 1,
        "resource_limits": {"max_memory_bytes": "64M", "max_processes": 16, "max_cpu_percent": 50}}}}))
    call(data, "add", "-f", str(spec))
    call(data, "start", "wild")
    log = pathlib.Path(data) / "logs/wild/stdout.log"
    inner = int(until(lambda: log.exists() and log.read_text(), "it runs"))
    group = groups("wild")[0]
    assert (group / "memory.max").read_text() == f"{64 << 20}\n" and (group / "pids.max").read_text() == "16\n"
    status = json.loads(call(data, "--format", "json", "status", "wild"))
    assert status["stats"]["tasks"] >= 2, status
    call(data, "stop", "wild")
    assert not alive(inner) and not groups("wild")
    return group


def daemon_of_the_first_process():
    """Run by a manager whose keeper, or itself, is the first process of the machine."""
    data = sys.argv[2]
    first = pathlib.Path("/proc/1/cmdline").read_bytes()
    assert first.startswith(PROGRAM.encode()), first
    assert confines_under(data).parent == CGROUPS / "syspulse"
    # Whoever loses its parent is the first process's to reap.
    orphan = int(subprocess.run(["/bin/sh", "-c", "(sleep 0.1 & echo $!)"], capture_output=True, text=True).stdout)
    until(lambda: not os.path.exists(f"/proc/{orphan}"), "the orphan is reaped")


def unit_of_systemd():
    """Run beside the unit `syspulse`, by systemd as the first process."""
    data = "/var/lib/syspulse"
    unit = CGROUPS / "system.slice/syspulse.service"
    assert systemctl("is-active", "syspulse") == "active", "Type=notify: it is active once it listens"
    assert confines_under(data).parent == unit
    assert (unit / "syspulse-manager/cgroup.procs").read_text().split(), "the manager has moved into its leaf"
    call(data, "start", "wild")
    pids = [int(pid) for pid in (groups("wild")[0] / "cgroup.procs").read_text().split()]
    began = time.monotonic()
    systemctl("stop", "syspulse")
    assert not any(alive(pid) for pid in pids), "all that it ran is gone"
    assert not unit.exists(), list(unit.iterdir())
    assert systemctl("show", "-P", "Result", "syspulse") == "success"
    assert time.monotonic() - began < 60


def systemctl(*words):
    done = subprocess.run(["/bin/systemctl", *words], capture_output=True, text=True)
    assert done.returncode == 0, done
    return done.stdout.strip()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
