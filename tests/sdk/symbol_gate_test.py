"""symbol_gate_test.py PROGRAM PLUGIN...: each plugin exports one symbol, and the program none of the ABI's, so that
nothing is ever resolved by name between the two. Nor does a program with a C++ library of its own offer that one."""
import subprocess
import sys

ONE = "syspulse_plugin_v1"
# How names of C++ and of its library begin.
CXX = ("_Z", "__cxa_", "__gxx_", "_Unwind_")


def exported(path):
    result = subprocess.run(["nm", "-D", "--defined-only", "--format=posix", path], capture_output=True, text=True, check=True)
    return sorted(line.split()[0] for line in result.stdout.splitlines())


def undefined(path):
    result = subprocess.run(["nm", "-D", "--undefined-only", "--format=posix", path], capture_output=True, text=True, check=True)
    return [line.split()[0] for line in result.stdout.splitlines()]


def needed(path):
    return subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout


def main():
    program, plugins = sys.argv[1], sys.argv[2:]
    problems = [f"{path}: exports {', '.join(exported(path)) or 'nothing'}, expected {ONE}" for path in plugins
                if exported(path) != [ONE]]
    problems += [f"{path}: expects {name} of the host" for path in plugins for name in undefined(path) if "sysp" in name]
    problems += [f"{program}: exports {name}" for name in exported(program) if name.startswith(("sysp_", "syspulse_"))]
    if "libstdc++" not in needed(program):
        problems += [f"{program}: exports {name} of its C++ library" for name in exported(program) if name.startswith(CXX)]
    assert plugins, "no plugins given"
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


main()
