"""The notebooks run from an empty folder, hold no output, and leave the logic to the package."""

import ast
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# What a notebook's cell tagged "parameters" is replaced with, to be through in a minute.
PARAMETERS = {"2_train_the_quickstart": 'overrides = ["run=notebook", "+experiment=smoke"]'}

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def syntax_of(cell):
    """The cell's Python; lines for IPython begin with a percent sign."""
    lines = [line for line in cell.source.splitlines() if not line.startswith("%")]
    return ast.parse("\n".join(lines))


def test_there_are_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["1_look_at_a_recording", "2_train_the_quickstart"]


@by_name
def test_a_notebook_is_valid_and_stored_without_output(path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in code_cells(notebook):
        assert cell.outputs == []
        assert cell.execution_count is None


@by_name
def test_a_notebook_defines_no_logic(path):
    for cell in code_cells(read(path)):
        for node in ast.walk(syntax_of(cell)):
            assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


@by_name
def test_a_notebook_tells_what_it_shows_and_that_its_eeg_is_synthetic(path):
    notebook = read(path)
    assert notebook.cells[0].cell_type == "markdown"
    assert notebook.cells[0].source.startswith("# ")
    assert "**synthetic**" in notebook.cells[0].source
    assert len(code_cells(notebook)) <= 12


@pytest.mark.slow
@by_name
def test_a_notebook_runs_in_an_empty_folder_and_writes_only_below_data_and_runs(path, tmp_path):
    notebook = read(path)
    parameters = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    assert len(parameters) == (path.stem in PARAMETERS)
    for cell in parameters:
        cell.source = PARAMETERS[path.stem]
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": tmp_path}})
    client.execute()
    assert {entry.name for entry in tmp_path.iterdir()} <= {"data", "runs"}
    shown = [output for cell in code_cells(notebook) for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    # A warning in a notebook is what a reader sees first.
    assert [o.text for o in shown if o.output_type == "stream" and o.name == "stderr"] == []
