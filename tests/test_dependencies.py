"""That learning needs torch and numpy alone; who may import whom is for `lint-imports` to say."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_runs import tiny_run

HOUSE = Path(__file__).parent.parent
CHECKPOINT = HOUSE / "charon" / "training" / "checkpoint.py"
STUDY_TOOLS = {"ray", "optuna", "mlflow", "pandas", "rich", "matplotlib"}
"""What is installed for studies and pictures only."""


def modules(folder):
    found = sorted((HOUSE / folder).rglob("*.py"))
    assert found, f"{folder} holds no module: mend the rule"
    return found


def imports(path, *, at_import_time=False):
    """Yield the dotted names a file imports; only those that importing it imports, if asked."""
    pending = [ast.parse(path.read_text(encoding="utf-8"))]
    while pending:
        for node in ast.iter_child_nodes(pending.pop()):
            if isinstance(node, ast.Import):
                yield from (name.name for name in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not node.level, f"{path}: a relative import"
                yield node.module
                # `from charon.training import metrics` imports charon.training.metrics too.
                yield from (f"{node.module}.{name.name}" for name in node.names)
            lazy = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
            if not (at_import_time and (lazy or for_types)):
                pending.append(node)


def part_of(path):
    """Return the part of charon a file is: the name of its package, or its own."""
    first = path.relative_to(HOUSE / "charon").parts[0]
    return first.removesuffix(".py")


CHARON = [path for path in modules("charon") if part_of(path) != "__init__"]
CORE = [path for path in CHARON if part_of(path) not in ("tuning", "report", "cli")]


def place(path):
    return str(path.relative_to(HOUSE))


@pytest.mark.parametrize("path", CORE, ids=place)
def test_the_core_needs_torch_and_numpy_alone(path):
    foreign = {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)
    assert foreign <= {"charon", "torch", "numpy"}


def test_studies_and_their_analyses_import_no_large_library_themselves():
    for path in [*modules("studies"), *modules("analysis")]:
        found = {name.split(".")[0] for name in imports(path)}
        assert not found & {"ray", "optuna", "mlflow"}, place(path)


def test_analysis_never_imports_torch():
    for path in [*modules("charon/report"), *modules("analysis")]:
        assert "torch" not in {name.split(".")[0] for name in imports(path)}, place(path)


def test_only_checkpoint_saves_and_loads():
    for path in CHARON:
        if path == CHECKPOINT:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                named = (node.value.id, node.attr)
                assert named not in {("torch", "save"), ("torch", "load")}, place(path)


def test_importing_the_core_imports_no_tool_of_studies():
    for path in CORE:
        found = {name.split(".")[0] for name in imports(path, at_import_time=True)}
        assert not found & STUDY_TOOLS, place(path)


PROGRAM = """
import sys
from pathlib import Path

class Without:
    # A finder that does not find what is not to be there.

    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked}:
            return None
        return self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)

sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
from charon.config import Run
from charon.data.cache.archive import Archive
from charon.training.artifacts import load_model, write_outputs
from charon.training.stream import Stream

stream = Stream(Run.from_flat({flat}), Archive(Path({archive!r})))
for result in stream:
    print(result.task, result.metrics["test/faa"])
write_outputs(Path({folder!r}), stream)
load_model(Path({folder!r}))
try:
    import pandas
except ModuleNotFoundError:
    print("done")
"""


def test_a_run_works_where_the_tools_of_studies_are_not_installed(two_bodies, tmp_path):
    program = PROGRAM.format(
        blocked=sorted(STUDY_TOOLS),
        flat=tiny_run().to_flat(),
        archive=str(two_bodies.path),
        folder=str(tmp_path),
    )
    finished = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(HOUSE), "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.splitlines()[-1] == "done"
