"""One renderer for all tests of this folder."""

import pytest

from drivegrid.errors import RenderError
from drivegrid.scenes.gl import GlRenderer
from tests.scenes.sample_view import SAMPLE_MODELS


@pytest.fixture(scope="session")
def renderer():
    try:
        return GlRenderer(SAMPLE_MODELS)
    except RenderError as error:
        pytest.skip(str(error))
