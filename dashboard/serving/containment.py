"""Names of pictures inside the folder of a data set, and nothing else."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

from drivegrid.errors import DriveGridError


class ContainmentError(DriveGridError):
    """A name that does not lead to a place inside its folder."""


def contained(root: Path, name: str) -> Path:
    """Return the path of a name inside a folder, links followed; nothing need be there.

    The name is judged before the file system sees it (on Windows the mere look at
    ``//server/share`` sends a password's hash), and again for where its links lead.

    Args:
        root: The folder.
        name: Relative, with ``/`` between its parts.

    Raises:
        ContainmentError: If the name is empty, absolute, of another system, or leads out.
    """
    if not _is_plain(name):
        raise ContainmentError(f"picture must have a plain relative name, got {name!r:.100}.")
    try:
        top = root.resolve()
        path = (top / name).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # links in a ring, no UTF-8
        raise ContainmentError(
            f"picture must have a name that leads somewhere, got {name!r:.100}."
        ) from error
    if not path.is_relative_to(top) or path == top:
        raise ContainmentError(f"picture must lie in its data set's folder, got {name!r:.100}.")
    return path


def _is_plain(name: str) -> bool:
    return (
        bool(name)
        and not any(letter < " " or letter in "\\\x7f" for letter in name)
        and not name.startswith("/")
        and not PureWindowsPath(name).drive
        and ".." not in PurePosixPath(name).parts
    )
