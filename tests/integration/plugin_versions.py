"""A plugin of another version than the daemons were declared for: options, reloads, files that change by themselves."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading

from harness import Manager, alive, main, until
from plugin_hosts import MOCK, QUICK, SHELL_FOREVER, checked_by, configured, fresh_host, host, plugin

TEXT = {"type": "string"}
CHECKER_SCHEMA = b'{"type": "object", "properties": {"word": {"type": "string", "default": "pass"}'
DRIVER_SCHEMA = b'{"type": "object", "properties": {"word": {"type": "string"}}}'


def with_schema(image, beginning, properties):
    """The same file with another schema, which has room where the old one was."""
    start = image.index(beginning)
    old = image[start:image.index(b"\0", start)]
    new = json.dumps({"type": "object", "properties": properties}, separators=(",", ":")).encode()
    assert len(new) <= len(old), (new, old)
    return image.replace(old, new.ljust(len(old)))


def put(file, version, checker, driver=None):
    """Renames a version of the mock plugin over a file, with these options of its checker and its driver."""
    image = with_schema(MOCK.read_bytes(), CHECKER_SCHEMA, checker)
    if driver is not None:
        image = with_schema(image, DRIVER_SCHEMA, driver)
    image = image.replace(b"\x001.0.0\0", b"\0" + version.encode() + b"\0")
    replace(file, image)


def replace(file, image):
    new = file.with_suffix(".new")
    new.write_bytes(image)
    os.rename(new, file)


def started(m, settings=QUICK):
    """A manager with a version of the plugin whose checker has one option and no default."""
    (m.root / "plugins").mkdir(exist_ok=True)
    file = m.root / "plugins" / "mock.so"
    put(file, "0.1.0", {"key": TEXT})
    configured(m, {"syspulse.mock": settings})
    return file


def says(m, name, message):
    until(lambda: (m.status(name)["last_check"] or {}).get("message") == message, f"the check of {name} says {message!r}")


def warnings(m):
    return json.loads(m.ok("--format", "json", "info"))["warnings"]


def info_of(m, name):
    """What the table of all says of it."""
    return next(line for line in m.ok("status").splitlines() if line.startswith(name + " "))


def log_of(m):
    return (m.root / "manager.log").read_text()


def options_get_the_defaults_of_the_version_that_runs():
    with Manager() as m:
        file = started(m)
        checked_by(m, "web", "pass")
        checked_by(m, "own", "pass", **{"with": {"key": "k"}})
        says(m, "web", "")
        before = {name: m.status(name)["pid"] for name in ("web", "own")}

        def all_say(word):
            for name in ("web", "own"):
                says(m, name, word)
                now = m.status(name)
                assert (now["pid"], now["restart_count"], now["health_status"]) == (before[name], 0, "healthy"), now
        put(file, "0.2.0", {"key": TEXT, "word": {**TEXT, "default": "first"}})
        m.ok("plugin", "reload", "mock")
        all_say("first")
        shown = json.loads(m.ok("--format", "json", "spec", "own"))["health_check"]["with"]
        assert shown == {"key": "k", "word": "first"}, "the defaults are shown as they are now"
        # Another default, and a daemon that says what it wants itself; a fresh process, and a fresh manager.
        checked_by(m, "fixed", "pass", **{"with": {"word": "mine"}})
        says(m, "fixed", "mine")
        put(file, "0.3.0", {"key": TEXT, "word": {**TEXT, "default": "second"}})
        os.kill(host(m, "syspulse.mock")["pid"], signal.SIGKILL)
        all_say("second")
        says(m, "fixed", "mine")
        put(file, "0.4.0", {"word": {**TEXT, "default": "third"}, "key": TEXT})
        os.kill(m.pid(), signal.SIGKILL)
        all_say("third")
        says(m, "fixed", "mine")


def options_of_a_plugin_inside_the_manager_get_its_defaults_too():
    with Manager() as m:
        file = started(m, {"isolation": "none"})
        checked_by(m, "web", "pass")
        says(m, "web", "")
        pid = m.status("web")["pid"]
        put(file, "0.2.0", {"key": TEXT, "word": {**TEXT, "default": "first"}})
        m.ok("upgrade")
        says(m, "web", "first")
        assert (m.status("web")["pid"], m.status("web")["restart_count"]) == (pid, 0)
        # What it does not take is told here, too, and is no failure of the daemon.
        m.ok("add", "--replace", "-f", m.spec_file(web={"command": SHELL_FOREVER, "health_check": {
            "type": "mock", "target": "pass", "interval_secs": 0.1, "retries": 1, "with": {"word": "mine"}}}))
        says(m, "web", "mine")
        put(file, "0.3.0", {"key": TEXT})
        m.ok("upgrade")
        until(lambda: (m.status("web")["last_check"] or {}).get("missed"), "its check cannot be made")
        assert 'the checker mock does not take its options: ' in m.status("web")["last_check"]["message"]
        assert (m.status("web")["pid"], m.status("web")["restart_count"]) == (pid, 0)


def a_version_that_refuses_options_of_daemons_does_not_take_over():
    with Manager() as m:
        file = started(m)
        checked_by(m, "web", "pass", **{"with": {"key": "abc"}})
        checked_by(m, "other", "pass")
        m.add(driven={"command": SHELL_FOREVER, "driver": {"type": "mock", "with": {"word": "w"}}})
        m.ok("start", "driven")
        for name in ("web", "other"):
            m.wait_for(name, health_status="healthy")
        before = {name: m.status(name)["pid"] for name in ("web", "other", "driven")}
        first = host(m, "syspulse.mock")["pid"]
        number = {"type": "integer"}
        for checker, driver, who, what in (
                ({"word": TEXT}, None, "web", 'checker mock: invalid options: /key: unknown option "key"'),
                ({"key": {**TEXT, "maxLength": 2}}, None, "web", '/key: "key" must have at most 2 bytes'),
                ({"key": number}, None, "web", '/key: "key" must be a whole number, found the text "abc"'),
                ({"key": TEXT}, {"wort": TEXT}, "driven", 'driver mock: invalid options: /word: unknown option "word"')):
            put(file, "0.2.0", checker, driver)
            refused = m.fails(5, "plugin", "reload", "mock")
            assert f"cannot reload {file}: its version 0.2.0 does not take" in refused, refused
            assert f'"{who}": ' in refused and what in refused and "--force" in refused, refused
            assert '"other"' not in refused, refused
            assert host(m, "syspulse.mock")["pid"] == first and plugin(m, "syspulse.mock")["version"] == "0.1.0"
            assert plugin(m, "syspulse.mock")["file_changed"]
        m.wait_for("web", health_status="healthy")
        assert "refused: cannot reload" in m.ok("events"), m.ok("events")
        os.kill(m.pid(), signal.SIGHUP)
        until(lambda: f"cannot reload plugin syspulse.mock: cannot reload {file}: its version 0.2.0" in log_of(m), "SIGHUP, too")
        assert host(m, "syspulse.mock")["pid"] == first
        # Who insists gets it: nothing is ended, and everybody is told.
        put(file, "0.3.0", {"word": {**TEXT, "default": "new"}}, {"wort": TEXT})
        m.ok("plugin", "reload", "mock", "--force")
        says(m, "other", "new")
        until(lambda: m.status("web")["last_check"]["missed"], "its check cannot be made")
        for name, what in (("web", '/key: unknown option "key"'), ("driven", '/word: unknown option "word"')):
            now = m.status(name)
            assert (now["pid"], now["state"], now["restart_count"]) == (before[name], "running", 0), now
            assert what in now["options_error"] and "its options do not fit: " in info_of(m, name), now
            assert any(f'"{name}"' in w and what in w for w in warnings(m)), warnings(m)
            assert f'the options of "{name}" do not fit: ' in log_of(m)
            assert what in m.ok("status", name)
        assert m.status("web")["health_status"] == "healthy", "nobody knows better"
        assert "options_error" not in m.status("other")
        # A restart would end it for nothing.
        for force in ((), ("--force",)):
            refused = m.fails(5, "restart", "driven", *force)
            assert '/word: unknown option "word"' in refused and "stop driven stops it all the same" in refused, refused
        now = m.status("driven")
        assert (now["pid"], now["state"]) == (before["driven"], "running"), now
        m.ok("restart", "web")
        m.ok("stop", "driven")
        assert "unknown option" in m.fails(2, "restart", "driven")
        assert "unknown option" in m.fails(2, "start", "driven")
        # Declared anew, they are as good as any.
        m.ok("add", "--replace", "-f", m.spec_file(
            web={"command": SHELL_FOREVER, "health_check": {"type": "mock", "target": "pass", "interval_secs": 0.1,
                                                            "with": {"word": "mine"}}},
            driven={"command": SHELL_FOREVER, "driver": {"type": "mock", "with": {"wort": "w"}}}))
        says(m, "web", "mine")
        m.ok("start", "driven")
        assert not warnings(m), warnings(m)


def in_loop(pid):
    """It has said all that it has to say, and waits to be asked."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/syscall") as file:
        return file.read().split()[0] in ("232", "281", "22")  # epoll_wait, epoll_pwait; the latter's number on aarch64.


