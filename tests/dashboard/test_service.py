import inspect

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.importing import IMPORT
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.serving.access import AccessDenied
from drivegrid.dashboard.store.people import ensure_user
from drivegrid.dashboard.store.query import Query
from drivegrid.dashboard.store.queues import Plan
from drivegrid.dashboard.store.reviews import Verdict

from .store.rows import add_frames

REVIEWER = {
    "verdict": (1, Verdict("accept", 0, "token")),
    "undo": (1, "another", 1),
    "take": (1,),
    "give_back": (1,),
    "make_queue": (1, Plan("all", "number", 5), ()),
    "next_frame": (1,),
    "save_view": (1, "mine", Query()),
    "delete_view": (1,),
    "evaluate": (1, 1, 1, "boxes"),
    "enqueue": ("export", {}),
    "cancel": (1,),
    "resume": (1,),
}
ADMIN = {
    "promote": (None,),
    "add_dataset": ("x", "/nowhere"),
    "add_user": ("eve", "viewer"),
    "let_in": ("eve", "viewer"),
    "set_role": (1, "viewer"),
}


def someone(database, role: str) -> Actor:
    return Actor(database, ensure_user(database, role, role))


def test_every_deed_is_in_a_table() -> None:
    deeds = {name for name, _ in inspect.getmembers(Actor, inspect.isfunction) if name[0] != "_"}
    assert deeds == REVIEWER.keys() | ADMIN.keys()


@pytest.mark.parametrize("name", [*REVIEWER, *ADMIN])
def test_a_viewer_may_only_look(database, name) -> None:
    with pytest.raises(AccessDenied, match="role must be"):
        getattr(someone(database, "viewer"), name)(*(REVIEWER | ADMIN)[name])


@pytest.mark.parametrize("name", ADMIN)
def test_a_reviewer_is_no_admin(database, name) -> None:
    with pytest.raises(AccessDenied, match="role must be admin"):
        getattr(someone(database, "reviewer"), name)(*ADMIN[name])


def test_imports_are_asked_for_and_stopped_by_admins(database) -> None:
    reviewer, admin = someone(database, "reviewer"), someone(database, "admin")
    with pytest.raises(AccessDenied, match="role must be admin"):
        reviewer.enqueue(IMPORT, {})
    number = admin.enqueue(IMPORT, {})
    with pytest.raises(AccessDenied, match="role must be admin"):
        reviewer.cancel(number)
    assert admin.cancel(number)
    with pytest.raises(AccessDenied):
        reviewer.resume(number)
    assert admin.resume(number) and admin.cancel(number)
    assert reviewer.cancel(reviewer.enqueue("evaluate", {}))


def test_a_reviewer_reviews_and_an_admin_gives_roles(database) -> None:
    _, [frame] = add_frames(database, 1)
    ada = someone(database, "reviewer")
    assert ada.verdict(frame, Verdict("accept", 0, "token")).status == "accepted"
    assert ada.undo(frame, "another", 1).status == "new"
    admin = someone(database, "admin")
    assert admin.set_role(ada.user.id, "viewer").role == "viewer"


def test_somebody_is_let_in_with_a_role_known_or_not(database) -> None:
    admin = someone(database, "admin")
    for role in ("viewer", "admin", "admin"):
        assert admin.let_in("eve", role).role == role


def test_nobody_signs_in_by_the_name_of_the_command() -> None:
    from drivegrid.dashboard.serving.access import AccessSettings, who

    from drivegrid.cli.dashboard import COMMAND

    settings = AccessSettings(proxy_header="X-User")
    with pytest.raises(AccessDenied, match="one plain name"):
        who(settings, lambda _: [COMMAND], {})
