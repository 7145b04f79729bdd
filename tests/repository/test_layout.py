"""The house: what lies where, and who may import whom."""

import ast
import importlib
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from course_lib import LESSONS
from course_lib.checks import check_source
from course_lib.data import digits
from course_lib.engine import ModelSpec, train
from course_lib.panel import Explorer
from tests.repository._project import ROOT, TRACKED, needs_git, text

LIBRARY = ROOT / "course_lib"
MODULES = sorted(LIBRARY.rglob("*.py"))
SOURCES = sorted((ROOT / "notebooks" / "src").glob("*.py"))
TOPICS = [path for path in MODULES if path.parent == LIBRARY and path.stem in LESSONS]
# Layer → the layers it may import from, besides its own. The folder is the layer; what stands
# beside the folders is one of its own, but for the eleven ideas, which are one together. Nobody but
# the command imports what is for authors.
IDEAS_AND_NUMBERS = {"base", "ideas", "data", "statistics"}
MAY_IMPORT = {
    "base": set(),
    "ideas": {"base"},
    "data": {"base"},
    "statistics": {"base"},
    "records": {"base", "statistics"},
    "plotting": {"base", "statistics"},
    "engine": IDEAS_AND_NUMBERS,
    "experiments": IDEAS_AND_NUMBERS | {"engine", "records"},
    "panel": {"base", "plotting"},
    "explorers": IDEAS_AND_NUMBERS | {"engine", "experiments", "panel", "plotting"},
    "learner": {"base"},
    "notebook": IDEAS_AND_NUMBERS | {"panel", "plotting", "learner", "records"},
    "replication": {"base", "data", "notebook", "records", "statistics"},
    "study": IDEAS_AND_NUMBERS | {"plotting"},
    "checks": {"base", "learner", "panel"},
    "jupyter": {"base"},
    "authoring": {
        "base",
        "checks",
        "learner",
        "panel",
        "plotting",
        "experiments",
        "records",
        "statistics",
    },
    "cli": {"base", "checks", "learner", "authoring", "records", "replication"},
    "__main__": {"cli"},
}


def name(path):
    return str(path.relative_to(ROOT))


def dotted(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


NAMES = {dotted(path) for path in MODULES}


def imports(path):
    """Full names of the modules that a file imports anywhere, ``from course_lib import sgd`` as
    ``course_lib.sgd``.
    """
    package = dotted(path) if path.name == "__init__.py" else dotted(path).rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = (
                package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            )
            module = ".".join([*above, *([node.module] if node.module else [])])
            inside = {f"{module}.{alias.name}" for alias in node.names} & NAMES
            yield from inside or {module}


def layer(module):
    """The layer of a module of the library; None for the bare package, which anyone may import."""
    first = (module.split(".") + [""])[1]
    return "ideas" if first in LESSONS else first or None


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_imports_run_one_way(path):
    own = layer(dotted(path))
    assert own in MAY_IMPORT or own is None, f"{name(path)} belongs to no layer"
    allowed = {own, None} | MAY_IMPORT.get(own, set())
    ours = {module for module in imports(path) if module.split(".")[0] == "course_lib"}
    wrong = {module for module in ours if layer(module) not in allowed}
    assert not wrong, f"{name(path)} ({own}) imports {wrong}"


def test_contributing_draws_the_rooms_as_they_are():
    row = re.compile(r"^\| `(\w+)` \| [^|]+ \| ([^|]*)\|$", re.MULTILINE)
    drawn = {
        room: set(re.findall(r"\w+", above)) for room, above in row.findall(text("CONTRIBUTING.md"))
    }
    assert drawn == {room: above for room, above in MAY_IMPORT.items() if room != "__main__"}


@pytest.mark.parametrize("path", TOPICS, ids=name)
def test_a_topic_is_a_short_text_on_torch_and_math(path):
    outside = {
        module.split(".")[0] for module in imports(path) if not module.startswith("course_lib")
    }
    inside = {module for module in imports(path) if layer(module) == "ideas"}
    assert outside <= {"torch", "math", "collections"}  # the last names types: Callable, Iterable
    assert inside <= ({"course_lib.weight_decay"} if path.stem in ("sgd", "adamw") else set())
    assert statements(path) <= 150


def statements(path):
    """How many statements a module holds, docstrings aside, however they are laid out."""
    nodes = [
        node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.stmt)
    ]
    return sum(
        not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)) for node in nodes
    )


def test_statements_are_counted_without_docstrings(tmp_path):
    path = tmp_path / "some.py"
    path.write_text(
        '"""Two\nlines."""\n\nx = 1  # one\n\n\ndef f():\n    """Three."""\n    return (x,\n x)\n'
    )
    assert statements(path) == 3


def test_one_room_alone_draws_sliders():
    users = {
        dotted(path)
        for path in MODULES
        for module in imports(path)
        if module.split(".")[0] in ("ipywidgets", "anywidget")
    }
    assert {layer(module) for module in users} == {"panel"}


