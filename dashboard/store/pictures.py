"""Pictures of frames: where they lie, and frames that come without labels."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, now_ms
from drivegrid.dashboard.schema import datasets, frames

from drivegrid.geometry import Size

UPLOADS = "Uploads"
"""Name of the data set that holds what people asked about."""


def find_picture(database: Database, frame_id: int) -> tuple[Path, str] | None:
    """Return the folder of a frame's data set and the picture's name in it.

    Returns:
        None if there is no such frame.
    """
    chosen = sa.select(datasets.c.root, frames.c.image).join_from(frames, datasets)
    with database.read() as connection:
        row = connection.execute(chosen.where(frames.c.id == frame_id)).one_or_none()
    return None if row is None else (Path(row.root), row.image)


def add_upload(database: Database, folder: Path, image: str, size_wh: Size) -> int:
    """Register an uploaded picture as a frame of its own data set; return the frame's id.

    Args:
        database: The store.
        folder: Where all uploads lie.
        image: Name of the picture in it; one that is known stays the frame that it is.
        size_wh: Width and height in pixels.
    """
    with database.write() as connection:
        of_name = datasets.c.name == UPLOADS
        dataset_id = connection.scalar(sa.select(datasets.c.id).where(of_name).with_for_update())
        if dataset_id is None:
            new = {"name": UPLOADS, "root": str(folder), "created_at": now_ms()}
            made = sa.insert(datasets).values(new).returning(datasets.c.id)
            dataset_id = connection.execute(made).scalar_one()
        here = (frames.c.dataset_id == dataset_id) & (frames.c.image == image)
        known = connection.scalar(sa.select(frames.c.id).where(here))
        if known is not None:
            return int(known)
        inside = sa.select(sa.func.coalesce(sa.func.max(frames.c.number) + 1, 0))
        number = connection.scalar(inside.where(frames.c.dataset_id == dataset_id))
        row = {
            "dataset_id": dataset_id,
            "image": image,
            "width": size_wh[0],
            "height": size_wh[1],
            "number": number,
            "attributes": {},
            "extra": {},
            "status": "new",
            "version": 0,
        }
        return int(connection.execute(sa.insert(frames).values(row)).inserted_primary_key.id)
