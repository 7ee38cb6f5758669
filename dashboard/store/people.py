"""People of the store: who they are, what they may do, what they did, and views they keep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from drivegrid.dashboard.database import Database, StoreError, now_ms
from drivegrid.dashboard.schema import ROLES, audit, users, views
from drivegrid.dashboard.store.query import Query, check_name
from sqlalchemy.dialects import postgresql, sqlite

from drivegrid.errors import ConfigError


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the store.

    Args:
        id: Names them in the store.
        name: What they are called.
        role: One of ``schema.ROLES``.
    """

    id: int
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    """Something that was done.

    Args:
        id: Later ones have higher ids.
        at: Milliseconds since 1970.
        user: Name of who did it, None where nobody was known.
        action: What was done, for example ``"import"``.
        subject: To what.
        details: More about it (JSON values).
    """

    id: int
    at: int
    user: str | None
    action: str
    subject: str
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SavedView:
    """A query that somebody keeps under a name.

    Args:
        id: Names it in the store.
        name: What it is called.
        user: Name of who saved it.
        query: What it shows.
    """

    id: int
    name: str
    user: str
    query: Query


def ensure_user(database: Database, name: str, role: str) -> User:
    """Return somebody, who is made where nobody has the name; who is there keeps their role.

    Raises:
        ConfigError: If the name or the role cannot be one.
    """
    insert = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}[database.dialect](users)
    new = {"name": check_name(name), "role": _check_role(role), "created_at": now_ms()}
    with database.write() as connection:
        connection.execute(insert.values(new).on_conflict_do_nothing())
        found = connection.execute(sa.select(users).where(users.c.name == name)).one()
    return _user(found)


def set_role(database: Database, user_id: int, role: str, by: int | None = None) -> User:
    """Give somebody a role, and note it.

    Args:
        database: The store.
        user_id: Who gets it.
        role: One of ``schema.ROLES``.
        by: Id of who gives it.

    Raises:
        ConfigError: If there is no such role.
        StoreError: If there is no such person, or no admin would be left.
    """
    _check_role(role)
    admins = sa.select(users.c.id).where(users.c.role == "admin").order_by(users.c.id)
    with database.write() as connection:
        # locked, or two admins who demote each other at once would leave none
        left = set(connection.scalars(admins.with_for_update()))
        found = connection.execute(sa.select(users).where(users.c.id == user_id)).one_or_none()
        if found is None:
            raise StoreError(f"user must exist, got id {user_id}.")
        if left == {user_id} and role != "admin":
            raise StoreError(
                f"one admin must be left, got {role} for {found.name}. Make somebody else admin."
            )
        connection.execute(sa.update(users).where(users.c.id == user_id).values(role=role))
        append_audit(connection, by, "role", found.name, {"from": found.role, "to": role})
    return User(user_id, found.name, role)


def list_users(database: Database) -> list[User]:
    """Return everybody by name."""
    with database.read() as connection:
        return list(map(_user, connection.execute(sa.select(users).order_by(users.c.name))))


def _user(row: sa.Row[Any]) -> User:
    return User(row.id, row.name, row.role)


def _check_role(role: str) -> str:
    if role not in ROLES:
        raise ConfigError(f"role must be one of {', '.join(ROLES)}, got {role!r:.50}.")
    return role


def append_audit(
    connection: sa.Connection,
    user_id: int | None,
    action: str,
    subject: str,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note what is done, in the transaction that does it: both happen or neither."""
    row = {"at": now_ms(), "user_id": user_id, "action": action, "subject": subject}
    connection.execute(sa.insert(audit).values(**row, details=dict(details or {})))


def audit_page(database: Database, before: int | None = None, limit: int = 50) -> list[AuditRow]:
    """Return what was done, the latest first.

    Args:
        database: The store.
        before: Id of the last row that was seen; None begins at the latest.
        limit: Rows at most.
    """
    query = sa.select(audit, users.c.name.label("user")).select_from(audit.outerjoin(users))
    if before is not None:
        query = query.where(audit.c.id < before)
    with database.read() as connection:
        rows = connection.execute(query.order_by(audit.c.id.desc()).limit(limit))
        return [AuditRow(r.id, r.at, r.user, r.action, r.subject, r.details) for r in rows]


def save_view(
    database: Database, dataset_id: int, user_id: int, name: str, query: Query
) -> SavedView:
    """Keep a query under a name; one's own view of that name is replaced.

    Raises:
        ConfigError: If the name cannot be one.
        StoreError: If another has a view of that name.
    """
    of_name = sa.and_(views.c.dataset_id == dataset_id, views.c.name == check_name(name))
    row = {"user_id": user_id, "query": query.to_json(), "created_at": now_ms()}
    with database.write() as connection:
        # the owner's row is locked, or two who save at once would both find no view
        owner = sa.select(users.c.name).where(users.c.id == user_id).with_for_update()
        user = connection.scalars(owner).one_or_none()
        if user is None:
            raise StoreError(f"user must exist, got id {user_id}.")
        found = connection.execute(sa.select(views.c.id, views.c.user_id).where(of_name)).first()
        if found is None:
            new = sa.insert(views).values(dataset_id=dataset_id, name=name, **row)
            view_id = connection.execute(new.returning(views.c.id)).scalar_one()
        elif found.user_id == user_id:
            view_id = found.id
            connection.execute(sa.update(views).where(views.c.id == view_id).values(**row))
        else:
            raise StoreError(f"view must have a name of its own, got {name!r} of another user.")
    return SavedView(view_id, name, user, query)


def list_views(database: Database, dataset_id: int) -> list[SavedView]:
    """Return the views of a data set by name.

    Raises:
        ConfigError: If a query is none that this version knows.
    """
    query = sa.select(views, users.c.name.label("user")).select_from(views.join(users))
    query = query.where(views.c.dataset_id == dataset_id).order_by(views.c.name)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [SavedView(row.id, row.name, row.user, Query.from_json(row.query)) for row in rows]


def delete_view(database: Database, view_id: int) -> None:
    """Forget a view; one that is gone already is no error."""
    with database.write() as connection:
        connection.execute(sa.delete(views).where(views.c.id == view_id))
