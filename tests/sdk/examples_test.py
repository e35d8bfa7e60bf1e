"""examples_test.py BUILD Redis|Postgres|Oci: a plugin of sdk/examples, built only from the installed SDK, with a real Redis, a
real PostgreSQL or a real OCI runtime behind an installed manager. Exits with 77 and the reason where there is none."""
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-examples-"))
FOLDER.chmod(0o755)
PREFIX = FOLDER / "prefix"
os.environ["SYSPULSE_PROGRAM"] = str(PREFIX / "bin/syspulse")
sys.path.insert(0, str(ROOT / "tests/integration"))
import harness  # noqa: E402

SLEEPER = ["sleep", "100000"]


def run(*command, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=600, **options)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def check(kind, target, **options):
    return {"type": kind, "target": target, "interval_secs": 1, "timeout_secs": 20, "retries": 1, "on_unhealthy": "none", "with": options}


class Example(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not PREFIX.exists():
            run("cmake", "--install", BUILD, "--prefix", PREFIX, "--strip")
        unittest.addModuleCleanup(shutil.rmtree, FOLDER, True)

    def build(self, name):
        """The example from a copy of its folder alone; proved by the kit."""
        project = FOLDER / name
        shutil.copytree(ROOT / "sdk/examples" / name, project)
        run("cmake", "-B", "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={PREFIX}", "-DCMAKE_BUILD_TYPE=Debug", cwd=project)
        run("cmake", "--build", "build", cwd=project)
        run("ctest", "--test-dir", "build", "--output-on-failure", "--no-tests=error", cwd=project)
        return project / "build"

    @contextlib.contextmanager
    def manager(self, plugins):
        with harness.Manager() as manager:
            manager.start("--plugin-dir", str(plugins))
            yield manager
            manager.stop()

    def spawn(self, *command, **options):
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def judged(self, manager, name, health, *words):
        """Waits for the verdict on a daemon and gives its last check."""
        found = manager.wait_for(name, health_status=health)["last_check"]
        for word in words:
            self.assertIn(word, found["message"])
        return found


class Redis(Example):
    def test_with_a_real_server(self):
        if shutil.which("redis-server") is None:
            self.skipTest("redis-server is not installed")
        plugins, port, data = self.build("redis"), harness.free_port(), FOLDER / "redis-data"
        data.mkdir()
        server = self.spawn("redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", data, "--save", "", "--requirepass", "swordfish")
        target = f"127.0.0.1:{port}"
        harness.until(lambda: "PONG" in subprocess.run(["redis-cli", "-p", str(port), "-a", "swordfish", "ping"], capture_output=True,
                                                       text=True).stdout, "Redis answers")
        with self.manager(plugins) as manager:
            cases = {"good": check("redis", target, password="swordfish"),
                     "named": check("redis", f"localhost:{port}", password="swordfish", username="default", role="master"),
                     "no-password": check("redis", target), "bad-password": check("redis", target, password="guessed"),
                     "replica": check("redis", target, password="swordfish", role="slave"),
                     "large": check("redis", target, password="swordfish", max_used_memory_bytes=1000)}
            manager.add(**{name: {"command": SLEEPER, "health_check": health} for name, health in cases.items()})
            manager.ok("start", "--all")
            self.judged(manager, "good", "healthy", "Redis ", ", master")
            self.judged(manager, "named", "healthy")
            self.judged(manager, "no-password", "unhealthy", "PING: NOAUTH")
            wrong = self.judged(manager, "bad-password", "unhealthy", "AUTH: WRONGPASS")
            self.assertNotIn("guessed", json.dumps(wrong))
            self.judged(manager, "replica", "unhealthy", "its role is master, expected slave")
            self.judged(manager, "large", "unhealthy", "allowed are 1000")
            server.kill()
            server.wait()
            self.judged(manager, "good", "unhealthy", "Connection refused")
            log = (manager.root / "manager.log").read_text()
            self.assertNotIn("swordfish", log)


class Postgres(Example):
    def start_server(self, port, data):
        """A cluster of our own; PostgreSQL refuses to run as root."""
        programs = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))
        if not programs or not pathlib.Path("/usr/include/postgresql/libpq-fe.h").exists():
            self.skipTest("postgresql or libpq-dev is not installed")
        drop = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            drop = {"user": user.pw_uid, "group": user.pw_gid}
            data.mkdir(mode=0o700)
            os.chown(data, user.pw_uid, user.pw_gid)
        password = FOLDER / "pg-password"
        password.write_text("swordfish\n")
        password.chmod(0o644)
        run(programs[-1] / "initdb", "-D", data, "-U", "probe", "-A", "scram-sha-256", f"--pwfile={password}", "--no-sync", cwd="/", **drop)
        server = self.spawn(programs[-1] / "postgres", "-D", data, "-p", port, "-h", "127.0.0.1", "-k", data, "-F", cwd="/", **drop)
        harness.until(lambda: subprocess.run([programs[-1] / "pg_isready", "-h", "127.0.0.1", "-p", str(port)],
                                             capture_output=True).returncode == 0, "PostgreSQL answers")
        return server

    def test_with_a_real_server(self):
        port = harness.free_port()
        server = self.start_server(port, FOLDER / "pg-data")
        plugins = self.build("postgres")
        target = f"postgresql://probe@127.0.0.1:{port}/postgres"
        with self.manager(plugins) as manager:
            cases = {"good": check("postgres", target, password="swordfish"),
                     "expecting": check("postgres", target, password="swordfish", query="SELECT 40 + 2", expect="42"),
                     "surprised": check("postgres", target, password="swordfish", query="SELECT 1", expect="2"),
                     "wrong-query": check("postgres", target, password="swordfish", query="SELECT nothing"),
                     "bad-password": check("postgres", target, password="guessed"),
                     "slow": {**check("postgres", target, password="swordfish", query="SELECT pg_sleep(100)"), "timeout_secs": 1}}
            manager.add(**{name: {"command": SLEEPER, "health_check": health} for name, health in cases.items()})
            manager.ok("start", "--all")
            self.judged(manager, "good", "healthy", "the query gave 1")
            self.judged(manager, "expecting", "healthy", "42")
            self.judged(manager, "surprised", "unhealthy", "the query gave 1, expected 2")
            self.judged(manager, "wrong-query", "unhealthy", 'column "nothing" does not exist')
            self.judged(manager, "bad-password", "unhealthy", "password authentication failed")
            self.judged(manager, "slow", "unhealthy", "timed out after 1 s")
            server.terminate()
            server.wait()
            self.judged(manager, "good", "unhealthy")


