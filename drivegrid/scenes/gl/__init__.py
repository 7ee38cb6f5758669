"""The OpenGL renderer, on a GPU or on llvmpipe."""

from drivegrid.scenes.gl.renderer import GlRenderer

__all__ = ["GlRenderer"]
