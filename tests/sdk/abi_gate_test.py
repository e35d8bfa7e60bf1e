"""The gate lets the header pass as it is, and as a later minor may change it; it refuses each forbidden change, made to a
copy of the header, with a line that names what was changed."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ABI = ROOT / "sdk/abi"
sys.path.insert(0, str(ABI))
import gate as abi_gate  # noqa: E402

HEADER = (ROOT / "sdk/include/syspulse/plugin.h").read_text()

# (old text, new text, words of the refusal)
FORBIDDEN = {
    "rename a member": ("  int64_t pid;\n  sysp_str token;", "  int64_t process;\n  sysp_str token;", "sysp_spawn_result.pid"),
    "remove a member": ("  uint64_t tasks;     /*", "  /*", "sysp_stats.tasks"),
    "insert a member": ("  uint64_t memory_bytes;", "  uint64_t swap_bytes;\n  uint64_t memory_bytes;", "sysp_limits.memory_bytes: moved"),
    "swap two members": ("  const char* version; /* of the plugin, for people */\n  const char* vendor;  /* for people; may be NULL */",
                         "  const char* vendor;\n  const char* version;", "sysp_module.version: moved"),
    "widen a member": ("  uint32_t timeout_ms;", "  uint64_t timeout_ms;", "sysp_check_request.timeout_ms"),
    "change a member's sign": ("  int32_t value;\n  uint32_t flags; /* SYSP_EXITF", "  uint32_t value;\n  uint32_t flags; /* SYSP_EXITF",
                               "sysp_exit.value: its type was int32_t"),
    "grow a frozen struct": ("  double value;  /* finite */", "  double value;\n  sysp_str unit;", "sysp_metric: is frozen"),
    "thaw a frozen struct": ("/* A number that a check measured. Frozen. */", "/* A number that a check measured. */", "sysp_metric: was frozen"),
    "insert a slot": ("  void(SYSP_CALL* destroy)(void* self);\n  /* Begins", "  void(SYSP_CALL* reload)(void* self);\n"
                      "  void(SYSP_CALL* destroy)(void* self);\n  /* Begins", "sysp_checker_vtbl.destroy: moved"),
    "remove a slot": ("  void(SYSP_CALL* release)(void* self, sysp_proc proc);", "", "sysp_driver_vtbl.release"),
    "add a parameter": ("sysp_status(SYSP_CALL* inspect)(void* self, sysp_op op, sysp_proc proc)",
                        "sysp_status(SYSP_CALL* inspect)(void* self, sysp_op op, sysp_proc proc, int32_t deep)", "sysp_driver_vtbl.inspect"),
    "change a parameter": ("(SYSP_CALL* rewatch)(const sysp_host* host, uint64_t id, uint32_t interest)",
                           "(SYSP_CALL* rewatch)(const sysp_host* host, uint64_t id, uint64_t interest)", "sysp_io.rewatch"),
    "change a result": ("void(SYSP_CALL* cancel)(void* self, sysp_op op);\n  /* A plugin extension by its id, or NULL. The slot itself may be NULL. "
                        "[main] [instance] */\n  const void*(SYSP_CALL* get_extension)(void* self, const char* id);\n} sysp_checker_vtbl;",
                        "sysp_status(SYSP_CALL* cancel)(void* self, sysp_op op);\n"
                        "  const void*(SYSP_CALL* get_extension)(void* self, const char* id);\n} sysp_checker_vtbl;", "sysp_checker_vtbl.cancel"),
    "drop the calling convention": ("void(SYSP_CALL* set_error)", "void(* set_error)", "sysp_host.set_error"),
    "drop a const": ("(SYSP_CALL* start)(void* self, sysp_op op, const sysp_check_request* request)",
                     "(SYSP_CALL* start)(void* self, sysp_op op, sysp_check_request* request)", "sysp_checker_vtbl.start"),
    "append to the host table of a frozen extension": ("  uint64_t(SYSP_CALL* now_ns)(const sysp_host* host);\n",
                                                       "  uint64_t(SYSP_CALL* now_ns)(const sysp_host* host);\n"
                                                       "  /* [any] */\n  void(SYSP_CALL* wake)(const sysp_host* host);\n", "sysp_io: is frozen"),
    "renumber an enumerator": ("SYSP_E_BUSY = 5,", "SYSP_E_BUSY = 55,", "enumerator SYSP_E_BUSY: was 5, is 55"),
    "remove an enumerator": ("SYSP_SIG_RELOAD = 3,    /* SIGHUP */", "", "enumerator SYSP_SIG_RELOAD: removed"),
    "move a flag": ("SYSP_EXITF_OOM = 1u << 0", "SYSP_EXITF_OOM = 1u << 1", "enumerator SYSP_EXITF_OOM"),
    "widen a handle": ("typedef int64_t sysp_handle;", "typedef void* sysp_handle;", "type sysp_handle: was int64_t"),
    "narrow an id": ("typedef uint64_t sysp_op;", "typedef uint32_t sysp_op;", "type sysp_op"),
    "change the magic": ("0x50535953u", "0x50535954u", "macro SYSP_MAGIC"),
    "change the major": ("#define SYSP_ABI_MAJOR 1", "#define SYSP_ABI_MAJOR 2", "macro SYSP_ABI_MAJOR"),
    "rename an extension": ('"syspulse.io/1"', '"syspulse.io/2"', "macro SYSP_EXT_IO"),
    "rename the symbol": ("syspulse_plugin_v1(void);", "syspulse_plugin(void);", "function syspulse_plugin_v1: removed"),
    "export a second symbol": ("syspulse_plugin_v1(void);", "syspulse_plugin_v1(void);\n\n/* The end. [main] */\nSYSP_EXPORT void SYSP_CALL syspulse_unload(void);",
                               "function syspulse_unload"),
    "embed a struct that grows": ("  const sysp_limits* limits;  /*", "  sysp_limits limits;  /*", "sysp_spawn_request.limits: sysp_limits can grow"),
    "leave padding": ("  uint64_t processes;\n  uint32_t cpu_percent; /* of one CPU; above 100 means several */\n  uint32_t reserved0;   /* 0 */",
                      "  uint64_t processes;\n  uint32_t cpu_percent;", "padding"),
    "a new struct without a size": ("/* ==== The module ==== */", "/* ==== The module ==== */\n\n/* New. */\ntypedef struct sysp_new {\n  uint64_t a;\n} sysp_new;\n",
                                    "sysp_new: begin it with uint32_t size"),
    "a slot without a thread": ("  /* Completed by stats_done. The slot may be NULL. [main] [proc] */", "  /* Completed by stats_done. */",
                                "sysp_driver_vtbl.stats: its comment names no thread"),
    "change a meaning": ("Forgets the process and never ends it.", "Forgets the process and ends it.", "the comment of sysp_driver_vtbl.release changed"),
}


def gate(command, header, golden):
    lines = abi_gate.run(command, header, golden)
    return (1 if lines else 0), "\n".join(lines)


class Gate(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-gate-"))
        self.addCleanup(shutil.rmtree, self.folder)
        shutil.copytree(ABI / "1.0", self.folder / "1.0")
        self.header = self.folder / "plugin.h"

    def edited(self, *changes):
        text = HEADER
        for old, new in changes:
            self.assertEqual(text.count(old), 1, f"the header no longer has one: {old}")
            text = text.replace(old, new)
        self.header.write_text(text)
        return gate("check", self.header, self.folder)

    def candidate(self):
        """Here 1.0 is a release candidate."""
        place = self.folder / "1.0/layout.json"
        golden = json.loads(place.read_text())
        golden["status"] = "rc"
        place.write_text(json.dumps(golden, indent=1) + "\n")

    # Minor 1 as it should be made: the version, an appended slot behind the gate, an enumerator, a new extension.
    NEXT = [("#define SYSP_ABI_MINOR 0", "#define SYSP_ABI_MINOR 1"),
            ("  const void*(SYSP_CALL* get_extension)(void* self, const char* id);\n} sysp_checker_vtbl;",
             "  const void*(SYSP_CALL* get_extension)(void* self, const char* id);\n#if SYSP_TARGET_MINOR >= 1\n"
             "  /* New options without a new instance. The slot may be NULL. [main] [instance] */\n"
             "  sysp_status(SYSP_CALL* reconfigure)(void* self, const sysp_config* config);\n#endif\n} sysp_checker_vtbl;"),
            ("/* ==== The module ==== */", "#if SYSP_TARGET_MINOR >= 1\n/* A number for the test. */\nenum { SYSP_NEXT = 1 };\n#endif\n\n/* ==== The module ==== */")]

    def test_passes_the_header_as_it_is(self):
        code, text = gate("check", ROOT / "sdk/include/syspulse/plugin.h", ABI)
        self.assertEqual((code, text), (0, ""))

    def test_refuses_each_forbidden_change(self):
        for name, (old, new, words) in FORBIDDEN.items():
            with self.subTest(name):
                code, text = self.edited((old, new))
                self.assertEqual(code, 1, name)
                self.assertIn(words, text)

    def test_update_refuses_what_breaks_and_takes_what_is_added_to_a_candidate(self):
        self.candidate()
        self.edited(FORBIDDEN["swap two members"][:2])
        before = (self.folder / "1.0/layout.json").read_text()
        self.assertEqual(gate("update", self.header, self.folder)[0], 1)
        self.assertEqual((self.folder / "1.0/layout.json").read_text(), before)
        appended = ("  int32_t* pid_slot;", "  int32_t* pid_slot;\n  uint64_t umask_bits; /* 0: as it is */")
        code, text = self.edited(appended)
        self.assertEqual(code, 1)
        self.assertIn("1.0 has a new sysp_spawn_request.umask_bits: run", text)
        self.assertEqual(gate("update", self.header, self.folder), (0, ""))
        self.assertEqual(gate("check", self.header, self.folder), (0, ""))

    def test_a_released_minor_takes_nothing_without_its_gate(self):
        code, text = self.edited(("#define SYSP_ABI_MINOR 0", "#define SYSP_ABI_MINOR 1"),
                                 ("SYSP_E_PLUGIN_LOST = 12 ", "SYSP_E_NEWER = 13, SYSP_E_PLUGIN_LOST = 12 "))
        self.assertEqual(code, 1)
        self.assertIn("for target 1.0: enumerator SYSP_E_NEWER is newer, put it under #if SYSP_TARGET_MINOR", text)

    def test_update_takes_only_the_words_of_a_released_minor(self):
        before = json.loads((self.folder / "1.0/layout.json").read_text())
        code, text = self.edited(FORBIDDEN["change a meaning"][:2])
        self.assertEqual(code, 1)
        self.assertIn("the comment of sysp_driver_vtbl.release changed", text)
        self.assertEqual(gate("update", self.header, self.folder), (0, ""))
        self.assertEqual(gate("check", self.header, self.folder), (0, ""))
        after = json.loads((self.folder / "1.0/layout.json").read_text())
        self.assertNotEqual(before.pop("docs"), after.pop("docs"))
        self.assertEqual(before, after)

    def test_a_later_minor_may_add_behind_its_gate(self):
        code, text = self.edited(*self.NEXT)
        self.assertEqual(text.strip(), "the minors with a layout are [0], the header is at 1: run update")
        self.assertEqual(gate("update", self.header, self.folder), (0, ""))
        self.assertEqual(gate("check", self.header, self.folder), (0, ""))
        # What minor 1 added is kept from then on.
        code, text = self.edited(*self.NEXT[:1], *self.NEXT[2:])
        self.assertEqual(code, 1)
        self.assertIn("sysp_checker_vtbl.reconfigure: removed", text)

    def test_a_program_for_an_older_target_does_not_see_what_is_newer(self):
        self.edited(*self.NEXT)
        source = self.folder / "user.c"
        source.write_text('#include "plugin.h"\nint main(void) { return SYSP_NEXT + (int)offsetof(sysp_checker_vtbl, reconfigure); }\n')
        for target, compiles in ((0, False), (1, True), (2, False)):
            result = subprocess.run(["cc", "-fsyntax-only", f"-DSYSP_TARGET_MINOR={target}", source], capture_output=True, text=True)
            self.assertEqual(result.returncode == 0, compiles, result.stderr)


if __name__ == "__main__":
    unittest.main()
