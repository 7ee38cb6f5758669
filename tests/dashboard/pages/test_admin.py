from functools import partial

import pytest

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

from drivegrid.dashboard.serving.access import AccessSettings
from drivegrid.dashboard.store.people import audit_page, list_users

from tests.dashboard.pages.apps import open_page

HOSTILE = "<script>**x** :red[y] =cmd()"


def page() -> None:
    from drivegrid.dashboard.pages.admin import admin
    from drivegrid.dashboard.pages.parts import told

    with told():
        admin()


opened = partial(open_page, page)


def roles(world) -> dict[str, str]:
    return {user.name: user.role for user in list_users(world.hub.database)}


def test_who_signs_in_without_a_role_sees_nothing(world) -> None:
    settings = world.hub.settings
    object.__setattr__(settings, "access", AccessSettings(proxy_header="X-User"))
    app = opened()
    assert "X\\-User" in app.error[0].value
    assert not app.dataframe


def test_somebody_is_let_in_once(world) -> None:
    for _ in range(2):
        app = opened()
        app.text_input[0].set_value(HOSTILE)
        app.selectbox[-1].set_value("reviewer")
        app.button[0].click().run()
        assert not app.exception
    assert roles(world)[HOSTILE] == "reviewer"
    assert any(r"\<script\>\*\*x\*\* \:red\[y\] =cmd\(\)" in one.value for one in app.markdown)


def test_a_name_that_is_none_is_told(world) -> None:
    app = opened()
    app.text_input[0].set_value(" ")
    app.button[0].click().run()
    assert "name must have" in app.error[0].value


def test_roles_change_but_one_admin_stays(world) -> None:
    app = opened()
    mine = {user.name: user.id for user in list_users(world.hub.database)}
    others = [name for name, role in roles(world).items() if role == "admin"]
    for name in others[:-1]:
        app.selectbox(key=f"admin-role-{mine[name]}").set_value("viewer").run()
    last = others[-1]
    app.selectbox(key=f"admin-role-{mine[last]}").set_value("viewer").run()
    assert "one admin must be left" in app.error[0].value
    assert roles(world)[last] == "admin"
    assert audit_page(world.hub.database)[0].action == "role"
    assert app.dataframe[0].value["what"].tolist()[0] == "role"
