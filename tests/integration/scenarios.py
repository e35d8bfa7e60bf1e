"""The product as its users have it: the real program, real daemons from Debian. One scenario per CTest."""
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios

from harness import DEADLINE_SECS, PROGRAM, Manager, alive, free_port, main, need, until

SHELL_FOREVER = ["/bin/sh", "-c", "while :; do sleep 60; done"]


def redis_is_restarted_after_a_kill_and_stops_cleanly():
    need("redis-server")
    port = free_port()
    with Manager() as m:
        m.start()
        m.add(redis={"command": ["redis-server", "--port", str(port), "--save", ""],
                     "restart_policy": {"policy": "on_failure", "backoff_base_secs": 0.05},
                     "health_check": {"type": "tcp", "target": f"127.0.0.1:{port}", "interval_secs": 1}})
        m.ok("start", "redis", "--wait")
        first = m.status("redis")
        assert first["health_status"] == "healthy"
        os.kill(first["pid"], signal.SIGKILL)
        again = until(lambda: (lambda s: s if s["restart_count"] == 1 and s["health_status"] == "healthy" else None)
                      (m.status("redis")), "redis is healthy again")
        assert again["pid"] != first["pid"]
        m.ok("stop", "redis")
        ended = m.status("redis")
        assert (ended["state"], ended["exit_code"]) == ("stopped", 0), ended
        assert "ready to accept connections" in m.ok("logs", "redis", "-n", 500).lower()


def nginx_is_checked_over_http_and_leaves_no_workers():
    need("/usr/sbin/nginx")
    port = free_port()
    with Manager() as m:
        conf = m.root / "nginx.conf"
        conf.write_text(f"""daemon off; error_log stderr; pid {m.root}/nginx.pid; worker_processes 2;
events {{ }} http {{ access_log off; client_body_temp_path {m.root}/b; proxy_temp_path {m.root}/p;
fastcgi_temp_path {m.root}/f; uwsgi_temp_path {m.root}/u; scgi_temp_path {m.root}/s;
server {{ listen 127.0.0.1:{port}; location / {{ return 200 "hello\\n"; }} }} }}""")
        m.start()
        m.add(web={"command": ["/usr/sbin/nginx", "-c", str(conf), "-p", str(m.root)], "stop_signal": "SIGQUIT",
                   "health_check": {"type": "http", "target": f"http://127.0.0.1:{port}/", "interval_secs": 1,
                                    "with": {"body_contains": "hello"}}})
        m.ok("start", "web", "--wait")
        master = m.status("web")["pid"]
        workers = until(lambda: subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True)
                        .stdout.split(), "nginx has workers")
        m.ok("stop", "web")
        until(lambda: not any(alive(int(w)) for w in workers), "the workers are gone")


def postgres_is_checked_by_command():
    binaries = "/usr/lib/postgresql/15/bin"
    need(f"{binaries}/postgres")
    if os.geteuid() != 0:
        print("skipped: needs root to become postgres")
        sys.exit(77)
    port = free_port()
    with Manager() as m:
        db = m.root / "db"
        db.mkdir()
        subprocess.run(["chown", "postgres", db], check=True)
        subprocess.run(["runuser", "-u", "postgres", "--", f"{binaries}/initdb", "-D", db, "-A", "trust"],
                       check=True, capture_output=True, cwd="/")
        m.start()
        m.add(db={"command": [f"{binaries}/postgres", "-D", str(db), "-p", str(port), "-k", str(db), "-c",
                              "listen_addresses=127.0.0.1"],
                  "user": "postgres", "stop_signal": "SIGINT", "restart_policy": {"policy": "always",
                                                                                 "backoff_base_secs": 0.2},
                  "health_check": {"type": "command", "target": f"{binaries}/pg_isready -h 127.0.0.1 -p {port}",
                                   "interval_secs": 1, "retries": 30}})
        m.ok("start", "db", "--wait")
        os.kill(m.status("db")["pid"], signal.SIGKILL)
        until(lambda: (lambda s: s["restart_count"] >= 1 and s["health_status"] == "healthy")(m.status("db")),
              "postgres is healthy again")
        m.ok("stop", "db")
        assert m.status("db")["exit_code"] == 0


