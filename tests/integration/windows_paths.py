"""As programs of Windows see the paths of this machine."""
import os
import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]


def windows_path(path):
    """Wine shows the root as drive Z, and scripts/windows/wine this clone as drive S."""
    if os.name == "nt":
        return str(path)
    path = pathlib.Path(path)
    shown = f"S:/{path.relative_to(ROOT)}" if path.is_relative_to(ROOT) else f"Z:{path}"
    return shown.replace("/", "\\")
