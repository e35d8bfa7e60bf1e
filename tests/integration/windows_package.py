"""The zip for Windows, as operators and authors of plugins get it: each function without parameters is one test."""
import json
import os
import pathlib
import re
import shutil
import socketserver
import subprocess
import tempfile
import threading

from windows_harness import (PATIENCE, PROGRAM, RUNNER, Manager, end_process, equal, holds, lives, main, skip, wait_for,
                             windows_path)

ROOT = pathlib.Path(__file__).resolve().parents[2]
TRIPLE = "x86_64-w64-mingw32"
RUST_TARGET = "x86_64-pc-windows-gnu"
# Parts of every Windows 10; nothing that a compiler or a package brings.
SYSTEM = {"advapi32.dll", "bcrypt.dll", "crypt32.dll", "kernel32.dll", "msvcrt.dll", "mswsock.dll", "psapi.dll",
          "shell32.dll", "user32.dll", "ws2_32.dll", "ole32.dll"}
# Limits of a job that Wine takes and does not keep, as the driver sees, which refuses them then.
LIMITS = re.compile(r"^( *)resource_limits:\n(?:\1 +.*\n)+", re.MULTILINE)
MODULES = {"job", "tcp", "http", "command"}


class Greet(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"220 ready\r\n")


class Unpacked:
    """The zip in a folder of its own."""

    def __enter__(self):
        if shutil.which(f"{TRIPLE}-objdump") is None:
            skip("there is no cross compiler here; the zip is tested where it is made")
        # On the drive of the clone, as plugins below a directory where everybody may replace them are refused.
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="zip-", dir=pathlib.Path(PROGRAM).parent.parent))
        run([ROOT / "scripts/windows/zip", self.work / "s.zip"])
        run(["cmake", "-E", "tar", "xf", "s.zip"], cwd=self.work)
        self.folder = self.work / "syspulse"
        self.program = self.folder / "bin/syspulse.exe"
        return self

    def __exit__(self, *failure):
        shutil.rmtree(self.work, ignore_errors=True)

    def syspulse(self, *words, code=0):
        return run([*RUNNER, self.program, *words], cwd=self.work, code=code)


def run(command, cwd=ROOT, code=0, patience=PATIENCE * 2):
    """Not through pipes: under Wine the host of a console may hold their other ends after all else has ended."""
    with tempfile.TemporaryFile("w+", errors="replace") as out, tempfile.TemporaryFile("w+", errors="replace") as errors:
        done = subprocess.run([str(word) for word in command], cwd=cwd, stdout=out, stderr=errors, timeout=patience,
                              stdin=subprocess.DEVNULL)
        out.seek(0)
        errors.seek(0)
        said, problems = out.read(), errors.read()
    if done.returncode != code:
        raise AssertionError(f"{command} ended with {done.returncode}: {said}{problems}")
    return said


def dump(file):
    return run([f"{TRIPLE}-objdump", "-p", file])


def exported(file):
    table = dump(file).partition("[Ordinal/Name Pointer] Table")[2].strip("\n").partition("\n\n")[0]
    return re.findall(r"^\s*\[ *\d+\] (?:\+base.*\s)?(\S+)$", table, re.MULTILINE)


def the_zip_has_what_it_promises_and_runs_from_anywhere():
    with Unpacked() as zipped:
        for name in ("bin/syspulse.exe", "bin/syspulse-kit-program.exe", "lib/syspulse/plugins/syspulse-console-signal.exe",
                     "include/syspulse/plugin.h", "include/syspulse/plugin.hpp", "include/syspulse/sdk/checker.hpp", "windows.md", "LICENSE",
                     "lib/cmake/syspulse-sdk/syspulse-sdk-config.cmake", "lib/cmake/syspulse-sdk/SyspulseAddPlugin.cmake",
                     "share/syspulse/tzdata/africa", "share/syspulse/tzdata/windowsZones.xml", "share/syspulse/syspulse.schema.json",
                     "share/syspulse/templates/c++/checker/checker.cpp", "share/syspulse/examples/web.yaml", "examples/plugins/redis/redis_checker.cpp",
                     "examples/daemons/web.yaml", *(f"lib/syspulse/plugins/{module}.dll" for module in MODULES)):
            if not (zipped.folder / name).is_file():
                raise AssertionError(f"there is no {name} in the zip")
        tests = [str(path) for path in zipped.folder.rglob("*") if "gtest" in path.name or path.name.endswith("_test.exe")]
        equal(tests, [])
        holds(zipped.syspulse("--version"), "syspulse ")
        listed = json.loads(zipped.syspulse("--data-dir", windows_path(zipped.work / "data"), "--format", "json", "plugin", "list"))
        equal(({plugin["name"] for plugin in listed}, [plugin.get("error") for plugin in listed if plugin.get("error")]),
              ({f"syspulse.{module}" for module in MODULES}, []))
        # Time zones come with it.
        holds(zipped.syspulse("schedule", "30 2 * * *", "--from", "2040-03-24T00:00:00Z", "--timezone", "Europe/Berlin"), "2040-03-24")


