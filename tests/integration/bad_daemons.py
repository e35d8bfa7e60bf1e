"""Programs that behave badly, and requests that come at the wrong time; a good neighbour is never affected."""
import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys

from harness import PROGRAM, Manager, alive, main, until

FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]
# Grandchildren in the same group that ignore SIGTERM and outlive their parent.
LEAVES_GRANDCHILDREN = ("for i in 1 2 3; do (trap '' TERM; while :; do sleep 60; done) & echo $!; done; "
                        "while :; do sleep 60; done")
MIB = 1024 * 1024
GIB = 1024 * MIB
SANITIZED = bool(os.environ.get("SYSPULSE_SANITIZE"))  # Which keeps freed memory for a while.


@contextlib.contextmanager
def _manager_with_neighbour():
    """The neighbour runs before and after, as the same process."""
    with Manager() as m:
        m.start()
        m.add(neighbour={"command": FOREVER})
        m.ok("start", "neighbour")
        before = m.status("neighbour")
        yield m
        after = m.status("neighbour")
        assert (after["pid"], after["restart_count"]) == (before["pid"], 0) and after["state"] == "running"


def requests_at_the_wrong_time_are_conflicts():
    with _manager_with_neighbour() as m:
        m.add(web={"command": FOREVER}, gate={"command": FOREVER, "health_check": {"type": "tcp", "target": "127.0.0.1:1"}},
              waits={"command": FOREVER, "depends_on": ["gate"]})
        for words in (("start",), ("stop",), ("restart",), ("remove",), ("status",), ("logs",)):
            assert '"nobody"' in m.fails(4, *words, "nobody")
        m.fails(4, "signal", "nobody", "TERM")
        assert "exist" in m.fails(5, "add", "--name", "web", "--command", "true")
        assert "not running" in m.fails(5, "stop", "web")
        assert "not running" in m.fails(5, "signal", "web", "TERM")
        m.ok("start", "web")
        assert "already running" in m.fails(5, "start", "web")
        m.ok("start", "waits")
        assert m.status("waits")["waiting_for"] == "gate"
        assert "already starting" in m.fails(5, "start", "waits")
        assert 'waits for "gate"' in m.fails(6, "start", "--wait", "--timeout", "0.2", "waits"), "waiting joins a start"
        assert "--force" in m.fails(5, "remove", "web")
        assert "depends on it" in m.fails(5, "remove", "--force", "gate")
        m.ok("remove", "--force", "web")
        m.fails(4, "status", "web")


def several_names_are_all_tried_and_the_worst_code_wins():
    with _manager_with_neighbour() as m:
        m.add(a={"command": FOREVER}, b={"command": FOREVER, "depends_on": ["a"]}, c={"command": FOREVER})
        m.ok("start", "b", "a")  # b takes a along: no conflict.
        done = m.run("stop", "nobody", "c", "a", "b")
        assert done.returncode == 5, done
        assert "a: stopped" in done.stdout and "b: stopped" in done.stdout, done
        assert "nobody" in done.stderr and '"c" is not running' in done.stderr, done
        m.ok("stop", "a*")
        m.ok("start", "[abc]")
        m.ok("start", "--all")
        m.ok("stop", "[abc]")
        told = json.loads(m.run("--format", "json", "stop", "a", "nobody").stderr)
        assert {f["code"] for f in told["error"]["failures"]} == {404, 409}, told


