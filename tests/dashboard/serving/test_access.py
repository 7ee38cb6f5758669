"""Access: who may reach the service, who they are, what they may do."""

import getpass

import pytest
from drivegrid.dashboard.schema import ROLES
from drivegrid.dashboard.serving import access
from drivegrid.dashboard.serving.access import (
    AccessDenied,
    AccessSettings,
    check_bind,
    has_login,
    is_loopback,
    require,
    role_of,
    who,
)
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from drivegrid.errors import ConfigError

ALONE = AccessSettings()
LOGIN = AccessSettings(oidc=True)
PROXY = AccessSettings(proxy_header="X-Forwarded-User")
FORGED = Headers({"X-Forwarded-User": "eve"}).getlist
PROVIDER = {"client_id": "a", "client_secret": "b", "server_metadata_url": "https://a.b/c"}
SECTION = {"redirect_uri": "https://a.b/oauth2callback", "cookie_secret": "x"}


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("", False),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("localhost", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:0.0.0.0", False),
        ("10.0.0.7", False),
        ("example.org", False),
        ("127.0.0.1.example.org", False),
        ("localhost.example.org", False),
        ("127.1", False),
        ("2130706433", False),
        (" 127.0.0.1", False),
    ],
)
def test_strangers_are_kept_out_by_the_host(host, local):
    assert is_loopback(host) == local
    for known in (LOGIN, PROXY):
        check_bind(host, known)
    if local:
        check_bind(host, ALONE)
    else:
        with pytest.raises(ConfigError, match=r"secrets\.toml"):
            check_bind(host, ALONE)


def test_people_are_known_in_one_way():
    with pytest.raises(ConfigError, match="one way"):
        AccessSettings(oidc=True, proxy_header="X-User")


@pytest.mark.parametrize(
    ("secrets", "login"),
    [
        ({}, False),
        ({"other": {}}, False),
        ({"auth": {**SECTION, **PROVIDER}}, True),
        ({"auth": {**SECTION, "google": PROVIDER}}, True),
    ],
)
def test_a_login_is_seen_in_the_secrets(secrets, login):
    assert has_login(secrets) is login


@pytest.mark.parametrize(
    ("section", "missing"),
    [
        ({}, "redirect_uri"),
        (SECTION, "client_id"),
        (PROVIDER, "cookie_secret"),
        ({**SECTION, **PROVIDER, "cookie_secret": ""}, "cookie_secret"),
        ({**SECTION, "google": PROVIDER, "other": {}}, "server_metadata_url"),
    ],
)
def test_half_a_login_is_refused(section, missing):
    with pytest.raises(ConfigError, match=f"got none of .*{missing}"):
        has_login({"auth": section})


def test_alone_everybody_is_the_user_of_the_machine(monkeypatch):
    forged = FORGED, {"is_logged_in": True, "email": "eve@a.b"}
    assert who(ALONE, *forged) == getpass.getuser()
    monkeypatch.setattr(access.getpass, "getuser", _nameless)
    assert who(ALONE, FORGED, {}) == f"user {access.os.getuid()}"


def _nameless():
    raise KeyError("getpwuid(): uid not found")


@pytest.mark.parametrize(
    ("user", "name"),
    [
        ({"is_logged_in": True, "email": "Ann@a.b", "email_verified": True}, "Ann@a.b"),
        ({"is_logged_in": True, "email": "ann@a.b", "sub": "7"}, "ann@a.b"),
        ({"is_logged_in": True, "sub": "7"}, "7"),
    ],
)
def test_the_login_names_people(user, name):
    assert who(LOGIN, FORGED, user) == name


@pytest.mark.parametrize(
    "user",
    [
        {},
        {"email": "ann@a.b"},
        {"is_logged_in": False, "email": "ann@a.b"},
        {"is_logged_in": True},
        {"is_logged_in": True, "email": "  "},
        {"is_logged_in": True, "email": ["ann@a.b"]},
        {"is_logged_in": True, "email": "ann@a.b", "email_verified": False},
    ],
)
def test_without_a_login_nobody_is_there(user):
    with pytest.raises(AccessDenied):
        who(LOGIN, FORGED, user)


def sent(*values):
    raw = [(b"x-forwarded-user", value.encode("latin-1")) for value in values]
    return Headers(raw=[(b"host", b"a.b"), *raw]).getlist


@pytest.mark.parametrize(("value", "name"), [("ann", "ann"), (" Ann@a.b ", "Ann@a.b")])
def test_the_proxy_names_people(value, name):
    assert who(PROXY, sent(value), {}) == name


@pytest.mark.parametrize(
    "values", [[], [""], [" "], ["ann", "eve"], ["ann, eve"], ["a\tb"], ["a\n"], ["a" * 201]]
)
def test_without_one_plain_header_nobody_is_there(values):
    with pytest.raises(AccessDenied):
        who(PROXY, sent(*values), {"is_logged_in": True, "email": "eve@a.b"})


@given(st.text(st.characters(codec="latin-1"), max_size=210))
def test_names_are_plain_or_refused(value):
    try:
        name = who(PROXY, sent(value), {})
    except AccessDenied:
        return
    assert name.isprintable()
    assert name == name.strip() != ""
    assert who(PROXY, sent(name), {}) == name


def test_roles_are_looked_up_unless_one_is_alone():
    known = {"ann": "viewer"}.get
    assert role_of("ann", PROXY, known) == "viewer"
    assert role_of("ann", ALONE, known) == "admin"
    for settings in (LOGIN, PROXY):
        with pytest.raises(AccessDenied, match="Ask an admin"):
            role_of("eve", settings, known)


@pytest.mark.parametrize("role", [*ROLES, "", "root"])
@pytest.mark.parametrize("needed", ROLES)
def test_each_role_may_what_those_before_it_may(role, needed):
    allowed = {
        "viewer": {"viewer"},
        "reviewer": {"viewer", "reviewer"},
        "admin": {"viewer", "reviewer", "admin"},
    }
    if needed in allowed.get(role, set()):
        require(role, needed)
    else:
        with pytest.raises(AccessDenied, match=f"role must be {needed}"):
            require(role, needed)