def children_named(m, name):
    found = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(m.pid())], capture_output=True, text=True).stdout
    return [int(line.split()[0]) for line in found.splitlines() if name in line]


def a_version_that_is_lost_before_it_takes_over_is_none():
    with Manager() as m:
        file = started(m, {**QUICK, "watchdog_secs": 120})
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"}, later={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        first = host(m, "syspulse.mock")["pid"]
        # What the old process has under way holds up the handing over.
        os.kill(first, signal.SIGSTOP)
        try:
            starting = threading.Thread(target=m.run, args=("start", "later"))
            starting.start()
            until(lambda: m.get("/v1/daemons/later")["state"] == "starting", "the driver is asked")
            put(file, "0.2.0", {"key": TEXT, "word": TEXT})
            reloads = []
            reloading = threading.Thread(target=lambda: reloads.append(m.run("plugin", "reload", "mock")))
            reloading.start()
            (second,) = until(lambda: [p for p in children_named(m, "syspulse-plugin-host") if p != first and in_loop(p)],
                              "the new process has said hello")
            m.ok("ping")
            assert plugin(m, "syspulse.mock")["version"] == "0.1.0", "it has not taken over yet"
            os.kill(second, signal.SIGKILL)
            reloading.join()
            assert reloads[0].returncode != 0 and "the new process was lost" in reloads[0].stderr, reloads
            assert plugin(m, "syspulse.mock")["version"] == "0.1.0" and host(m, "syspulse.mock")["pid"] == first
        finally:
            os.kill(first, signal.SIGCONT)
        starting.join()
        m.ok("plugin", "reload", "mock")
        assert plugin(m, "syspulse.mock")["version"] == "0.2.0"


