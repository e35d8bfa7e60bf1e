"""What an operator, a terminal or another supervisor does to syspulse without meaning harm. One scenario per CTest."""
import fcntl
import grp
import json
import os
import pty
import pwd
import signal
import subprocess
import sys
import time

from harness import DEADLINE_SECS, PROGRAM, Manager, alive, need_root, until

FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


def up(m, **popen):
    """`syspulse up` with one daemon; returns the process and the pid of the daemon."""
    file = m.root / "up.yaml"
    file.write_text(json.dumps({"daemons": {"tick": {"command": ["/bin/sh", "-c", "while :; do echo x; sleep 0.05; done"]}}}))
    process = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "-f", file], **popen)
    def pid():
        done = m.run("--format", "json", "status", "tick")
        return json.loads(done.stdout)["pid"] if done.returncode == 0 else None
    return process, until(pid, "the daemon runs")


def up_stops_its_daemons_when_nobody_reads_its_output():
    with Manager() as m:
        process, daemon = up(m, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(DEADLINE_SECS) == 0, process.stderr.read()
        assert not alive(daemon)
        process.stderr.close()
        m.start()
        assert "nobody reads the output of up" in m.ok("events")


def up_supervises_while_nobody_reads_its_output():
    with Manager() as m:
        file = m.root / "up.yaml"
        restarted = {"policy": "always", "backoff_base_secs": 0.01}
        file.write_text(json.dumps({"daemons": {
            "chatty": {"command": ["/bin/sh", "-c", "while :; do echo 0123456789012345678901234567890123456789; done"]},
            "web": {"command": FOREVER, "restart_policy": restarted}}}))
        process = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "-f", file], stdout=subprocess.PIPE)
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        # More than the pipe and the manager hold.
        until(lambda: m.log("chatty").count("\n") > 50_000, "the pipe is full")
        for _ in range(3):
            before = m.wait_for("web", state="running")["pid"]
            os.kill(before, signal.SIGKILL)
            until(lambda: m.status("web")["pid"] not in (None, before), "it is restarted")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECS) == 0
        assert b"chatty   | 0123456789" in process.stdout.read(), "what fitted is there"
        process.stdout.close()


def a_manager_whose_log_nobody_reads_for_a_while_goes_on():
    with Manager() as m:
        process = subprocess.Popen([PROGRAM, "daemon", "--no-keeper", "--data-dir", m.data], stderr=subprocess.PIPE)
        fcntl.fcntl(process.stderr, fcntl.F_SETPIPE_SZ, 4096)
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        for _ in range(40):
            for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
                process.send_signal(number)
            assert m.ok("ping") == "pong\n"
        process.send_signal(signal.SIGTERM)
        told = process.stderr.read()
        assert process.wait(DEADLINE_SECS) == 0
        assert told.count(b"is ignored") > 120, told
        process.stderr.close()


def up_ends_with_its_terminal():
    with Manager() as m:
        terminal, inside = pty.openpty()
        process, daemon = up(m, stdin=inside, stdout=inside, stderr=inside, start_new_session=True)
        os.close(inside)
        process.send_signal(signal.SIGHUP)
        os.close(terminal)
        assert process.wait(DEADLINE_SECS) == 0
        assert not alive(daemon)


def a_manager_whose_log_nobody_reads_goes_on():
    with Manager() as m:
        for flags in ([], ["--no-keeper"]):
            m.process = subprocess.Popen([PROGRAM, "daemon", "--data-dir", m.data, *flags], stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT)
            until(lambda: m.run("ping").returncode == 0, "the manager answers")
            m.process.stdout.close()
            manager = json.loads(m.ok("--format", "json", "info"))["pid"]
            for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM) * 2:
                m.process.send_signal(number)
                os.kill(manager, number)
                assert m.ok("ping") == "pong\n"
            m.run("add", "--name", "pipe", "--command", "/bin/sh", "-c", "kill -PIPE $$; sleep 60")
            m.run("start", "pipe")
            assert m.wait_for("pipe", state="failed")["exit_signal"] == "SIGPIPE", "daemons get the default action"
            assert json.loads(m.ok("--format", "json", "info"))["pid"] == manager
            m.stop()


def signals_that_mean_nothing_here_are_logged():
    with Manager() as m:
        m.start("--no-keeper")
        for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            m.process.send_signal(number)
            until(lambda: f"{number.name} is ignored" in (m.root / "manager.log").read_text(), "the log says so")


def many_sigterms_are_as_graceful_as_one():
    script = "trap 'sleep 1.5; echo graceful; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    for flags in ([], ["--no-keeper"]):
        with Manager() as m:
            m.start(*flags)
            m.add(polite={"command": ["/bin/sh", "-c", script]})
            m.ok("start", "polite")
            until(lambda: "up" in m.log("polite"), "the trap is set")
            for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGINT):
                m.process.send_signal(number)
            time.sleep(1.1)  # After the time from which a Ctrl-C would kill.
            m.process.send_signal(signal.SIGTERM)
            assert m.process.wait(DEADLINE_SECS) == 0
            assert "graceful" in m.log("polite")


