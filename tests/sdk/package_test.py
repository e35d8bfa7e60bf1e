"""package_test.py BUILD Package|Rust: installs to a prefix and works from there as an author of plugins would: every template is
created, built, checked and used, with no access to this source tree."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(sys.argv[1]).resolve()
LONG = 600
sys.path.insert(0, str(ROOT / "tests/integration"))
os.environ["SYSPULSE_PROGRAM"] = str(BUILD / "bin/syspulse")
import harness  # noqa: E402
from harness import until  # noqa: E402


def manager_of(program):
    """A manager that is the installed program."""
    harness.PROGRAM = str(program)
    return harness.Manager()


def run(command, cwd, code=0, **environment):
    env = {**os.environ, **environment}
    for name in ("SYSPULSE_PLUGIN_PATH", "SYSPULSE_DATA_DIR", "DESTDIR"):
        env.pop(name, None)
    result = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=LONG, env=env)
    if result.returncode != code:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def rust_compiler():
    """The first that works: a rustup without a toolchain is none."""
    for path in ("/usr/bin/rustc", shutil.which("rustc")):
        if path and pathlib.Path(path).exists() and subprocess.run([path, "--version"], capture_output=True).returncode == 0:
            return path
    return None


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-package-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = cls.folder / "prefix"
        run(["cmake", "--install", BUILD, "--prefix", cls.prefix, "--strip"], cls.folder)
        cls.program = cls.prefix / "bin/syspulse"

    def make(self, *words):
        """A project from a template; its folder."""
        run([self.program, "plugin", "new", *words], self.folder)
        return self.folder / words[1]

    def build(self, project):
        run(["cmake", "-B", "build", "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={self.prefix}", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Wpedantic -Werror",
             "-DCMAKE_C_FLAGS=-Wall -Wextra -Wpedantic -Werror"], project)
        run(["cmake", "--build", "build"], project)

    def accept(self, project, kind, check=("ctest", "--test-dir", "build", "--output-on-failure", "--no-tests=error")):
        """The conformance kit, what `plugin list` says, and a spec that uses the plugin."""
        run(check, project, PATH=f"{self.prefix}/bin:{os.environ['PATH']}")
        listed = json.loads(run([self.program, "plugin", "list", "--plugin-dir", "build", "--format", "json"], project))
        found = [plugin for plugin in listed if plugin["name"] == f"com.example.{project.name}"]
        self.assertEqual(len(found), 1)
        self.assertFalse(found[0].get("error"), found[0])
        self.assertEqual([(k["kind"], k["name"]) for k in found[0]["kinds"]], [(kind, project.name)])
        run([self.program, "validate", "daemons.yaml", "--plugin-dir", "build"], project)

    def prove_driver(self, project):
        """By the kit with everything that it has for a driver without options of its own."""
        done = json.loads(run([self.program, "plugin", "check", f"build/{project.name}.so", "--config", "conform.yaml", "--level", "4",
                               "--json"], project))
        left_out = {i["item"] for i in done["items"] if i["message"].startswith("left out: ")}
        self.assertEqual(left_out, {"C03", "D13", "H19", "S04", "S05", "T01", "T02", "T05", "T06"})
        done["items"] = [i for i in done["items"] if i["item"] not in left_out]
        found = {status: sorted(i["item"] for i in done["items"] if i["status"] == status) for status in {i["status"] for i in done["items"]}}
        self.assertGreaterEqual(len(found.pop("pass")), 49, found)
        self.assertLessEqual(set(found.pop("skip")), {"C04", "C06", "C07", "D10", "D25", "D26"})
        self.assertLessEqual(set(found), {"warn"}, found)


    def told_by(self, project, kind, spec):
        """What a manager says of a daemon with this spec, which the project's plugin has a part in and cannot serve."""
        with manager_of(self.program) as m:
            m.start("--plugin-dir", project / "build")
            m.add(web=spec)
            m.run("start", "web")
            if kind == "driver":
                return until(lambda: m.status("web")["last_error"], "the start fails")
            return until(lambda: m.status("web")["last_check"], "it is checked")["message"]

    def tells_what_is_wrong(self, project, kind):
        """With the path, the system's words, and what was expected."""
        if kind == "driver":
            def run_in(folder, *command, **more):
                return self.told_by(project, kind, {"command": command, "working_dir": str(folder), "driver": project.name, **more})
            told = run_in("/", "/no/such/program")
            self.assertIn("cannot run /no/such/program in /: No such file or directory", told)
            self.assertIn(f"cannot run /bin/true in {self.folder}/gone: No such file", run_in(self.folder / "gone", "/bin/true"))
            if os.geteuid() == 0:
                self.assertRegex(run_in("/", "/bin/true", user="nobody"), "cannot (run as|become the) user .?nobody")
            return

        def check(target):
            return self.told_by(project, kind, {"command": ["sleep", "600"], "health_check": {
                "type": project.name, "target": target, "interval_secs": 1}})
        self.assertIn('cannot look at "/dev/null/file": Not a directory', check("/dev/null/file"))
        self.assertEqual(check("/no/such/file"), "/no/such/file is missing")
        self.assertRegex(check("/usr/bin/env"), r"^/usr/bin/env is \d+ s old, .*expected")


