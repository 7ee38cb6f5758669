"""Pages run without a browser, each as a function that the tests of it give."""

from collections.abc import Callable
from typing import Any

from streamlit.testing.v1 import AppTest

PATIENCE_S = 60
SAID = ("caption", "markdown", "info", "warning", "success", "error")


def open_page(page: Callable[[], None], **address: object) -> AppTest:
    """Return a page as it is at an address; None is left out of it."""
    app = AppTest.from_function(page, default_timeout=PATIENCE_S)
    for name, value in address.items():
        if value is not None:
            app.query_params[name] = str(value)
    return run(app)


def run(changed: Any) -> AppTest:
    """Run the page, or that of a widget which was changed; it must raise nothing."""
    app: AppTest = changed.run()
    assert not app.exception
    return app


def named(app: AppTest, label: str) -> Any:
    """Return the button with this text."""
    [button] = [one for one in app.button if one.label == label]
    return button


def press(app: AppTest, label: str) -> AppTest:
    """Press the button with this text."""
    named(app, label).click()
    return run(app)


def texts(app: AppTest) -> str:
    """Return all that a page says in words."""
    return "\n".join(str(one.value) for kind in SAID for one in app.get(kind))