def a_second_ctrl_c_kills():
    with Manager() as m:
        m.start()
        m.add(stubborn={"command": ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"],
                        "stop_timeout_secs": 600})
        m.ok("start", "stubborn")
        until(lambda: "up" in m.log("stubborn"), "the trap is set")
        m.process.send_signal(signal.SIGINT)
        m.wait_for("stubborn", state="stopping")
        time.sleep(1.1)
        m.process.send_signal(signal.SIGINT)
        assert m.process.wait(DEADLINE_SECS) == 0


def a_manager_can_follow_a_shutdown_at_once():
    with Manager() as m:
        for keep in ([], ["--keep-running"]) * 2:
            for flags in ([], ["--no-keeper"]):
                m.start(*flags)
                m.ok("shutdown", *keep)
                assert m.process.poll() is not None, "the process is gone when shutdown returns"


def root_may_use_the_manager_of_anybody():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    with Manager() as m:
        m.data.mkdir()
        os.chown(m.data, 65534, 65534)
        try:
            m.process = subprocess.Popen([PROGRAM, "daemon", "--data-dir", m.data], user=65534, group=65534,
                                         extra_groups=[], stderr=subprocess.DEVNULL)
        except PermissionError:
            print("skipped: others may not execute the program where it is")
            sys.exit(77)
        until(lambda: m.run("ping").returncode == 0, "root is served")


def path_is_searched_as_the_daemons_user():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    with Manager() as m:
        private, public = m.root / "private", m.root / "public"
        for directory, mode in ((private, 0o700), (public, 0o755)):
            directory.mkdir()
            (directory / "found").write_text(f"#!/bin/sh\necho {directory.name}; sleep 600\n")
            (directory / "found").chmod(0o755)
            (directory / "locked").write_text("#!/bin/sh\n")
            (directory / "locked").chmod(0o700)
            directory.chmod(mode)
        path = f"{private}:{m.root / 'none'}:{public}"
        m.start()
        m.add(theirs={"command": ["found"], "user": "nobody", "env": {"PATH": path}},
              ours={"command": ["found"], "env": {"PATH": path}},
              locked={"command": ["locked"], "user": "nobody", "env": {"PATH": path}})
        m.ok("start", "theirs", "ours")
        until(lambda: m.log("theirs") == "public\n" and m.log("ours") == "private\n", "each runs what it may")
        refused = m.fails(7, "start", "locked")
        assert f"({private}/locked)" in refused and "ermission denied" in refused, refused


def a_daemon_runs_in_the_group_that_its_user_names():
    need_root()
    with Manager() as m:
        m.start()
        whoami = ["/bin/sh", "-c", "echo $(id -u):$(id -g); exec sleep 600"]
        m.add(words={"command": whoami, "user": "nobody:daemon"}, numbers={"command": whoami, "user": "54321:54322"})
        m.ok("start", "words", "numbers")
        nobody, daemon = pwd.getpwnam("nobody").pw_uid, grp.getgrnam("daemon").gr_gid
        until(lambda: m.log("words") == f"{nobody}:{daemon}\n" and m.log("numbers") == "54321:54322\n", "each is who it says")


def a_daemon_opens_its_output_by_name_whoever_it_is():
    need_root()
    with Manager() as m:
        m.start()
        named = ["/bin/sh", "-c", "while :; do echo $(id -un) > /dev/stdout; echo $(id -un) > /dev/stderr; sleep 0.02; done"]

        def writes(user):
            seen = [len(m.log("web", stream)) for stream in ("stdout", "stderr")]
            until(lambda: all(user in m.log("web", stream)[length:] for stream, length in zip(("stdout", "stderr"), seen)),
                  f"{user} writes")

        def declare(**user):
            spec = m.root / "web.yaml"
            spec.write_text(json.dumps({"daemons": {"web": {"command": named, **user}}}))
            m.ok("add", "--replace", "-f", spec)
        declare(user="nobody")
        m.ok("start", "web")
        writes("nobody")
        declare(user="daemon")  # For the next run; this one goes on.
        m.kill()
        m.start()
        writes("nobody")
        m.ok("restart", "web")
        writes("daemon")
        declare()
        m.ok("restart", "web")
        writes("root")


def a_limit_that_does_not_bind_root_is_refused():
    if os.geteuid() != 0:
        print("skipped: needs root")
        sys.exit(77)
    with Manager() as m:
        m.start()
        m.add(bound={"command": FOREVER, "user": "nobody", "resource_limits": {"max_processes": 5000}})
        m.ok("start", "bound")
        unbound = m.root / "unbound.yaml"
        unbound.write_text(json.dumps({"daemons": {"unbound": {"command": FOREVER, "resource_limits": {"max_processes": 9}}}}))
        refused = m.fails(2, "add", "-f", unbound)
        assert "max_processes" in refused and "give the daemon a user" in refused, refused
        m.fails(4, "status", "unbound")


