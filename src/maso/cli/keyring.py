"""A person's signing key on disk: found, made on first use, opened with its passphrase.

    --key FILE   that file, which must be there
    otherwise    maso/keys/NAME.key under XDG_CONFIG_HOME (~/.config unless set), made on first use

A key file that its group or others can read is refused, so is one that another person owns. The passphrase
comes from MASO_KEY_PASSPHRASE or from a prompt; a new key is protected when there is one. A key is placed
whole or not at all, and of two first uses at once one wins and both use its key.

Not handled: keys in hardware or a key service (sign elsewhere with the same record), Windows permissions.
"""

import getpass
import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import quote

from maso.cli.arguments import words
from maso.cli.ending import usage
from maso.disk import writing
from maso.signoff import keys

PASSPHRASE_VARIABLE: Final = "MASO_KEY_PASSPHRASE"
_NAME_BYTES_MAX: Final = 200  # of a file name; file systems take 255


class Opened(NamedTuple):
    """A key that can sign. `made`: it is new; `where`: its file; `protected`: it has a passphrase."""

    seed: bytes
    where: Path
    made: bool
    protected: bool


def open_key(name: str, key_file: str | None) -> Opened:
    """The key of the person of that name, or in `key_file`; raises Stop."""
    if key_file is not None:
        if not key_file or "\0" in key_file:
            raise usage(f"`--key` is {words(key_file)}; legal: the file of a key")
        return _existing(Path(key_file), f"`--key` {words(key_file)}")
    path = key_path(name)
    if os.path.lexists(path):
        return _existing(path, f"the key `{path}`")
    return _made(path)


def key_path(name: str) -> Path:
    """Where the key of a person of that name lies; the name cannot lead out of the folder."""
    safe = quote(name, safe=" ")
    if len(safe) > _NAME_BYTES_MAX:
        safe = hashlib.sha256(name.encode()).hexdigest()
    return _config() / "maso" / "keys" / f"{safe}.key"


def _config() -> Path:
    told = os.environ.get("XDG_CONFIG_HOME", "")
    # The XDG specification: a relative path is to be ignored.
    return Path(told) if Path(told).is_absolute() else Path.home() / ".config"


def _existing(path: Path, called: str) -> Opened:
    data = _read(path, called)
    try:
        if not keys.is_sealed(data):
            return Opened(data, path, made=False, protected=False)
        return Opened(keys.seed_of(data, _passphrase(called)), path, made=False, protected=True)
    except keys.KeyFileError as error:
        raise usage(f"{called} {error}") from None


def _read(path: Path, called: str) -> bytes:
    """The bytes of a key file, after its owner and mode were found right on what was opened."""
    try:
        # Links are followed: where secrets are mounted the file is one. What it leads to is checked.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise usage(
            f"{called} is not there; legal: the file of a key; without `--key`, your own is made"
        ) from None
    try:
        _private(os.fstat(fd), called)
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(keys.KEY_FILE_BYTES_MAX + 1)
    finally:
        os.close(fd)


def _private(found: os.stat_result, called: str) -> None:
    """Raise Stop unless it is a file that its owner alone can use, and the owner is whoever signs."""
    if not stat.S_ISREG(found.st_mode):
        raise usage(f"{called} is not a plain file; legal: the file of a key")
    if found.st_mode & 0o077:
        mode = stat.S_IMODE(found.st_mode)
        raise usage(f"{called} has mode {mode:04o}, so others can use it; legal: 0600, as `chmod 600` does")
    if found.st_uid not in (os.geteuid(), 0):  # where secrets are mounted they are root's
        raise usage(f"{called} belongs to somebody else; legal: a key of your own")


def _passphrase(called: str) -> bytes:
    told = os.environ.get(PASSPHRASE_VARIABLE, "")
    if told:
        return os.fsencode(told)
    if not _terminal():
        raise usage(
            f"{called} needs its passphrase; legal: set `{PASSPHRASE_VARIABLE}`, or sign in a terminal"
        )
    return _asked("passphrase of the key: ")


def _new_passphrase() -> bytes:
    told = os.environ.get(PASSPHRASE_VARIABLE, "")
    if told or not _terminal():
        return os.fsencode(told)
    first = _asked("passphrase for the new key (empty: none): ")
    if first and _asked("the same again: ") != first:
        raise usage("the two passphrases differ; no key was made")
    return first


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _asked(prompt: str) -> bytes:
    try:
        return os.fsencode(getpass.getpass(f"maso: {prompt}"))
    except EOFError:
        raise usage("no passphrase was given") from None


def _made(path: Path) -> Opened:
    """A new key in its place, or the one that another process put there meanwhile."""
    passphrase = _new_passphrase()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    seed = os.urandom(keys.SEED_BYTES)
    data = seed
    if passphrase:
        salt, nonce = os.urandom(keys.SALT_BYTES), os.urandom(keys.NONCE_BYTES)
        data = keys.sealed(seed, passphrase, salt=salt, nonce=nonce)
    part = path.with_name(f".{os.urandom(8).hex()}.part")
    fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with writing(path), os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.link(part, path)
    except FileExistsError:
        return _existing(path, f"the key `{path}`")
    finally:
        part.unlink()
    _sync_names(path.parent)
    return Opened(seed, path, made=True, protected=bool(passphrase))


def _sync_names(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
