"""The real program on Windows, or under Wine: each function without parameters is one test."""
import http.server
import json
import shutil
import ssl
import subprocess
import threading
import time

from windows_harness import CHILD, PATIENCE, PROGRAM, Manager, equal, holds, main, skip, system, wait_for, windows_path


def a_daemon_lives_on_windows_from_add_to_stop():
    with Manager() as manager:
        equal(manager.add("web", ["tick"], stop_timeout_secs=20, restart_policy={
            "policy": "always", "backoff_base_secs": 0.1, "backoff_max_secs": 0.1}, health_check={
                "type": "command", "target": "exit 0", "interval_secs": 1}).returncode, 0)
        manager.run("start", "web", "--wait", "--timeout", "60")
        first = manager.status("web")
        equal((first["state"], first["driver"], first["health_status"]), ("running", "job", "healthy"))
        wait_for("its line is in the log", lambda: "tick" in manager.run("logs", "web").stdout)
        manager.run("signal", "web", "KILL")
        wait_for("it runs again", lambda: manager.status("web")["restart_count"] >= 1
                 and manager.status("web")["state"] == "running")
        second = manager.status("web")
        if second["pid"] == first["pid"]:
            raise AssertionError("the second run has the pid of the first")
        wait_for("its second line is in the log", lambda: manager.run("logs", "web").stdout.count("tick") >= 2)
        manager.run("stop", "web")
        equal(manager.status("web")["state"], "stopped")
        events = manager.run("events", "--daemon", "web").stdout
        holds(events, "running")
        holds(events, " by pid ")
        equal("uid" in events, False)  # Users have none here.
        manager.run("remove", "web")
        equal(manager.run("status", "web", check=False).returncode, 4)


def a_log_on_windows_rotates_while_it_is_written():
    with Manager() as manager:
        equal(manager.add("loud", ["lines", "4000"], log_config={"max_size_bytes": "8K", "retain_count": 100}).returncode, 0)
        manager.run("start", "loud")
        wait_for("it has ended", lambda: manager.status("loud")["state"] == "stopped")
        lines = manager.run("logs", "loud", "-n", "5000").stdout.split("\n")[:-1]
        equal(lines, [f"line {i}" for i in range(4000)])
        files = [p.name for p in (manager.data / "logs/loud").iterdir() if p.name.startswith("stdout.log")]
        if len(files) < 3:
            raise AssertionError(f"nothing was rotated: {files}")


def exit_codes_of_windows_are_told_readably():
    with Manager() as manager:
        equal(manager.add("crash", ["crash"]).returncode, 0)
        manager.run("start", "crash")
        wait_for("it has failed", lambda: manager.status("crash")["state"] == "failed")
        holds(manager.run("status", "crash").stdout, "0xC0000005 (access violation)")
        equal(manager.status("crash")["exit_code"], 0xC0000005)
        equal(manager.add("fine", ["crash"], success_exit_codes=[0xC0000005]).returncode, 0)
        manager.run("start", "fine")
        wait_for("it has ended well", lambda: manager.status("fine")["state"] == "stopped")


def what_windows_has_not_is_refused_with_an_alternative():
    with Manager() as manager:
        for keys, words in (({"user": "somebody"}, "run a manager as that user"),
                            ({"driver": "cgroup"}, "on Windows use job"),
                            ({"driver": "posix"}, "on Windows use job"),
                            ({"stop_signal": "SIGUSR1"}, "use one of SIGINT, SIGKILL, SIGTERM")):
            refused = manager.add("odd", ["sleep"], **keys)
            equal(refused.returncode, 2)
            holds(refused.stderr, words)
        manager.add("web", ["sleep"])
        manager.run("start", "web")
        unknown = manager.run("signal", "web", "SIGHUP", check=False)
        equal(unknown.returncode, 2)
        holds(unknown.stderr, "Windows has no such signal; SIGTERM and SIGINT ask the process to end")
        device = manager.run("init", "con.yaml", check=False)
        equal(device.returncode, 2)
        holds(device.stderr, 'cannot write con.yaml: "con.yaml" is the name of a device on Windows')
        for command, words in (("init", "name the file, as in C:\\no such\\syspulse.yaml"), ("validate", 'leave out the last "\\"')):
            refused = manager.run(command, "C:\\no such\\", check=False)
            equal(refused.returncode, 2)
            holds(refused.stderr, words)
        script = manager.folder / "odd.yaml"
        script.write_text(json.dumps({"daemons": {"odd": {"command": ["C:\\a.bat"]}}}))
        for words in (("validate",), ("add", "-f")):
            refused = manager.run(*words, windows_path(script), check=False)
            equal(refused.returncode, 2)
            holds(refused.stderr, "odd.yaml:1:34: a .cmd or .bat file is run by cmd.exe")
        # That there is only such a file is found by the driver.
        (manager.folder / "tool.cmd").write_text("@echo off\n")
        script.write_text(json.dumps({"daemons": {"tool": {"command": ["tool"], "env": {"PATH": windows_path(manager.folder)}}}}))
        manager.run("add", "-f", windows_path(script))
        failed = manager.run("start", "tool", check=False)
        equal(failed.returncode, 2)
        holds(failed.stderr, "tool.cmd: a .cmd or .bat file is run by cmd.exe")


