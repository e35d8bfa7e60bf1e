"""Plugin files that are not what they should be: told at the start, left out, and the rest works."""
import contextlib
import json
import os
import shutil
import signal
import subprocess

from harness import PROGRAM, Manager, alive, main, until


def plugin_dir(m):
    path = m.root / "plugins"
    path.mkdir(mode=0o755)
    return path


def _bundled():
    program = os.path.realpath(PROGRAM)
    return os.path.join(os.path.dirname(os.path.dirname(program)), "lib", "syspulse", "plugins")


def start_with(m, path):
    os.environ["SYSPULSE_PLUGIN_PATH"] = str(path)
    m.start()
    m.add(web={"command": ["/bin/sh", "-c", "sleep 600"]})
    m.ok("start", "web")
    return json.loads(m.ok("--format", "json", "info"))["warnings"], (m.root / "manager.log").read_text()


def a_directory_of_plugins_that_is_not_there_is_told():
    with Manager() as m:
        nowhere = m.root / "nowhere"
        m.start("--plugin-dir", nowhere)
        m.ok("list")
        assert f"cannot look for plugins in {nowhere}: no such directory" in (m.root / "manager.log").read_text()
        assert "no such directory" in m.fails(4, "plugin", "list", "--plugin-dir", nowhere)


def a_file_that_is_no_plugin_is_left_out():
    with Manager() as m:
        path = plugin_dir(m)
        (path / "text.so").write_text("this is no shared object\n")
        (path / "empty.so").write_bytes(b"")
        warnings, log = start_with(m, path)
        for name in ("text.so", "empty.so"):
            assert any(name in w for w in warnings) and name in log, (warnings, log)


def a_plugin_that_others_may_write_is_left_out():
    with Manager() as m:
        path = plugin_dir(m)
        shutil.copy(os.path.join(_bundled(), "tcp.so"), path / "open.so")
        (path / "open.so").chmod(0o666)
        warnings, _ = start_with(m, path)
        assert any("open.so" in w and "writ" in w for w in warnings), warnings
        assert "syspulse.tcp" in m.ok("plugin", "list"), "the bundled one is used"


def a_plugin_in_a_directory_that_others_may_write_is_left_out():
    with Manager() as m:
        path = plugin_dir(m)
        shutil.copy(os.path.join(_bundled(), "tcp.so"), path / "own.so")

        def told(program=PROGRAM):
            done = subprocess.run([program, "--data-dir", m.data, "--format", "json", "plugin", "list", "--plugin-dir", path],
                                  capture_output=True, text=True, check=True)
            return next(p for p in json.loads(done.stdout) if p["path"].endswith("own.so"))["error"]
        assert not told()
        for mode in (0o775, 0o757):
            path.chmod(mode)
            assert f"its directory {path}: group or others may replace files in it; run chmod go-w on it" in told(), told()
        path.chmod(0o1777)
        assert not told(), "others may not replace what is in a sticky directory"
        # Whoever can replace the program needs no plugin for it.
        path.chmod(0o775)
        program = m.root / "bin" / "syspulse"
        program.parent.mkdir()
        shutil.copy(PROGRAM, program)
        assert "may replace files" in told(program)
        program.parent.chmod(0o775)
        assert not told(program)


def a_plugin_file_of_a_gigabyte_is_told_at_once():
    with Manager() as m:
        path = plugin_dir(m)
        (path / "huge.so").write_bytes(b"")
        os.truncate(path / "huge.so", 1 << 30)
        shutil.copy(os.path.join(_bundled(), "tcp.so"), path / "grown.so")
        os.truncate(path / "grown.so", 1 << 30)
        warnings, log = start_with(m, path)
        assert any("huge.so" in w and "ELF" in w for w in warnings) and "huge.so" in log, warnings
        listed = json.loads(m.ok("--format", "json", "plugin", "list"))
        assert [p["path"] for p in listed if p["name"] == "syspulse.tcp"] == [str(path / "grown.so")], listed
        used = int(next(line for line in open(f"/proc/{m.pid()}/status") if line.startswith("VmHWM")).split()[1])
        assert used < 256 << 10, f"{used} KiB: nobody reads a gigabyte into memory"


