"""A boot of scripts/vm-test passes only when each of its tests did, whatever else is printed on the same console."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import common

JUDGE = common.ROOT / "scripts/vm/judge.sh"
INSIDE = ["busybox", "sh"] if shutil.which("busybox") else ["sh"]


class Judge(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-judge-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def shell(self, script, *program):
        command = f'. "{JUDGE}"; {script}'
        return subprocess.run([*program, "-c", command], env={"VM_FAILED": str(self.folder / "failed"), "PATH": "/usr/bin:/bin"},
                              capture_output=True, text=True)

    def boot(self, *scripts):
        """What a boot prints; each script is a process of its own."""
        return "".join(self.shell(script, *INSIDE).stdout for script in scripts)

    def passes(self, log):
        (self.folder / "log").write_text(log)
        return self.shell(f'verdict v2 "{self.folder / "log"}"', "bash").returncode == 0

    def test_what_passed_passes(self):
        self.assertTrue(self.passes(self.boot("run good true; finish v2")))

    def test_a_test_that_dies_with_a_line_begun_fails(self):
        log = self.boot("run bad sh -c 'printf \"[ MEASURED ] \"; exit 139'; run good true; finish v2")
        self.assertIn("\nVM-RESULT bad 139\n", log)
        self.assertFalse(self.passes(log))

    def test_a_failure_is_told_behind_a_message_of_the_kernel(self):
        self.assertFalse(self.passes("[  12.3] Out of memory: VM-RESULT bad 1\nVM-DONE v2\n"))

    def test_a_failure_whose_line_is_torn_is_known_at_the_end_and_by_another_process(self):
        for log in (self.boot("run bad false; finish v2"), self.boot("run bad false", "finish v2")):
            kept = [line for line in log.splitlines() if not line.startswith("VM-RESULT")]
            self.assertFalse(self.passes("\n".join(kept) + "\n"))

    def test_a_skip_and_an_end_that_never_came_fail(self):
        self.assertFalse(self.passes("[  12.3] printk [  SKIPPED ] Some.test\nVM-DONE v2\n"))
        self.assertFalse(self.passes("\nVM-RESULT good 0\n"))
        self.assertFalse(self.passes("\nVM-RESULT good 0\nVM-DONE v1\n"))


if __name__ == "__main__":
    unittest.main()
