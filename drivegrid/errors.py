"""Every error drivegrid raises on purpose.

    DriveGridError
    ├── GeometryError   (ValueError)  a shape, point or size that cannot be used
    ├── TokenError      (ValueError)  tokens or text that break the token specification
    ├── FormatError     (ValueError)  a file that cannot be read as what it claims to be
    ├── ConfigError     (ValueError)  settings that contradict each other
    ├── ModelError                    weights, manifests or checkpoints that do not fit
    ├── RewardError                   a reward that is not a finite number
    ├── RenderError                   a renderer that cannot start on this machine
    └── MissingExtraError (ImportError)  a feature whose optional packages are absent

Messages read ``{thing} must {rule}, got {value} ({where}). {fix}``.
"""

from __future__ import annotations

from pathlib import Path


class DriveGridError(Exception):
    """Base class: catch this to catch everything drivegrid raises on purpose."""


class GeometryError(DriveGridError, ValueError):
    """A point, shape or image size that cannot be used."""


class TokenError(DriveGridError, ValueError):
    """Tokens or text that break the token specification."""


class FormatError(DriveGridError, ValueError):
    """A file or record that cannot be read as what it claims to be.

    Args:
        message: What must hold and what was found.
        path: The offending file.
        line: 1-based line in the file, if the format has lines.
        item: What inside the line or file is meant, for example ``"lane 2"``.
    """

    def __init__(
        self,
        message: str,
        path: str | Path | None = None,
        line: int | None = None,
        item: str | None = None,
    ) -> None:
        self.message, self.path, self.line, self.item = message, path, line, item
        where = [str(path)] if path is not None else []
        where += [f"line {line}"] if line is not None else []
        where += [item] if item is not None else []
        super().__init__(f"{message} ({', '.join(where)})" if where else message)

    def at(self, path: str | Path, line: int | None = None) -> FormatError:
        """Return this error with its place in a file, for checks that know only the record."""
        return FormatError(self.message, path, line, self.item)


class ConfigError(DriveGridError, ValueError):
    """Settings that are unknown, out of range or contradict each other."""


class ModelError(DriveGridError):
    """Weights, manifests or checkpoints that are missing or do not fit."""


class RewardError(DriveGridError):
    """A reward that came out infinite or not a number: a bug, never the model's fault."""


class RenderError(DriveGridError):
    """A renderer that cannot start on this machine; another one may."""


class MissingExtraError(DriveGridError, ImportError):
    """A feature was used whose optional packages are not installed.

    Args:
        feature: What the user asked for, for example ``"predict"``.
        package: The import that failed.
        extra: The extra that brings it.
        then: A second command, for a package that no registry carries.
    """

    def __init__(self, feature: str, package: str, extra: str, then: str | None = None) -> None:
        commands = [f"pip install 'drivegrid[{extra}]'"] + ([then] if then is not None else [])
        super().__init__(
            f"{feature} must have the package {package!r}, which is not installed. "
            f"Run: {' && '.join(commands)}"
        )