def spec_files_that_come_along_are_valid_and_those_to_begin_with_run():
    with Unpacked() as zipped:
        begun = zipped.work / "begun.yaml"
        zipped.syspulse("init", windows_path(begun))
        # With all that it only proposes but what needs another daemon.
        proposed = re.sub(r"^    # ( *(?!depends_on)[A-Za-z_]+:.*)$", r"    \1", begun.read_text(), flags=re.MULTILINE)
        holds(proposed, "\n    resource_limits:\n      max_memory_bytes: 256M\n")
        whole = zipped.work / "whole.yaml"
        whole.write_text(proposed)
        shipped = sorted((zipped.folder / "examples/daemons").glob("*.yaml"))
        equal(len(shipped), 5)
        for file in (begun, whole, *shipped):
            taken = zipped.work / "taken.yaml"
            taken.write_text(LIMITS.sub("", file.read_text()) if RUNNER else file.read_text())
            holds(zipped.syspulse("validate", windows_path(taken)), ": ok (")
        with Manager() as manager:
            worker = zipped.work / "worker.yaml"
            worker.write_text(LIMITS.sub("", (zipped.folder / "examples/daemons/worker.yaml").read_text()))
            for file, daemon in ((begun, "hello"), (worker, "worker-mail")):
                manager.run("add", "-f", windows_path(file))
                manager.run("start", daemon)
                equal(manager.status(daemon)["state"], "running")
            wait_for("the shell has told of its queue", lambda: "mail: nothing to do" in manager.run("logs", "worker-mail").stdout)
            listed = json.loads(manager.run("--format", "json", "logs", "worker-mail").stdout)
            equal([entry["line"] for entry in listed if "\r" in entry["line"]], [])
            equal([line for line in manager.run("status", "worker-mail").stdout.splitlines() if line.endswith("?")], [])
            manager.run("stop", "--force", "--all")


def everything_imports_only_dlls_of_windows():
    with Unpacked() as zipped:
        files = [*zipped.folder.rglob("*.exe"), *zipped.folder.rglob("*.dll")]
        equal(len(files), 3 + len(MODULES))
        for file in files:
            imported = {name.lower() for name in re.findall(r"DLL Name: (\S+)", dump(file))}
            foreign = {name for name in imported - SYSTEM if not name.startswith("api-ms-win-")}
            if not imported or foreign:
                raise AssertionError(f"{file.name} imports {foreign or 'nothing'}")
        for module in MODULES:
            equal(exported(zipped.folder / f"lib/syspulse/plugins/{module}.dll"), ["syspulse_plugin_v1"])


def build(zipped, project):
    """As an author builds who has mingw-w64 and the unpacked zip."""
    run(["cmake", "-B", "build", "-G", "Ninja", "-DCMAKE_SYSTEM_NAME=Windows", f"-DCMAKE_C_COMPILER={TRIPLE}-gcc-posix",
         f"-DCMAKE_CXX_COMPILER={TRIPLE}-g++-posix", f"-DCMAKE_PREFIX_PATH={zipped.folder}",
         f"-DCMAKE_CROSSCOMPILING_EMULATOR={RUNNER[0] if RUNNER else ''}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror",
         "-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror"], cwd=project)
    run(["cmake", "--build", "build"], cwd=project)


def proves_itself(zipped, name):
    holds((zipped.work / name / "README.md").read_text(), "cmake -B build -G Ninja ")
    passes_its_conformance(zipped, name)


