"""Who is there, and what they may do.

There are three ways to know a person: on this machine alone, everybody is the user who started
the service; elsewhere either Streamlit's login (OIDC) or a proxy in front names them.
"""

from __future__ import annotations

import getpass
import ipaddress
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drivegrid.errors import ConfigError, DriveGridError

from ..schema import ROLES

GetAll = Callable[[str], Sequence[str]]
"""Header to its values, one for each time it was sent; none if it was not."""

MAX_NAME = 200
OIDC_KEYS = ("redirect_uri", "cookie_secret")
PROVIDER_KEYS = ("client_id", "client_secret", "server_metadata_url")


class AccessDenied(DriveGridError):
    """Somebody who is not known here, or may not do this."""


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """How people are known.

    Args:
        oidc: By Streamlit's login.
        proxy_header: By this header, which a proxy in front always sets itself. The service must
            be reached through that proxy alone: whoever comes past it can say any name.

    Raises:
        ConfigError: If both are set.
    """

    oidc: bool = False
    proxy_header: str = ""

    def __post_init__(self) -> None:
        if self.oidc and self.proxy_header:
            raise ConfigError(
                f"people must be known in one way, got [auth] and the header {self.proxy_header}."
            )

    @property
    def single_user(self) -> bool:
        """Whether everybody is the user who started the service."""
        return not self.oidc and not self.proxy_header


def has_login(secrets: Mapping[str, Any]) -> bool:
    """Tell whether Streamlit's secrets set up a login.

    Args:
        secrets: All of them; the login is the section ``[auth]``, a provider either in it or in
            a section ``[auth.NAME]``.

    Raises:
        ConfigError: If there is a section that lacks something: people would meet it first.
    """
    section = secrets.get("auth")
    if section is None:
        return False
    providers = [part for part in section.values() if isinstance(part, Mapping)] or [section]
    missing = [key for key in OIDC_KEYS if not section.get(key)]
    missing += [key for key in PROVIDER_KEYS for part in providers if not part.get(key)]
    if missing:
        raise ConfigError(
            f"[auth] must have {', '.join((*OIDC_KEYS, *PROVIDER_KEYS))}, "
            f"got none of {', '.join(dict.fromkeys(missing))} (secrets.toml)."
        )
    return True


def check_bind(host: str, settings: AccessSettings) -> None:
    """Refuse to be reached from other machines by people who are not known.

    Raises:
        ConfigError: If the host is not this machine alone and nobody says who people are.
    """
    if settings.single_user and not is_loopback(host):
        raise ConfigError(
            f"--host must be this machine (127.0.0.1) while people are not known, got {host!r}. "
            "Set up a login ([auth] in .streamlit/secrets.toml) or name the header of a proxy "
            "that signs people in."
        )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches a host; of names only ``localhost`` is believed."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def who(settings: AccessSettings, get_all: GetAll, user: Mapping[str, Any]) -> str:
    """Return the name of who is there.

    Args:
        settings: How people are known.
        get_all: Gives the values of a header, ``st.context.headers.get_all``.
        user: What the login says, ``st.user``.

    Raises:
        AccessDenied: If they are not signed in.
    """
    if settings.oidc:
        return _of_login(user)
    if settings.proxy_header:
        return _of_proxy(get_all(settings.proxy_header), settings.proxy_header)
    return name_of_machine()


def role_of(name: str, settings: AccessSettings, look_up: Callable[[str], str | None]) -> str:
    """Return the role of a person; who is alone may do everything.

    Args:
        name: From `who`.
        settings: How people are known.
        look_up: Name to role; None for strangers. Nobody can register themselves.

    Raises:
        AccessDenied: If they are strangers.
    """
    if settings.single_user:
        return ROLES[-1]
    role = look_up(name)
    if role is None:
        raise AccessDenied(f"person must have a role, got {name!r} with none. Ask an admin.")
    return role


def require(role: str, needed: str) -> None:
    """Refuse what a role may not do; each may do what those before it in ``ROLES`` may.

    Raises:
        AccessDenied: If the role is a lesser one, or none.
    """
    if role not in ROLES or ROLES.index(role) < ROLES.index(needed):
        raise AccessDenied(f"role must be {needed} or above, got {role!r:.100}. Ask an admin.")


def name_of_machine() -> str:
    """Return the name of the user who started the service."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):  # a container may run as a number without a name
        return f"user {os.getuid()}"


def _of_proxy(values: Sequence[str], header: str) -> str:
    if len(values) != 1:  # with two, one may be the client's own
        raise AccessDenied(
            f"request must have one header {header}, got {len(values)}. Come through the proxy."
        )
    return _checked(values[0])


def _of_login(user: Mapping[str, Any]) -> str:
    if not user.get("is_logged_in"):
        raise AccessDenied("person must be signed in, got nobody. Sign in first.")
    if user.get("email_verified") is False:
        raise AccessDenied("email must be verified, got one that is not. Ask your provider.")
    return _checked(user.get("email") or user.get("sub") or "")


def _checked(name: object) -> str:
    """Return a name letter by letter: to fold case is to take one person for another."""
    if not isinstance(name, str) or not name.strip() or len(name) > MAX_NAME:
        raise AccessDenied(f"name must have 1 to {MAX_NAME} letters, got {name!r:.100}.")
    if not name.isprintable() or "," in name:  # a comma joins repeated headers
        raise AccessDenied(f"name must be one plain name, got {name!r:.100}.")
    return name.strip()
