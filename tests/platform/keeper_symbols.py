"""The keeper must go on when the machine has no memory left: its objects may use only what is listed here of the C
library, none of which allocates. keeper_symbols.py OBJECT..."""
import subprocess
import sys

ALLOWED = set("""
    close fcntl fork execveat ftruncate getitimer getpid getppid getsid kill madvise mmap open poll prctl pwrite read setitimer setpgid
    unlink waitid write _exit
    sigaddset sigemptyset sigprocmask sigtimedwait sigwaitinfo
    memcmp memcpy memmove memset snprintf strchr strcmp strlen strncmp strnlen strrchr strtoull atoi __isoc99_sscanf
    getenv environ strerror __errno_location __stack_chk_fail
    _Unwind_Resume __gxx_personality_v0 _GLOBAL_OFFSET_TABLE_
""".split())
# They allocate, and are called where nothing is lost by it: before the first manager, and to try a new program.
WHERE_NOTHING_IS_LOST = {"setenv": "handover.cpp.o", "unsetenv": ("keeper.cpp.o", "handover.cpp.o")}


def undefined(path):
    lines = subprocess.run(["nm", "-u", "--format=posix", path], capture_output=True, text=True, check=True).stdout
    return [line.split()[0].split("@")[0] for line in lines.splitlines() if line.strip() and not line.endswith(":")]


def main():
    objects = sys.argv[1:]
    used = [(name, path) for path in objects for name in undefined(path)]
    assert len(objects) > 3 and any(name == "fork" for name, _ in used), f"these are not the keeper's objects: {objects}"
    bad = [f"{path}: {name}" for name, path in used
           if name not in ALLOWED and not name.startswith("_ZN8syspulse6keeper")
           and not path.endswith(WHERE_NOTHING_IS_LOST.get(name, "-"))]
    print("\n".join(bad) or f"{len(objects)} objects use nothing that allocates")
    return 1 if bad else 0


sys.exit(main())
