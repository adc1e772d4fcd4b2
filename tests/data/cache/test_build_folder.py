"""The folder to build in: one process builds, others wait, and nothing is left behind."""

import signal
import time

import pytest
from data.processes import start_python

from charon.data.cache.build_folder import build_folder, remove_leftovers


def test_what_is_renamed_is_kept_and_not_built_again(tmp_path):
    final = tmp_path / "cache" / "set"
    with build_folder(final) as folder:
        (folder / "frames").write_text("all")
        folder.replace(final)
    assert [path.name for path in final.iterdir()] == ["frames"]
    assert [path.name for path in final.parent.iterdir()] == ["set"]
    with build_folder(final) as folder:
        assert folder is None


def test_a_failure_leaves_nothing(tmp_path):
    def fail(folder):
        (folder / "frames").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError), build_folder(tmp_path / "set") as folder:
        fail(folder)
    assert list(tmp_path.iterdir()) == []


def test_a_waiting_process_takes_over_when_the_first_is_killed(tmp_path):
    final = tmp_path / "cache" / "set"
    script = f"""
        import time
        from pathlib import Path
        from charon.data.cache.build_folder import build_folder
        with build_folder(Path({str(final)!r})) as folder:
            (folder / "junk").write_text("half")
            print("building", flush=True)
            time.sleep(600)
    """
    first = start_python(script)
    assert first.stdout.readline() == "building\n"
    second = start_python(script)
    time.sleep(0.3)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert second.stdout.readline() == "building\n"
    second.send_signal(signal.SIGKILL)
    second.communicate()
    with build_folder(final) as folder:
        assert [path.name for path in folder.iterdir()] == ["lock"]
    assert list(final.parent.iterdir()) == []


def test_leftovers_are_removed_but_not_what_is_being_built(tmp_path):
    (tmp_path / ".preparing-dead").mkdir()
    (tmp_path / ".removing-old" / "x").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    script = f"""
        from pathlib import Path
        from charon.data.cache.build_folder import build_folder
        with build_folder(Path({str(tmp_path / "live")!r})):
            print("building", flush=True)
            __import__("time").sleep(600)
    """
    process = start_python(script)
    assert process.stdout.readline() == "building\n"
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".preparing-live", "other"]
    process.kill()
    process.communicate()
    remove_leftovers(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
