"""Brings a virtual environment up to date with lock files: `install_env.py ROOT VENV NAME...`.

Called by `maso` and `check` (through tools/env.sh) when a stamp is missing or differs. It needs nothing but
the standard library of Python 3.11, since it runs before anything is installed.

- Every package comes from a lock with hashes, nothing is resolved, nothing is built: what a lock does not
  name or a hash does not match is refused (`--require-hashes --no-deps --only-binary :all:`).
- maso itself is a one-line path file, so no build backend is needed and an edit is live at once.
- A stamp `maso-NAME.stamp` holds the checkout's path and the whole lock, and is written last: a run that was
  interrupted is done again.
- Two first runs at once are safe: they queue on a kernel lock on the environment's directory, which a killed
  process releases; the second finds the stamps and returns.

Not handled: packages that a newer lock no longer names stay installed until the environment is removed; a
file system without `flock` (it says so); Windows.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

# Settings of the caller's pip that would send packages elsewhere than into the environment.
PIP_SETTINGS_THAT_MISPLACE = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_REQUIRE_VIRTUALENV")


class SetupError(Exception):
    """The environment cannot be made; the text says what, where and what to do."""


def say(text: str) -> None:
    print(f"maso: {text}", file=sys.stderr, flush=True)


def stamp_text(root: Path, name: str) -> str:
    return f"{root}\n" + (root / f"{name}.lock").read_text(encoding="utf-8")


def stamp_path(venv_dir: Path, name: str) -> Path:
    return venv_dir / f"maso-{name}.stamp"


def is_current(root: Path, venv_dir: Path, name: str) -> bool:
    try:
        found = stamp_path(venv_dir, name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return False
    return found == stamp_text(root, name) and os.access(venv_dir / "bin" / "python", os.X_OK)


def open_locked(venv_dir: Path) -> int:
    """Make the environment's directory and hold it: the lock ends with the file descriptor."""
    hint = "set `MASO_VENV` to a folder that can be written"
    try:
        venv_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(venv_dir, os.O_RDONLY)
    except OSError as error:
        raise SetupError(f"cannot make `{venv_dir}`: {error.strerror}; {hint}") from error
    if not os.access(venv_dir, os.W_OK):
        raise SetupError(f"cannot write `{venv_dir}`; {hint}")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as error:
        raise SetupError(f"cannot lock `{venv_dir}`: {error.strerror}; {hint}") from error
    return descriptor


def has_working_pip(venv_dir: Path) -> bool:
    """False too for an environment whose python was upgraded away or whose creation was interrupted."""
    try:
        probe = subprocess.run(
            [venv_dir / "bin" / "python", "-c", "import sys, pip; sys.exit(sys.version_info < (3, 11))"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return probe.returncode == 0


def create(venv_dir: Path) -> None:
    """Make or remake the environment, unless a usable one is there. Never clears a folder of another kind."""
    if has_working_pip(venv_dir):
        return
    if any(venv_dir.iterdir()) and not (venv_dir / "pyvenv.cfg").exists():
        raise SetupError(
            f"`{venv_dir}` is neither empty nor a virtual environment; remove it or set `MASO_VENV` elsewhere"
        )
    try:
        import ensurepip  # noqa: F401
        import venv
    except ImportError as error:
        raise SetupError(
            f"`{sys.executable}` has no `{error.name}` module, which makes virtual environments;"
            " on Debian and Ubuntu the package `python3-venv` brings it"
        ) from error
    try:
        venv.create(venv_dir, clear=True, with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SetupError(f"cannot make a virtual environment in `{venv_dir}`: {error}") from error


def pip_environment() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in PIP_SETTINGS_THAT_MISPLACE}


def install(root: Path, venv_dir: Path, name: str) -> None:
    """Install one lock file; on failure show pip's own words."""
    lock = root / f"{name}.lock"
    if "==" not in lock.read_text(encoding="utf-8"):
        return  # pip refuses an empty file
    command = [str(venv_dir / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-input"]
    command += ["--disable-pip-version-check", "--no-warn-script-location"]
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--requirement", str(lock)]
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=pip_environment(),
        check=False,
    )
    if done.returncode != 0:
        raise SetupError(
            f"pip could not install `{lock}`:\n{done.stdout.rstrip()}\n"
            f"maso: try again when the cause is gone; if it stays, remove `{venv_dir}` first"
        )


def point_at_source(root: Path, venv_dir: Path) -> None:
    """Make `import maso` find ROOT/src: one line in a path file instead of an editable install."""
    for site_packages in sorted((venv_dir / "lib").glob("python3*/site-packages")):
        (site_packages / "maso.pth").write_text(f"{root / 'src'}\n", encoding="utf-8")


def bring_up_to_date(root: Path, venv_dir: Path, names: list[str]) -> None:
    descriptor = open_locked(venv_dir)
    try:
        missing = [name for name in names if not is_current(root, venv_dir, name)]
        if not missing:
            return  # another run did it while this one waited
        began = time.monotonic()
        say(f"setting up `{venv_dir}` from {', '.join(f'{name}.lock' for name in missing)} (once) ...")
        create(venv_dir)
        for name in missing:
            install(root, venv_dir, name)
        point_at_source(root, venv_dir)
        for name in missing:
            stamp_path(venv_dir, name).write_text(stamp_text(root, name), encoding="utf-8")
        say(f"ready after {time.monotonic() - began:.0f} s")
    except OSError as error:
        raise SetupError(f"cannot write `{error.filename or venv_dir}`: {error.strerror}") from error
    finally:
        os.close(descriptor)


def main(arguments: list[str]) -> int:
    root, venv_dir, names = Path(arguments[0]), Path(arguments[1]), arguments[2:]
    try:
        bring_up_to_date(root, venv_dir, names)
    except SetupError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; the next run starts over")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