def a_manager_on_windows_names_its_pipe():
    with Manager() as manager:
        wait_for("it says where it serves", lambda: "serving on \\\\.\\pipe\\syspulse-" in manager.log())
        holds(" ".join(manager.run("daemon", "--help").stdout.split()), "a named pipe of the data directory's own")
        holds(manager.run("plugin", "--help").stdout, "my-checker.dll")


def a_second_manager_on_windows_is_refused():
    with Manager() as manager:
        second = manager.run("daemon", check=False)
        equal(second.returncode, 5)
        holds(second.stderr, "another manager (pid ")


def daemons_on_windows_outlive_a_manager_that_goes():
    with Manager() as manager:
        equal(manager.add("keep", ["sleep"]).returncode, 0)
        manager.run("start", "keep", "--wait", "--timeout", "60")
        before = manager.status("keep")["pid"]
        time.sleep(6)  # The driver lets a job outlive its manager five seconds after the start.
        manager.run("shutdown", "--keep-running")
        manager.process.wait(PATIENCE)
        manager.start()
        after = manager.status("keep")
        equal((after["state"], after["pid"]), ("running", before))
        manager.run("stop", "keep", "--force")
        equal(manager.status("keep")["state"], "stopped")


def odd_paths_and_arguments_work_on_windows():
    manager = Manager()
    odd = manager.folder / "with blanks, a 'quote' & \u00e9\u20ac"
    odd.mkdir(parents=True)
    # More than 300 characters, of which Windows takes 260 without being asked in another way.
    manager.data = odd / ("d" * 150) / ("e" * 150)
    program = odd / "the child.exe"
    shutil.copy(CHILD, program)
    words = ["ends in \\", 'says "hi"', "", "two words", "\u20ac", 'a\\"b\\\\', "%PATH%"]
    with manager:
        spec = manager.folder / "odd.yaml"
        spec.write_text(json.dumps({"daemons": {
            "place": {"command": [windows_path(program), "cwd"], "working_dir": windows_path(odd) + "\\"},
            "words": {"command": [windows_path(program), "argv", *words]}}}))
        manager.run("add", "-f", windows_path(spec))
        for name in ("place", "words"):
            manager.run("start", name)
            wait_for(f"{name} has ended", lambda: manager.status(name)["state"] == "stopped")
        equal(manager.run("logs", "place").stdout.rstrip("\\\n"), windows_path(odd))
        equal(manager.run("logs", "words").stdout.split("\n")[:-1], [f"[{word}]" for word in words])
        if len(str(manager.data / "logs/words/stdout.log")) < 320 or not (manager.data / "logs/words/stdout.log").exists():
            raise AssertionError("the log is not where it is to be")
        # The same place, written otherwise.
        equal(system(PROGRAM, "--data-dir", windows_path(manager.data) + "\\", "ping").stdout, "pong\n")


def daemons_without_a_directory_begin_at_the_root_of_the_system_drive():
    with Manager() as manager:  # Itself on another drive: Z: or S: under Wine.
        manager.add("none", ["cwd"])
        manager.add("root", ["cwd"], working_dir="/")
        manager.run("add", "--name", "asked", "--working-dir", "/", "--command", windows_path(CHILD), "cwd")
        manager.run("start", "--all")
        for name in ("none", "root", "asked"):
            wait_for(f"{name} has ended", lambda: manager.status(name)["state"] == "stopped")
            equal(manager.run("logs", name).stdout.upper(), "C:\\\n")