def daemons_get_the_environment_of_up_but_not_of_daemon():
    spec = {"daemons": {"shows": {"command": ["/bin/sh", "-c", "echo got ${FOO-nothing}; sleep 600"]}}}
    with Manager() as m:
        file = m.root / "spec.yaml"
        # YAML expands variables, so the shell's own dollar is doubled.
        file.write_text(json.dumps(spec).replace("$", "$$"))
        os.environ["FOO"] = "bar"
        process = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "-f", file], stdout=subprocess.DEVNULL)
        until(lambda: m.log("shows") == "got bar\n", "up hands its environment on")
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_SECS) == 0
        m.start()
        m.run("start", "shows")  # Or it runs again already, as what ran before does.
        until(lambda: m.log("shows") == "got bar\ngot nothing\n", "daemon gives a clean one")


def variables_in_specs_are_those_of_the_manager():
    spec = {"daemons": {"a": {"command": ["/bin/echo", "${SYSPULSE_TEST_WORD} ${SYSPULSE_TEST_MORE:-default} $$"]}}}
    with Manager() as m:
        m.start(env={**os.environ, "SYSPULSE_TEST_WORD": "manager"})
        file = m.root / "spec.yaml"
        file.write_text(json.dumps(spec))
        os.environ["SYSPULSE_TEST_WORD"] = "client"
        m.ok("add", "-f", file)
        shown = json.loads(m.ok("--format", "json", "spec", "a"))
        assert shown["command"][1] == "manager default $", shown
        file.write_text(json.dumps(spec).replace("_WORD", "_UNSET"))
        told = m.fails(2, "add", "--replace", "-f", file)
        assert f"{file}:1:" in told and "SYSPULSE_TEST_UNSET" in told, told


def a_wait_says_why_it_is_in_vain():
    with Manager() as m:
        m.start()
        m.add(bad={"command": ["/no/such/program"], "restart_policy": {"policy": "always", "backoff_base_secs": 200}},
              needs={"command": FOREVER, "depends_on": ["bad"]})
        told = m.fails(6, "start", "needs", "--wait", "--timeout", 2)
        assert "bad" in told and "No such file" in told, told


def restart_keeps_to_its_timeout():
    with Manager() as m:
        m.start()
        m.add(slow={"command": ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"],
                    "stop_timeout_secs": 600})
        m.ok("start", "slow")
        until(lambda: m.log("slow"), "the trap is set")
        m.fails(6, "restart", "slow", "--timeout", 1)
        m.ok("stop", "slow", "--force")


def events_can_be_limited_and_know_their_daemons():
    with Manager() as m:
        m.start()
        m.add(job={"command": FOREVER})
        m.ok("start", "job")
        m.ok("stop", "job")
        everything = json.loads(m.ok("--format", "json", "events"))
        assert json.loads(m.ok("--format", "json", "events", "-n", 2)) == everything[-2:]
        m.fails(4, "events", "--daemon", "nobody")
        m.ok("remove", "job")
        assert json.loads(m.ok("--format", "json", "events", "--daemon", "job")), "history outlives its daemon"


def a_manager_without_standard_streams_serves_and_ends():
    with Manager() as m:
        m.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" daemon --data-dir "$1" <&- >&- 2>&-', PROGRAM, m.data])
        until(lambda: m.run("ping").returncode == 0, "the manager answers")
        m.add(job={"command": FOREVER})
        m.ok("start", "job")
        os.kill(m.pid(), signal.SIGKILL)
        m.wait_for("job", state="running")
        m.stop()
    done = subprocess.run(["/bin/sh", "-c", '"$0" --version >&-', PROGRAM], capture_output=True, text=True)
    assert done.returncode == 1 and "cannot write" in done.stderr, done


def who_follows_a_daemon_is_done_when_it_is_removed():
    with Manager() as m:
        m.start()
        m.add(talker={"command": ["/bin/sh", "-c", "trap 'echo last words; exit 0' TERM; echo ready; sleep 3600 & wait"]})
        m.add(silent={"command": FOREVER})
        followers = {name: subprocess.Popen([PROGRAM, "--data-dir", m.data, "logs", name, "-f"], stdout=subprocess.PIPE,
                                            text=True) for name in ("talker", "silent")}
        m.ok("start", "talker")
        assert followers["talker"].stdout.readline() == "ready\n"
        m.ok("remove", "--force", "talker")
        assert followers["talker"].communicate(timeout=60)[0] == "last words\n"
        assert followers["talker"].returncode == 0
        m.ok("remove", "silent")
        assert followers["silent"].communicate(timeout=60)[0] == "" and followers["silent"].returncode == 0


def a_replaced_daemon_says_what_is_left_to_do():
    with Manager() as m:
        m.start()
        m.add(a={"command": FOREVER})
        told = m.ok("add", "--replace", "--name", "a", "--command", "/bin/true")
        assert told == "a: replaced; its next start applies it\n", told
        m.ok("add", "--replace", "--name", "a", "--command", *FOREVER)
        m.ok("start", "a")
        for command, left in (["/bin/true"], "restart it to apply"), (FOREVER, "no restart is needed"):
            told = m.ok("add", "--replace", "--name", "a", "--command", *command)
            assert told == f"a: replaced; {left}\n", told


if __name__ == "__main__":
    globals()[sys.argv[1]]()
