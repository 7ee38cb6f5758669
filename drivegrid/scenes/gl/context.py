"""The one OpenGL context of a process."""

from __future__ import annotations

import os
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from drivegrid.errors import RenderError

if TYPE_CHECKING:
    import moderngl

_NEEDED = 430


def gl_context() -> moderngl.Context:
    """Return the process's context: EGL without a window, on a GPU or on llvmpipe.

    llvmpipe gets no threads of its own, since scenes are drawn by many processes at once; set
    LP_NUM_THREADS before the first call to decide otherwise.

    Raises:
        RenderError: If moderngl or EGL is missing, or OpenGL is older than 4.3.
    """
    return _context_of(os.getpid())


@cache
def _context_of(process: int) -> moderngl.Context:
    """Return a context of its own for each process: a forked child cannot use its parent's."""
    os.environ.setdefault("LP_NUM_THREADS", "0")
    fix = "Install drivegrid[scenes] and Mesa's or the GPU's EGL, or draw with the compositor."
    try:
        import moderngl

        context = moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]
    except ImportError:
        raise RenderError(f"OpenGL must start, got no moderngl. {fix}") from None
    except Exception as error:  # moderngl raises bare Exception where EGL fails
        raise RenderError(f"OpenGL must start, got {error!r} (moderngl on EGL). {fix}") from error
    if context.version_code < _NEEDED:
        raise RenderError(f"OpenGL must be 4.3 or later, got {context.version_code}. {fix}")
    return context


def shader_source(name: str, *defines: str) -> str:
    """Return a shader of this package, preceded by the shared block and the given defines."""
    folder = files("drivegrid.scenes.gl") / "shaders"
    head = "\n".join(["#version 430", *(f"#define {define}" for define in defines)])
    shared = (folder / "scene.glsl").read_text(encoding="utf-8")
    return f"{head}\n{shared}\n{(folder / name).read_text(encoding='utf-8')}"


def link(context: moderngl.Context, vertex: str, fragment: str, *defines: str) -> moderngl.Program:
    """Return the program of two shader files."""
    return context.program(
        vertex_shader=shader_source(vertex, *defines),
        fragment_shader=shader_source(fragment, *defines),
    )