def programs_that_cannot_run_say_why():
    with _manager_with_neighbour() as m:
        script = m.root / "not-executable"
        script.write_text("#!/bin/sh\n")
        no_interpreter = m.root / "no-interpreter"
        no_interpreter.write_text("#!/no/such/interpreter\n")
        no_interpreter.chmod(0o755)
        m.add(missing={"command": ["/no/such/program"]}, script={"command": [str(script)]},
              interpreter={"command": [str(no_interpreter)]}, directory={"command": ["/tmp"]},
              lost={"command": FOREVER, "working_dir": "/no/such/directory"},
              exits={"command": ["/bin/sh", "-c", "exit 3"]},
              retried={"command": ["/no/such/program"],
                       "restart_policy": {"policy": "always", "backoff_base_secs": 3600, "backoff_max_secs": 3600}})
        for name, why in (("missing", "No such file"), ("script", "ermission denied"), ("interpreter", "No such file"),
                          ("directory", "ermission denied"), ("lost", "/no/such/directory"),
                          ("retried", "No such file")):
            code = 7 if why == "ermission denied" else 1
            assert why in m.fails(code, "start", "--wait", name), name
            assert why in m.status(name)["last_error"]
        assert m.status("missing")["state"] == "failed" and m.status("retried")["state"] == "backoff"
        m.run("start", "exits")
        assert m.wait_for("exits", state="failed")["exit_code"] == 3


def a_group_that_ignores_sigterm_is_killed_whole():
    with _manager_with_neighbour() as m:
        m.add(deaf={"command": ["/bin/sh", "-c", "trap '' TERM; " + LEAVES_GRANDCHILDREN], "stop_timeout_secs": 0.5},
              leaver={"command": ["/bin/sh", "-c", LEAVES_GRANDCHILDREN]})
        for name, how in (("deaf", "SIGKILL"), ("leaver", "SIGTERM")):
            m.ok("start", name)
            children = until(lambda name=name: (lambda w: w if len(w) == 3 else None)(m.log(name).split()), "children")
            m.ok("stop", name)
            assert m.status(name)["exit_signal"] == how
            until(lambda c=children: not any(alive(int(pid)) for pid in c), f"nobody of {name} is left")
        m.ok("start", "leaver")
        until(lambda: len(m.log("leaver").split()) == 6, "children of the second run")
        os.kill(m.status("leaver")["pid"], signal.SIGKILL)
        m.wait_for("leaver", state="failed")
        until(lambda: not any(alive(int(pid)) for pid in m.log("leaver").split()), "what a dead leader left is gone")


def a_daemon_that_closes_its_output_goes_on():
    with _manager_with_neighbour() as m:
        m.add(mute={"command": ["/bin/sh", "-c", "echo first; exec >&- 2>&-; while :; do sleep 60; done"]})
        m.ok("start", "mute")
        until(lambda: m.log("mute") == "first\n", "the first line")
        assert m.status("mute")["state"] == "running"
        m.ok("stop", "mute")


def _peak_kib(m):
    with open(f"/proc/{m.pid()}/status") as f:
        return int(next(line for line in f if line.startswith("VmHWM")).split()[1])


def a_line_of_a_gigabyte_fills_neither_disk_nor_memory():
    """A file ends within a line that would exceed max_size_bytes by more than 1 MiB; the next one goes on with it."""
    with _manager_with_neighbour() as m:
        go = m.root / "go"
        os.mkfifo(go)
        m.add(long={"command": ["/bin/sh", "-c",
                                f"head -c {GIB} /dev/zero; echo written >&2; read go < {go}; echo; echo end"],
                    "log_config": {"max_size_bytes": "8M", "retain_count": 3}})
        before_kib = _peak_kib(m)
        m.ok("start", "long")
        sizes = set()

        def written():
            for file in (m.data / "logs" / "long").glob("stdout.log*"):
                with contextlib.suppress(FileNotFoundError):
                    sizes.add(file.stat().st_size)
            return m.log("long", "stderr") == "written\n"
        until(written, "the gigabyte is written")
        assert max(sizes) <= 9 * MIB, sizes
        assert SANITIZED or _peak_kib(m) < before_kib + 8 * 1024, "the line passes by"
        last = m.ok("logs", "long", "-n", 1)
        assert set(last) == {"\0", "\n"} and len(last) <= MIB + 1, "a piece of 1 MiB counts as a line"
        go.write_text("\n")
        m.wait_for("long", state="stopped", exit_code=0)
        until(lambda: m.log("long").endswith("end\n"), "the line after it is there")
        parts = [m.data / "logs" / "long" / f"stdout.log.{n}" for n in (3, 2, 1)]
        kept = "".join(p.read_text() for p in parts) + m.log("long")
        assert m.ok("logs", "long", "-n", 1000000) == kept, "the parts are joined as they were written"
        assert kept == "\0" * (len(kept) - 5) + "\nend\n" and len(kept) > 3 * 8 * MIB
        assert SANITIZED or _peak_kib(m) < before_kib + 8 * 1024, f"{_peak_kib(m)} KiB after {before_kib}"
        assert m.ok("logs", "long", "-n", 1) == "end\n"


