"""What is wrong with labels: every fault by file, line and item, so that it can be mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from drivegrid.data.benchmark import LABEL_FILES
from drivegrid.data.benchmark_checks import BenchmarkFault, check_manifest, check_rows
from drivegrid.data.checks import check_image_name
from drivegrid.data.folders import LocalFolder
from drivegrid.data.formats.contract import Place
from drivegrid.data.images import image_size
from drivegrid.data.scene import Scene
from drivegrid.data.scene_checks import below_assumed, beyond_image, check_scene
from drivegrid.data.shards import check_shards, is_shards
from drivegrid.data.sizing import AssumedSizes, check_root, with_sizes
from drivegrid.data.sources import AUTO, LabelSource, Watch, find_sources, look_below
from drivegrid.data.split import is_split
from drivegrid.errors import FormatError
from drivegrid.geometry import Size
from drivegrid.labels import LabelSpace, default_label_space

MAX_WAITING = 1000
"""So many lost pictures wait for the first that is there; if none is, none is a fault."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault.

    Args:
        file: File it stands in.
        message: What must hold and what was found.
        line: 1-based line (Parquet: row), if the file has lines.
        item: What inside the line is meant, for example ``"instance 3 (lane/line)"``.
    """

    file: str
    message: str
    line: int | None = None
    item: str | None = None

    def __str__(self) -> str:
        return str(FormatError(self.message, self.file, self.line, self.item))

    @property
    def rule(self) -> str:
        """What must hold: equal for faults of one kind, so that they can be counted."""
        return self.message.partition(", got ")[0]


@dataclass(slots=True)
class Validation:
    """A walk over labels that yields every fault; what it counts is complete at the end.

    Args:
        path: File or folder (see ``find_sources``).
        space: The taxonomy; by default the packaged one.
        name: Format to read the path as.
        root: Folder of the pictures, all of which must be there. By default that of the labels,
            where either all or none must be there: labels often travel alone.
        size_wh: Size of frames without a picture.
        watch: Told of each frame that is read.
        sources: The data sets that were found.
        skipped: Files beside them that look like labels but are of no known format.
        frames: Frames read.
        instances: Instances in the good ones.
        quarantined: Frames that readers set aside; each is a finding too.
        pictures: Pictures ``found`` and ``missing``.
        rules: What must hold, to the number of findings.
        assumed: Frames whose size was assumed.
        beyond: Kind of shape to instances that lie partly outside the image, by more than
            ``BEYOND_PX``. Labels may: it is no fault.

    Iterating raises FormatError if there are no labels, or they cannot be read at all.
    """

    path: Path
    space: LabelSpace = field(default_factory=default_label_space)
    name: str = AUTO
    root: Path | None = None
    size_wh: Size | None = None
    watch: Watch = iter
    sources: list[LabelSource] = field(default_factory=list)
    skipped: list[Path] = field(default_factory=list)
    frames: int = 0
    instances: int = 0
    quarantined: int = 0
    pictures: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    assumed: AssumedSizes = field(default_factory=AssumedSizes)
    beyond: Counter[str] = field(default_factory=Counter)

    def __iter__(self) -> Iterator[Finding]:
        """Yield every fault."""
        check_root(self.root)
        self._find()
        for source in self.sources:
            torn = False
            try:
                for finding in _check_shards(source):
                    torn = True
                    self.rules[finding.rule] += 1
                    yield finding
                for finding in self._check(source):
                    self.rules[finding.rule] += 1
                    yield finding
            except FormatError as error:
                if len(self.sources) == 1 and not torn:
                    raise
                finding = Finding(
                    str(error.path or source.path), error.message, error.line, error.item
                )
                self.rules[finding.rule] += 1
                yield finding

    def _find(self) -> None:
        for found in look_below(self.path, self.name):
            if isinstance(found, Path):
                self.skipped.append(found)
            else:
                sized = with_sizes(found.format, self.root, self.size_wh)
                self.sources.append(replace(found, format=sized))
        if not self.sources:
            find_sources(self.path, self.name)  # says what the path looks like

    def _check(self, source: LabelSource) -> Iterator[Finding]:
        split = is_split(source.root) and source.path.name == LABEL_FILES[0]
        if split:
            yield from map(_of_benchmark, check_manifest(source.root))
        pictures = _Pictures(self.root, source.root, self.pictures, split)
        scenes: list[Scene | None] = []  # of a benchmark split, whose questions ask about them
        names: set[int] = set()
        before = self.frames
        for place, found in self.watch(source.placed()):
            self.frames += 1
            if split:
                scenes.append(None if isinstance(found, FormatError) else found)
            if isinstance(found, FormatError):
                self.quarantined += 1
                yield Finding(str(found.path or place.file), found.message, found.line, found.item)
                continue
            self.instances += len(found.instances)
            yield from self._check_scene(place, found, names)
            yield from pictures.check(place, found)
        if self.frames == before:
            yield Finding(str(source.path), "labels must hold at least one frame, got none")
        if split:
            yield from map(_of_benchmark, check_rows(source.root, scenes, self.space))

    def _check_scene(self, place: Place, scene: Scene, names: set[int]) -> Iterator[Finding]:
        name, where = scene.frame.image, str(place.file)
        if name and hash(name) in names:
            yield Finding(where, f"image must occur once, got {name} again", place.line, "frame")
        names.add(hash(name))
        self.assumed.see(scene)
        self.beyond += beyond_image(scene)
        if (lowest := below_assumed(scene)) is not None:
            yield Finding(
                where,
                "frame must be as large as its labels, got a size that is assumed, "
                f"{scene.frame.size_wh[0]}x{scene.frame.size_wh[1]}, and points down to y = "
                f"{lowest:g}. Say the size: --size",
                place.line,
                name,
            )
        for item, message in check_scene(scene, self.space):
            full = item if place.line is not None else f"{name}, {item}"
            yield Finding(where, message, place.line, full)


class _Pictures:
    """What is wrong with the pictures of one data set.

    Args:
        given: Folder of the pictures, if people say it: then each must be there.
        beside: Folder of the labels: there all or none must be.
        counts: Where ``found`` and ``missing`` are counted.
        required: Whether each must be there beside the labels too.
    """

    def __init__(
        self, given: Path | None, beside: Path, counts: Counter[str], required: bool
    ) -> None:
        self._root, self._counts = given or beside, counts
        self._required = required or given is not None
        self._rule = f"stand in {given}" if given else "stand beside its labels"
        self._waiting: list[Finding] = []

    def check(self, place: Place, scene: Scene) -> Iterator[Finding]:
        """Yield the faults of a frame's picture, and those that waited for the first picture."""
        name, where = scene.frame.image, (str(place.file), place.line)
        if not name:
            return
        try:
            path = self._root / check_image_name(name.lstrip("/"))
        except FormatError as error:
            yield Finding(where[0], error.message, where[1], name)
            return
        if path.is_file():
            self._counts["found"] += 1
            yield from self._waiting
            self._waiting, self._required = [], True
            yield from (
                Finding(where[0], message, where[1], name)
                for message in _check_picture(path, scene)
            )
            return
        self._counts["missing"] += 1
        message = f"picture must {self._rule}, got none"
        lost = Finding(where[0], message, where[1], name)
        if self._required:
            yield lost
        elif len(self._waiting) < MAX_WAITING:
            self._waiting.append(lost)


def _check_picture(picture: Path, scene: Scene) -> Iterator[str]:
    try:
        size = image_size(picture)
    except FormatError as error:
        yield error.message
        return
    if size != scene.frame.size_wh:
        shown = "picture must have the size of its labels, got {}x{} for {}x{}"
        yield shown.format(*size, *scene.frame.size_wh)


def validate(path: str | Path, space: LabelSpace | None = None) -> Validation:
    """Return every fault of a label file or folder of any format, found while it is iterated.

    A folder with a manifest is a split of the benchmark: its hashes, expressions and attribute
    questions are checked too.

    Args:
        path: File or folder.
        space: The taxonomy; by default the packaged one.
    """
    return Validation(Path(path), space or default_label_space())


def _check_shards(source: LabelSource) -> Iterator[Finding]:
    """Yield what is wrong with the files of a folder of shards."""
    if source.path.is_dir() and is_shards(LocalFolder(source.path)):
        for fault in check_shards(LocalFolder(source.path)):
            yield Finding(str(fault.path), fault.message)


def _of_benchmark(fault: BenchmarkFault) -> Finding:
    return Finding(str(fault.file), fault.message, fault.line, fault.item)
