"""The examples in docstrings, in docs/*.md and in README.md run as tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser

# Tests are small: threads of torch and BLAS would only wait for each other, for long where other programs run.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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


docstrings = Sybil([DocTestParser()], path="wlmsim", pattern="*.py", fixtures=["own_folder"])
pages = Sybil([PythonCodeBlockParser(), SkipParser()], pattern="*.md", setup=_usual_imports, fixtures=["own_folder"])
pytest_collect_file = (docstrings + pages).pytest()
