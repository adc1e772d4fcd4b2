"""`charon show`: a picture is drawn, or it is said why not."""

import subprocess
import sys

import pytest
from cli.small_sets import npz_arrays, skeleton_text, tiny, write_npz


def drawn(path):
    return path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 20_000


def test_a_clip_is_drawn_with_its_reconstruction(finished, charon, tmp_path):
    words = ["show", finished.data, "--cache", finished.cache, "--model", finished.folder]
    said = charon(*words, "--clip", "clip-000007", "--output", tmp_path / "a.png")
    assert said.status == 0
    assert said.out == f"Drew sit into {tmp_path / 'a.png'}.\n"
    assert drawn(tmp_path / "a.png")


def test_a_single_skeleton_file_is_drawn_under_its_own_name(charon, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.skeleton").write_text(skeleton_text(num_people=2))
    assert charon("show", "mine.skeleton").status == 0
    assert drawn(tmp_path / "mine.skeleton.png")


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_flat_skeletons_and_other_formats(charon, tmp_path, suffix):
    arrays = npz_arrays(num_joints=5, num_bodies=1)
    path = write_npz(tmp_path / "flat.npz", **arrays | {"x": arrays["x"][:, :2]})
    picture = tmp_path / f"a.{suffix}"
    words = ["--cache", tmp_path / "cache", "--output", picture, "--sampling-interval", 1]
    words += ["--codec", "key_frames", "--storage", "int8"]
    assert charon("show", path, "--clip", 3, "--frames", 7, *words).status == 0
    assert picture.stat().st_size > 5000


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--clip", "nobody"], ["no clip nobody", "clip-000000", "0 to 23"]),
        (["--clip", "24"], ["no clip 24"]),
        (["--sampling-interval", "120"], ["1 <= sampling interval < 120"]),
        (["--output", "picture.bmp"], ["picture.bmp", ".png"]),
        (["--output", "no/such/folder/picture.png"], ["no/such/folder/picture.png", "--output"]),
        (["--model", "no-model"], ["There is no no-model"]),
    ],
)
def test_what_cannot_be_drawn_is_refused(finished, refused, tmp_path, monkeypatch, more, named):
    monkeypatch.chdir(tmp_path)
    said = refused("show", finished.data, "--cache", finished.cache, *more)
    for words in named:
        assert words in said
    assert list(tmp_path.iterdir()) == []


def test_a_model_and_clips_that_do_not_fit_are_refused(finished, refused, charon, tmp_path):
    words = ["--cache", finished.cache, "--output", tmp_path / "a.png", "--model", finished.folder]
    assert "takes clips of 12 frames" in refused("show", finished.data, "--frames", 24, *words)
    path = write_npz(tmp_path / "other.npz", **npz_arrays(num_joints=20))
    assert "20 x 3 x 2" in refused("show", path, *words)


def test_a_model_without_a_decoder_is_refused(finished, refused, charon, tmp_path):
    settings = tiny(learner__gamma=0)
    words = ["run", "--data", finished.data, "--cache", finished.cache]
    charon(*words, "--output", tmp_path / "out", *settings)
    words = ["show", finished.data, "--cache", finished.cache, "--model", tmp_path / "out"]
    assert "without a decoder" in refused(*words, "--output", tmp_path / "a.png")


def test_without_matplotlib_it_says_so(tmp_path):
    (tmp_path / "a.skeleton").write_text(skeleton_text())
    code = (
        "import sys; sys.modules['matplotlib'] = None; from charon.cli.main import main; "
        f"sys.exit(main(['show', {str(tmp_path / 'a.skeleton')!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr == "charon: `charon show` needs matplotlib, which is not installed.\n"
