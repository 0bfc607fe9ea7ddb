"""What importing the package does, and does not."""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.resources
import inspect
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
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


def test_using_the_package_leaves_tensorflow_numpy_logging_and_variables_as_they_were() -> None:
    # TensorFlow itself warns on import with some versions of what it needs, so warnings are not
    # errors before it is there.
    done = python(
        """
import logging, os, random, warnings
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
        warnings.filters, sorted(os.environ.items()),
    ))

tf.keras.utils.set_random_seed(3)
tf.square(2.0)
expected = float(tf.random.uniform(())), float(tf.keras.random.uniform(()))
tf.keras.utils.set_random_seed(3)
before, handlers = state(), loggers()
import neuralstyle
for name in neuralstyle.__all__:
    getattr(neuralstyle, name)
neuralstyle.VGG16Features("compact"), neuralstyle.doctor(timing=False)
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


# One list of public names


def declared() -> dict[str, str]:
    """Return the names that type checkers know, each with its home."""
    stub = importlib.resources.files("neuralstyle").joinpath("__init__.pyi").read_text()
    nodes = [node for node in ast.parse(stub).body if isinstance(node, ast.ImportFrom)]
    # The redundant "as" is what makes a name public to a type checker.
    assert all(alias.asname == alias.name for node in nodes for alias in node.names)
    return {alias.name: str(node.module) for node in nodes for alias in node.names}


def test_the_names_that_are_loaded_are_those_that_type_checkers_know() -> None:
    assert sorted(declared()) == neuralstyle.__all__
    for name, home in declared().items():
        module = importlib.import_module(home)
        if not hasattr(module, name):
            importlib.import_module(f"{home}.{name}")
        assert getattr(neuralstyle, name) is getattr(module, name), name


@pytest.mark.parametrize("name", neuralstyle.__all__)
def test_the_typed_program_uses_every_public_name(name: str) -> None:
    used = ROOT / "tests" / "downstream" / "uses.py"
    assert re.search(rf"\bns\.{name}\b", used.read_text()), (
        f"use ns.{name} in tests/downstream/uses.py, so that type checkers are seen to know it"
    )


def test_completion_shows_public_names_only_whatever_was_imported() -> None:
    for name in neuralstyle.__all__:
        getattr(neuralstyle, name)
    importlib.import_module("neuralstyle.transfer.stylize")
    assert dir(neuralstyle) == neuralstyle.__all__
    assert not any(name.startswith("_") for name in dir(neuralstyle))


@pytest.mark.parametrize("name", neuralstyle.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    value = getattr(neuralstyle, name)
    text = inspect.getdoc(value) or ""
    assert text.strip(), f"neuralstyle.{name} has no docstring"
    assert not inspect.isclass(value) or value.__doc__, f"neuralstyle.{name} has its base's only"


def documented(text: str) -> set[str]:
    """Find the names in lines such as "x : array", "*losses : Loss" and "height, width : int"."""
    lines = re.findall(r"^ *([\w*, ]+) :", text, re.MULTILINE)
    return {word.strip("* ") for line in lines for word in line.split(",")}


@pytest.mark.parametrize("name", neuralstyle.__all__)
def test_every_public_function_and_class_documents_its_parameters(name: str) -> None:
    value = getattr(neuralstyle, name)
    if inspect.ismodule(value) or (isinstance(value, type) and issubclass(value, enum.Enum)):
        return
    if getattr(value, "_is_protocol", False):
        return  # which is never made, and has a call alone
    if isinstance(value, type) and issubclass(value, dict | np.ndarray):
        return  # which are made as these are
    text = inspect.getdoc(value) or ""
    told = documented(text)
    if re.search(r"^\*\*options\n    As for `stylize`", text, re.MULTILINE):
        told |= documented(inspect.getdoc(neuralstyle.stylize) or "")
    if re.search(r"^\*\*settings : ", text, re.MULTILINE):  # which are the recipe's
        told |= documented(inspect.getdoc(neuralstyle.stylize) or "") | {"settings"}
    missing = [p for p in inspect.signature(value).parameters if p[0] != "_" and p not in told]
    assert not missing, f"neuralstyle.{name}: say of what form {', '.join(missing)} is"


def test_a_star_import_gives_every_public_name() -> None:
    names: dict[str, object] = {}
    exec("from neuralstyle import *", names)
    assert set(neuralstyle.__all__) <= set(names)


MODULES = [n for n in neuralstyle.__all__ if inspect.ismodule(getattr(neuralstyle, n))]


@pytest.mark.parametrize("name", MODULES)
def test_what_is_a_module_can_be_imported_from(name: str) -> None:
    module = importlib.import_module(f"neuralstyle.{name}")  # from neuralstyle.testing import ...
    assert module is getattr(neuralstyle, name), f"add neuralstyle/{name}.py, as testing.py is"


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'neuralstyle' has no attribute 'magic'"):
        neuralstyle.magic  # noqa: B018
    assert not hasattr(neuralstyle, "os")


OF_0_1 = """
    ColorTreatment ContentLoss CovarianceLoss Evaluator Features GaussianWassersteinLoss
    HistogramLoss Iteration KerasFeatures LBFGS LaplacianLoss Loss Mask MomentLoss Parametrization
    PatchLoss Progress Pyramid Recipe RelaxedEMDLoss SelfSimilarityLoss SlicedWassersteinLoss Status
    StyleLoss StyleObjective StyleResult TemporalLoss Term TotalVariationLoss VGG19Features average
    balance color contact_sheet crop gradient_norms label_masks load_image load_loss load_metadata
    loss minimize parametrizations presets resize save_image save_loss statistics stylize
    stylize_frames stylize_many tile warp
"""


@pytest.mark.parametrize("name", OF_0_1.split())
def test_a_public_name_of_the_version_before_is_there_or_says_what_to_use(name: str) -> None:
    if name not in neuralstyle.__all__:
        with pytest.raises(
            AttributeError, match="gone since version 0.2: use neuralstyle"
        ) as caught:
            getattr(neuralstyle, name)
        new = re.findall(r"neuralstyle\.(\w+)", str(caught.value).partition(": ")[2])
        assert new and set(new) <= set(neuralstyle.__all__)


def test_names_that_are_listed_are_imported_when_first_used() -> None:
    done = python(
        "import sys; import neuralstyle as ns; ns.ColorTreatment; known = set(sys.modules);"
        "assert 'neuralstyle.images.color' in known and 'neuralstyle.images.load' not in known;"
        "ns.load_image; assert 'neuralstyle.images.load' in sys.modules;"
        "assert 'load_image' in vars(ns)"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_methods_recipes_and_colours_are_listed_without_keras() -> None:
    # The command line shows them in its help.
    done = python(
        "import sys; import neuralstyle.images.color, neuralstyle.optimize.methods.methods;"
        "sys.exit(', '.join(m for m in ('tensorflow', 'keras') if m in sys.modules) or 0)"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# What is shipped


def test_type_information_is_shipped() -> None:
    assert importlib.resources.files("neuralstyle").joinpath("py.typed").is_file()


def test_the_compact_network_is_shipped() -> None:
    weights = importlib.resources.files("neuralstyle").joinpath("features", "data")
    assert weights.joinpath("compact-vgg16.npz").is_file()


def test_the_licence_of_the_compact_network_is_shipped_and_named() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    assert re.search(r'^license = "MIT AND CC-BY-4.0"$', project, flags=re.MULTILINE)
    (files,) = re.findall(r"^license-files = \[(.+)\]$", project, flags=re.MULTILINE)
    texts = {name: (ROOT / name).read_text() for name in re.findall('"(.+?)"', files)}
    assert "MIT License" in texts["LICENSE"]
    (origin,) = (text for name, text in texts.items() if name.startswith("neuralstyle/"))
    pages = ("README.md", "docs/slimming.md", "neuralstyle/features/data/README.md")
    for text in (origin, *((ROOT / name).read_text() for name in pages)):
        assert "Visual Geometry Group, University of Oxford" in " ".join(text.split())
        assert "CC BY 4.0" in text


def test_the_version_is_that_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text()
    match = re.search(r'^version = "(.+)"$', project, flags=re.MULTILINE)
    assert match and neuralstyle.__version__ == match[1]
