"""The examples in docstrings, in docs/*.md and in README.md run as tests."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

# Tests are small: threads of torch and BLAS would only wait for each other, for long where other programs run.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """What was imported stays, and need not be searched for garbage again: a tenth of the time of compilations."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def one_thread_of_torch() -> None:
    """Numba sets the number for torch too when it starts its threads, so that it is set back after that."""
    import numba
    import torch

    numba.get_num_threads()
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run the examples of one file in an empty folder, where they may leave what they write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("examples"))
        yield


def _usual_imports(namespace: dict[str, Any]) -> None:
    import numpy as np

    import wlmsim as wls

    namespace.update(np=np, wls=wls)


TOGETHER = {
    "the same laws": {
        "conformance",
        "lennard_jones",
        "test_classical",
        "test_commands",
        "test_functional_properties",
        "test_functionals",
        "test_rollout",
        "test_short_range",
    },
    "processes": {"test_comparison", "test_ensemble"},
}
"""Files that would compile the same laws again, and start further processes again, in another process."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Under `--dist loadfile` the files of a group go to one process, as the tests of one file do."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((group for group, files in TOGETHER.items() if Path(file).stem in files), file)

    return Scheduling(config, log)


docstrings = Sybil([DocTestParser()], path="wlmsim", pattern="*.py", fixtures=["own_folder"])
pages = Sybil([PythonCodeBlockParser(), SkipParser()], pattern="*.md", setup=_usual_imports, fixtures=["own_folder"])
pytest_collect_file = (docstrings + pages).pytest()
