"""Checkers in processes of their own: whatever they do, the manager and all other daemons go on."""
import json
import os
import signal

from harness import Manager, alive, main, until
from plugin_hosts import QUICK, SANITIZED, SHELL_FOREVER, checked_by, configured, fresh_host, host, misbehaviour, plugin


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
        checked_by(m, "web", "both")
        m.wait_for("web", health_status="unhealthy")
        assert "the plugin completed the check, and refused it" in m.status("web")["last_check"]["message"], m.status("web")
        assert misbehaviour(m)["rejected_results"] > 0, misbehaviour(m)
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
            assert m.status("culprit")["last_check"]["missed"]
            (line,) = (line for line in m.ok("status").splitlines() if line.startswith("culprit "))
            assert "cannot be checked: the plugin's process was lost while it checked this: " in line and how in line, line
            warnings = json.loads(m.ok("--format", "json", "info"))["warnings"]
            assert any('the check of "culprit" ends the process of plugin syspulse.mock' in w for w in warnings), warnings
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
        pid = until(lambda: host(m, "syspulse.mock")["pid"], "the others have a fresh process")
        m.ok("remove", "culprit", "--force")
        checked_by(m, "culprit", "pass")
        m.wait_for("culprit", health_status="healthy")
        assert host(m, "syspulse.mock")["pid"] == pid and host(m, "syspulse.mock")["culprits"] == []


if __name__ == "__main__":
    main(globals())
