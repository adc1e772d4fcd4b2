"""Pictures of accuracy matrices."""

import numpy as np

from charon.report.matrix import draw_matrices, draw_matrix


def test_the_accuracy_matrix_is_a_picture(tmp_path):
    path = draw_matrix([[90.0, None], [50.0, 80.0]], "some run", tmp_path / "matrix.png")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_several_matrices_are_one_picture(tmp_path):
    matrices = {str(n): np.array([[90.0, np.nan], [50.0, 80.0]]) for n in range(4)}
    assert draw_matrices(matrices, tmp_path / "matrices.png", "made").exists()


def test_a_long_name_leaves_the_matrix_its_room(tmp_path, recwarn):
    name = " ".join(f"a_field_of_the_run={number}" for number in range(8))
    draw_matrix([[90.0, None], [50.0, 80.0]], name, tmp_path / "matrix.png")
    draw_matrices({name: np.eye(2), "b": np.eye(2)}, tmp_path / "matrices.png", "made")
    assert not recwarn.list
