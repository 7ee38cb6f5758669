"""A few rendered scenes to learn masks from, rendered once."""

import pytest

pytest.importorskip("torch")

from drivegrid.training.masks.corpus import RenderedCorpus, build_corpus

from drivegrid.scenes.seeds import FIRST_TRAIN_SEED

SIZE_WH = (128, 64)


@pytest.fixture(scope="session")
def scenes(tmp_path_factory):
    """Folder of rendered scenes: eight to learn from, two held out."""
    folder = tmp_path_factory.mktemp("masks")
    build_corpus(RenderedCorpus(folder, FIRST_TRAIN_SEED, 8, SIZE_WH), 0)
    build_corpus(RenderedCorpus(folder, 0, 2, SIZE_WH), 0)
    return folder
