from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("sqlalchemy", reason="drivegrid[dashboard] is not installed")


from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.store.people import (
    append_audit,
    audit_page,
    delete_view,
    ensure_user,
    list_users,
    list_views,
    save_view,
    set_role,
)
from drivegrid.dashboard.store.query import Query

from drivegrid.errors import ConfigError
from tests.dashboard.store.world import fill


def test_somebody_is_made_once_and_keeps_their_role(database) -> None:
    assert list_users(database) == []
    ada = ensure_user(database, "ada", "admin")
    assert ensure_user(database, "ada", "viewer") == ada
    hostile = ensure_user(database, "<script>'🚗", "viewer")
    assert list_users(database) == [hostile, ada]


@pytest.mark.parametrize(("name", "role"), [("", "viewer"), ("a\0", "viewer"), ("ada", "king")])
def test_who_cannot_be_is_refused(database, name, role) -> None:
    with pytest.raises(ConfigError, match=r"name|role"):
        ensure_user(database, name, role)
    assert list_users(database) == []


def test_many_who_come_at_once_are_one(database) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ensure_user(database, "ada", "viewer"), range(8)))
    assert len(set(found)) == len(list_users(database)) == 1


def test_one_admin_is_left(database) -> None:
    ada, bob = (ensure_user(database, name, "admin") for name in ("ada", "bob"))
    set_role(database, bob.id, "viewer", by=ada.id)
    with pytest.raises(StoreError, match="one admin must be left"):
        set_role(database, ada.id, "reviewer", by=ada.id)
    assert [user.role for user in list_users(database)] == ["admin", "viewer"]
    assert set_role(database, ada.id, "admin").role == "admin"
    with pytest.raises(StoreError, match="user must exist"):
        set_role(database, 99, "viewer")
    with pytest.raises(ConfigError, match="role must be one of"):
        set_role(database, bob.id, "king")


def test_two_admins_cannot_demote_each_other_at_once(database) -> None:
    people = [ensure_user(database, name, "admin") for name in ("ada", "bob")]

    def demote(user) -> bool:
        try:
            return set_role(database, user.id, "viewer").role == "viewer"
        except StoreError:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(demote, people)) == [False, True]
    assert sorted(user.role for user in list_users(database)) == ["admin", "viewer"]


def test_what_was_done_is_read_page_by_page_the_latest_first(database) -> None:
    assert audit_page(database) == []
    ada = ensure_user(database, "ada", "admin")
    set_role(database, ada.id, "admin", by=ada.id)
    with database.write() as connection:
        for number in range(5):
            append_audit(connection, None, "export", f"{number}", {"n": number})
    first = audit_page(database, limit=4)
    rest = audit_page(database, before=first[-1].id, limit=4)
    assert [row.subject for row in [*first, *rest]] == ["4", "3", "2", "1", "0", "ada"]
    assert (rest[-1].user, rest[-1].action) == ("ada", "role") and first[0].user is None
    assert first[0].details == {"n": 4}


def test_nothing_is_noted_of_what_did_not_happen(database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        append_audit(connection, None, "export", "x")
        raise RuntimeError
    assert audit_page(database) == []


def test_views_are_kept_replaced_and_forgotten(database) -> None:
    fill(database, 1)
    ada, bob = (ensure_user(database, name, "reviewer") for name in ("ada", "bob"))
    assert list_views(database, 1) == []
    rain = Query(facts={"weather": ("rain", "100%")}, order="status", descending=True)
    kept = save_view(database, 1, ada.id, "wet", rain)
    other = save_view(database, 1, bob.id, "all", Query())
    assert list_views(database, 1) == [other, kept] and kept.query == rain
    again = save_view(database, 1, ada.id, "wet", Query())
    assert again.id == kept.id and list_views(database, 1) == [other, again]
    with pytest.raises(StoreError, match="name of its own"):
        save_view(database, 1, bob.id, "wet", Query())
    with pytest.raises(ConfigError, match="name must"):
        save_view(database, 1, bob.id, " ", Query())
    with pytest.raises(StoreError, match="user must exist"):
        save_view(database, 1, 99, "new", Query())
    delete_view(database, kept.id)
    delete_view(database, kept.id)
    assert list_views(database, 1) == [other] and list_views(database, 2) == []