def paths_on_windows_have_one_kind_of_separator():
    manager = Manager()
    slashes = windows_path(manager.trusted_folder()).replace("\\", "/")
    (manager.trusted / "broken.dll").write_bytes(b"")
    with manager.started("--plugin-dir", slashes):
        manager.add("whole", ["sleep"], working_dir=slashes)
        manager.add("inner", ["sleep"], working_dir="a/b")
        manager.run("add", "--name", "asked", "--working-dir", slashes, "--command", windows_path(CHILD), "sleep")
        equal(manager.status("whole")["stderr_log"], windows_path(manager.data / "logs/whole/stderr.log"))
        shown = [manager.run("status", name).stdout for name in ("whole", "inner", "asked")]
        holds(shown[0], windows_path(manager.data / "logs/whole/stdout.log"))
        for text, directory in zip(shown, (manager.trusted, manager.folder / "a/b", manager.trusted)):
            holds(text, windows_path(directory) + "\n")
        holds(manager.run("plugin", "list").stdout, windows_path(manager.trusted / "broken.dll"))
        zones = ("schedule", "0 3 * * *", "--timezone", "Europe/Berlin")
        holds(manager.run(*zones, check=False, variables={"SYSPULSE_TZDATA": "Q:/no/zones"}).stderr, '"Q:\\no\\zones"')
        alone = manager.folder / "bin/syspulse.exe"  # Whose own zones do not lie beside it.
        alone.parent.mkdir()
        shutil.copy(PROGRAM, alone)
        holds(system(alone, *zones).stderr, windows_path(manager.folder / "share/syspulse/tzdata"))


def a_hundred_daemons_start_on_windows():
    count = 100
    with Manager() as manager:
        spec = manager.folder / "many.yaml"
        spec.write_text(json.dumps({"daemons": {f"d{i}": {"command": [windows_path(CHILD), "sleep"]} for i in range(count)}}))
        manager.run("add", "-f", windows_path(spec))
        begin = time.monotonic()
        manager.run("start", "--all")
        states = [daemon["state"] for daemon in json.loads(manager.run("--format", "json", "list").stdout)]
        taken = time.monotonic() - begin
        equal(states, ["running"] * count)
        print(f"{count} daemons are running {taken:.1f} s after start --all")
        begin = time.monotonic()
        manager.run("stop", "--all", "--force")
        print(f"and stopped {time.monotonic() - begin:.1f} s after stop --all --force")


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD

    def log_message(self, *_):
        pass


def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True, timeout=PATIENCE)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-addext", "basicConstraints=critical,CA:TRUE", "-keyout", f"{name}.key", "-out", f"{name}.pem")


def serve_tls(folder):
    """A server whose certificate for localhost is of the authority `ours`; its port."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\nextendedKeyUsage=serverAuth\n")
    openssl(folder, "x509", "-req", "-in", "server.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial", "-days", "2",
            "-extfile", "names", "-out", "server.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def the_checker_http_trusts_over_tls_whom_it_is_told_to():
    if shutil.which("openssl") is None:
        skip("there is no openssl to make certificates with")
    manager = Manager()
    authority(manager.folder, "ours")
    authority(manager.folder, "theirs")
    port = serve_tls(manager.folder)
    with manager:
        for name in ("ours", "theirs"):
            added = manager.add(name, ["sleep"], health_check={
                "type": "http", "target": f"https://localhost:{port}/", "interval_secs": 0.2, "retries": 1, "timeout_secs": 30,
                "on_unhealthy": "none", "with": {"ca_file": windows_path(manager.folder / f"{name}.pem")}})
            equal((added.returncode, added.stderr), (0, ""))
            manager.run("start", name)
        wait_for("the one whose authority it is told passes", lambda: manager.status("ours")["health_status"] == "healthy")
        wait_for("the other one fails", lambda: manager.status("theirs")["health_status"] == "unhealthy")
        holds(manager.run("status", "theirs").stdout, "trust error")


if __name__ == "__main__":
    main(globals())
