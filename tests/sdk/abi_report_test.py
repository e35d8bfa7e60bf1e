"""abidiff finds nothing in the header as it is, and names what breaks in a copy of it that was changed."""
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "sdk/abi"))
import report  # noqa: E402

HEADER = ROOT / "sdk/include/syspulse/plugin.h"
# (old text, new text, words of the report)
CHANGES = {
    "swap two members": ("  const char* version; /* of the plugin, for people */\n  const char* vendor;  /* for people; may be NULL */",
                         "  const char* vendor;\n  const char* version;", "version"),
    "change a slot's parameter": ("(SYSP_CALL* rewatch)(const sysp_host* host, uint64_t id, uint32_t interest)",
                                  "(SYSP_CALL* rewatch)(const sysp_host* host, uint64_t id, uint64_t interest)", "rewatch"),
    "renumber an enumerator": ("SYSP_E_BUSY = 5,", "SYSP_E_BUSY = 55,", None),  # An int everywhere: only the gate can tell.
    "insert a slot": ("  void(SYSP_CALL* release)(void* self, sysp_proc proc);",
                      "  void(SYSP_CALL* reload)(void* self);\n  void(SYSP_CALL* release)(void* self, sysp_proc proc);", "reload"),
}


class Report(unittest.TestCase):
    def test_nothing_differs_in_the_header_as_it_is(self):
        self.assertEqual(report.run("check", HEADER, ROOT / "sdk/abi"), [])

    def test_what_breaks_is_named(self):
        text = HEADER.read_text()
        with tempfile.TemporaryDirectory(prefix="syspulse-report-") as folder:
            copy = pathlib.Path(folder) / "plugin.h"
            for name, (old, new, words) in CHANGES.items():
                with self.subTest(name):
                    self.assertEqual(text.count(old), 1, "the header no longer has it")
                    copy.write_text(text.replace(old, new))
                    lines = report.run("check", copy, ROOT / "sdk/abi")
                    if words is None:
                        self.assertEqual(lines, [])
                    else:
                        self.assertIn(words, "\n".join(lines))


if __name__ == "__main__":
    if shutil.which("abidiff") is None:
        print("skipped: there is no abidiff; apt-get install abigail-tools")
        sys.exit(report.NO_ABIDIFF)
    unittest.main()
