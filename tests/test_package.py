"""What importing the package does, and does not."""

from __future__ import annotations

import ast
import importlib
import importlib.resources
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import neuralstyle

ROOT = Path(__file__).parent.parent


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, in which warnings are errors."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_importing_the_package_imports_no_tensorflow_and_prints_nothing() -> None:
    heavy = ("tensorflow", "keras", "numpy", "scipy", "PIL", "rich", "h5py")
    done = python(
        "import sys; before = set(sys.modules); import neuralstyle; dir(neuralstyle);"
        f"sys.exit(', '.join(m for m in {heavy!r} if m in set(sys.modules) - before) or 0)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_images_are_read_and_written_without_tensorflow() -> None:
    done = python(
        "import sys; import neuralstyle as ns; ns.load_image, ns.save_image, ns.resize;"
        "sys.exit(', '.join(m for m in ('tensorflow', 'keras') if m in sys.modules) or 0)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_using_the_package_leaves_tensorflow_numpy_and_logging_as_they_were() -> None:
    # TensorFlow itself warns on import with some versions of what it needs, so warnings are not
    # errors before it is there.
    done = python(
        """
import logging, random, warnings
warnings.simplefilter("ignore")
import numpy as np
import tensorflow as tf

def loggers():
    known = [logging.root, *map(logging.getLogger, sorted(logging.root.manager.loggerDict))]
    return {l.name: (l.level, list(l.handlers), l.propagate, l.disabled) for l in known}

def state():
    threads, config = tf.config.threading, tf.keras.config
    return str((
        np.random.get_state(), random.getstate(), np.get_printoptions(), np.geterr(),
        threads.get_inter_op_parallelism_threads(), threads.get_intra_op_parallelism_threads(),
        config.floatx(), config.image_data_format(), tf.keras.mixed_precision.global_policy().name,
        warnings.filters,
    ))

tf.keras.utils.set_random_seed(3)
tf.square(2.0)
expected = float(tf.random.uniform(())), float(tf.keras.random.uniform(()))
tf.keras.utils.set_random_seed(3)
before, handlers = state(), loggers()
import neuralstyle
for name in neuralstyle.__all__:
    getattr(neuralstyle, name)
assert tf.executing_eagerly()
assert float(tf.square(2.0)) == 4.0
assert state() == before
after = loggers()
assert {name: after[name] for name in handlers} == handlers, "loggers"
ours = {name: kept for name, kept in after.items() if name.startswith("neuralstyle")}
assert all(kept == (logging.NOTSET, [], True, False) for kept in ours.values()), ours
assert (float(tf.random.uniform(())), float(tf.keras.random.uniform(()))) == expected
print("unchanged")
"""
    )
    assert done.stdout == "unchanged\n", done.stderr


def test_every_public_name_resolves() -> None:
    for name in neuralstyle.__all__:
        assert getattr(neuralstyle, name) is not None
    assert len(set(neuralstyle.__all__)) == len(neuralstyle.__all__)


def test_a_star_import_gives_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from neuralstyle import *", names)
    assert set(neuralstyle.__all__) <= set(names)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'neuralstyle' has no attribute 'magic'"):
        neuralstyle.magic  # noqa: B018
    assert not hasattr(neuralstyle, "os")


def test_dir_lists_every_public_name() -> None:
    assert set(neuralstyle.__all__) <= set(dir(neuralstyle))
    assert dir(neuralstyle) == sorted(dir(neuralstyle))


def test_every_public_name_has_a_docstring() -> None:
    for name in set(neuralstyle.__all__) - {"__version__"}:
        assert inspect.getdoc(getattr(neuralstyle, name)), name


def test_the_names_for_type_checkers_are_those_that_are_loaded_lazily() -> None:
    tree = ast.parse(Path(neuralstyle.__file__).read_text())
    guarded = [
        node
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
    ]
    declared: dict[str, object] = {}
    for node in guarded:
        assert isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names:
            # The redundant "as" is what makes a name public to a type checker.
            assert alias.asname == alias.name
            module = importlib.import_module(node.module)
            if node.module == "neuralstyle":
                declared[alias.name] = importlib.import_module(f"neuralstyle.{alias.name}")
            else:
                declared[alias.name] = getattr(module, alias.name)
    assert sorted([*declared, "__version__"]) == neuralstyle.__all__
    for name, value in declared.items():
        assert getattr(neuralstyle, name) is value, name


def test_type_information_is_shipped() -> None:
    assert importlib.resources.files("neuralstyle").joinpath("py.typed").is_file()


def test_the_compact_network_is_shipped() -> None:
    weights = importlib.resources.files("neuralstyle").joinpath("weights")
    assert weights.joinpath("compact-vgg19.npz").is_file()


def test_the_version_is_that_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    match = re.search(r'^version = "(.+)"$', project, flags=re.MULTILINE)
    assert match and neuralstyle.__version__ == match[1]
