"""Names of pictures: inside the folder or refused."""

import os

import pytest
from drivegrid.dashboard.serving.containment import ContainmentError, contained
from hypothesis import given
from hypothesis import strategies as st

HOSTILE = [
    "",
    ".",
    "..",
    "../secret",
    "a/../../secret",
    "a/..",
    "/etc/passwd",
    "//server/share/a.jpg",
    "\\\\server\\share\\a.jpg",
    "..\\secret",
    "a\\b.jpg",
    "C:/a.jpg",
    "C:a.jpg",
    "c:\\a.jpg",
    "a\0.jpg",
    "a\n.jpg",
    "a\x7f.jpg",
    "\ud800.jpg",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused(tmp_path, name):
    with pytest.raises(ContainmentError):
        contained(tmp_path, name)


@pytest.mark.parametrize(
    "name", ["a.jpg", "a/b c/ä.jpg", "a..b/...jpg", "./a.jpg", "~/a", "%2e%2e"]
)
def test_plain_names_are_found(tmp_path, name):
    assert contained(tmp_path, name) == tmp_path.resolve() / name


def test_links_are_followed_inside_only(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "rootless"
    for folder in (root, outside):
        folder.mkdir()
        (folder / "a.jpg").write_bytes(b"")
    (root / "good").symlink_to(root / "a.jpg")
    (root / "file").symlink_to(outside / "a.jpg")
    (root / "folder").symlink_to(outside)
    (root / "up").symlink_to("..")
    (root / "ring").symlink_to("ring")
    assert contained(root, "good") == root.resolve() / "a.jpg"
    for name in ("file", "folder/a.jpg", "folder", "up/rootless/a.jpg", "ring"):
        with pytest.raises(ContainmentError):
            contained(root, name)


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "link").symlink_to("root")
    assert contained(tmp_path / "link", "a.jpg") == (tmp_path / "root" / "a.jpg").resolve()


@given(
    st.lists(
        st.sampled_from(["..", ".", "", "/", "\\", "\0", "C:", "a", "%2e", "//", " ", "~", "é"])
        | st.text(max_size=3),
        max_size=8,
    ),
    st.sampled_from(["", "/"]),
)
def test_no_name_leads_out(tmp_path_factory, parts, between):
    root = tmp_path_factory.getbasetemp() / "root"
    root.mkdir(exist_ok=True)
    try:
        path = contained(root, between.join(parts))
    except ContainmentError:
        return
    assert os.path.commonpath([root.resolve(), path]) == str(root.resolve())
    assert path != root.resolve()
