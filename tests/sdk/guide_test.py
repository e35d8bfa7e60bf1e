"""guide_test.py BUILD: runs every command of docs/plugin-guide.md, in order, in one shell that stops at the first failure, with
an installed syspulse."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="syspulse-guide-"))
    try:
        prefix = folder / "prefix"
        subprocess.run(["cmake", "--install", pathlib.Path(sys.argv[1]).resolve(), "--prefix", prefix, "--strip"], check=True, stdout=subprocess.DEVNULL)
        guide = (ROOT / "docs/plugin-guide.md").read_text()
        blocks = re.findall(r"^```sh\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)
        assert len(blocks) >= 7, "the guide has lost its commands"
        env = {name: value for name, value in os.environ.items() if not name.startswith("SYSPULSE_")}
        env.update(PATH=f"{prefix}/bin:{env['PATH']}", CMAKE_PREFIX_PATH=str(prefix), CMAKE_GENERATOR="Ninja")
        script = "set -eux\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + "".join(blocks) + "\nwait\n"
        work = folder / "work"
        work.mkdir()
        result = subprocess.run(["bash", "-c", script], cwd=work, env=env, capture_output=True, text=True, timeout=900)
        print(result.stdout + result.stderr)
        assert result.returncode == 0, "a command of the guide failed"
        assert "wrong.yaml:" in result.stderr, "validate names the position of what is wrong"
        assert "com.example.file-age" in result.stdout, "the installed plugin is found"
        assert re.search(r"\bhealthy\b", result.stdout), "the daemon's health comes from the new checker"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
