"""Files of models and checkpoints: what they keep, and that no changed bit ever comes back as other numbers."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save

import wlmsim as wls
from tests.models import wlm
from wlmsim.errors import FileFormatError, ParameterError
from wlmsim.learn import files
from wlmsim.learn.packing import DIGEST, MANY, TYPES, _digest, pack, unpack

KIND = "wlmsim-model"


def same(a, b) -> bool:
    """Whether two nested values are of one type and equal to the bit."""
    if isinstance(a, torch.Tensor):
        return (a.dtype, a.shape) == (b.dtype, b.shape) and same_bytes(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return type(b) is float and np.float64(a).tobytes() == np.float64(b).tobytes()
    return type(a) is type(b) and a == b


def same_bytes(a: torch.Tensor, b: torch.Tensor) -> bool:
    first, second = (bytes(x.flatten().clone().view(torch.uint8).numpy()) for x in (a, b))
    return first == second


def content() -> dict:
    """Some of everything that a file keeps."""
    generator = np.random.default_rng(0)
    whole = torch.arange(24, dtype=torch.float64).reshape(4, 6)
    return {
        "plain": [None, True, False, 0, -(2**200), 2**127 + 1, "", "µ → \ud800 \"\\/'", "nan"],
        "floats": [0.1, -0.0, math.pi * 1e300, 5e-324, math.inf, -math.inf, math.nan],
        "curve": [1.0 / k for k in range(1, 2 * MANY)] + [math.inf, math.nan, -0.0],
        "empty": [{}, [], (), [[]], [()]],
        "scores": [(1, 0.5), (2, math.inf)],
        "keys": {(0, 1, 2): {"f": torch.ones(2)}, (): None, None: 1, 3: "three", "3": 3, True: 0.5},
        "marks": {"$tensor": "x", "$": 1, "$unknown": [{"$dict": {}}]},
        "__metadata__": torch.ones(1),
        "a/b": torch.tensor([1.0]),
        "a": {"b": torch.tensor([2.0])},
        "": torch.tensor(3.0),
        "rng": generator.bit_generator.state,
        "arrays": [np.linspace(0, 1, 5), np.arange(6, dtype=np.int8).reshape(2, 3)[:, ::-1].copy(), np.array(2.5)],
        "types": [torch.tensor([0, 1, 2]).to(dtype) for dtype in TYPES],
        "shapes": [torch.tensor(1.5), torch.zeros(0), torch.zeros(2, 0, 3), torch.ones(1, 1, 1, 1)],
        "nans": torch.tensor([math.nan, math.inf, -0.0], dtype=torch.float64),
        "views": {"whole": whole, "part": whole[1:3, ::2], "turned": whole.T, "spread": torch.ones(1).expand(5)},
        "twice": [whole, whole],
    }


def test_everything_comes_back_to_the_bit_and_the_same_type(tmp_path):
    files.write(tmp_path / "x.model", KIND, content())
    assert same(files.read(tmp_path / "x.model", KIND), content())


def test_the_same_content_gives_the_same_bytes():
    assert pack(KIND, 3, content()) == pack(KIND, 3, content())


def test_numbers_of_numpy_come_back_as_those_of_python():
    given = {"a": np.float64(0.1), "b": np.float32(0.5), "c": np.int64(3), "d": np.bool_(True), "e": [np.float64(1.0)]}
    assert same(unpack(pack(KIND, 3, given))[2], {"a": 0.1, "b": 0.5, "c": 3, "d": True, "e": [1.0]})


def test_arrays_in_any_order_of_axes_and_bytes():
    array = np.arange(12.0).reshape(3, 4)
    for given in (array[:, ::-1], array.T, array.astype(">f8"), np.broadcast_to(array[0], (2, 4))):
        found = unpack(pack(KIND, 3, {"x": given}))[2]["x"]
        np.testing.assert_array_equal(found, given)
        assert found.flags.writeable and found.dtype == np.float64


def test_tensors_come_back_apart_from_one_another_and_from_the_file():
    x = torch.nn.Parameter(torch.zeros(3))
    first, second = unpack(pack(KIND, 3, {"x": [x, x]}))[2]["x"]
    first += 1
    assert second.tolist() == [0, 0, 0] and not first.requires_grad and type(first) is torch.Tensor


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_tensors_on_a_gpu_come_back_on_the_cpu():
    (x,) = unpack(pack(KIND, 3, {"x": [torch.arange(3.0, device="cuda")]}))[2]["x"]
    assert x.device.type == "cpu" and x.tolist() == [0, 1, 2]


def test_what_cannot_be_kept_is_refused_by_name(tmp_path):
    for value, got in (
        (object(), "object"),
        (b"bytes", "bytes"),
        ({1, 2}, "set"),
        (Path("x"), "Path"),
        (np.array(["a"]), "ndarray"),
        (np.array([None]), "ndarray"),
        (torch.zeros(2, dtype=torch.complex128), "complex128"),
    ):
        with pytest.raises(ParameterError, match=rf"`parts/1/it` must be .*; got .*{got}"):
            files.write(tmp_path / "x.model", KIND, {"parts": [0, {"it": value}]})
    assert list(tmp_path.iterdir()) == []


def test_the_format_is_as_documented(tmp_path):
    files.write(tmp_path / "x.model", KIND, {"members": [{"w": torch.ones(2, 3)}], "fit": {"reach": math.inf}})
    with safe_open(tmp_path / "x.model", "numpy") as file:
        about = json.loads(file.metadata()["wlmsim"])
        assert file.get_tensor("members/0/w").tolist() == [[1, 1, 1], [1, 1, 1]]
    assert list(about) == ["sha256", "kind", "version", "content"]
    assert (about["kind"], about["version"]) == (KIND, files.VERSION)
    assert about["content"] == {
        "members": [{"w": {"$tensor": "members/0/w"}}],
        "fit": {"reach": {"$float": "inf"}},
    }


# --- files that are refused


@pytest.fixture(scope="module")
def model() -> wls.learn.WLM:
    drifters = wls.systems.VortexDrifters(n=8, seed=0).exact(np.linspace(0, 1, 3)).snapshots(seed=0)
    return wlm(wls.learn.ExternalPotential((3,)), steps=1, members=1, progress=False).fit(drifters)


def refused(path: Path, data: bytes, load=wls.learn.WLM.load) -> str:
    """What is said of some bytes as a file; anything but a `FileFormatError` that names it fails."""
    path.write_bytes(data)
    with pytest.raises(FileFormatError) as caught:
        load(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_every_truncation_is_refused(model, tmp_path):
    whole = model.save(tmp_path / "x.model").read_bytes()
    for size in range(len(whole)):
        refused(tmp_path / "cut.model", whole[:size])
    refused(tmp_path / "cut.model", whole + b"\0")


def test_every_flipped_bit_is_refused(tmp_path):
    """All of them in a small file: in the length, the description, the names, the padding and the tensors."""
    whole = pack(KIND, 3, {"note": "é.", "x": torch.arange(4.0), "flags": torch.tensor([True])})
    assert b"\\u00e9" in whole and b"}  " in whole  # of which JSON takes more than one spelling
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FileFormatError):
            unpack(bytes(flipped))


def test_random_flips_and_garbage_are_refused(model, tmp_path):
    whole, rng = model.save(tmp_path / "x.model").read_bytes(), np.random.default_rng(0)
    for bit in rng.integers(8 * len(whole), size=500):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        refused(tmp_path / "flipped.model", bytes(flipped))
    for size in rng.integers(2000, size=200):
        garbage = rng.bytes(size)
        refused(tmp_path / "garbage.model", garbage)
        refused(tmp_path / "garbage.model", whole[: len(whole) // 2] + garbage)
        refused(tmp_path / "garbage.model", whole[: DIGEST.stop] + garbage)


def test_a_huge_length_allocates_nothing(model, tmp_path):
    whole = model.save(tmp_path / "x.model").read_bytes()
    for length in (2**40, 2**62, 2**64 - 1):
        refused(tmp_path / "huge.model", length.to_bytes(8, "little") + whole[8:])


def test_files_of_other_kinds_say_what_they_are(model, tmp_path):
    path = tmp_path / "x.model"
    files.write(path, "wlmsim-checkpoint", {})
    assert "not a wlmsim-model file, but a wlmsim-checkpoint file" in refused(path, path.read_bytes())
    assert "schema version 4 is newer than this wlmsim's 3" in refused(path, pack(KIND, 4, {}))
    assert "it is empty" in refused(path, b"")
    assert "or a damaged one" in refused(path, b"time,x\n0,1\n")
    assert "or a damaged one" in refused(path, save({"x": torch.zeros(2)}))
    with pytest.raises(FileFormatError, match="it is a folder"):
        wls.learn.WLM.load(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"did you mean 'x\.model'\?.*y\.model"):
        wls.learn.WLM.load(tmp_path / "y.model")


def test_files_of_the_first_version_are_refused_in_a_clear_line(tmp_path):
    path = tmp_path / "old.model"
    with path.open("wb") as stream:
        torch.save({"kind": KIND, "version": 2, "members": [{"w": torch.zeros(2)}]}, stream)
    said = refused(path, path.read_bytes())
    assert said.endswith(
        "old.model: not a wlmsim-model file that this version reads; wlmsim 0.1.0 wrote it: fit again, "
        "or load it with that version"
    )


def test_no_file_executes_code(model, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'sprung'}",)

    torch.save({"kind": KIND, "version": 1, "trap": Trap()}, tmp_path / "x.model")
    refused(tmp_path / "x.model", (tmp_path / "x.model").read_bytes())
    assert not (tmp_path / "sprung").exists()
    path = model.save(tmp_path / "y.model")
    for part, value in (
        ("potential", [{"type": "silverman", "settings": {}}]),
        ("potential", [{"type": "External", "settings": {"law": "np", "parameters": {}}}]),
        ("parameters", {"trap": 1}),
        ("members", [{}]),
        ("scales", None),
    ):
        said = refused(tmp_path / "z.model", pack(KIND, 3, files.read(path, KIND) | {part: value}))
        assert "this version of wlmsim cannot use it" in said


def test_a_whole_file_that_wlmsim_never_wrote_is_refused(tmp_path):
    whole = pack(KIND, 3, {"x": torch.zeros(2)})
    for old, new in ((b"$tensor", b"$tensro"), (b'\\"x\\"}', b'\\"y\\"}'), (b'\\"version', b'\\"Version')):
        assert old in whole
        changed = whole.replace(old, new)
        changed = changed[: DIGEST.start] + _digest(changed) + changed[DIGEST.stop :]
        refused(tmp_path / "x.model", changed, lambda path: files.read(path, KIND))