def _bytes_in(pipe):
    with open(os.open(pipe, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as end:
        return int.from_bytes(fcntl.ioctl(end, termios.FIONREAD, bytes(4)), sys.byteorder)


def a_killed_manager_leaves_daemons_and_the_next_one_adopts_them():
    with Manager() as m:
        m.start()
        m.add(tick={"command": ["/bin/sh", "-c", "i=0; while :; do echo $i; i=$((i+1)); sleep 0.02; done"]})
        m.ok("start", "tick")
        before = m.status("tick")
        until(lambda: "3\n" in m.log("tick"), "output arrives")
        m.kill()
        assert alive(before["pid"]), "the daemon survives its manager"
        pipe = m.data / "logs" / "tick" / ".stdout.fifo"
        waiting = _bytes_in(pipe)
        until(lambda: _bytes_in(pipe) > waiting + 10, "output waits in the pipe")
        m.start()
        after = m.wait_for("tick", state="running")
        assert after["pid"] == before["pid"] and after["started_at"] == before["started_at"]
        target = int(m.log("tick").split()[-1]) + 20
        until(lambda: f"\n{target}\n" in m.log("tick"), "output goes on")
        numbers = [int(n) for n in m.log("tick").split("\n")[:-1]]
        assert numbers == list(range(len(numbers))), "no line is lost or doubled"
        m.ok("stop", "tick")
        assert not alive(before["pid"])


def what_ran_runs_again_after_a_normal_restart():
    with Manager() as m:
        m.start()
        m.add(a={"command": SHELL_FOREVER}, b={"command": SHELL_FOREVER}, c={"command": SHELL_FOREVER,
                                                                             "autostart": True})
        m.ok("start", "a")
        first = m.status("a")["pid"]
        m.stop()
        assert not alive(first), "a normal stop ends the daemons"
        m.start()
        m.wait_for("a", state="running")
        m.wait_for("c", state="running")
        assert m.status("b")["state"] == "stopped"


def shutdown_keep_running_hands_daemons_over():
    with Manager() as m:
        m.start()
        m.add(a={"command": SHELL_FOREVER})
        m.ok("start", "a")
        pid = m.status("a")["pid"]
        m.ok("shutdown", "--keep-running")
        m.process.wait(DEADLINE_SECS)
        assert alive(pid)
        m.start()
        assert m.wait_for("a", state="running")["pid"] == pid


def stop_reaches_those_who_will_not_go():
    script = "trap '' TERM; (trap '' TERM; while :; do sleep 60; done) & echo $!; while :; do sleep 60; done"
    with Manager() as m:
        m.start()
        m.add(stubborn={"command": ["/bin/sh", "-c", script], "stop_timeout_secs": 0.3},
              slow={"command": ["/bin/sh", "-c", "trap '' TERM; echo up; while :; do sleep 60; done"],
                    "stop_timeout_secs": 600},
              leaver={"command": ["/bin/sh", "-c", "(trap '' TERM; sleep 600) & echo $!; exec sleep 600"]})
        for name in ("stubborn", "slow", "leaver"):
            m.ok("start", name)
            until(lambda: m.log(name), f"{name} speaks")
        child = int(m.log("stubborn"))
        left = int(m.log("leaver"))
        m.ok("stop", "stubborn")
        assert m.status("stubborn")["exit_signal"] == "SIGKILL"
        until(lambda: not alive(child), "the grandchild is gone")
        m.ok("stop", "leaver")
        until(lambda: not alive(left), "what was left behind is gone")
        stopping = subprocess.Popen([PROGRAM, "--data-dir", m.data, "stop", "slow"], stdout=subprocess.DEVNULL)
        m.wait_for("slow", state="stopping")
        m.ok("start", "stubborn")  # One daemon's slow stop delays nobody.
        m.ok("stop", "slow", "--force")
        assert stopping.wait(DEADLINE_SECS) == 0


def mistakes_get_their_exit_codes_and_messages():
    with Manager() as m:
        assert "syspulse daemon" in m.fails(3, "status")
        m.start()
        second = m.run("daemon")
        first = json.loads(m.ok("--format", "json", "info"))["pid"]
        assert second.returncode == 5 and str(first) in second.stderr, second.stderr
        m.add(web={"command": SHELL_FOREVER})
        m.fails(4, "start", "nobody")
        m.fails(5, "add", "--name", "web", "--command", "true")
        m.fails(5, "stop", "web")
        m.ok("start", "web")
        m.fails(5, "start", "web")
        assert "--force" in m.fails(5, "remove", "web")
        m.ok("remove", "web", "--force")
        bad = m.root / "bad.yaml"
        bad.write_text("daemons:\n  web:\n    comand: [x]\n    stop_timeout_secs: soon\n")
        errors = m.fails(2, "validate", bad)
        assert f"{bad}:3:5: " in errors and "command" in errors and f"{bad}:4:" in errors, errors
        m.add(missing={"command": ["/no/such/program"]}, script={"command": [str(bad)]},
              exits={"command": ["/bin/sh", "-c", "exit 3"]})
        assert "No such file" in m.fails(1, "start", "missing")
        assert "ermission denied" in m.fails(7, "start", "script")
        m.run("start", "exits")
        assert m.wait_for("exits", state="failed")["exit_code"] == 3
        failed = json.loads(m.run("--format", "json", "status", "nobody").stderr)
        assert failed["error"]["code"] == 404 and failed["error"]["kind"] == "daemon_not_found"


def schedules_run_and_keep_their_history():
    with Manager() as m:
        m.start()
        m.add(job={"command": ["/bin/sh", "-c", "echo ran"], "schedule": "* * * * * *"},
              nightly={"command": ["/bin/sh", "-c", "echo by hand; exit 7"], "schedule": "0 3 * * *"})
        until(lambda: m.log("job").count("ran") >= 2, "the job ran twice")
        assert m.status("nightly")["state"] == "scheduled" and m.status("nightly")["next_run_at"]
        m.ok("start", "nightly")
        until(lambda: m.status("nightly")["exit_code"] == 7, "the run by hand is over")
        assert m.status("nightly")["state"] == "scheduled"
        assert "exit" in m.ok("events", "--daemon", "nightly")


def dependencies_start_first_and_stop_last():
    port = free_port()
    with Manager() as m:
        m.start()
        m.add(db={"command": [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
                  "health_check": {"type": "tcp", "target": f"127.0.0.1:{port}", "interval_secs": 1}},
              web={"command": SHELL_FOREVER, "depends_on": ["db"]})
        m.ok("start", "web", "--wait")
        assert m.status("db")["health_status"] == "healthy"
        m.ok("stop", "db")
        names = [e["daemon"] for e in json.loads(m.ok("--format", "json", "events")) if e["kind"] == "exit"]
        assert names.index("web") < names.index("db"), names


def a_follower_that_fails_says_so_at_once():
    with Manager() as m:
        m.start()
        m.add(web={"command": ["/bin/sh", "-c", "echo up; exec sleep 600"]})
        m.ok("start", "web", "--wait")
        follow = subprocess.Popen([PROGRAM, "--data-dir", m.data, "logs", "-f", "web", "nosuch"], text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            assert follow.stdout.readline().endswith("| up\n")
            assert "nosuch" in follow.stderr.readline()
            assert follow.poll() is None, "the other one is followed"
            m.ok("remove", "--force", "web")
            assert follow.wait(DEADLINE_SECS) == 4
        finally:
            follow.kill()
            follow.communicate()


def logs_rotate_and_are_followed():
    with Manager() as m:
        m.start()
        script = "i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done; while :; do sleep 60; done"
        m.add(chatty={"command": ["/bin/sh", "-c", script],
                      "log_config": {"max_size_bytes": "4K", "retain_count": 50, "compress_rotated": True}})
        follow = subprocess.Popen([PROGRAM, "--data-dir", m.data, "logs", "chatty", "-f", "-n", "100000"],
                                  stdout=subprocess.PIPE, text=True)
        m.ok("start", "chatty")
        for i in range(4000):
            line = follow.stdout.readline()
            assert line == f"line {i}\n", (i, line)
        follow.terminate()
        follow.wait()
        assert m.ok("logs", "chatty", "-n", 3) == "line 3997\nline 3998\nline 3999\n"


def output_that_is_not_captured_goes_to_the_null_device():
    quiet = {"command": ["/bin/sh", "-c", "echo said; exec sleep 600"], "log_config": {"capture": False}}
    with Manager() as m:
        logs = m.data / "logs" / "quiet"

        def writes_to(stream):
            return os.readlink(f"/proc/{m.status('quiet')['pid']}/fd/{stream}")

        m.start()
        m.add(quiet=quiet)
        m.ok("start", "quiet", "--wait")
        assert (writes_to(1), writes_to(2)) == ("/dev/null", "/dev/null")
        assert m.status("quiet")["stdout_log"] is None and m.ok("logs", "quiet") == ""
        assert "not captured" in m.ok("status", "quiet")
        assert not logs.exists(), "nothing is made for logs"

        m.ok("add", "--replace", "-f", m.spec_file(quiet={**quiet, "log_config": {}}))
        assert writes_to(1) == "/dev/null", "the next run is captured"
        m.ok("restart", "quiet", "--wait")
        until(lambda: m.log("quiet") == "said\n", "output is captured")
        assert m.status("quiet")["stdout_log"] == str(logs / "stdout.log")

        m.ok("add", "--replace", "-f", m.spec_file(quiet=quiet))
        m.kill()
        m.start()
        m.wait_for("quiet", state="running")
        assert writes_to(1) == str(logs / ".stdout.fifo"), "a run keeps what it began with"
        m.ok("restart", "quiet", "--wait")
        assert writes_to(1) == "/dev/null"
        assert not (logs / ".stdout.fifo").exists(), "nobody needs the pipes any more"
        assert m.ok("logs", "quiet") == "said\n", "what was kept stays"


def curl_is_a_client():
    need("curl")
    with Manager() as m:
        m.start()
        def curl(*words):
            return subprocess.run(["curl", "-sS", "--unix-socket", m.data / "syspulse.sock", *words],
                                  capture_output=True, text=True, timeout=DEADLINE_SECS).stdout
        body = json.dumps({"daemons": {"web": {"command": SHELL_FOREVER, "tags": ["x"]}}})
        curl("-d", body, "http://d/v1/daemons")
        assert json.loads(curl("-X", "POST", "http://d/v1/daemons/web/start"))["state"] == "running"
        assert json.loads(curl("http://d/v1/daemons?tag=x"))[0]["name"] == "web"
        assert json.loads(curl("-d", "{", "http://d/v1/daemons"))["error"]["code"] == 400
        assert curl("-o", "/dev/null", "-w", "%{http_code}", "http://d/v1/daemons/none") == "404"


def up_runs_a_file_in_the_foreground():
    with Manager() as m:
        file = m.root / "stack.yaml"
        file.write_text(json.dumps({"daemons": {"hello": {"command": ["/bin/sh", "-c", "echo hi; sleep 600"]}}}))
        up = subprocess.Popen([PROGRAM, "--data-dir", m.data, "up", "-f", file], stdout=subprocess.PIPE, text=True)
        seen = ""
        while "hi" not in seen.split("|")[-1]:
            seen = up.stdout.readline()
            assert seen, "up ended early"
        pid = m.status("hello")["pid"]
        up.send_signal(signal.SIGINT)
        assert up.wait(DEADLINE_SECS) == 0
        assert not alive(pid)


main(globals())
