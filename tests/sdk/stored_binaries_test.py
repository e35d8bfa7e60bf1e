"""stored_binaries_test.py PROGRAM: plugins whose binaries are kept from earlier builds of the SDK are loaded, proved and run
by this one."""
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import unittest

PROGRAM = sys.argv[1]
STORED = pathlib.Path(__file__).resolve().parent / "stored"
os.environ["SYSPULSE_PROGRAM"] = PROGRAM
sys.path.insert(0, str(STORED.parents[1] / "integration"))
import harness  # noqa: E402

SLEEPER = ["/bin/sh", "-c", "trap 'exit 5' TERM; while :; do sleep 0.05; done"]


def folders():
    return sorted(path for path in STORED.glob(f"*/{platform.machine()}-linux"))


class StoredBinaries(unittest.TestCase):
    def test_they_are_the_ones_that_were_stored(self):
        for folder in sorted(STORED.glob("*/*-linux")):
            lines = (folder / "SHA256SUMS").read_text().splitlines()
            self.assertEqual(sorted(line.split()[1] for line in lines), sorted(path.name for path in folder.glob("*.so")))
            for line in lines:
                wanted, name = line.split()
                self.assertEqual(hashlib.sha256((folder / name).read_bytes()).hexdigest(), wanted, folder / name)

    def test_the_kit_proves_them(self):
        for folder in folders():
            for file in sorted(folder.glob("*.so")):
                with self.subTest(file=str(file)):
                    config = folder.parent / f"{file.stem}.yaml"
                    command = [PROGRAM, "plugin", "check", file, "--level", "4", "--json"]
                    command += ["--config", config] if config.exists() else []
                    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
                    items = json.loads(done.stdout)["items"]
                    wrong = [i for i in items if i["status"] in ("fail", "crash", "hang")]
                    self.assertEqual(wrong, [], done.stderr)
                    self.assertGreaterEqual(len([i for i in items if i["status"] == "pass"]), 25)

    def run_daemons(self, folder, isolation):
        with harness.Manager() as m:
            plugins = m.root / "plugins"
            plugins.mkdir(mode=0o755)
            for name in ("checker", "driver"):
                shutil.copy(folder / f"{name}.so", plugins)
            config = m.root / "manager.yaml"
            ids = ("org.syspulse.stored-checker", "org.syspulse.stored-driver")
            config.write_text(json.dumps({"plugins": {name: {"isolation": isolation} for name in ids}}))
            m.start("--plugin-dir", plugins, "--config", config)
            listed = {p["name"]: p["isolation"] for p in json.loads(m.ok("--format", "json", "plugin", "list"))}
            self.assertEqual([listed[name] for name in ids], [isolation] * 2)
            present = m.root / "present"
            present.write_text("12345")
            for way in ("now", "worker", "posted", "timer"):
                m.add(**{way: {"command": SLEEPER, "driver": "stored", "health_check": {
                    "type": "stored", "target": f"{way} {present}", "interval_secs": 0.1, "retries": 1, "on_unhealthy": "none",
                    "with": {"note": way, "key": "a secret"}}}})
                m.ok("start", way, "--wait")
                check = m.status(way)["last_check"]
                self.assertEqual((check["message"], check["metrics"]), (way, {"size_bytes": 5}))
            present.unlink()
            before = {}
            for way in ("now", "worker", "posted", "timer"):
                before[way] = m.wait_for(way, health_status="unhealthy")["pid"]
            m.ok("stop", "now")
            self.assertEqual(m.status("now")["exit_code"], 5)
            del before["now"]
            # What the driver says of a process is good enough for the next manager.
            m.ok("shutdown", "--keep-running")
            m.process.wait(harness.DEADLINE_SECS)
            m.start("--plugin-dir", plugins, "--config", config)
            for way, pid in before.items():
                now = m.wait_for(way, state="running")
                self.assertEqual((now["pid"], now["restart_count"]), (pid, 0))
                m.ok("stop", way)
            file = m.root / "bad.yaml"
            file.write_text("daemons:\n  a:\n    command: [x]\n    health_check:\n      type: stored\n      with:\n        count: 10\n")
            self.assertIn(f'{file}:7:9: the checker "stored" refuses "count": more than 9', m.fails(2, "add", "-f", file))
            self.assertNotIn("a secret", (m.root / "manager.log").read_text())

    def test_they_run_in_processes_of_their_own(self):
        for folder in folders():
            self.run_daemons(folder, "process")

    def test_they_run_inside_of_the_manager(self):
        for folder in folders():
            self.run_daemons(folder, "none")


if __name__ == "__main__":
    if not folders():
        print(f"skipped: no binaries are stored for {platform.machine()}")
        sys.exit(77)
    unittest.main(argv=sys.argv[:1])
