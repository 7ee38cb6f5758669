import random
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress

import pytest
from typer.testing import CliRunner

pytest.importorskip("streamlit", reason="drivegrid[dashboard] is not installed")

import numpy as np

from drivegrid.cli.main import app
from drivegrid.data.images import save_image
from drivegrid.data.store import save_scenes
from tests.dashboard.pages.conftest import SIZE, frame_of


def test_other_machines_are_refused_while_people_are_not_known(tmp_path) -> None:
    own = tmp_path / "own"
    run = CliRunner().invoke(app, ["dashboard", "--host", "0.0.0.0", "--folder", str(own)])
    assert "--host must be this machine" in str(run.exception)
    assert not own.exists()


@pytest.mark.slow
def test_it_serves_the_data_it_was_given(tmp_path) -> None:
    scene = frame_of(1)
    save_image(tmp_path / "drive" / scene.frame.image, np.zeros((*SIZE[::-1], 3), np.uint8))
    save_scenes([scene], tmp_path / "drive" / "labels.jsonl")
    port = random.randrange(10_000, 20_000)  # the system gives away higher ones
    command = [sys.executable, "-m", "drivegrid", "dashboard", str(tmp_path / "drive")]
    command += ["--folder", str(tmp_path / "own"), "--port", str(port), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert "1 new frames, 0 set aside, 0 without a picture" in process.stdout.readline()
            assert f"http://localhost:{port}" in process.stdout.readline()
            for _ in range(60):
                with suppress(OSError):
                    address = f"http://127.0.0.1:{port}/_stcore/health"
                    with urllib.request.urlopen(address, timeout=5) as answer:
                        assert answer.status == 200
                        break
                time.sleep(1)
            else:
                pytest.fail("nothing was served within a minute")
            process.terminate()
            assert process.wait(60) == 128 + signal.SIGTERM
        finally:
            process.kill()
