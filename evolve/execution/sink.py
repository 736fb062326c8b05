"""Appending bytes to a new file, past the page cache if the file is large.

A merged model is written once and read later, if at all on this machine. Sent through the page
cache it would push out the sources, and the kernel would copy each byte once more; on the file
systems that take bytes directly from a buffer, that is a quarter of the work of a merge.
"""

import errno
import fcntl
import mmap
import os
from pathlib import Path

from evoreg.evolve.execution.memory import reserve

LARGE = 2**26
"""Bytes from which a file goes past the page cache."""
_ROOM = 2**22
"""Bytes that are handed over at a time; a multiple of every block size."""
_DIRECT = getattr(os, "O_DIRECT", 0)


class Sink:
    """A file that grows."""

    def __init__(self, path: Path, size: int, *, large: int = LARGE) -> None:
        """Make the file.

        Args:
            path: Where; must not exist.
            size: Bytes that it will have, as far as is known.
            large: From how many bytes on it goes past the page cache.

        Raises:
            OSError: It cannot be made.
        """
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._room: mmap.mmap | None = None  # memory at the start of a page, as such files want it
        self._filled = 0
        self._direct = size >= large and self._switch(on=True)
        if size >= large:
            reserve(self._file, size)

    def append(self, data: memoryview) -> None:
        """Append bytes; some may wait in memory.

        Args:
            data: Any bytes.

        Raises:
            OSError: They cannot be written.
        """
        if self._direct and self._room is None:
            self._room = mmap.mmap(-1, _ROOM)
        while data.nbytes and self._direct and self._room is not None:
            taken = min(data.nbytes, _ROOM - self._filled)
            self._room[self._filled : self._filled + taken] = data[:taken]
            data, self._filled = data[taken:], self._filled + taken
            if self._filled == _ROOM:
                self._hand_over()
        self._write(data)

    def finish(self) -> None:
        """Write what waits, force the file to disk and close it.

        Raises:
            OSError: It cannot be written.
        """
        if self._direct:
            self._switch(on=False)  # the end of a file is no whole block
            self._direct = False
        self._hand_over()
        os.fsync(self._file)
        self.close()

    def close(self) -> None:
        """Close the file, finished or not."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _hand_over(self) -> None:
        if self._room is None:
            return
        with memoryview(self._room) as room:
            self._write(room[: self._filled])
        self._filled = 0

    def _write(self, data: memoryview) -> None:
        rest = data
        while rest.nbytes:
            try:
                written = os.write(self._file, rest)
            except OSError as error:
                if not self._direct or error.errno != errno.EINVAL:
                    raise
                written = 0
            rest = rest[written:]
            if rest.nbytes and self._direct:
                # Refused, or cut in the middle of a block: on through the page cache.
                self._switch(on=False)
                self._direct = False

    def _switch(self, *, on: bool) -> bool:
        """Turn writing past the page cache on or off; return whether the file system can do it."""
        if not _DIRECT:
            return False
        flags = fcntl.fcntl(self._file, fcntl.F_GETFL)
        try:
            fcntl.fcntl(self._file, fcntl.F_SETFL, flags | _DIRECT if on else flags & ~_DIRECT)
        except OSError:
            return False
        return True
