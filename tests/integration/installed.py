"""What `cmake --install` leaves under a prefix is a usable product, wherever the prefix is."""
import json
import os
import pathlib
import shutil
import subprocess

import harness
from harness import Manager, main, until

EXPECTED = ("bin/syspulse", "libexec/syspulse-keeper", "lib/syspulse/plugins/posix.so", "lib/syspulse/plugins/tcp.so",
            "lib/syspulse/plugins/http.so", "lib/syspulse/http-regex.so", "lib/syspulse/plugins/command.so",
            "share/man/man1/syspulse.1",
            "share/man/man5/syspulse.yaml.5", "share/bash-completion/completions/syspulse",
            "share/zsh/site-functions/_syspulse", "share/fish/vendor_completions.d/syspulse.fish",
            "lib/systemd/system/syspulse.service", "share/syspulse/syspulse.schema.json",
            "include/syspulse/plugin.h", "share/doc/syspulse/plugin-guide.md", "share/doc/syspulse/plugin-reference.md",
            "share/doc/syspulse/plugin-conformance.md")


def _verify_unit(unit):
    """systemd's own opinion; what it says about other units of the machine is not ours."""
    if not shutil.which("systemd-analyze"):
        return
    told = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    ours = [line for line in told.stderr.splitlines() if "syspulse" in line]
    assert not ours, ours


def an_installed_tree_is_complete_and_works():
    with Manager() as m:
        prefix = m.root / "prefix"
        subprocess.run([os.environ["CMAKE_COMMAND"], "--install", os.environ["SYSPULSE_BUILD"], "--prefix", prefix],
                       check=True, capture_output=True)
        missing = [name for name in EXPECTED if not (prefix / name).exists()]
        assert not missing, missing
        unit = prefix / "lib/systemd/system/syspulse.service"
        assert f"ExecStart={prefix}/bin/syspulse " in unit.read_text()
        _verify_unit(unit)
        # The program finds the plugins of its own tree, also when it is moved.
        moved = m.root / "moved"
        prefix.rename(moved)
        harness.PROGRAM = moved / "bin/syspulse"
        paths = [p["path"] for p in json.loads(m.ok("--format", "json", "plugin", "list"))]
        assert len(paths) >= 4 and all(pathlib.Path(p).parent == moved / "lib/syspulse/plugins" for p in paths), paths
        for example in sorted((moved / "share/syspulse/examples").glob("*.yaml")):
            done = m.run("validate", example)
            # Users, variables and cgroup controllers of an example need not exist on this machine.
            excuses = ("unknown user", "is not set", "is of version 1 on this machine")
            assert done.returncode == 0 or any(e in done.stderr for e in excuses), done
        m.start()
        m.add(web={"command": ["/bin/sh", "-c", "echo hello; sleep 600"]})
        m.ok("start", "--wait", "web")
        until(lambda: m.log("web") == "hello\n", "its output")
        m.stop()


main(globals())
