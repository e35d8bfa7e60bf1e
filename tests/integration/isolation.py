"""Plugins in processes of their own: whatever they do, the manager and all other daemons go on."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

from harness import DEADLINE_SECS, PROGRAM, Manager, alive, main, need_root, until
from survival import while_no_manager

MOCK = pathlib.Path(os.environ["SYSPULSE_MOCK_PLUGIN"])
SANITIZED = os.environ.get("SYSPULSE_SANITIZE", "") != ""
SHELL_FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]
QUICK = {"watchdog_secs": 2, "restart": {"backoff_base_secs": 0.05, "backoff_max_secs": 1}}


def configured(m, settings, *flags):
    """A manager with the mock plugin and these settings of plugins."""
    plugins = m.root / "plugins"
    plugins.mkdir(exist_ok=True)
    if not (plugins / "mock.so").exists():
        shutil.copy(MOCK, plugins / "mock.so")
    config = m.root / "manager.yaml"
    config.write_text(json.dumps({"plugins": settings}))
    m.start("--plugin-dir", plugins, "--config", config, *flags)
    return plugins


def plugin(m, name):
    return next(p for p in json.loads(m.ok("--format", "json", "plugin", "list")) if p["name"] == name)


def host(m, name):
    return plugin(m, name)["host"]


def fresh_host(m, name, before):
    return until(lambda: (lambda h: h if h["pid"] not in (None, before) else None)(host(m, name)),
                 f"{name} has a fresh process")


def checked_by(m, name, target, **more):
    """A daemon whose checker does what `target` says."""
    m.add(**{name: {"command": SHELL_FOREVER, "health_check": {
        "type": "mock", "target": target, "interval_secs": 0.1, "timeout_secs": 1, "retries": 1, "on_unhealthy": "none",
        **more}}})
    m.ok("start", name)


def misbehaviour(m):
    return json.loads(m.ok("--format", "json", "info"))["misbehaviour"]


def measurements_of_a_foreign_checker_are_shown():
    with Manager() as m:
        configured(m, {"syspulse.mock": QUICK})
        checked_by(m, "web", "metrics")
        check = until(lambda: m.status("web")["last_check"], "the first check")
        assert check["message"] == "measured" and check["passed"], check
        assert check["metrics"] == {"connect_seconds": 0.25, "used_bytes": 1e18}, check
        assert "connect_seconds 0.25" in m.ok("status", "web")
        (daemon,) = m.get("/v1/daemons?name=web")
        assert daemon["last_check"]["metrics"]["connect_seconds"] == 0.25
        until(lambda: host(m, "syspulse.mock")["misbehaviour"]["rejected_results"] > 0, "what is left out is counted")


def completions_that_nobody_waits_for_are_counted_and_change_nothing():
    with Manager() as m:
        configured(m, {"syspulse.mock": {**QUICK, "watchdog_secs": 30}})
        seen = 0
        for target, healthy in (("twice", True), ("invented", True), ("late", False)):
            checked_by(m, "web", target)
            m.wait_for("web", health_status="healthy" if healthy else "unhealthy")
            seen = until(lambda: (lambda n: n if n > seen else 0)(misbehaviour(m)["stale_completions"]), f"{target} is counted")
            check = m.status("web")["last_check"]
            assert check["message"] in ("once", "of this one", "checker did not answer"), check
            m.ok("remove", "web", "--force")
            assert "completed an operation that nobody waits for" in (m.root / "manager.log").read_text()
        assert misbehaviour(m)["stale_completions"] >= seen, "a removed daemon's are not forgotten"
        checked_by(m, "web", "wrong")
        m.wait_for("web", health_status="unhealthy")
        until(lambda: misbehaviour(m)["wrong_completions"] > 0, "an answer of the wrong kind is counted")
        m.ok("remove", "web", "--force")
        checked_by(m, "web", "never")
        m.wait_for("web", health_status="unhealthy")
        assert m.status("web")["last_check"]["message"] == "checker did not answer"
        assert misbehaviour(m)["unanswered_operations"] > 0
        assert host(m, "syspulse.mock")["restarts"] == 0, host(m, "syspulse.mock")


def answers_of_a_process_that_was_away_come_too_late():
    with Manager() as m:
        configured(m, {"syspulse.mock": {**QUICK, "watchdog_secs": 120}})
        checked_by(m, "web", "pass")
        m.wait_for("web", health_status="healthy")
        pid = host(m, "syspulse.mock")["pid"]
        os.kill(pid, signal.SIGSTOP)
        m.wait_for("web", health_status="unhealthy")
        assert m.status("web")["last_check"]["message"] == "checker did not answer"
        os.kill(pid, signal.SIGCONT)  # It answers what was given up meanwhile.
        m.wait_for("web", health_status="healthy")
        now = host(m, "syspulse.mock")
        assert (now["pid"], now["restarts"]) == (pid, 0), now
        assert m.status("web")["restart_count"] == 0
        # One that is killed answers nothing: its check is lost once, and the next one is served by a fresh process.
        os.kill(pid, signal.SIGSTOP)
        missed = len([e for e in m.ok("events", "--daemon", "web").splitlines() if "missed" in e])
        os.kill(pid, signal.SIGKILL)
        fresh_host(m, "syspulse.mock", pid)
        m.wait_for("web", health_status="healthy")
        told = [e for e in m.ok("events", "--daemon", "web").splitlines() if "missed" in e]
        assert len(told) <= missed + 1, told


def a_faulty_checker_harms_nobody_else():
    with Manager() as m:
        configured(m, {"syspulse.mock": {**QUICK, "limits": {"max_memory_bytes": "160M", "max_open_files": 64}}})
        m.add(bystander={"command": SHELL_FOREVER, "health_check": {"type": "command", "target": "exit 0",
                                                                   "interval_secs": 0.2}})
        m.ok("start", "bystander", "--wait")
        manager = json.loads(m.ok("--format", "json", "info"))["pid"]
        bystander = m.status("bystander")["pid"]
        assert plugin(m, "syspulse.mock")["isolation"] == "process"
        lost = ["forged", "crash", "abort", "exit", "spin", "garbage", "oversize"]
        kept = ["never", "wrong", "descriptors", "stuck", "error", "fail"]
        told = ["crash", "abort", "exit", "garbage"]
        # The limit is not set under a sanitizer, which needs terabytes of address space.
        for fault in lost + kept + ([] if SANITIZED else ["memory"]):
            before = host(m, "syspulse.mock")["restarts"]
            m.add(faulty={"command": SHELL_FOREVER, "health_check": {
                "type": "mock", "target": fault, "interval_secs": 0.1, "timeout_secs": 1, "retries": 1,
                "on_unhealthy": "none"}})
            m.ok("start", "faulty")
            until(lambda: m.status("faulty")["last_check"], f"{fault}: the first check")
            pid = m.status("faulty")["pid"]
            if fault in kept:
                m.wait_for("faulty", health_status="unhealthy")
            elif fault in told:  # Checks that a process being replaced does not come to may be told before.
                until(lambda: "process was lost" in m.status("faulty")["last_check"]["message"], f"{fault}: is told")
            if fault in lost:  # Which tells nothing about the daemon.
                assert m.status("faulty")["health_status"] == "unknown", fault
            if fault in lost:
                until(lambda: host(m, "syspulse.mock")["restarts"] > before, f"{fault}: the process is replaced")
                assert host(m, "syspulse.mock")["last_error"], fault
            now = m.status("bystander")
            assert (now["pid"], now["restart_count"], now["health_status"]) == (bystander, 0, "healthy"), (fault, now)
            assert m.status("faulty")["pid"] == pid and alive(pid), fault
            assert json.loads(m.ok("--format", "json", "info"))["pid"] == manager, fault
            m.ok("remove", "faulty", "--force")
        m.add(sound={"command": SHELL_FOREVER, "health_check": {"type": "mock", "target": "twice",
                                                               "interval_secs": 0.1}})
        m.ok("start", "sound", "--wait", "--timeout", 30)
        assert m.status("sound")["health_status"] == "healthy"


def one_of_many(m, fault, watchdog_secs):
    """Ten daemons whose checks are sound, and one whose check ends the process that makes it."""
    configured(m, {"syspulse.mock": {**QUICK, "watchdog_secs": watchdog_secs}})
    sound = [f"sound{n}" for n in range(10)]
    for name in sound:
        checked_by(m, name, "pass")
    for name in sound:
        m.wait_for(name, health_status="healthy")
    checked_by(m, "culprit", fault)
    found = until(lambda: host(m, "syspulse.mock")["culprits"], f"{fault}: the culprit is found")
    assert [c["daemon"] for c in found] == ["culprit"] and found[0]["error"], found
    return sound


def a_check_that_ends_its_process_takes_no_other_along():
    for fault, how in (("crash", "signal SIGSEGV"), ("exit", "exit code 7")):
        with Manager() as m:
            sound = one_of_many(m, fault, 30)
            told = until(lambda: (lambda t: t if "while it checked this" in t else None)(m.status("culprit")["last_check"]["message"]),
                         "its check says so")
            assert told == f"the plugin's process was lost while it checked this: it ended with {how}", told
            now = host(m, "syspulse.mock")
            assert now["restarts"] == 1 and how in now["last_error"], now
            assert "while it checked" in now["last_error"] and "culprit" in now["last_error"], now
            listed = m.ok("plugin", "list")
            assert "without the checks that end it: culprit" in listed, listed
            log = (m.root / "manager.log").read_text()
            assert f'the check of "culprit" ends its process: it ended with {how}' in log, log
            assert f"culprit (it ended with {how})" in m.ok("plugin", "info", "syspulse.mock")
            # The culprit is tried again and again, and hurts nobody any more.
            passed = {name: m.status(name)["last_check"]["at"] for name in sound}
            until(lambda: all(m.status(name)["last_check"]["at"] > passed[name] for name in sound), "the others go on")
            for name in sound:
                events = m.ok("events", "--daemon", name)
                assert "unhealthy" not in events and "missed" not in events, events
                assert m.status(name)["health_status"] == "healthy"
            now = host(m, "syspulse.mock")
            assert now["restarts"] == 1, now
            assert m.status("culprit")["health_status"] == "unknown" and m.status("culprit")["state"] == "running"
            m.ok("remove", "culprit", "--force")
            assert host(m, "syspulse.mock")["culprits"] == []


def a_check_that_hangs_its_process_holds_up_the_others_once():
    with Manager() as m:
        sound = one_of_many(m, "spin", 2)
        for name in sound:
            m.wait_for(name, health_status="healthy")
        restarts = host(m, "syspulse.mock")["restarts"]
        assert restarts == 1, restarts
        told = until(lambda: (lambda t: t if "while it checked this" in t else None)(m.status("culprit")["last_check"]["message"]),
                     "its check says so")
        assert "did not answer for 2s" in told, told
        # It hangs again, apart from the others.
        hung = [e for e in m.ok("events", "--daemon", "culprit").splitlines() if "missed" in e]
        assert hung, m.ok("events", "--daemon", "culprit")
        passed = {name: m.status(name)["last_check"]["at"] for name in sound}
        until(lambda: all(m.status(name)["last_check"]["at"] > passed[name] for name in sound), "the others go on")
        assert all(m.status(name)["health_status"] == "healthy" for name in sound)
        assert host(m, "syspulse.mock")["restarts"] == 1


def a_new_file_gives_a_culprit_another_chance():
    with Manager() as m:
        sound = one_of_many(m, "crash", 30)
        m.ok("plugin", "reload", "mock")
        until(lambda: host(m, "syspulse.mock")["restarts"] == 2, "it is made together with the others, once")
        until(lambda: host(m, "syspulse.mock")["culprits"], "and is found again")
        for name in sound:
            m.wait_for(name, health_status="healthy")
        pid = host(m, "syspulse.mock")["pid"]
        m.ok("remove", "culprit", "--force")
        checked_by(m, "culprit", "pass")
        m.wait_for("culprit", health_status="healthy")
        assert host(m, "syspulse.mock")["pid"] == pid and host(m, "syspulse.mock")["culprits"] == []


def options_of_a_foreign_plugin_are_refused_at_their_place():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": {**QUICK, "watchdog_secs": 5}})
        spec = m.root / "spec.yaml"

        def write(block):
            spec.write_text("daemons:\n  a:\n    command: [x]\n    autostart: false\n" + block)
        check = "    health_check:\n      type: mock\n      target: pass\n      with:\n        word: pass\n        %s\n"
        m.add(sound={"command": SHELL_FOREVER, "health_check": {"type": "mock", "target": "pass", "interval_secs": 0.1}})
        m.ok("start", "sound", "--wait")
        first = host(m, "syspulse.mock")
        for block, place, message in (
                (check % "wrod: x", "10:9", 'did you mean "word"?'),
                (check % "key: abcdefghijklmnopqrstuvwxyz", "10:14", "20"),
                (check.replace("pass\n        %s", "contradiction"), "9:9", 'refuses "word": contradicts itself'),
                (check.replace("pass\n        %s", "abort"), "6:", "they ended the process that tried them: signal SIGABRT"),
                ("    driver: {type: mock, with: {zap: 1}}\n", "5:33", 'unknown option "zap"'),
                ("    driver: {type: mock, with: {word: contradiction}}\n", "5:33", 'the driver "mock" refuses "word": contradicts itself'),
                ("    driver: mock\n    resource_limits: {max_open_files: 64, max_processes: 13}\n", "6:43",
                 'refuses "max_processes": brings bad luck'),
                ("    driver: {type: mock, with: {word: abort}}\n", "5:", "they ended the process that tried them: signal SIGABRT")):
            write(block)
            for told in (m.fails(2, "validate", "--plugin-dir", plugins, spec), m.fails(2, "add", "-f", spec)):
                assert f"{spec}:{place}" in told and message in told, (place, message, told)
        # One that never comes back holds up only who gave its options.
        write(check.replace("pass\n        %s", "spin"))
        with subprocess.Popen([PROGRAM, "--data-dir", m.data, "add", "-f", spec], stderr=subprocess.PIPE, text=True) as adding:
            until(lambda: len(hosts_of(m)) > 1, "the options are tried in a process of their own")
            m.ok("ping")
            assert adding.poll() is None, "others are served meanwhile"
            told = adding.communicate(timeout=DEADLINE_SECS)[1]
        assert adding.returncode == 2 and f"{spec}:6:" in told and "no answer within 5s" in told, told
        assert host(m, "syspulse.mock") == first, "the process that serves checks knows nothing of it"
        write(check % "key: abc")
        m.ok("add", "-f", spec)
        write("    driver: {type: mock, with: {word: fine}}\n    resource_limits: {max_processes: 64}\n")
        m.ok("validate", "--plugin-dir", plugins, spec)
        m.ok("add", "--replace", "-f", spec)
        assert len(hosts_of(m)) == 1, "nothing is left behind"


def hosts_of(m):
    """The processes of plugins below this manager."""
    found = subprocess.run(["ps", "-o", "args=", "--ppid", str(m.pid())], capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if line.startswith("syspulse-plugin-host serve")]


def a_file_that_changes_while_it_is_loaded_is_told():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        before, first = m.status("web"), host(m, "syspulse.mock")["pid"]

        def told():
            return [w for w in json.loads(m.ok("--format", "json", "info"))["warnings"] if "has changed" in w]
        assert not plugin(m, "syspulse.mock")["file_changed"] and not told()

        file = plugins / "mock.so"

        def remove():
            file.rmdir() if file.is_dir() else file.unlink()
        image = MOCK.read_bytes()
        for bad in (lambda: file.write_bytes(b""), lambda: file.write_bytes(image[:5000]), file.mkdir):
            remove()
            bad()
            assert plugin(m, "syspulse.mock")["file_changed"]
            assert "the file has changed since" in m.ok("plugin", "list")
            assert len(told()) == 1 and "syspulse plugin reload syspulse.mock" in told()[0], told()
            refused = m.run("plugin", "reload", "mock")
            assert refused.returncode in (1, 2) and "cannot reload" in refused.stderr, refused
            assert plugin(m, "syspulse.mock")["file_changed"], "a reload that failed changes nothing"
            assert host(m, "syspulse.mock")["pid"] == first and m.status("web")["pid"] == before["pid"]
        remove()
        assert plugin(m, "syspulse.mock")["file_changed"], "removed"
        shutil.copy(MOCK, file)
        m.ok("plugin", "reload", "mock")
        assert not plugin(m, "syspulse.mock")["file_changed"] and not told()
        now = m.status("web")
        assert (now["pid"], now["state"], now["restart_count"]) == (before["pid"], "running", 0), now


def a_file_that_is_overwritten_in_place_ends_only_its_process():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        m.add(web={"command": ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"], "driver": "mock"})
        m.ok("start", "web")
        before, manager = m.status("web"), m.pid()
        image = MOCK.read_bytes()
        (plugins / "mock.so").write_bytes(b"")  # Truncates what is mapped: its next use is a SIGBUS.
        os.kill(before["pid"], signal.SIGTERM)
        ended = until(lambda: (lambda s: s if s["exit_code"] is not None else None)(m.status("web")), "its exit is seen")
        assert ended["exit_code"] == 5 and m.pid() == manager, ended
        listed = plugin(m, "syspulse.mock")
        assert listed["file_changed"] or listed["host"]["last_error"], listed
        (plugins / "mock.so").write_bytes(image)
        m.ok("plugin", "reload", "mock")
        m.ok("start", "web")
        assert m.status("web")["state"] == "running"


def a_file_that_is_overwritten_in_place_does_no_harm_inside_the_manager():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": {"isolation": "none"}})
        file = plugins / "mock.so"
        m.add(web={"command": ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"], "driver": "mock",
                   "health_check": {"type": "mock", "target": "pass", "interval_secs": 0.05}})
        m.ok("start", "web", "--wait")
        before, manager = m.status("web"), m.pid()
        image = MOCK.read_bytes()
        # Cut, which makes what is mapped of it a SIGBUS, and written over, which makes it something else.
        for name, damage in (("cut", lambda: file.write_bytes(b"")), ("other", lambda: file.write_bytes(b"\xcc" * len(image)))):
            damage()
            m.add(**{name: {"command": SHELL_FOREVER, "driver": "mock",
                            "health_check": {"type": "mock", "target": "pass", "interval_secs": 0.05}}})
            m.ok("start", name, "--wait")
            m.ok("pause", name)
            m.ok("resume", name)
            m.ok("stop", name)
            listed = plugin(m, "syspulse.mock")
            assert listed["file_changed"] and listed["path"] == str(file) and listed["state"] == "loaded", listed
            assert m.pid() == manager and m.status("web")["health_status"] == "healthy", m.status("web")
        os.kill(before["pid"], signal.SIGTERM)
        ended = until(lambda: (lambda s: s if s["exit_code"] is not None else None)(m.status("web")), "its exit is seen")
        assert ended["exit_code"] == 5 and m.pid() == manager, ended
        with open(f"/proc/{manager}/maps") as maps:
            assert str(file) not in maps.read(), "nothing of the file is mapped"


def a_file_that_cannot_be_looked_at_hurts_nobody():
    with Manager() as m:
        folder = m.root / "plugins"
        folder.mkdir()
        shutil.copy(MOCK, folder / "mock.so")
        faults = {"load-crash": "SIGABRT", "load-exit": "exit code 0", "poison": "SIG", "M04": "magic",
                  "load-hang": "no answer within"}
        for fault, expected in faults.items():
            done = m.run("--format", "json", "plugin", "list", "--plugin-dir", folder,
                         env={**os.environ, "SYSPULSE_MOCK_FAULT": fault})
            assert done.returncode == 0, (fault, done.stderr)
            found = json.loads(done.stdout)
            bad = next(p for p in found if p["path"].endswith("mock.so"))
            if fault != "poison" or not SANITIZED:
                assert bad["state"] == "failed" and expected in bad["error"], (fault, bad)
            assert next(p for p in found if p["name"] == "syspulse.posix")["state"] == "loaded", fault


def daemons_outlive_the_process_of_their_driver():
    with Manager() as m:
        configured(m, {"posix": {"isolation": "process", **QUICK}})
        m.add(web={"command": ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"]},
              bystander={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web", "bystander")
        pid = m.status("web")["pid"]
        first = host(m, "syspulse.posix")
        assert first["state"] == "running" and m.status("web")["driver_host"]["pid"] == first["pid"]
        os.kill(first["pid"], signal.SIGKILL)
        second = fresh_host(m, "syspulse.posix", first["pid"])
        assert second["restarts"] == 1 and "SIGKILL" in second["last_error"], second
        now = m.status("web")
        assert (now["pid"], now["state"], now["restart_count"]) == (pid, "running", 0), now
        # The manager has inherited the daemon, so that its status is known.
        os.kill(pid, signal.SIGTERM)
        ended = until(lambda: (lambda s: s if s["exit_code"] is not None else None)(m.status("web")), "web has ended")
        assert ended["exit_code"] == 5, ended
        # An exit while the process hangs is seen when the watchdog has replaced it.
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        os.kill(second["pid"], signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        until(lambda: m.status("web")["exit_signal"] == "SIGKILL", "the exit is seen")
        third = fresh_host(m, "syspulse.posix", second["pid"])
        # A request to end that was on its way when the process was lost is made again.
        m.ok("start", "web")
        os.kill(third["pid"], signal.SIGSTOP)
        stop = threading.Thread(target=m.ok, args=("stop", "web"))
        stop.start()
        until(lambda: {d["name"]: d["state"] for d in m.get("/v1/daemons")}["web"] == "stopping", "web is being stopped")
        os.kill(third["pid"], signal.SIGKILL)
        stop.join(60)
        ended = m.status("web")
        assert (ended["exit_code"], ended["exit_signal"]) == (5, None), ended
        third = fresh_host(m, "syspulse.posix", third["pid"])
        # A driver that hangs holds up no answer and no stop.
        m.ok("start", "web")
        pid = m.status("web")["pid"]
        os.kill(third["pid"], signal.SIGSTOP)
        web = m.get("/v1/daemons/web", timeout=2)
        assert web is not None and web["stats"] is None, "the answer comes without statistics"
        m.ok("stop", "web", "--force")
        assert not alive(pid) and m.status("bystander")["restart_count"] == 0


def a_process_of_a_driver_that_is_lost_leaves_no_group_behind():
    need_root()
    with Manager() as m:
        configured(m, {"cgroup": {"isolation": "process", **QUICK}})
        m.add(web={"command": ["/bin/sh", "-c", "sleep 600 & exec sleep 600"], "driver": "cgroup"})
        if m.run("start", "web").returncode != 0:
            print("skipped:", m.status("web")["last_error"])
            sys.exit(77)
        pid, hung = m.status("web")["pid"], host(m, "syspulse.cgroup")["pid"]
        names = {pathlib.Path(line).name for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()}
        (name,) = (n for n in names if n.startswith("web."))

        def groups():
            found = subprocess.run(["find", "/sys/fs/cgroup", "-type", "d", "-name", name], capture_output=True, text=True)
            return found.stdout.split()
        assert groups()
        # Its end is seen from the manager; only the driver knows of the group, and it is told by the fresh process.
        os.kill(hung, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        until(lambda: m.status("web")["exit_signal"] == "SIGKILL", "the exit is seen")
        fresh_host(m, "syspulse.cgroup", hung)
        until(lambda: not groups(), "the group is gone, with all that was in it", 0.2)


def a_driver_that_dies_in_spawn_leaves_no_second_copy():
    with Manager() as m:
        os.environ["SYSPULSE_MOCK_FAULT"] = "crash-after-spawn"
        try:
            configured(m, {"syspulse.mock": QUICK})
        finally:
            del os.environ["SYSPULSE_MOCK_FAULT"]
        mark = f"mark-{os.getpid()}"
        m.add(web={"command": ["/bin/sh", "-c", f": {mark}; while :; do sleep 60; done"], "driver": "mock"})
        m.ok("start", "web", "--timeout", 30)
        running = m.wait_for("web", state="running")
        assert host(m, "syspulse.mock")["restarts"] >= 1
        copies = subprocess.run(["pgrep", "-f", mark], capture_output=True, text=True).stdout.split()
        assert [int(pid) for pid in copies] == [running["pid"]], copies
        m.ok("stop", "web", "--force")


def a_driver_of_another_user_borrows_no_rights_from_the_manager():
    need_root()
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        with Manager() as m:
            os.environ["SYSPULSE_MOCK_FOREIGN_PID"] = str(stranger.pid)
            try:
                configured(m, {"syspulse.mock": {"user": "nobody", **QUICK}})
            finally:
                del os.environ["SYSPULSE_MOCK_FOREIGN_PID"]
            m.add(web={"command": SHELL_FOREVER, "driver": "mock", "stop_timeout_secs": 1})
            m.ok("start", "web")
            assert m.status("web")["pid"] == stranger.pid
            m.run("stop", "web", "--force")
            os.kill(host(m, "syspulse.mock")["pid"], signal.SIGKILL)
            m.run("signal", "web", "KILL")
            assert stranger.poll() is None, "the manager has killed what its plugin could not"
    finally:
        stranger.kill()
        stranger.wait()


def a_new_file_takes_over_running_daemons():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        names = [f"web{i}" for i in range(10)]
        m.add(**{name: {"command": ["/bin/sh", "-c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"],
                        "driver": "mock"} for name in names})
        m.ok("start", *names)
        before = {name: m.status(name)["pid"] for name in names}
        first = host(m, "syspulse.mock")["pid"]

        def replaced_by(pid):
            assert host(m, "syspulse.mock")["pid"] != pid
            for name in names:
                now = m.status(name)
                assert (now["pid"], now["state"], now["restart_count"]) == (before[name], "running", 0), now
            until(lambda: not alive(pid), "the old process is gone")

        shutil.copy(MOCK, plugins / "mock.new")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        assert "reloaded" in m.ok("plugin", "reload", "syspulse.mock")
        replaced_by(first)
        second = host(m, "syspulse.mock")["pid"]
        shutil.copy(MOCK, plugins / "mock.new")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        os.kill(json.loads(m.ok("--format", "json", "info"))["pid"], signal.SIGHUP)
        until(lambda: host(m, "syspulse.mock")["pid"] not in (None, second), "SIGHUP reloads it")
        replaced_by(second)
        os.kill(before["web0"], signal.SIGTERM)
        until(lambda: m.status("web0")["exit_code"] == 7, "its exit is still seen")
        # A file that is no plugin leaves everything as it is.
        third = host(m, "syspulse.mock")["pid"]
        (plugins / "mock.new").write_text("no plugin")
        os.rename(plugins / "mock.new", plugins / "mock.so")
        assert "mock" in m.fails(1, "plugin", "reload", "mock")
        assert host(m, "syspulse.mock")["pid"] == third and alive(before["web1"])
        m.ok("stop", *names[1:])
        assert "runs inside the manager" in m.fails(5, "plugin", "reload", "posix")
        assert m.run("plugin", "reload", "no-such").returncode != 0


def a_lost_manager_takes_its_plugin_processes_along():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK}, "--no-keeper")
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        pid, old = m.status("web")["pid"], host(m, "syspulse.mock")["pid"]
        os.kill(old, signal.SIGSTOP)  # Even one that cannot notice it.
        m.kill()
        until(lambda: not alive(old), "the plugin's process ends with the manager")
        assert alive(pid)
        m.start("--plugin-dir", plugins, "--no-keeper")
        now = m.wait_for("web", state="running")
        assert (now["pid"], now["restart_count"]) == (pid, 0)


def daemons_of_an_isolated_driver_survive_their_manager():
    with Manager() as m:
        plugins = configured(m, {"syspulse.mock": QUICK})
        go = m.root / "go"
        counted = ["/bin/sh", "-c", f"while [ ! -e {go} ]; do sleep 0.02; done; exit 7"]
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"}, adopted={"command": counted, "driver": "mock"},
              unseen={"command": SHELL_FOREVER, "driver": "mock"}, held={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web", "adopted", "unseen", "held")
        m.ok("pause", "held")
        before = {name: m.status(name)["pid"] for name in ("web", "adopted", "unseen", "held")}

        def taken_over(old, *names):
            """A fresh process holds the same daemons, and the old one is gone."""
            until(lambda: not alive(old), "the plugin's old process ends with its manager")
            for name in names:
                now = m.wait_for(name, state="running")
                assert (now["pid"], now["restart_count"]) == (before[name], 0), now
            assert m.status("held")["paused"] is True
            return fresh_host(m, "syspulse.mock", old)["pid"]

        old = host(m, "syspulse.mock")["pid"]
        while_no_manager(m, lambda: os.kill(before["unseen"], signal.SIGTERM))
        old = taken_over(old, "web", "adopted", "held")
        assert m.wait_for("unseen", state="failed")["exit_signal"] == "SIGTERM"
        m.ok("upgrade")
        old = taken_over(old, "web", "adopted", "held")
        go.touch()  # A child of the keeper by now: the driver cannot read its status.
        assert m.wait_for("adopted", state="failed")["exit_code"] == 7
        m.ok("resume", "held")
        assert m.status("held")["paused"] is False
        m.ok("pause", "held")
        m.ok("shutdown", "--keep-running")
        assert m.process.wait(DEADLINE_SECS) == 0
        until(lambda: not alive(old), "the plugin's process ends with the manager")
        assert alive(before["web"]) and alive(before["held"])
        m.start("--plugin-dir", plugins, "--config", m.root / "manager.yaml")
        taken_over(old, "web", "held")
        m.ok("stop", "web")
        assert not alive(before["web"])


def secrets_are_shown_nowhere():
    with Manager() as m:
        configured(m, {"syspulse.mock": QUICK})
        secret = "k-4711"
        check = {"type": "mock", "target": "pass", "interval_secs": 0.1, "with": {"key": secret}}
        m.add(web={"command": SHELL_FOREVER, "health_check": check})
        m.ok("start", "web", "--wait", "--timeout", 30)
        shown = json.loads(m.ok("--format", "json", "spec", "web"))
        masked = json.dumps(shown)
        assert '"***"' in masked, masked
        bad = m.root / "bad.yaml"
        for value in (secret * 10, {"a": secret}, "***"):
            bad.write_text(json.dumps({"daemons": {"bad": {"command": SHELL_FOREVER,
                                                           "health_check": {**check, "with": {"key": value}}}}}))
            assert secret not in m.fails(2, "add", "-f", bad), value
        told = masked + m.ok("status", "web") + m.ok("--format", "json", "events") + m.ok("plugin", "list")
        assert secret not in told and secret not in (m.root / "manager.log").read_text()


def what_a_plugin_says_of_its_secrets_is_hidden():
    for isolation in ("process", "none"):
        with Manager() as m:
            settings = {"isolation": isolation, **(QUICK if isolation == "process" else {})}
            configured(m, {"syspulse.mock": settings}, "-v")
            secret = "swordfish-4711"
            checked_by(m, "web", "tell", **{"with": {"key": secret}, "retries": 100})
            until(lambda: len([e for e in m.ok("events", "--daemon", "web").splitlines() if "***" in e]) > 0,
                  "it has told it")
            assert "the key is ***!" in m.status("web")["last_check"]["message"]
            bad = m.root / "bad.yaml"
            bad.write_text(json.dumps({"daemons": {"bad": {"command": SHELL_FOREVER, "health_check": {
                "type": "mock", "target": "pass", "with": {"word": "tell", "key": secret}}}}}))
            refused = m.fails(2, "add", "-f", bad)
            assert '"key": ***' in refused, refused
            until(lambda: "the key is ***!" in (m.root / "manager.log").read_text(), "it has logged it")
            told = refused + (m.root / "manager.log").read_text() + m.ok("--format", "json", "status") \
                + m.ok("--format", "json", "events") + m.ok("--format", "json", "spec", "web")
            assert secret not in told, isolation


def settings_of_plugins_are_strict():
    with Manager() as m:
        file = m.root / "manager.yaml"
        file.write_text("plugins:\n  http:\n    isolation: proces\n    limits: {max_memory_bytes: 1M}\n    wachdog_secs: 3\n"
                        "  tcp:\n    isolation: none\n    watchdog_secs: 3\n")
        done = m.run("daemon", "--config", file)
        assert done.returncode == 2, done
        for expected in (":3:16: ", ":4:", "16M", ":5:5: ", "watchdog_secs", ":8:5: ", "no effect"):
            assert expected in done.stderr, (expected, done.stderr)
        file.write_text("plugins: {htpt: {isolation: process}}\n")
        m.start("--config", file)
        m.ok("ping")
        assert 'settings of plugin "htpt" are for none that is installed' in (m.root / "manager.log").read_text()
        file.write_text("plugins: {http: {isolation: process}}\n")
        assert "manager's own configuration" in m.fails(2, "add", "-f", file)


if __name__ == "__main__":
    main(globals())
