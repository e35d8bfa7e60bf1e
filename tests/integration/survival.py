"""What happens when syspulse itself dies: the manager, the keeper, both. One scenario per CTest."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

import harness
from harness import DEADLINE_SECS, PROGRAM, Manager, alive, until

TICK = ["/bin/sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"]
FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


def info(m):
    return json.loads(m.ok("--format", "json", "info"))


def state_of(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def numbers(m, name):
    return [int(n) for n in m.log(name).split("\n")[:-1]]


def kill_manager(m):
    """Ends the manager under its keeper; returns what the next one says about itself."""
    before = info(m)
    os.kill(before["pid"], signal.SIGKILL)
    after = until(lambda: (lambda i: i if i and i["pid"] != before["pid"] else None)(info_or_none(m)), "the next manager")
    assert after["keeper_pid"] == before["keeper_pid"]
    return after


def info_or_none(m):
    done = m.run("--format", "json", "info")
    return json.loads(done.stdout) if done.returncode == 0 else None


def while_no_manager(m, act):
    """Holds the keeper still, kills the manager and lets `act` happen before the next one exists."""
    manager = info(m)["pid"]
    os.kill(m.process.pid, signal.SIGSTOP)
    os.kill(manager, signal.SIGKILL)
    until(lambda: not alive(manager), "the manager is gone")
    try:
        act()
    finally:
        os.kill(m.process.pid, signal.SIGCONT)
    until(lambda: (lambda i: i and i["pid"] != manager)(info_or_none(m)), "the next manager")


def what_was_stopped_stays_so_when_daemons_were_kept_running():
    with Manager() as m:
        m.start()
        m.add(kept={"command": FOREVER, "autostart": True}, off={"command": FOREVER, "autostart": True})
        m.ok("start", "kept", "off")
        m.ok("stop", "off")
        pid = m.status("kept")["pid"]
        m.ok("shutdown", "--keep-running")
        m.process.wait(DEADLINE_SECS)
        m.start()
        assert m.wait_for("kept", state="running")["pid"] == pid
        assert m.status("off")["state"] == "stopped"
        m.ok("shutdown")
        m.process.wait(DEADLINE_SECS)
        m.start()
        m.wait_for("off", state="running")


def a_killed_manager_is_replaced_and_nothing_is_missing():
    with Manager() as m:
        m.start()
        m.add(tick={"command": TICK})
        m.ok("start", "tick")
        first = m.status("tick")
        assert info(m)["keeper_pid"] == m.process.pid
        for kill in range(5):
            until(lambda: len(numbers(m, "tick")) > 10 * (kill + 1), "output arrives")
            assert kill_manager(m)["restarts"] == kill + 1
            now = m.wait_for("tick", state="running")
            assert (now["pid"], now["started_at"], now["restart_count"]) == (first["pid"], first["started_at"], 0)
        m.ok("stop", "tick")
        assert numbers(m, "tick") == list(range(len(numbers(m, "tick"))))
        m.stop()


def an_exit_that_no_manager_saw_is_known():
    with Manager() as m:
        m.start()
        go = m.root / "go"
        script = f"echo here; while [ ! -e {go} ]; do sleep 0.01; done; "
        m.add(seven={"command": ["/bin/sh", "-c", script + "exit 7"]},
              well={"command": ["/bin/sh", "-c", script + "exit 0"]},
              killed={"command": FOREVER},
              again={"command": ["/bin/sh", "-c", f"[ -e {go} ] && exec sleep 600; " + script + "exit 9"],
                     "restart_policy": {"policy": "on_failure", "backoff_base_secs": 0.05}})
        for name in ("seven", "well", "killed", "again"):
            m.ok("start", name)
        pids = {name: m.status(name)["pid"] for name in ("seven", "well", "killed", "again")}
        until(lambda: all(m.log(name) for name in ("seven", "well", "again")), "each shell has begun its script")

        def end_all():
            go.touch()
            os.kill(pids["killed"], signal.SIGTERM)
            until(lambda: all(state_of(pid) == "Z" for pid in pids.values()), "all have ended")
        while_no_manager(m, end_all)
        assert m.wait_for("seven", state="failed")["exit_code"] == 7
        assert m.wait_for("well", state="stopped")["exit_code"] == 0
        assert m.wait_for("killed", state="failed")["exit_signal"] == "SIGTERM"
        m.wait_for("again", state="running", restart_count=1)
        exits = [e for e in json.loads(m.ok("--format", "json", "events")) if e["kind"] == "exit"]
        assert sorted(e["exit_code"] for e in exits if e["exit_code"] is not None) == [0, 7, 9], exits


def an_adopted_daemon_ends_with_its_exact_status():
    with Manager() as m:
        m.start()
        go = m.root / "go"
        m.add(seven={"command": ["/bin/sh", "-c", f"while [ ! -e {go} ]; do sleep 0.01; done; exit 7"]})
        m.ok("start", "seven")
        kill_manager(m)
        m.wait_for("seven", state="running")
        go.touch()
        assert m.wait_for("seven", state="failed")["exit_code"] == 7


def an_end_that_the_keeper_is_yet_to_see_is_waited_for():
    with Manager() as m:
        m.start()
        go = m.root / "go"
        m.add(seven={"command": ["/bin/sh", "-c", f"while [ ! -e {go} ]; do sleep 0.01; done; exit 7"]})
        m.ok("start", "seven")
        kill_manager(m)
        pid = m.wait_for("seven", state="running")["pid"]
        m.process.send_signal(signal.SIGSTOP)
        try:
            go.touch()
            until(lambda: state_of(pid) == "Z", "it has ended, and nobody has collected it")
            until(lambda: "keeper does not say how" in (m.root / "manager.log").read_text(), "that is worth a word")
            assert m.status("seven")["state"] == "running"
        finally:
            m.process.send_signal(signal.SIGCONT)
        assert m.wait_for("seven", state="failed")["exit_code"] == 7


def a_killed_keeper_takes_the_manager_along_but_no_daemon():
    with Manager() as m:
        m.start()
        m.add(tick={"command": TICK})
        m.ok("start", "tick")
        manager, tick = info(m)["pid"], m.status("tick")
        m.kill()
        m.start()  # At once: it waits for the lock of the one that is ending.
        assert not alive(manager)
        now = m.wait_for("tick", state="running")
        assert (now["pid"], now["started_at"]) == (tick["pid"], tick["started_at"])
        m.ok("stop", "tick")
        assert numbers(m, "tick") == list(range(len(numbers(m, "tick"))))


def the_directory_is_held_while_no_manager_runs():
    with Manager() as m:
        m.start()

        def refused():
            second = m.run("daemon")
            assert second.returncode == 5 and "another manager (pid " in second.stderr, second
        while_no_manager(m, refused)
        pid = info(m)["pid"]
        second = m.run("daemon")
        assert second.returncode == 5 and f"(pid {pid})" in second.stderr, second


def who_connects_while_no_manager_runs_is_served_by_the_next():
    with Manager() as m:
        m.start()
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(DEADLINE_SECS)

        def connect():
            client.connect(str(m.data / "syspulse.sock"))
            client.sendall(b"GET /v1/ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n")
        while_no_manager(m, connect)
        assert client.recv(100).startswith(b"HTTP/1.1 200"), "the request waited"
        client.close()


def stop_signals_reach_the_daemons_from_both_processes():
    for target in ("keeper_pid", "pid"):
        with Manager() as m:
            m.start()
            m.add(a={"command": FOREVER})
            m.ok("start", "a")
            daemon = m.status("a")["pid"]
            os.kill(info(m)[target], signal.SIGTERM)
            assert m.process.wait(DEADLINE_SECS) == 0
            assert not alive(daemon) and not (m.data / "syspulse.sock").exists()


def a_manager_that_dies_while_it_stops_all_is_replaced_by_one_that_goes_on():
    with Manager() as m:
        m.start()
        m.add(slow={"command": ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"],
                    "stop_timeout_secs": 2},
              other={"command": FOREVER})
        m.ok("start", "slow", "other")
        until(lambda: m.log("slow"), "slow ignores SIGTERM")
        pids = [m.status(name)["pid"] for name in ("slow", "other")]
        m.process.send_signal(signal.SIGTERM)
        m.wait_for("slow", state="stopping")
        os.kill(info(m)["pid"], signal.SIGKILL)
        assert m.process.wait(DEADLINE_SECS) == 0
        assert not any(alive(pid) for pid in pids)


def a_manager_that_cannot_start_gives_its_exit_code():
    with Manager() as m:
        bad = m.root / "bad.yaml"
        bad.write_text("daemons: {web: {comand: [x]}}")
        done = m.run("daemon", "--config", bad)
        assert done.returncode == 2 and "comand" in done.stderr, done
        assert not (m.data / "syspulse.sock").exists()
        (m.data / "syspulse.db").write_text("not a registry")
        done = m.run("daemon")
        assert done.returncode == 1 and "registry" in done.stderr, done


def without_a_keeper_the_manager_is_the_process():
    with Manager() as m:
        m.start("--no-keeper")
        about = info(m)
        assert (about["pid"], about["keeper_pid"]) == (m.process.pid, None)
        m.stop()


def the_keeper_stays_small():
    with Manager() as m:
        m.start()

        def kibibytes(field):
            with open(f"/proc/{m.process.pid}/smaps_rollup") as f:
                return sum(int(line.split()[1]) for line in f if line.startswith(field))
        assert os.readlink(f"/proc/{m.process.pid}/exe").endswith("/libexec/syspulse-keeper")
        if "asan" in PROGRAM or "tsan" in PROGRAM:
            return
        kill_manager(m)  # Then it has used all that it ever uses.
        pss = kibibytes("Pss:")
        print(f"keeper: {kibibytes('Private_')} KiB of its own, {pss} KiB PSS")
        assert pss <= 1024, pss


def a_program_that_stands_alone_is_its_own_keeper():
    with Manager() as m:
        alone = m.root / "syspulse"
        shutil.copy(PROGRAM, alone)
        plugins = pathlib.Path(PROGRAM).parent.parent / "lib/syspulse/plugins"
        harness.PROGRAM = alone
        m.start("--plugin-dir", plugins)
        assert os.readlink(f"/proc/{info(m)['keeper_pid']}/exe") == str(alone)
        kill_manager(m)
        m.stop()


def an_upgrade_keeps_everything_and_a_bad_one_changes_nothing():
    with Manager() as m:
        m.start()
        m.add(tick={"command": TICK})
        m.ok("start", "tick")
        before, tick = info(m), m.status("tick")
        other = m.root / "bin" / "syspulse"
        other.parent.mkdir()
        shutil.copy(PROGRAM, other)
        for part in ("lib", "libexec"):
            shutil.copytree(pathlib.Path(PROGRAM).parent.parent / part, m.root / part)
        m.ok("upgrade", other)
        after = info(m)
        assert after["pid"] != before["pid"] and after["keeper_pid"] == before["keeper_pid"]
        for pid, program in ((after["pid"], other), (after["keeper_pid"], m.root / "libexec" / "syspulse-keeper")):
            until(lambda: os.readlink(f"/proc/{pid}/exe") == str(program), "both processes run the new program")
        assert m.wait_for("tick", state="running")["pid"] == tick["pid"]
        assert "could not serve" in m.fails(1, "upgrade", shutil.copy(shutil.which("false"), other.parent))
        m.fails(1, "upgrade", m.root / "nothing")
        # One that would find no plugins is not tried at all.
        served = info(m)
        alone = m.root / "alone" / "bin" / "syspulse"
        alone.parent.mkdir(parents=True)
        shutil.copy(PROGRAM, alone)
        told = m.fails(2, "upgrade", alone)
        assert 'the plugin posix.so, which "tick" is run with, in ' + str(m.root / "alone/lib/syspulse/plugins") in told, told
        kept = ("pid", "restarts", "failed_upgrades")
        assert [info(m)[key] for key in kept] == [served[key] for key in kept] and served["failed_upgrades"] == 1
        kill_manager(m)
        assert os.readlink(f"/proc/{info(m)['pid']}/exe") == str(other)
        assert m.wait_for("tick", state="running")["pid"] == tick["pid"]
        m.ok("stop", "tick")
        assert numbers(m, "tick") == list(range(len(numbers(m, "tick"))))
        m.stop()


def with_plugins(root):
    """A directory for programs that have all plugins beside them."""
    shutil.copytree(pathlib.Path(PROGRAM).parent.parent / "lib", root / "lib")
    (root / "bin").mkdir()
    return root / "bin"


def an_upgrade_to_a_program_that_does_nothing_is_given_up():
    with Manager() as m:
        # Managers are started with the words of the first one, so a shell takes "daemon" for its script.
        os.chdir(m.root)
        (m.root / "daemon").write_text("echo hanging; while :; do sleep 60; done\n")
        m.start()
        m.add(tick={"command": TICK})
        m.ok("start", "tick")
        before, tick = info(m), m.status("tick")
        assert before["upgrade_failure"] is None
        programs = with_plugins(m.root / "installed")
        told = m.fails(6, "upgrade", "--timeout", "2", shutil.copy(shutil.which("sh"), programs))
        assert "did not serve within 2 s and was ended; the old one goes on" in told, told
        after, log = info(m), (m.root / "manager.log").read_text()
        assert "hanging" in log and "did not serve within 2000 ms and was ended" in log, log
        assert (after["failed_upgrades"], after["upgrade_failure"]) == (1, "timeout"), after
        assert after["keeper_pid"] == before["keeper_pid"] and after["pid"] != before["pid"]
        for pid in (after["pid"], before["keeper_pid"]):
            assert os.path.basename(os.readlink(f"/proc/{pid}/exe")).startswith("syspulse"), pid
        assert m.wait_for("tick", state="running")["pid"] == tick["pid"]
        # What follows is as if nothing had been: one that ends at once is told as such, and the manager is replaced.
        assert "could not serve" in m.fails(1, "upgrade", shutil.copy(shutil.which("false"), programs))
        assert info(m)["upgrade_failure"] == "ended"
        kill_manager(m)
        m.ok("upgrade")
        assert m.wait_for("tick", state="running")["pid"] == tick["pid"]
        m.ok("stop", "tick")
        assert numbers(m, "tick") == list(range(len(numbers(m, "tick"))))
        m.stop()


def followers_go_on_with_the_next_manager():
    def follow(*words):
        return subprocess.Popen([PROGRAM, "--data-dir", m.data, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                text=True)

    def read_until(follower, last, number):
        seen = [number(follower.stdout.readline())]
        while seen[-1] < last:
            seen.append(number(follower.stdout.readline()))
        return seen

    with Manager() as m:
        m.start()
        m.add(tick={"command": TICK, "log_config": {"max_size_bytes": 256, "retain_count": 1000, "compress_rotated": True}},
              silent={"command": ["/bin/sh", "-c", "echo ready; while :; do sleep 60; done"]})
        m.ok("start", "silent", "tick")
        silent, plain = follow("logs", "-f", "silent"), follow("logs", "-f", "tick")
        merged = follow("logs", "-f", "--all-streams", "--format", "json", "tick")
        events = follow("--format", "json", "events", "-f", "--daemon", "tick")
        assert silent.stdout.readline() == "ready\n"
        first = [int(plain.stdout.readline()), json.loads(merged.stdout.readline())["line"],
                 json.loads(events.stdout.readline())["id"]]
        kill_manager(m)
        m.ok("upgrade")
        kill_manager(m)
        until(lambda: list((m.data / "logs" / "tick").glob("*.gz")), "an archive is packed")
        m.ok("stop", "tick")
        lines = [int(n) for n in m.ok("logs", "-n", "1000000", "tick").split()]
        assert lines == list(range(len(lines))), lines
        assert read_until(plain, lines[-1], int) == lines[first[0] + 1:]
        assert read_until(merged, lines[-1], lambda line: int(json.loads(line)["line"])) == lines[int(first[1]) + 1:]
        ids = [event["id"] for event in json.loads(m.ok("--format", "json", "events", "--daemon", "tick"))]
        assert read_until(events, ids[-1], lambda line: json.loads(line)["id"]) == ids[1:] and first[2] == ids[0]
        m.stop()
        for follower in (silent, plain, merged, events):
            told = follower.communicate(timeout=DEADLINE_SECS)[1]
            assert follower.returncode == 3 and "no other one has come within 10 s" in told, told


def a_config_file_that_is_being_edited_stops_no_manager_that_takes_over():
    with Manager() as m:
        config = m.root / "config.yaml"
        config.write_text('daemons:\n  a: {command: [sleep, "600"], autostart: true}\n')
        m.start("--config", config)
        pid = m.wait_for("a", state="running")["pid"]
        copy = pathlib.Path(info(m)["data_dir"]) / "syspulse.config.yaml"
        assert copy.read_text() == config.read_text() and copy.stat().st_mode & 0o777 == 0o600
        config.write_text('daemons:\n  a: {comand: [sleep, "600"]}\n')
        kill_manager(m)
        assert m.wait_for("a", state="running")["pid"] == pid
        config.unlink()
        m.ok("upgrade")
        assert m.wait_for("a", state="running")["pid"] == pid and info(m)["failed_upgrades"] == 0
        m.stop()


# Each step of a manager's turn, and how many of them the life below passes at least.
PLACES = {"before-record": 6, "after-record": 6, "after-act": 12, "before-spawn": 2, "after-spawn": 2,
          "before-reply": 6, "after-reply": 6}


def a_manager_that_dies_between_any_two_steps_leaves_no_doubt():
    """A daemon is started, fails, is started again by policy and is stopped; the manager dies on the way, at one step
    after the other. Afterwards there is one process or none, as asked, and every exit is in the history."""
    with Manager() as m:
        plan = m.root / "plan"
        m.start(env={**os.environ, "SYSPULSE_CRASH_PLAN": str(plan)})
        lives = {f"{place}-{count}": f"{place} {count}" for place, most in PLACES.items() for count in range(1, most + 1)}
        m.add(**{name: _twice(m.root / name) for name in lives})
        for name, crash in lives.items():
            restarts = m.get("/v1/info")["restarts"]
            (m.root / "plan.new").write_text(crash)
            (m.root / "plan.new").rename(plan)  # Never seen half-written.
            _one_life(m, name)
            until(lambda: not plan.exists() and m.get("/v1/info")["restarts"] == restarts + 1, f"{name}: it has died")
        m.stop()


def _twice(file):
    """Exits with 6 the first time and stays the second; notes its process, and whether it is there twice."""
    script = (f"exec 9>>{file}.lock; flock -n 9 || echo twice >> {file}; echo $$$$ >> {file}; "
              f"[ $(wc -l < {file}) -gt 1 ] || exit 6; exec sleep 600")
    return {"command": ["/bin/bash", "-c", script],
            "restart_policy": {"policy": "on_failure", "backoff_base_secs": 0.01}}


def _one_life(m, name):
    daemon = f"/v1/daemons/{name}"

    def is_as_asked(**fields):
        now = m.get(daemon)
        return now if now and all(now[k] == v for k, v in fields.items()) else None

    # A request whose answer the crash took along is made again, unless it was heard.
    until(lambda: m.request("POST", daemon + "/start") is not None or not is_as_asked(state="stopped"), f"{name}: asked")
    running = until(lambda: is_as_asked(state="running", restart_count=1), f"{name}: the second run")
    runs = until(lambda: (lambda r: r if len(r) > 1 else None)((m.root / name).read_text().split()), f"{name}: it runs")
    assert len(runs) == 2 and runs[1] == str(running["pid"]), (name, runs, running)
    until(lambda: m.request("POST", daemon + "/stop") is not None or is_as_asked(state="stopped"), f"{name}: asked")
    until(lambda: is_as_asked(state="stopped"), f"{name}: stopped")
    assert not alive(running["pid"]), name
    told = until(lambda: (lambda d: d.stdout if d.returncode == 0 else None)(m.run("--format", "json", "events", "--daemon", name)),
                 f"{name}: its history")
    exits = [(e["exit_code"], e["exit_signal"]) for e in json.loads(told) if e["kind"] == "exit"]
    # A run that was recorded and never became a process has no exit.
    assert exits == [(6, None), (None, "SIGTERM")], (name, exits)
    assert (m.root / name).read_text().split() == runs, name


if __name__ == "__main__":
    globals()[sys.argv[1]]()