def a_manager_that_starts_tells_of_options_that_do_not_fit_any_more():
    with Manager() as m:
        file = started(m)
        checked_by(m, "web", "pass", **{"with": {"key": "abc"}})
        m.add(driven={"command": SHELL_FOREVER, "driver": {"type": "mock", "with": {"word": "w"}}})
        checked_by(m, "other", "pass")
        m.ok("start", "driven")
        m.wait_for("web", health_status="healthy")
        before = {name: m.status(name)["pid"] for name in ("web", "driven", "other")}
        put(file, "0.2.0", {"word": {**TEXT, "default": "new"}}, {"wort": TEXT})
        m.ok("shutdown", "--keep-running")
        m.process.wait()
        m.start("--plugin-dir", file.parent)
        says(m, "other", "new")
        for name, what in (("web", 'checker mock: invalid options: /key: unknown option "key"'),
                           ("driven", 'driver mock: invalid options: /word: unknown option "word"')):
            now = m.wait_for(name, state="running")
            assert (now["pid"], now["restart_count"]) == (before[name], 0), now
            assert what in now["options_error"] and "its options do not fit: " in info_of(m, name), now
            assert f'the options of "{name}" do not fit: {what}' in log_of(m)
            assert any(f'"{name}"' in w and what in w for w in warnings(m)), warnings(m)
        until(lambda: m.status("web")["last_check"], "its check is tried")
        assert m.status("web")["last_check"]["missed"] and m.status("web")["restart_count"] == 0
        m.ok("stop", "driven")
        assert not alive(before["driven"])


def a_file_that_changed_when_its_process_was_lost_is_told():
    with Manager() as m:
        file = started(m)
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        before, first = m.status("web"), host(m, "syspulse.mock")["pid"]
        put(file, "0.2.0", {"key": TEXT})
        os.kill(first, signal.SIGKILL)
        fresh_host(m, "syspulse.mock", first)
        told = f"its file {file} has changed since version 0.1.0 was loaded; its fresh process uses "
        until(lambda: told + "the new one, version 0.2.0" in log_of(m), "the log tells")
        until(lambda: f"plugin changed: syspulse.mock: {told}version 0.2.0" in m.ok("events"), "events tell")
        listed = plugin(m, "syspulse.mock")
        assert listed["version"] == "0.2.0" and not listed["file_changed"], listed
        assert m.status("web")["pid"] == before["pid"]
        # The same file once more is no news.
        second = host(m, "syspulse.mock")["pid"]
        os.kill(second, signal.SIGKILL)
        fresh_host(m, "syspulse.mock", second)
        until(lambda: "replaced 2 times" in m.ok("plugin", "list"), "it runs")
        assert m.ok("events").count("plugin changed") == 1, m.ok("events")