class Oci(Example):
    def bundle(self):
        """The host's /usr in a root of its own; the reason when this kernel does not let the runtime run it."""
        if shutil.which("runc") is None:
            self.skipTest("runc is not installed")
        bundle = FOLDER / "bundle"
        root = bundle / "rootfs"
        for name in ("usr", "proc", "dev", "sys", "tmp"):
            (root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            if pathlib.Path("/", name).is_symlink():
                (root / name).symlink_to(f"usr/{name}")
        run("runc", "spec", cwd=bundle)
        config = json.loads((bundle / "config.json").read_text())
        config["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]})
        config["process"].update(terminal=False, args=["true"])
        (bundle / "config.json").write_text(json.dumps(config))
        trial = subprocess.run(["runc", "run", "--bundle", bundle, f"syspulse-trial-{os.getpid()}"], capture_output=True, text=True)
        if trial.returncode != 0:
            self.skipTest(f"this kernel does not let runc run a container: {(trial.stderr or trial.stdout).strip()}")
        return bundle

    def test_with_a_real_runtime(self):
        bundle, plugins = self.bundle(), self.build("oci")
        driver = {"type": "oci", "with": {"bundle": str(bundle), "state_dir": str(FOLDER / "oci-state")}}
        with self.manager(plugins) as manager:
            manager.add(inside={"command": ["sh", "-c", "hostname; echo pid $$$$; trap 'exit 3' TERM; while :; do sleep 0.1; done"], "driver": driver},
                        stubborn={"command": ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], "driver": driver, "stop_timeout_secs": 1},
                        short={"command": ["sh", "-c", "exit 7"], "driver": driver},
                        nowhere={"command": ["true"], "driver": {"type": "oci", "with": {"bundle": "/nonexistent"}}})
            manager.ok("start", "inside", "--wait")
            harness.until(lambda: "pid 1" in manager.log("inside"), "the command runs as the first process of its namespace")
            self.assertIn("runc", manager.log("inside"))  # The bundle's host name.
            manager.run("start", "short")
            self.assertEqual(manager.wait_for("short", state="failed")["exit_code"], 7)
            manager.ok("stop", "inside")
            self.assertEqual(manager.status("inside")["exit_code"], 3)
            manager.ok("start", "stubborn", "--wait")
            manager.ok("stop", "stubborn")
            manager.wait_for("stubborn", state="stopped")
            manager.run("start", "nowhere")
            self.assertIn("/nonexistent/config.json", manager.wait_for("nowhere", state="failed")["last_error"])
        left = json.loads(run("runc", "list", "--format", "json") or "[]") or []
        ours = [c["id"] for c in left if str(FOLDER) in c["bundle"]]
        self.assertEqual(ours, [], "containers are left")


if __name__ == "__main__":
    done = unittest.main(argv=[sys.argv[0], *sys.argv[2:]], exit=False).result
    for _, reason in done.skipped:
        print("skipped:", reason)
    # One test each: skipped is not passed.
    sys.exit(77 if done.skipped and done.wasSuccessful() else 0 if done.wasSuccessful() and done.testsRun > 0 else 1)