def a_spec_file_that_everybody_may_write_is_refused():
    with Manager() as m:
        m.start()
        file = m.root / "spec.yaml"
        file.write_text("daemons:\n  a:\n    command: [x]\n")
        file.chmod(0o666)
        refused = m.fails(2, "add", "-f", file)
        assert f"{file}: cannot use the spec file: everybody may write it" in refused
        assert m.fails(2, "validate", file) == refused
        assert m.run("status", "a").returncode == 4


def a_spec_that_needs_a_missing_plugin_is_refused():
    with Manager() as m:
        m.start()
        file = m.root / "spec.yaml"
        file.write_text("daemons:\n  a:\n    command: [x]\n    driver: firecracker\n")
        assert f"{file}:4:13: " in m.fails(2, "add", "-f", file)
        assert m.run("plugin", "info", "firecracker").returncode == 1


def a_registered_daemon_whose_plugin_is_gone_fails_alone():
    with Manager() as m:
        path = plugin_dir(m)
        everything = [shutil.copy(p, path) for p in (os.path.join(_bundled(), n) for n in os.listdir(_bundled()))
                      if p.endswith(".so")]
        prefix = m.root / "prefix" / "bin"
        prefix.mkdir(parents=True)
        program = shutil.copy(os.path.realpath(PROGRAM), prefix / "syspulse")
        os.environ["SYSPULSE_PLUGIN_PATH"] = str(path)

        def start():
            log = open(m.root / "manager.log", "ab")
            m.process = subprocess.Popen([program, "daemon", "--data-dir", m.data], stdout=log, stderr=log)
            until(lambda: m.run("ping").returncode == 0, "the manager answers")
        start()
        m.add(web={"command": ["/bin/sh", "-c", "sleep 600"]},
              checked={"command": ["/bin/sh", "-c", "sleep 600"],
                       "health_check": {"type": "tcp", "target": "127.0.0.1:1", "interval_secs": 1}})
        m.stop()
        os.unlink(next(p for p in everything if p.endswith("tcp.so")))
        start()
        m.ok("start", "web")
        m.ok("start", "checked")
        assert m.wait_for("checked", state="running")["health_status"] in ("unknown", "unhealthy")
        assert m.status("web")["state"] == "running"


def a_run_whose_driver_is_missing_is_neither_lost_nor_started_twice():
    with Manager() as m:
        marker = f"3600.{os.getpid()}"
        m.start()
        m.add(web={"command": ["sleep", marker], "restart_policy": "always"})
        m.ok("start", "web")
        pid = m.status("web")["pid"]

        def copies():
            found = []
            for entry in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError), open(f"/proc/{entry}/cmdline", "rb") as f:
                    if marker.encode() in f.read():
                        found.append(int(entry))
            return found
        m.ok("shutdown", "--keep-running")
        m.process.wait()
        # A program without its plugins beside it.
        prefix = m.root / "prefix" / "bin"
        prefix.mkdir(parents=True)
        program = shutil.copy(os.path.realpath(PROGRAM), prefix / "syspulse")
        log = open(m.root / "manager.log", "ab")
        m.process = subprocess.Popen([program, "daemon", "--data-dir", m.data], stdout=log, stderr=log)
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        until(lambda: "no driver" in (m.status("web")["last_error"] or ""), "what is missing is told")
        now = m.status("web")
        assert (now["state"], now["pid"]) == ("starting", pid), now
        for command in ("start", "restart", "stop"):
            assert "no driver" in m.fails(1, command, "web")
        assert copies() == [pid]
        os.kill(m.pid(), signal.SIGKILL)  # In the middle of it; the next one knows no more, nor does it forget.
        until(lambda: "no driver" in (m.status("web")["last_error"] or ""), "the next one tells it, too")
        m.ok("shutdown", "--keep-running")
        m.process.wait()
        m.start()
        until(lambda: not alive(pid), "the stop is carried out")
        assert m.wait_for("web", state="stopped")
        assert copies() == []


main(globals())