def passes_its_conformance(zipped, name):
    """A fresh project keeps every rule, as its conform.yaml says it does."""
    # One thread of Wine serves all programs.
    scale = ["--deadline-scale", "4"] if RUNNER else []
    run([*RUNNER, zipped.program, "plugin", "check", windows_path(zipped.work / name / "build" / f"{name}.dll"), "--config",
         windows_path(zipped.work / name / "conform.yaml"), *scale], cwd=zipped.work, patience=PATIENCE * 3)


def every_plugin_from_a_template_passes_its_own_conformance():
    with Unpacked() as zipped:
        for name, *words in (("plain", "checker"), ("waiting", "checker", "--async"),
                             ("plain-c", "checker", "--language", "c"), ("calm", "driver")):
            zipped.syspulse("plugin", "new", words[0], name, *words[1:])
            build(zipped, zipped.work / name)
            proves_itself(zipped, name)


def rustc_for_windows(target):
    """The first that has the standard library for Windows."""
    for path in filter(None, (shutil.which("/usr/bin/rustc"), shutil.which("rustc"))):
        asked = subprocess.run([path, "--print", "target-libdir", "--target", target], capture_output=True, text=True)
        if asked.returncode == 0 and pathlib.Path(asked.stdout.strip()).is_dir():
            return path
    return skip("no rustc for Windows; apt-get install --no-install-recommends rustc libstd-rust-dev-windows")


def a_checker_in_rust_is_built_as_its_readme_says_and_passes_its_own_conformance():
    rustc = rustc_for_windows(RUST_TARGET)
    with Unpacked() as zipped:
        zipped.syspulse("plugin", "new", "checker", "rust-age", "--language", "rust")
        project = zipped.work / "rust-age"
        files = sorted(path.name for path in project.iterdir())
        equal(files, ["Cargo.toml", "README.md", "conform.yaml", "daemons.yaml", "src"])
        line = re.search(r"^ +rustc (.*)$", (project / "README.md").read_text(), re.MULTILINE)[1]
        (project / "build").mkdir()
        run([rustc, *line.split(), "-D", "warnings", "--target", RUST_TARGET, "-C", f"linker={TRIPLE}-gcc-posix"], cwd=project)
        equal(exported(project / "build/rust-age.dll"), ["syspulse_plugin_v1"])
        passes_its_conformance(zipped, "rust-age")


def foreign_checker(zipped, name, *flags):
    """A checker made from a template; the folder with its DLL."""
    zipped.syspulse("plugin", "new", "checker", name, *flags)
    build(zipped, zipped.work / name)
    folder = zipped.work / "plugins"
    folder.mkdir(exist_ok=True)
    shutil.copy(zipped.work / name / "build" / f"{name}.dll", folder)
    equal(exported(folder / f"{name}.dll"), ["syspulse_plugin_v1"])
    return folder


def the_asynchronous_checker_and_the_driver_build_against_the_zip_and_run():
    with Unpacked() as zipped:
        folder = foreign_checker(zipped, "greeting", "--async")
        zipped.syspulse("plugin", "new", "driver", "calm-exec")
        build(zipped, zipped.work / "calm-exec")
        for file in ("calm-exec.dll", "calm-exec-signal.exe"):
            shutil.copy(zipped.work / "calm-exec/build" / file, folder)
        with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Greet) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            with Manager().started("--plugin-dir", windows_path(folder)) as manager:
                for name, greeting in (("polite", "220 "), ("rude", "500 ")):
                    added = manager.add(name, ["tree", windows_path(zipped.work / name)], stop_timeout_secs=60,
                                        driver={"type": "calm-exec", "with": {"priority": "low"}}, health_check={
                                            "type": "greeting", "target": str(server.server_address[1]), "interval_secs": 0.2,
                                            "retries": 1, "on_unhealthy": "none", "with": {"greeting": greeting}})
                    equal((added.returncode, added.stderr), (0, ""))
                    manager.run("start", name)
                wait_for("the greeting is right", lambda: manager.status("polite")["health_status"] == "healthy")
                wait_for("the other is not", lambda: manager.status("rude")["health_status"] == "unhealthy")
                before = manager.status("polite")
                wait_for("the tree of processes is up", (zipped.work / "polite").exists)
                tree = [before["pid"], *map(int, (zipped.work / "polite").read_text().split())]
                driver = host_of(manager, "com.example.calm-exec")["pid"]
                end_process(driver)
                wait_for("the driver has a fresh process",
                         lambda: host_of(manager, "com.example.calm-exec")["pid"] not in (None, driver))
                manager.goes_on("polite", before["pid"])
                manager.run("stop", "polite")
                # By Ctrl+C, long before it would have been killed; Wine ends a program with 0 then.
                stopped = manager.status("polite")
                equal((stopped["exit_signal"], stopped["exit_code"]), (None, 0 if RUNNER else 0xC000013A))
                wait_for("its tree is gone", lambda: not any(lives(pid) for pid in tree))
            server.shutdown()


