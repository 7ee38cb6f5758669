"""The shapes of both sides of an evaluation in a frame."""

from __future__ import annotations

from dataclasses import dataclass

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.store import browse
from drivegrid.dashboard.store.datasets import SourceRow, list_sources
from drivegrid.dashboard.store.evaluations import StoredEvaluation
from drivegrid.dashboard.store.records import FrameRow, ShapeRow


@dataclass(frozen=True, slots=True)
class Side:
    """What a source says of a frame; ``shapes`` by their number, which matches are told by."""

    source: SourceRow
    shapes: dict[int, ShapeRow]


def both_sides(
    database: Database, evaluation: StoredEvaluation, frame: FrameRow
) -> tuple[Side, Side]:
    """Return prediction and truth of a frame as they are now, in the way evaluations read them.

    Reviewers who accepted a frame drew nothing: theirs are the labels that they accepted.
    """
    sources = {one.id: one for one in list_sources(database, evaluation.dataset_id)}
    labels = next((one.id for one in sources.values() if one.kind == "label"), None)

    def side(source: SourceRow) -> Side:
        confirmed = source.kind == "review" and frame.status == "accepted"
        taken = labels if confirmed and labels is not None else source.id
        rows = browse.shapes(database, frame.id, [taken])
        return Side(source, {row.number: row for row in rows})

    return side(sources[evaluation.pred_id]), side(sources[evaluation.true_id])