def test_pictures_never_touch_pyplots_current_figure():
    drawing = [
        path
        for path in MODULES
        if layer(dotted(path)) in ("explorers", "plotting", "panel", "experiments")
    ]
    users = [
        name(path)
        for path in drawing
        if any("pyplot" in module or "pylab" in module for module in imports(path))
    ]
    mentions = [
        name(path) for path in drawing if re.search(r"\bplt\.", path.read_text(encoding="utf-8"))
    ]
    assert not users and not mentions


def test_rooms_are_divided_by_stems_and_modules_carry_no_numbers():
    for room in ("explorers", "experiments"):
        folders = {
            path.name
            for path in (LIBRARY / room).iterdir()
            if path.is_dir() and path.name != "__pycache__"
        }
        assert folders <= {*LESSONS, "shared"}, room
    assert {path.stem for path in (LIBRARY / "checks").glob("*.py")} <= {*LESSONS, "__init__"}
    assert not [
        name(path)
        for path in (*MODULES, *(ROOT / "tests").rglob("*.py"))
        if re.search(r"\d\d_", path.name)
    ]
    assert TOPICS, "no topic at all: is this the course?"


@needs_git
def test_no_room_holds_more_files_than_a_reader_takes_in():
    files = [
        Path(file) for file in TRACKED if file.endswith(".py") and not file.startswith("notebooks/")
    ]
    crowded = {
        str(room): count
        for room, count in Counter(file.parent for file in files).items()
        if count > 20
    }
    assert not crowded


def test_an_explorer_is_a_module_that_shows_itself():
    for path in sorted((LIBRARY / "explorers").glob("*/*.py")):
        if "Explorer(" in path.read_text(encoding="utf-8"):
            module = importlib.import_module(dotted(path))
            assert isinstance(module.explorer, Explorer) and module.show == module.explorer.show, (
                name(path)
            )
            assert getattr(importlib.import_module(dotted(path.parent)), path.stem) is module, name(
                path
            )


def test_tests_mirror_the_rooms():
    rooms = {
        path.relative_to(ROOT / "tests").parent for path in (ROOT / "tests").rglob("test_*.py")
    }
    # JupyterLab in Chromium; the project itself; what the course as a whole has to bear
    no_room = {Path("browser"), Path("repository"), Path("faults")}
    assert not [str(room) for room in rooms - no_room if not (LIBRARY / room).is_dir()]


def test_public_addresses_answer():
    assert callable(check_source)
    *_, training = train(
        ModelSpec((64, 128, 10)), digits(), {"lr": [1e-3]}, range(2), steps=2, batch_size=64
    )
    assert training.progress == 1


@pytest.mark.parametrize("path", TOPICS, ids=name)
def test_a_topic_has_its_test(path):
    assert (ROOT / "tests" / f"test_{path.stem}.py").is_file()


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if not path.stem.endswith("_exercises")], ids=name
)
def test_a_lesson_is_found_by_its_stem_everywhere(path):
    if path.stem == "index":
        return
    number, _, stem = path.stem.partition("_")
    assert LESSONS[int(number)] == stem
    missing = [
        file
        for file in (
            f"course_lib/{stem}.py",
            f"course_lib/explorers/{stem}/__init__.py",
            f"course_lib/checks/{stem}.py",
            f"tests/test_{stem}.py",
            f"notebooks/src/{path.stem}_exercises.py",
        )
        if not (ROOT / file).is_file()
    ]
    assert not missing


@needs_git
def test_every_notebook_has_its_source_and_every_source_its_notebooks():
    sources = {path.stem for path in SOURCES}
    exercises = {source for source in sources if source.endswith("_exercises")}
    tracked = {Path(file) for file in TRACKED if file.endswith(".ipynb")}
    assert {path.stem for path in tracked if path.parent == Path("notebooks")} == sources
    assert {
        path.stem for path in tracked if path.parent == Path("notebooks/solutions")
    } == exercises


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_notebooks_use_the_public_library(path):
    ours = [module for module in imports(path) if module.startswith("course_lib")]
    assert not [module for module in ours if "._" in module]
    assert not {layer(module) for module in ours} & {"authoring", "cli", "panel", "jupyter"}


@needs_git
def test_no_tracked_file_names_a_folder_of_somebodys_machine():
    # Assembled, so that this line is not found itself. A path inside an address (https://…/home/)
    # is no folder.
    folder = re.compile(r"(?<![\w.:/-])/(" + "work|farm|root|tmp|home|Users" + r")/\w")
    found = []
    for file in filter(os.path.isfile, (ROOT / name for name in TRACKED)):
        text = Path(file).read_bytes().decode("utf-8", errors="ignore")
        found += [f"{file.relative_to(ROOT)}: {match[0]}" for match in folder.finditer(text)]
    assert not found


@needs_git
def test_nothing_large_and_no_data_set_is_tracked():
    assert not [
        file
        for file in TRACKED
        if (ROOT / file).is_file() and (ROOT / file).stat().st_size > 2_000_000
    ]
    assert not [file for file in TRACKED if "spambase" in file.lower() and not file.endswith(".py")]
    assert {file for file in TRACKED if file.startswith("data/")} <= {
        "data/README.md",
        "data/.gitignore",
    }