def a_template_for_posix_alone_is_not_offered():
    with Unpacked() as zipped:
        for language in ("c", "rust"):
            refused = subprocess.run([*RUNNER, str(zipped.program), "plugin", "new", "driver", "x", "--language", language],
                                     cwd=zipped.work, capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
            equal(refused.returncode, 2)
            holds(refused.stderr, f'there is no template "{language} driver"; there is one in: c++')


def used_by_a_manager(zipped, folder, isolation, and_then=lambda manager: None):
    """The checker file-age judges a new file and an old one."""
    fresh, old = zipped.work / "fresh", zipped.work / "old"
    fresh.write_text("")
    old.write_text("")
    os.utime(old, (1_000_000_000, 1_000_000_000))
    config = zipped.work / "manager.yaml"
    config.write_text(json.dumps({"plugins": {"com.example.file-age": {"isolation": isolation}}}))
    manager = Manager()
    with manager.started("--plugin-dir", windows_path(folder), "--config", windows_path(config)):
        listed = {p["name"]: p for p in json.loads(manager.run("--format", "json", "plugin", "list").stdout)}
        equal(listed["com.example.file-age"].get("error"), None)
        equal(listed["com.example.file-age"]["isolation"], isolation)
        for name, file in (("new", fresh), ("stale", old)):
            added = manager.add(name, ["sleep"], health_check={
                "type": "file-age", "target": windows_path(file), "interval_secs": 0.2, "retries": 1, "on_unhealthy": "none",
                "with": {"max_age_secs": 86400}})
            equal((added.returncode, added.stderr), (0, ""))
            manager.run("start", name)
        wait_for("the new file is healthy", lambda: manager.status("new")["health_status"] == "healthy")
        wait_for("the old one is not", lambda: manager.status("stale")["health_status"] == "unhealthy")
        and_then(manager)


def a_foreign_checker_built_against_the_zip_runs_inside_of_the_manager():
    with Unpacked() as zipped:
        folder = foreign_checker(zipped, "file-age")
        used_by_a_manager(zipped, folder, "none")


def host_of(manager, plugin):
    listed = json.loads(manager.run("--format", "json", "plugin", "list").stdout)
    return next(p for p in listed if p["name"] == plugin)["host"]


def a_foreign_checker_runs_in_a_process_of_its_own_and_in_a_fresh_one_when_that_is_killed():
    def kill_it(manager):
        before = host_of(manager, "com.example.file-age")["pid"]
        end_process(before)
        wait_for("there is a fresh process", lambda: host_of(manager, "com.example.file-age")["pid"] not in (None, 0, before))
        checks = manager.status("new")["last_check"]["at"]
        wait_for("it is asked", lambda: manager.status("new")["last_check"]["at"] != checks)
        wait_for("it judges as before", lambda: manager.status("new")["health_status"] == "healthy")

    with Unpacked() as zipped:
        folder = foreign_checker(zipped, "file-age")
        used_by_a_manager(zipped, folder, "process", kill_it)


def a_checker_in_c_builds_against_the_zip():
    with Unpacked() as zipped:
        folder = foreign_checker(zipped, "c-age", "--language", "c")
        listed = json.loads(zipped.syspulse("--data-dir", windows_path(zipped.work / "data"), "--format", "json", "plugin", "list",
                                            "--plugin-dir", windows_path(folder)))
        equal({plugin["name"]: plugin.get("error") for plugin in listed}.get("com.example.c-age", "missing"), None)


if __name__ == "__main__":
    main(globals())