def output_that_is_not_utf8_is_kept_as_it_is():
    with _manager_with_neighbour() as m:
        m.add(bytes={"command": ["/bin/sh", "-c", r"printf '\377\376 caf\351 \033[2J\000x\n'"]})
        m.ok("start", "bytes")
        m.wait_for("bytes", state="stopped")
        log = m.data / "logs" / "bytes" / "stdout.log"
        until(lambda: log.exists() and log.read_bytes().endswith(b"x\n"), "the line is kept")
        assert log.read_bytes() == b"\xff\xfe caf\xe9 \x1b[2J\x00x\n"
        raw = subprocess.run([PROGRAM, "--data-dir", m.data, "logs", "bytes"], capture_output=True, check=True)
        assert b"caf" in raw.stdout
        told = subprocess.run([PROGRAM, "--data-dir", m.data, "--format", "json", "logs", "bytes"],
                              capture_output=True, check=True)
        assert "caf" in json.loads(told.stdout.decode("utf-8"))[0]["line"], "JSON is UTF-8 whatever was written"


@contextlib.contextmanager
def _held_program(m):
    """A program whose execution waits: the kernel holds up who opens a file that somebody has a lease of."""
    program = m.root / "program"
    shutil.copy("/bin/sleep", program)
    fd = os.open(program, os.O_RDONLY)
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)  # Which is ignored, unlike SIGIO.
    fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    try:
        yield program, lambda: fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    finally:
        os.close(fd)


def _running(program):
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if entry.isdigit() and os.readlink(f"/proc/{entry}/exe") == str(program):
                yield int(entry)


def a_program_that_hangs_before_it_runs_holds_up_nobody():
    if SANITIZED:
        print("skipped: a sanitized driver waits for its children")
        sys.exit(77)
    with _manager_with_neighbour() as m, _held_program(m) as (program, let_go):
        m.add(held={"command": [str(program), "1000"]}, web={"command": FOREVER})
        starting = subprocess.Popen([PROGRAM, "--data-dir", m.data, "start", "held"], stderr=subprocess.PIPE)
        m.wait_for("held", state="starting")
        for _ in range(5):
            m.ok("start", "web")
            m.ok("stop", "web")
        assert m.status("held")["state"] == "starting"
        let_go()
        assert starting.wait() == 0, starting.stderr.read()
        starting.stderr.close()
        assert m.wait_for("held", state="running")["restart_count"] == 0
        m.ok("stop", "held")


def a_manager_ends_while_a_program_hangs_before_it_runs():
    if SANITIZED:
        print("skipped: a sanitized driver waits for its children")
        sys.exit(77)
    with Manager() as m:
        m.start()
        with _held_program(m) as (program, _):
            m.add(held={"command": [str(program), "1000"], "stop_timeout_secs": 1})
            starting = subprocess.Popen([PROGRAM, "--data-dir", m.data, "start", "held"], stderr=subprocess.PIPE)
            m.wait_for("held", state="starting")
            m.ok("shutdown")
            assert starting.wait() != 0, "it was not started"
            starting.stderr.close()
        # What was to run is restored, once.
        m.start()
        pid = m.wait_for("held", state="running")["pid"]
        assert list(_running(program)) == [pid]


main(globals())
