"""plugin.h and the C++ layer compile alone, without a warning, in every dialect and for every target, with the layout
that was frozen. Clang may be missing; gcc and its cross compilers for aarch64 and Windows must be there (scripts/setup test),
unless SYSPULSE_CROSS=optional says otherwise."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
INCLUDE = ROOT / "sdk/include"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wundef", "-Wpadded", "-Werror"]
STRICT_CXX = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wold-style-cast", "-Wnon-virtual-dtor",
              "-Wundef", "-Werror"]

C = [(compiler, dialect) for compiler in ("gcc", "clang") for dialect in ("c11", "c17", "c2x")]
CXX = [(compiler, dialect) for compiler in ("g++", "clang++") for dialect in ("c++11", "c++14", "c++17", "c++20", "c++2b")]
LAYER = [("g++", "c++17"), ("g++", "c++20"), ("clang++", "c++17"), ("clang++", "c++20")]
# Freestanding: clang has the two headers itself, so that no C library of the target is needed.
TARGETS = [["clang", f"--target={target}", "-ffreestanding"] for target in
           ("x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu", "x86_64-w64-mingw32", "x86_64-pc-windows-msvc", "aarch64-apple-darwin")]
CROSS = [["aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++"], ["x86_64-w64-mingw32-gcc", "x86_64-w64-mingw32-g++"]]
CROSS_CXX = ["c++11", "c++17", "c++20"]


def freeze_files():
    return sorted((ROOT / "sdk/abi").glob("1.*/freeze.c"))


class Hygiene(unittest.TestCase):
    def compile(self, command, source, language):
        if shutil.which(command[0]) is None:
            self.assertNotEqual(command[0], "gcc")
            return
        with self.subTest(" ".join(command)):
            result = subprocess.run([*command, "-x", language, "-I", INCLUDE, "-fsyntax-only", source], capture_output=True, text=True)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertEqual(result.stderr, "")

    def test_the_header_and_its_layout_in_every_dialect(self):
        for compiler, dialect in C:
            for source in freeze_files():
                self.compile([compiler, f"-std={dialect}", *STRICT], source, "c")
        for compiler, dialect in CXX:
            for source in freeze_files():
                self.compile([compiler, f"-std={dialect}", *STRICT], source, "c++")

    def test_one_layout_on_all_targets(self):
        for command in TARGETS:
            for source in freeze_files():
                self.compile([*command, "-std=c11", *STRICT], source, "c")

    def test_the_same_layout_from_cross_compilers(self):
        """Not only that clang says so of a target: the compilers that plugins are built with, with that target's own headers."""
        for gcc, gxx in CROSS:
            if shutil.which(gcc) is None or shutil.which(gxx) is None:
                self.assertEqual(os.environ.get("SYSPULSE_CROSS"), "optional", f"{gxx} is not installed: run scripts/setup test")
                print(f"left out: {gxx} is not installed")
                continue
            for source in freeze_files():
                self.compile([gcc, "-std=c11", *STRICT], source, "c")
                for dialect in CROSS_CXX:
                    self.compile([gxx, f"-std={dialect}", *STRICT], source, "c++")
            self.compile([gxx, "-std=c++17", *STRICT_CXX, "-include", "syspulse/plugin.hpp"], "/dev/null", "c++")

    def test_a_cross_compiler_would_notice_another_layout(self):
        for gcc in (pair[0] for pair in CROSS if shutil.which(pair[0])):
            self.refuses_another_layout(gcc)

    def test_the_layout_would_be_noticed_if_it_differed(self):
        self.refuses_another_layout("gcc")

    def refuses_another_layout(self, compiler):
        source = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-hygiene-")) / "freeze.c"
        self.addCleanup(shutil.rmtree, source.parent)
        source.write_text(freeze_files()[0].read_text().replace("sizeof(sysp_str) == 16", "sizeof(sysp_str) == 8"))
        result = subprocess.run([compiler, "-I", INCLUDE, "-fsyntax-only", source], capture_output=True, text=True)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("sysp_str", result.stderr)

    def test_the_cpp_layer_in_its_dialects(self):
        for compiler, dialect in LAYER:
            self.compile([compiler, f"-std={dialect}", *STRICT_CXX, "-include", "syspulse/plugin.hpp"], "/dev/null", "c++")

    def test_the_plugin_in_its_first_comment_compiles(self):
        text = (INCLUDE / "syspulse/plugin.hpp").read_text()
        lines = [line[2:] for line in text.split("#pragma once")[0].splitlines() if line.startswith("//   ")]
        self.assertGreater(len(lines), 8)
        for compiler, dialect in LAYER:
            result = subprocess.run([compiler, f"-std={dialect}", "-I", INCLUDE, "-include", "syspulse/plugin.hpp", "-fsyntax-only", "-Wall",
                                     "-Wextra", "-Werror", "-x", "c++", "-"], input="\n".join(lines), capture_output=True, text=True)
            self.assertEqual(result.stderr, "")

    def test_the_header_needs_nothing_but_two_standard_headers(self):
        text = (INCLUDE / "syspulse/plugin.h").read_text()
        self.assertEqual([line for line in text.splitlines() if line.startswith("#include")],
                         ["#include <stddef.h>", "#include <stdint.h>"])


if __name__ == "__main__":
    if shutil.which("clang") is None:
        print("clang is not installed: its dialects and the other targets are left out")
    unittest.main(argv=sys.argv[:1])
