"""Whether a folder lies on a network file system, where SQLite cannot keep its promises.

The write-ahead log of SQLite is shared through mapped memory, which the machines at the two ends of
a network do not share: two writers would damage the file without an error.
"""

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    {
        *("afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre"),
        *("ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs"),
        *("fuse.ceph", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.mount-s3"),
        *("fuse.rclone", "fuse.s3fs", "fuse.sshfs"),
    }
)


def network_kind(folder: Path, mounts: Path = _MOUNTS) -> str:
    """Return the kind of network file system that a folder lies on.

    Args:
        folder: The folder; links are followed.
        mounts: The list of mounts in the form that Linux gives it.

    Returns:
        A name such as ``nfs4``; nothing for a disk, and where the system has no such list.
    """
    try:
        lines = mounts.read_bytes().splitlines()
        place = os.fsencode(folder.resolve())
    except (OSError, RuntimeError):
        return ""
    kinds = [(point, kind) for point, kind in map(_mount, lines) if _holds(point, place)]
    # Of several mounts on one point the last one is seen.
    kind = max(enumerate(kinds), key=lambda item: (len(item[1][0]), item[0]), default=None)
    return kind[1][1] if kind is not None and kind[1][1] in _NETWORK else ""


def _mount(line: bytes) -> tuple[bytes, str]:
    before, _, after = line.partition(b" - ")
    fields, kinds = before.split(b" "), after.split(b" ")
    point = fields[4] if len(fields) > 4 else b""
    for escape in (b"\\040", b"\\011", b"\\012", b"\\134"):
        point = point.replace(escape, bytes([int(escape[1:], 8)]))
    return point, kinds[0].decode("ascii", "replace")


def _holds(point: bytes, place: bytes) -> bool:
    return bool(point) and (place == point or place.startswith(point.rstrip(b"/") + b"/"))