def a_file_that_was_cut_is_named_wherever_its_process_is_missed():
    with Manager() as m:
        file = started(m)
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"}, later={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")
        pid, first = m.status("web")["pid"], host(m, "syspulse.mock")["pid"]
        image = file.read_bytes()
        replace(file, image[:5000])
        os.kill(first, signal.SIGKILL)
        reason = f"{file} cannot be loaded: file size: expected at least "
        cut = "got 5000: it is truncated"
        until(lambda: (host(m, "syspulse.mock")["last_error"] or "").startswith(reason), "the file is found bad")
        assert cut in host(m, "syspulse.mock")["last_error"]
        assert f"its process was lost: {reason}" in log_of(m)
        assert reason in info_of(m, "web") and "the process of its driver is restarting" in info_of(m, "web")
        for text in (m.ok("plugin", "list"), m.ok("plugin", "info", "mock"), m.ok("status", "web")):
            assert reason in text and cut in text, text
        told = [w for w in warnings(m) if reason in w and cut in w]
        assert len(told) == 1 and "syspulse plugin reload syspulse.mock" in told[0], warnings(m)
        failed = m.fails(1, "start", "later")
        assert reason in failed and cut in failed, failed
        refused = m.run("plugin", "reload", "mock")
        assert refused.returncode == 1 and f"cannot reload {file}: it cannot be loaded: " in refused.stderr, refused
        # What is over is not told as if it were not.
        replace(file, image)
        m.ok("plugin", "reload", "mock")
        until(lambda: host(m, "syspulse.mock")["state"] == "running", "a good file runs")
        listed = m.ok("plugin", "list")
        assert "(replaced " in listed and "truncated" not in listed, listed
        assert " ago: " in m.ok("plugin", "info", "mock")
        assert not warnings(m), warnings(m)
        assert m.status("web")["pid"] == pid and "cannot be loaded" not in info_of(m, "web")
        # The start that failed was looked for until a process of the driver could tell that nothing is left of it.
        m.wait_for("later", state="failed")
        m.ok("start", "later")


def a_start_that_waits_for_a_process_in_vain_says_why():
    with Manager() as m:
        file = started(m, {"restart": {"backoff_base_secs": 300, "backoff_max_secs": 300}})
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        replace(file, file.read_bytes()[:5000])
        failed = m.run("start", "web")
        reason = f"its process is being started again ({file} cannot be loaded: file size: expected at least "
        assert failed.returncode != 0 and "driver mock did not answer within" in failed.stderr, failed
        assert reason in failed.stderr and reason in info_of(m, "web") and reason in log_of(m), (failed, m.ok("status"))


def no_file_that_is_no_plugin_gets_in_the_way_of_others():
    with Manager() as m:
        folder = m.root / "plugins"
        folder.mkdir()
        image = MOCK.read_bytes()
        shutil.copy(MOCK, folder / "a-good.so")
        (folder / "directory.so").mkdir()
        foreign = bytearray(image)
        foreign[18:20] = (243).to_bytes(2, "little")
        for name, content in (("empty", b""), ("cut", image[:5000]), ("foreign", bytes(foreign)), ("text", b"x" * 100),
                              ("group", image), ("world", image), ("twin", image)):
            (folder / f"{name}.so").write_bytes(content)
        (folder / "group.so").chmod(0o664)
        (folder / "world.so").chmod(0o646)
        m.start("--plugin-dir", folder)
        expected = {"directory": "not a regular file", "empty": "file size: expected at least 64 bytes, got 0",
                    "cut": "got 5000: it is truncated", "foreign": "architecture: expected ",
                    "text": "file type: expected a shared object (ELF), got something else",
                    "group": "group or others may write it; run chmod go-w on it",
                    "world": "group or others may write it; run chmod go-w on it",
                    "twin": f"its id syspulse.mock is the one of {folder}/a-good.so already"}
        plugins = {p["path"]: p for p in json.loads(m.ok("--format", "json", "plugin", "list"))}
        for name, what in expected.items():
            path = f"{folder}/{name}.so"
            assert plugins[path]["state"] == "failed" and what in plugins[path]["error"], (name, plugins[path])
            assert any(path in w and what in w for w in warnings(m)), (name, warnings(m))
            assert any(path in line and what in line for line in log_of(m).splitlines()), name
        assert plugins[f"{folder}/a-good.so"]["state"] == "loaded"
        m.add(web={"command": SHELL_FOREVER, "driver": "mock"})
        m.ok("start", "web")


if __name__ == "__main__":
    main(globals())
