"""Objects of published audio: what is ours is deleted, and nothing else is ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.wire.objects import FileObjects, ForeignObject


async def test_an_object_is_deleted_and_deleting_it_again_does_no_harm(tmp_path: Path) -> None:
    """Also where its name has to be quoted in a URI."""
    file = tmp_path / "clips" / "a b%.flac"
    file.parent.mkdir()
    file.write_bytes(b"voice")
    objects = FileObjects(tmp_path)
    for _ in range(2):
        await objects.delete(file.as_uri())
        assert not file.exists()


@pytest.mark.parametrize("named", ["{outside}", "{inside}/../{outside_name}", "{inside}/link/secret"])
async def test_nothing_outside_of_the_folder_is_touched(tmp_path: Path, named: str) -> None:
    """Neither by an absolute path, nor by one that climbs out, nor through a link."""
    inside, outside = tmp_path / "inside", tmp_path / "secret"
    inside.mkdir()
    outside.write_bytes(b"keep")
    (inside / "link").symlink_to(tmp_path)
    path = named.format(inside=inside, outside=outside, outside_name=outside.name)
    with pytest.raises(ForeignObject):
        await FileObjects(inside).delete(f"file://{path}")
    assert outside.exists()


@pytest.mark.parametrize(
    "uri", ["s3://bucket/clip", "file://elsewhere{path}", "{path}", "file://", "file://{folder}/..", ""]
)
async def test_what_is_no_file_of_ours_is_refused(tmp_path: Path, uri: str) -> None:
    """Another scheme, another host, no scheme, no name. The URI is not told, since nobody knows what it names."""
    file = tmp_path / "canary.flac"
    file.write_bytes(b"voice")
    with pytest.raises(ForeignObject) as caught:
        await FileObjects(tmp_path).delete(uri.format(path=file, folder=tmp_path))
    assert file.exists()
    assert "canary" not in str(caught.value)


async def test_a_link_is_deleted_and_not_what_it_leads_to(tmp_path: Path) -> None:
    """An object that is a link to something else is only a name."""
    inside, outside = tmp_path / "inside", tmp_path / "secret"
    inside.mkdir()
    outside.write_bytes(b"keep")
    (inside / "link").symlink_to(outside)
    await FileObjects(inside).delete((inside / "link").as_uri())
    assert (True, False) == (outside.exists(), (inside / "link").is_symlink())


async def test_without_a_folder_no_object_is_ours(tmp_path: Path) -> None:
    """A service that was not told where objects lie must not say that they are gone."""
    with pytest.raises(ForeignObject):
        await FileObjects(None).delete((tmp_path / "a.flac").as_uri())
