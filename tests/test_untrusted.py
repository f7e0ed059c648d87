"""Nothing that comes from elsewhere is unpickled: not a checkpoint, not an array, not a table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for room in ("vos_core", "db", "ui", "pages") for path in (ROOT / room).rglob("*.py"))
LOADERS = {"load", "loads", "Unpickler"}
PICKLES = ("pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")
# Messages between processes that this app starts itself (multiprocessing's pipes, Ray's actors) are pickled by those
# libraries; no module of ours unpickles bytes.


def unsafe(source: str) -> list[str]:
    """Calls in a module that may run what a file says."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        owner, _, function = name.rpartition(".")
        settings = {one.arg: ast.unparse(one.value) for one in node.keywords}
        if (
            (name == "torch.load" and settings.get("weights_only") != "True")
            or (settings.get("allow_pickle", "False") != "False")
            or (owner.rpartition(".")[2] in PICKLES and function in LOADERS | {"open"})
            or function in ("read_pickle", "load_state_dict_from_url", "unsafe_load", "load_from_checkpoint")
            or (owner == "yaml" and function in ("load", "load_all", "full_load"))
            or name in ("eval", "exec")
        ):
            found.append(f"line {node.lineno}: {ast.unparse(node)[:80]}")
    found += [
        f"line {node.lineno}: from {node.module}"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module in PICKLES and LOADERS & {one.name for one in node.names}
    ]
    return found


def test_no_module_unpickles() -> None:
    wrong = {str(path.relative_to(ROOT)): calls for path in SOURCES if (calls := unsafe(path.read_text("utf-8")))}
    assert len(SOURCES) > 50
    assert wrong == {}


@pytest.mark.parametrize(
    ("source", "safe"),
    [
        ("torch.load(path)", False),
        ("torch.load(path, weights_only=False)", False),
        ("torch.load(path, weights_only=True)", True),
        ("np.load(path)", True),
        ("np.load(path, allow_pickle=True)", False),
        ("np.load(path, allow_pickle=wanted)", False),
        ("pickle.loads(data)", False),
        ("pickle.dumps(data)", True),
        ("ray.cloudpickle.loads(data)", False),
        ("pickle.Unpickler(file).load()", False),
        ("from pickle import loads", False),
        ("pandas.read_pickle(path)", False),
        ("json.loads(text)", True),
        ("yaml.load(text)", False),
        ("yaml.safe_load(text)", True),
        ("eval(text)", False),
    ],
)
def test_what_counts(source: str, safe: bool) -> None:
    assert (unsafe(source) == []) is safe
