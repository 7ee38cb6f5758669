"""Pictures over HTTP: the right bytes to the right address, short texts to all others."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

pytest.importorskip("httpx2", reason="drivegrid[dev] is not installed")
from drivegrid.dashboard.database import StoreError
from drivegrid.dashboard.serving import media, signing
from drivegrid.dashboard.serving.media import picture_routes
from drivegrid.dashboard.serving.signing import PERIOD_S, Signer
from drivegrid.dashboard.serving.thumbnails import Thumbnails
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tests.dashboard.serving.pictures import encoded, noise, png_claiming
from tests.data.builders import full_disk

SIGNER = Signer(b"s" * 32)
NAMES = {
    1: "a.jpg",
    2: "a.png",
    3: "a.webp",
    4: "a.tif",
    5: "wrong.jpg",
    10: "gone.jpg",
    11: "folder",
    12: "../outside.jpg",
    13: "link.jpg",
    14: "/etc/passwd",
    20: "text.jpg",
    21: "page.svg",
    22: "cut.jpg",
    23: "bomb.png",
    24: "empty.jpg",
}
FILES = {
    "a.jpg": encoded(noise(640, 480), "JPEG"),
    "a.png": encoded(noise(640, 480)),
    "a.webp": encoded(noise(640, 480), "WEBP"),
    "a.tif": encoded(noise(640, 480), "TIFF"),
    "wrong.jpg": encoded(noise(640, 480)),
    "text.jpg": b"<script>alert(1)</script>",
    "page.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "cut.jpg": encoded(noise(), "JPEG")[:500],
    "bomb.png": png_claiming(30000, 30000),
    "empty.jpg": b"",
}


@pytest.fixture
def root(tmp_path) -> Path:
    folder = tmp_path / "data"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "outside.jpg").write_bytes(FILES["a.jpg"])
    (folder / "link.jpg").symlink_to(tmp_path / "outside.jpg")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def find_in(root: Path):
    def find(frame_id: int) -> tuple[Path, str] | None:
        if frame_id == 99:
            raise StoreError("database must answer, got: no route to 10.0.0.7.")
        return (root, NAMES[frame_id]) if frame_id in NAMES else None

    return find


@pytest.fixture
def client(root, tmp_path) -> Iterator[TestClient]:
    routes = picture_routes(SIGNER, find_in(root), Thumbnails(tmp_path / "cache"))
    with TestClient(Starlette(routes=routes)) as found:
        yield found


@pytest.mark.parametrize(
    ("frame_id", "kind"),
    [(1, "image/jpeg"), (2, "image/png"), (3, "image/webp"), (5, "image/png")],
)
def test_the_full_picture_comes_as_it_is(client, frame_id, kind):
    answer = client.get(SIGNER.address(frame_id))
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert answer.content == FILES[NAMES[frame_id]]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "private, max-age=3600"
    assert answer.headers["content-disposition"] == "inline"


@pytest.mark.parametrize(
    ("frame_id", "size", "size_wh"),
    [(1, 320, (320, 240)), (1, 960, (640, 480)), (4, 320, (320, 240)), (4, 0, (640, 480))],
)
def test_pictures_of_a_size_and_of_old_formats(client, tmp_path, frame_id, size, size_wh):
    answer = client.get(SIGNER.address(frame_id, size))
    assert answer.headers["content-type"] == "image/webp"
    (tmp_path / "got").write_bytes(answer.content)
    with Image.open(tmp_path / "got") as image:
        assert (image.format, image.size) == ("WEBP", size_wh)


@pytest.mark.parametrize("size", [320, 0])
def test_what_the_browser_has_is_not_sent_again(client, root, size):
    address = SIGNER.address(1, size)
    tag = client.get(address).headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        answer = client.get(address, headers={"If-None-Match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    (root / "a.jpg").write_bytes(FILES["a.png"])
    assert client.get(address, headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("frame_id", "size", "status"),
    [
        (7, 320, 404),
        (7, 0, 404),
        (10, 320, 404),
        (10, 0, 404),
        (11, 320, 422),
        (11, 0, 422),
        (12, 0, 403),
        (13, 320, 403),
        (14, 0, 403),
        (20, 0, 422),
        (20, 320, 422),
        (21, 0, 422),
        (22, 320, 422),
        (23, 320, 422),
        (24, 0, 422),
        (99, 320, 503),
    ],
)
def test_refusals_are_short_and_leak_nothing(client, root, frame_id, size, status):
    answer = client.get(SIGNER.address(frame_id, size))
    assert answer.status_code == status
    assert_plain(answer, root)


def assert_plain(answer, root):
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert 10 < len(answer.text) < 100
    for secret in (str(root), root.name + "/", "passwd", "10.0.0.7", "Error"):
        assert secret not in answer.text


def test_an_old_address_is_told(client, root, monkeypatch):
    address = SIGNER.address(1)
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + 2 * PERIOD_S)
    answer = client.get(address)
    assert answer.status_code == 410
    assert answer.text == "This address is too old. Load the page again."
    assert_plain(answer, root)


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=60))
def test_no_token_opens_anything(token):
    routes = picture_routes(SIGNER, _never, Thumbnails(Path("/nowhere")))
    client = TestClient(Starlette(routes=routes))
    encoded_token = "".join(f"%{byte:02x}" for byte in token.encode())
    assert client.get(f"/frames/{encoded_token}").status_code in (403, 404)


def _never(frame_id):
    raise AssertionError(f"frame {frame_id} was looked up")


@pytest.mark.parametrize("path", ["/frames/", "/frames", "/frames/a/b", "/frames/../a.jpg"])
def test_only_tokens_are_addresses(client, path):
    assert client.get(path).status_code == 404


def test_only_getting_is_allowed(client):
    assert client.post(SIGNER.address(1)).status_code == 405


def test_on_a_full_disk_the_full_picture_is_sent(client, caplog):
    with full_disk():
        answer = client.get(SIGNER.address(1, 320))
        assert client.get(SIGNER.address(4, 320)).status_code == 507
    assert (answer.status_code, answer.content) == (200, FILES["a.jpg"])
    assert "Make room on the disk" in caplog.text


def test_endless_pictures_are_refused(client, monkeypatch):
    monkeypatch.setattr(media, "MAX_PICTURE_BYTES", 1000)
    assert client.get(SIGNER.address(1)).status_code == 422
    assert client.get(SIGNER.address(1, 320)).status_code == 200
