"""OpenGL starts once a process, or says clearly why not."""

import builtins
import os

import pytest

from drivegrid.errors import DriveGridError, RenderError
from drivegrid.scenes.gl import context


@pytest.fixture
def fresh():
    """Let the context be made anew, and forget what the test made."""
    context._context_of.cache_clear()
    yield
    context._context_of.cache_clear()


def test_a_missing_package_is_told(fresh, monkeypatch) -> None:
    real = builtins.__import__

    def without_moderngl(name, *rest, **named):
        if name == "moderngl":
            raise ImportError("No module named 'moderngl'")
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_moderngl)
    with pytest.raises(RenderError, match=r"OpenGL must start, got .*Install drivegrid\[scenes\]"):
        context.gl_context()


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Exception("eglInitialize failed"), "eglInitialize failed"),
        (410, "must be 4.3 or later, got 410"),
    ],
)
def test_a_missing_or_old_driver_is_told(fresh, monkeypatch, made, words) -> None:
    moderngl = pytest.importorskip("moderngl")

    class Old:
        version_code = made

    def create(**named):
        if isinstance(made, Exception):
            raise made
        return Old()

    monkeypatch.setattr(moderngl, "create_standalone_context", create)
    with pytest.raises(DriveGridError, match=words):
        context.gl_context()


def test_one_context_a_process_and_no_threads_of_its_own(renderer) -> None:
    assert context.gl_context() is context.gl_context()
    assert os.environ["LP_NUM_THREADS"] == "0"
