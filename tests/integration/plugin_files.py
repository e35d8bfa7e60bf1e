"""Files of plugins that change, or cannot be read, while they are in use."""
import json
import os
import shutil
import signal

from harness import Manager, main, until
from plugin_hosts import MOCK, QUICK, SANITIZED, SHELL_FOREVER, configured, host, plugin


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


if __name__ == "__main__":
    main(globals())