class Package(Installed):
    def test_options_against_the_schema_are_refused_with_their_position(self):
        project = self.make("checker", "strict-age")
        self.build(project)
        spec = project / "wrong.yaml"
        spec.write_text("daemons:\n  a:\n    command: [sleep, '1']\n    health_check:\n      type: strict-age\n      target: x\n"
                        "      with:\n        max_age_secs: 0\n        max_age: 1\n")
        result = subprocess.run([self.program, "validate", spec, "--plugin-dir", project / "build"], capture_output=True, text=True)
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertIn("wrong.yaml:8:23: ", result.stderr)
        self.assertIn("wrong.yaml:9:9: ", result.stderr)
        self.assertIn('did you mean "max_age_secs"', result.stderr)

    def findings(self, file, *words):
        """Item -> status and message, of a plugin that may violate what it likes."""
        done = subprocess.run([self.program, "plugin", "check", file, "--json", *words], capture_output=True, text=True, timeout=LONG)
        self.assertNotIn("warning", done.stderr)
        return {item["item"]: (item["status"], item["message"]) for item in json.loads(done.stdout)["items"]}

    def test_mistakes_of_the_author_are_named_with_their_place(self):
        project = self.make("checker", "odd-age")
        self.build(project)
        file = project / "build/odd-age.so"
        wrong = project / "wrong.yaml"
        wrong.write_text("kinds:\n  odd-age:\n    configs:\n      - {max_age_secs: 60}\n      - {max_age_secs: -5, max_age: 1}\n")
        found = self.findings(file, "--config", wrong, "--only", "C01", "--only", "C02")
        self.assertEqual([found[item][0] for item in ("C01", "C02")], ["fail", "skip"])
        self.assertIn(f"{wrong}:5:24: ", found["C01"][1])
        self.assertIn(f"{wrong}:5:28: ", found["C01"][1])
        self.assertIn("do not fit the schema: see C01", found["C02"][1])
        # What the kit does to a plugin's process is no news.
        self.assertEqual(self.findings(file, "--config", project / "conform.yaml", "--only", "X02")["X02"][0], "pass")
        self.assertIn("D26 (level 4, every driver): ", run([self.program, "plugin", "check", "--explain", "D26"], project))
        file.write_bytes(file.read_bytes()[:6000])
        found = self.findings(file, "--level", "1")
        self.assertIn("cut off or damaged", found["M02"][1])
        self.assertEqual(found["M01"][0], "fail")

    def test_what_the_kit_is_told_wrongly_is_refused_at_its_place(self):
        project = self.make("checker", "told")
        self.build(project)
        file, wrong = project / "build/told.so", project / "wrong.yaml"

        def check(*words, code=0):
            done = subprocess.run([self.program, "plugin", "check", file, *words], capture_output=True, text=True, timeout=LONG)
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
            return done.stderr if code == 2 else done.stdout
        for text, place, message in (("kinds:\n  tolt: {}\n", "2:3", 'the plugin has no kind "tolt"; did you mean "told"?'),
                                     ("kinds:\n  driver told: {}\n", "2:3", 'the plugin has no kind "driver told"; it has: told, checker told'),
                                     ("kind:\n  told: {}\n", "1:1", 'unknown key "kind"; did you mean "kinds"?'),
                                     ("kinds:\n  told: {config: []}\n", "2:10", 'unknown key "config"; did you mean "configs"?'),
                                     ("kinds:\n  told: {skip: [C04]}\n", "2:16", '"skip" must be a map from items to reasons'),
                                     ("kinds:\n  told: {skip: {C44: no}}\n", "2:17", 'there is no item "C44"; did you mean "C04"?')):
            wrong.write_text(text)
            self.assertIn(f"{wrong}:{place}: {message}", check("--config", wrong, "--level", "1", code=2))
        self.assertIn('there is no item "H99"; did you mean "H', check("--only", "H99", code=2))
        self.assertIn("M01  pass", check("--only", "m01"))
        self.assertIn(f"{file.parent}/none.yaml: cannot read it: No such file", check("--config", file.parent / "none.yaml", code=2))
        self.assertIn("D06  skip  does not apply: the file has no driver", check("--only", "D06"))
        self.assertIn("T05  skip  left out: a matter of the plugin's build", check("--only", "T05"))
        told = run([self.program, "plugin", "check", "--explain", "T05"], project)
        self.assertIn("T05 (level 4, left out): no data race that ThreadSanitizer finds. Not looked at: a matter", told)
        refused = subprocess.run([self.program, "plugin", "check", "--explain", "Z1"], capture_output=True, text=True)
        self.assertEqual((refused.returncode, "there is no item" in refused.stderr), (2, True), refused.stderr)
        file.write_bytes(b"nothing")
        told = check("--level", "2", code=1)
        self.assertRegex(told, r"(?m)^M07, M12, M13, C01, .*\(\d+ items\)  skip  the kinds are not known: ")
        self.assertLess(len(told.splitlines()), 20, told)

    def test_what_cannot_be_loaded_is_listed_by_its_file(self):
        bad = self.folder / "bad"
        bad.mkdir()
        for name in ("empty.so", "open.so"):
            (bad / name).touch(0o644)
        (bad / "open.so").write_text("nothing")
        (bad / "open.so").chmod(0o666)
        listed = run([self.program, "plugin", "list", "--plugin-dir", "bad"], self.folder, COLUMNS="300").splitlines()
        for name, reason in (("empty.so", "file size"), ("open.so", "group or others may write it")):
            row = next(line for line in listed if line.startswith(name))
            self.assertIn(f": {reason}", row)
            self.assertEqual(row.count(str(bad / name)), 1, row)
            self.assertNotIn(" none ", row)

    def test_settings_of_a_misspelt_plugin_are_warned_of(self):
        file = self.folder / "settings.yaml"
        file.write_text("plugins: {htpt: {isolation: process}}\ndaemons: {a: {command: [sleep, '1']}}\n")
        done = subprocess.run([self.program, "validate", file], capture_output=True, text=True, timeout=LONG)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn('settings of plugin "htpt" are for none that is installed; did you mean "http"?', done.stderr)

    def test_a_blocking_checker_in_cpp(self):
        project = self.make("checker", "file-age")
        self.build(project)
        self.accept(project, "checker")
        self.tells_what_is_wrong(project, "checker")

    def test_an_asynchronous_checker_in_cpp(self):
        project = self.make("checker", "greeting", "--async")
        self.build(project)
        self.accept(project, "checker")

    def test_a_driver_in_cpp(self):
        project = self.make("driver", "nice-exec")
        self.build(project)
        self.accept(project, "driver")
        self.tells_what_is_wrong(project, "driver")
        self.prove_driver(project)
        # Installed where the author's prefix is, it is found like a bundled one.
        run(["cmake", "--install", "build", "--prefix", self.prefix], project)
        self.assertIn("nice-exec", run([self.program, "--data-dir", self.folder / "none", "plugin", "list"], self.folder))

    def test_a_checker_in_c(self):
        project = self.make("checker", "c-age", "--language", "c")
        self.build(project)
        self.accept(project, "checker")
        self.tells_what_is_wrong(project, "checker")

    def test_a_driver_in_c(self):
        project = self.make("driver", "c-exec", "--language", "c")
        self.build(project)
        self.accept(project, "driver")
        self.tells_what_is_wrong(project, "driver")
        self.prove_driver(project)

    def test_a_checker_in_c_with_pkg_config_only(self):
        project = self.make("checker", "pc-age", "--language", "c")
        config = {"PKG_CONFIG_PATH": str(self.prefix / "share/pkgconfig")}
        cflags = run(["pkg-config", "--cflags", "syspulse-sdk"], project, **config).split()
        ldflags = run(["pkg-config", "--variable=plugin_ldflags", "syspulse-sdk"], project, **config).split()
        (project / "build").mkdir()
        run(["cc", "-shared", "-fPIC", "-fvisibility=hidden", *cflags, "checker.c", *ldflags, "-o", "build/pc-age.so"], project)
        self.accept(project, "checker", check=("true",))

    def test_refuses_what_it_cannot_make(self):
        for words, code, text in ((("checker", "Upper"), 2, "lower-case letters"), (("notifier", "x"), 2, "expected driver or checker"),
                                  (("driver", "x", "--language", "cobol"), 2, "there are: c, c++, rust"),
                                  (("driver", "x", "--language", "cpp"), 2, 'language "cpp"; did you mean "c++"?'),
                                  (("checker", "x", "--language", "Rust"), 2, 'did you mean "rust"?'),
                                  (("driver", "x", "--async"), 2, "--async is for checkers: a driver runs on the host's loop always"),
                                  (("checker", "x", "--async", "--language", "c"), 2, '--async has no template in the language "c"; '
                                   "there is one in: c++"),
                                  (("checker", "http"), 2, 'cannot call it "http": a plugin that comes with syspulse has that name'),
                                  (("driver", "tcp"), 2, 'cannot call it "tcp"'),
                                  (("checker",), 2, "needs driver or checker, and a NAME")):
            result = subprocess.run([self.program, "plugin", "new", *words], cwd=self.folder, capture_output=True, text=True)
            self.assertEqual(result.returncode, code, result.stderr)
            self.assertIn(text, result.stderr)
        (self.folder / "taken").mkdir()
        result = subprocess.run([self.program, "plugin", "new", "checker", "taken"], cwd=self.folder, capture_output=True, text=True)
        self.assertEqual(result.returncode, 5, result.stderr)
        self.assertIn("cannot write taken: it exists", result.stderr)

    def test_the_prefix_knows_nothing_of_the_source_tree(self):
        mentions = [str(path) for path in self.prefix.rglob("*") if path.is_file() and path.suffix in (".cmake", ".pc", ".h", ".hpp", ".map")
                    and str(ROOT) in path.read_text()]
        self.assertEqual(mentions, [])

    def test_the_templates_are_as_short_as_promised(self):
        templates = self.prefix / "share/syspulse/templates"
        for name, limit in (("c++/checker/checker.cpp", 40), ("c++/async-checker/checker.cpp", 60), ("c++/driver/driver.cpp", 150)):
            lines = (templates / name).read_text().splitlines()
            self.assertLess(len(lines), limit, name)
            self.assertLessEqual(max(map(len, lines)), 120, name)

    def test_the_guide_tells_how_long_the_templates_are(self):
        templates = self.prefix / "share/syspulse/templates"
        guide = " ".join((self.prefix / "share/doc/syspulse/plugin-guide.md").read_text().split())
        for pattern, told in (("c++/checker/*.cpp", "`checker.cpp` has the checker, in less than ([0-9]+) lines"),
                              ("c++/async-checker/*.cpp", "`checker.cpp` has less than ([0-9]+) lines"),
                              ("c++/driver/*.cpp", "`driver.cpp` has less than ([0-9]+) lines"),
                              ("c/checker/*.[ch]", "A checker has less than ([0-9]+) lines in C"),
                              ("rust/checker/src/*.rs", "less than ([0-9]+) lines in Rust; a driver"),
                              ("c/driver/*.[ch]", "a driver has less than ([0-9]+) lines in C"),
                              ("rust/driver/src/*.rs", "less than ([0-9]+) lines in Rust, without `abi.rs`")):
            files = [f for f in templates.glob(pattern) if f.name != "abi.rs"]
            lines = sum(len(f.read_text().splitlines()) for f in files)
            self.assertTrue(files)
            limit = re.search(told, guide)
            self.assertIsNotNone(limit, told)
            self.assertIn(int(limit[1]) - lines, range(1, 41), f"{pattern} has {lines} lines, told are {limit[1]}")
        for page in re.findall(r"\]\(([a-z-]+\.md)\)", guide):
            self.assertTrue((self.prefix / "share/doc/syspulse" / page).exists(), page)


class Rust(Installed):
    def build_and_accept(self, kind, name):
        rustc = f"RUSTC={rust_compiler()} -D warnings"
        project = self.make(kind, name, "--language", "rust")
        run(["make", rustc], project)
        self.accept(project, kind, check=("make", rustc, "check"))
        self.tells_what_is_wrong(project, kind)
        return project

    def test_a_checker_in_rust(self):
        self.build_and_accept("checker", "rust-age")

    def test_a_driver_in_rust(self):
        project = self.build_and_accept("driver", "rust-exec")
        self.prove_driver(project)
        # What the templates in other languages are held to where the host or the manager fails them.
        output = run([BUILD / "tests/sdk_example_drivers_test", "--gtest_filter=*TemplateDriver*/other"], project,
                     SYSPULSE_TEMPLATE_DRIVER=str(project / "build/rust-exec.so"))
        self.assertRegex(output, r"PASSED.*[1-9]\d* tests")


if __name__ == "__main__":
    if sys.argv[2:] == ["Rust"] and rust_compiler() is None:
        print("skipped: no rustc; apt-get install --no-install-recommends rustc (55 MB to fetch, 275 MB on the disk)")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
