"""The files of a sign-off: findings read once and whole, records read and placed in `DIR/signatures/`.

Nothing is read through a link, from anything but a plain file, or without a limit: whoever hands over a
directory to be signed must not make another file be read for it. A record is written under a passing name,
synced, and then *linked* to its number: the link is made whole or not at all, and fails when another process
took the number first. So no lock is needed, and a process that is killed leaves at most a `.part`.

Not handled: file systems without hard links (signing there fails and says so); Windows.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Any, Final

from maso.disk import writing
from maso.evidence.storage import sync_directory
from maso.signoff.chain import Chain, Entry, Held, as_data, file_name, judge, number_of
from maso.signoff.record import RECORD_BYTES_MAX, SIGN_OFFS_MAX, SignOffError, digest_of

FINDINGS: Final = "findings.json"
SIGNATURES_DIR: Final = "signatures"
PART: Final = ".part"  # how the passing name of a record ends
FINDINGS_BYTES_MAX: Final = 256_000_000  # findings have a few megabytes; a hundredfold is something else

# A link is refused, and a pipe does not keep us waiting.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LINKED: Final = frozenset({errno.ELOOP, errno.EMLINK})  # what O_NOFOLLOW says of a link, by system
_UNLINKABLE: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS})


def read_plain(path: Path | str, bytes_max: int, folder: int | None = None) -> bytes:
    """All bytes of a plain file; raises SignOffError for anything else, FileNotFoundError for nothing."""
    name = Path(path).name
    try:
        fd = os.open(path, _READ, dir_fd=folder)
    except OSError as error:
        if error.errno in _LINKED:
            raise SignOffError(f"`{name}` is a link; legal: the file itself") from None
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SignOffError(f"`{name}` is not a plain file")
        with os.fdopen(fd, "rb", closefd=False) as file:
            data = file.read(bytes_max + 1)
    finally:
        os.close(fd)
    if len(data) > bytes_max:
        raise SignOffError(f"`{name}` has more than {bytes_max} bytes, which is too much to be one")
    return data


def read_findings(directory: Path) -> bytes:
    """The exact bytes of `findings.json`; raises SignOffError, FileNotFoundError, OSError."""
    return read_plain(directory / FINDINGS, FINDINGS_BYTES_MAX)


def read_chain(directory: Path, findings_sha256: str) -> Chain:
    """The sign-offs of a directory, judged; a folder that is a link or a file is a fault of the chain."""
    folder = directory / SIGNATURES_DIR
    try:
        fd = os.open(folder, _READ | os.O_DIRECTORY)
    except FileNotFoundError:
        return Chain(())
    except OSError as error:
        reason = "a link or no folder" if error.errno in _LINKED | {errno.ENOTDIR} else "not readable"
        return Chain((), fault=f"`{SIGNATURES_DIR}` is {reason}")
    try:
        return judge([_held(name, fd) for name in sorted(os.listdir(fd))], findings_sha256)
    finally:
        os.close(fd)


def _held(name: str, folder: int) -> Held:
    if number_of(name) is None:
        return Held(name, None)
    try:
        return Held(name, read_plain(name, RECORD_BYTES_MAX, folder))
    except SignOffError as error:
        return Held(name, None, str(error))
    except OSError as error:
        return Held(name, None, f"`{name}` cannot be read: {(error.strerror or 'unknown').lower()}")


def read_signatures(directory: Path) -> list[dict[str, Any]]:
    """Who signed the findings in this directory, as plain data for a report, in the order of signing.

    Each: number, name, role, signed_at, findings_sha256, accepted [{kind, id, condition, expires}],
    not_accepted [{kind, id}], fingerprint, record_sha256, valid, why (it is not). Texts are as signed, so a
    hostile record may hold anything: make them legible and escape them. A folder that cannot be read gives
    one entry of number 0 that says why. Whether an acceptance has expired depends on the day: compare
    `expires`. Raises OSError when the directory itself cannot be read.
    """
    try:
        digest = digest_of(read_findings(directory))
    except (SignOffError, FileNotFoundError):
        digest = ""
    chain = read_chain(directory, digest)
    if chain.fault:
        return [as_data(Entry(0, None, "", chain.fault))]
    return [as_data(entry) for entry in chain.entries]


def place(directory: Path, number: int, data: bytes, token: str) -> bool:
    """Put the record `number` there for good; False when another process was first.

    `token` names the passing file and must not come twice. Raises SignOffError, OSError.
    """
    if number > SIGN_OFFS_MAX:
        raise SignOffError(f"holds {SIGN_OFFS_MAX} sign-offs, more are not legal")
    folder = directory / SIGNATURES_DIR
    folder.mkdir(exist_ok=True)
    sync_directory(directory)
    fd = os.open(folder, _READ | os.O_DIRECTORY)
    try:
        return _place(fd, token + PART, file_name(number), data)
    finally:
        os.close(fd)


def _place(folder: int, passing: str, name: str, data: bytes) -> bool:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(passing, flags, 0o644, dir_fd=folder)
    try:
        with writing(Path(SIGNATURES_DIR, name)), os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.link(passing, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno in _UNLINKABLE:
            raise SignOffError("lies on a file system without hard links") from None
        raise
    finally:
        os.unlink(passing, dir_fd=folder)
    os.fsync(folder)
    return True
