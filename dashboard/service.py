"""What a person does to the store: each deed asks for their role, and leaves a trace.

Whoever is known may look at everything; looking needs no more than the store itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drivegrid.dashboard.database import Database
from drivegrid.dashboard.fine_tuning import FINE_TUNING
from drivegrid.dashboard.importing import IMPORT
from drivegrid.dashboard.serving.access import require
from drivegrid.dashboard.store import (
    evaluations,
    jobs,
    leases,
    people,
    promotions,
    queues,
    reviews,
)
from drivegrid.dashboard.store.datasets import Imported, add_dataset
from drivegrid.dashboard.store.query import Query

LEASE_S = 600.0
"""How long a reviewer has a frame to themselves."""


def role_for(kind: str) -> str:
    """Return the role that may ask for work of a kind."""
    return "admin" if kind in (IMPORT, FINE_TUNING) else "reviewer"


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody at the dashboard.

    Every method raises `AccessDenied` where the role does not reach, beside what it says.

    Args:
        database: The store.
        user: Who it is.
    """

    database: Database
    user: people.User

    def verdict(self, frame_id: int, given: reviews.Verdict) -> reviews.Outcome:
        """Judge a frame, see `reviews.verdict`."""
        require(self.user.role, "reviewer")
        return reviews.verdict(self.database, frame_id, self.user.id, given)

    def undo(self, frame_id: int, token: str, version: int) -> reviews.Outcome:
        """Take back the last verdict on a frame, see `reviews.undo`."""
        require(self.user.role, "reviewer")
        return reviews.undo(self.database, frame_id, self.user.id, token, version)

    def take(self, frame_id: int) -> leases.Lease:
        """Take a frame for a while, see `leases.lease`."""
        require(self.user.role, "reviewer")
        return leases.lease(self.database, frame_id, self.user.id, LEASE_S)

    def give_back(self, frame_id: int) -> None:
        """Give a frame back, see `leases.release`."""
        require(self.user.role, "reviewer")
        leases.release(self.database, frame_id, self.user.id)

    def make_queue(
        self, dataset_id: int, plan: queues.Plan, ranked: Iterable[queues.Ranked]
    ) -> int:
        """Make a queue of frames, see `queues.make_queue`."""
        require(self.user.role, "reviewer")
        return queues.make_queue(self.database, dataset_id, self.user.id, plan, ranked)

    def next_frame(self, queue_id: int, after: int = -1) -> queues.QueueFrame | None:
        """Take the next frame of a queue, see `queues.next_frame`."""
        require(self.user.role, "reviewer")
        return queues.next_frame(self.database, queue_id, self.user.id, LEASE_S, after)

    def save_view(self, dataset_id: int, name: str, query: Query) -> people.SavedView:
        """Keep a query under a name, see `people.save_view`."""
        require(self.user.role, "reviewer")
        return people.save_view(self.database, dataset_id, self.user.id, name, query)

    def delete_view(self, view_id: int) -> None:
        """Forget a view."""
        require(self.user.role, "reviewer")
        people.delete_view(self.database, view_id)

    def evaluate(self, dataset_id: int, pred_id: int, true_id: int, rule: str) -> int:
        """Score a source against another, see `evaluations.evaluate`."""
        require(self.user.role, "reviewer")
        return evaluations.evaluate(self.database, dataset_id, pred_id, true_id, rule, self.user.id)

    def enqueue(self, kind: str, parameters: Mapping[str, Any]) -> int:
        """Ask for work in the background, see `jobs.enqueue`; only admins import and train."""
        require(self.user.role, role_for(kind))
        return jobs.enqueue(self.database, kind, parameters, self.user.id)

    def cancel(self, job_id: int) -> bool:
        """Stop a job, see `jobs.cancel`; whoever may ask for one may stop one."""
        require(self.user.role, "reviewer")
        require(self.user.role, role_for(jobs.get_job(self.database, job_id).kind))
        return jobs.cancel(self.database, job_id)

    def resume(self, job_id: int) -> bool:
        """Let a job go on that was stopped, see `jobs.resume`; as in `cancel`."""
        require(self.user.role, "reviewer")
        require(self.user.role, role_for(jobs.get_job(self.database, job_id).kind))
        return jobs.resume(self.database, job_id)

    def promote(self, job_id: int | None) -> None:
        """Let the checkpoint of a training answer, see `promotions.promote`."""
        require(self.user.role, "admin")
        promotions.promote(self.database, job_id, self.user.id)

    def add_dataset(
        self, name: str, path: Path, progress: Callable[[int], object] = lambda _: None
    ) -> Imported:
        """Bring labels into the store, see `datasets.add_dataset`."""
        require(self.user.role, "admin")
        return add_dataset(self.database, name, path, self.user.id, progress)

    def add_user(self, name: str, role: str) -> people.User:
        """Let somebody in; who is known keeps their role."""
        require(self.user.role, "admin")
        return people.ensure_user(self.database, name, role)

    def let_in(self, name: str, role: str) -> people.User:
        """Give somebody a role, whether they are known already or not."""
        known = self.add_user(name, role)
        return known if known.role == role else self.set_role(known.id, role)

    def set_role(self, user_id: int, role: str) -> people.User:
        """Give somebody a role, see `people.set_role`."""
        require(self.user.role, "admin")
        return people.set_role(self.database, user_id, role, self.user.id)
