"""Where the files come from, and how they are found and checked."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from wlmsim import _validation as check
from wlmsim.errors import FileFormatError
from wlmsim.io import tables, text

Arrays = dict[str, np.ndarray]


class Source(NamedTuple):
    """What is known of a file.

    Attributes
    ----------
    name : str
        Name of the file.
    address : str
        Where it, or what it is made from, is published.
    sha256 : str
        SHA-256 of the file; empty if it is not known, so that the file cannot be downloaded.
    contents : str
        SHA-256 of its arrays, for a file that is made here from what is published in another form.
    make : callable or None
        Makes the arrays, given a function that downloads; None for a file that is published as it is.
    advice : str
        How a user gets the file where it can neither be downloaded nor made.
    cites : tuple of str
        Keys of what its authors ask to cite, see `wlmsim.citation`.
    """

    name: str
    address: str
    sha256: str = ""
    contents: str = ""
    make: Callable[[Callable[[str], Path]], Arrays] | None = None
    advice: str = ""
    cites: tuple[str, ...] = ()


_WLM = "https://raw.githubusercontent.com/guanton/WLM/6cd32992b67dc2b147426d4b2caccb572da34d6e/datasets/"
_EMBRYOID = (
    "https://raw.githubusercontent.com/tgravier/MMDSBM-pytorch/895829af1ad72fc7ec84df2b031e17b1ef513991/"
    "datasets/data/phate_multi_dim_nn/"
)
_MOUSE = (
    "https://raw.githubusercontent.com/zhenyiizhang/DeepRUOT/29e94d6684baf64963d16265214a788e4244f85e/"
    "data/mouse_hematopoiesis.csv"
)


def _make_embryoid_body(download: Callable[[str], Path]) -> Arrays:
    parts = []
    for label in range(5):
        with np.load(download(f"{_EMBRYOID}pcs_label_{label}.npz")) as arrays:
            parts.append(arrays["pcs"][:, :10].astype(np.float32))
    labels = np.repeat(np.arange(5, dtype=np.int8), [len(part) for part in parts])
    return {"pcs": np.concatenate(parts), "sample_labels": labels}


def _make_mouse_hematopoiesis(download: Callable[[str], Path]) -> Arrays:
    columns = text.text_columns(download(_MOUSE))
    x = np.stack([columns["x1"], columns["x2"]], axis=1).astype(np.float32)
    return {"time": columns["samples"].astype(float), "x": x}


def _make_fish_school(download: Callable[[str], Path]) -> Arrays:
    package = find_spec("trajectorytools")  # found without importing it
    if package is None or package.origin is None:
        raise FileNotFoundError("the package trajectorytools is not installed")
    return {"positions": np.load(Path(package.origin).parent / "data" / "test_trajectories.npy")}


SOURCES = {
    source.name: source
    for source in (
        Source(
            "oceans_with_v0.npz",
            _WLM + "oceans_with_v0.npz",
            "30168f54f8eb2ea59f23f28adf01e71917491dceffd61106801a493a2c23e0ce",
            cites=("guan2026",),
        ),
        Source(
            "big_oceans_forecast.npz",
            _WLM + "big_oceans_forecast.npz",
            "70d76e62cc2b32bdd4d8a4f78f7f8400aec60443d05fabd915f02626685bdac3",
            cites=("guan2026",),
        ),
        Source(
            "fish_school.npz",
            "https://gitlab.com/polavieja_lab/trajectorytools",
            "9a10f54b9527ea5c8c0cbed1c2e54853b11ca421acbed8daceb3f6ac0c06dced",
            "4f78d49a2425bfbd715aa7f247efc8f89d66fb117726df9b315680f02dbce34a",
            _make_fish_school,
            "`pip install --no-deps trajectorytools==0.4.2` brings it (licence GPL-3.0)",
            ("trajectorytools",),
        ),
        Source(
            "eb_pcs10.npz",
            _EMBRYOID + "pcs_label_0.npz",
            "867980caa4e82044ba20e396a70310ea4885c66695218011d9c06e8da85435cf",
            "632b6333a4bb82b0a6a9332062312eb745aea3f6e484bdd4908ed27bbcbd5f1b",
            _make_embryoid_body,
            cites=("moon2019",),
        ),
        Source(
            "eb_velocity_v5.npz",
            "https://github.com/KrishnaswamyLab/TrajectoryNet/tree/master/data",
            advice="get it from there and give its path, or put it into the folder that WLMSIM_DATA names",
            cites=("moon2019", "tong2020"),
        ),
        Source(
            "sheep_drives.npz",
            "https://github.com/tee-lab/collective-responses-of-flocking-sheep-to-herding-dog/blob/"
            "2c02a8832880318438f6fe96035895f749dfd7cf/main_text/drives_data.mat",
            "0c93217e05efc059a0125c93e48ba2d54a80469899ed9df937e43acc7b0b6405",
            advice="it is made from that file (licence GPL-3.0): arrays pos_00, vel_00, pos_01, ... of shape "
            "(T, 16, 2), in metres and metres per second, and dt = 0.1 s; give its path, or put it into the folder "
            "that WLMSIM_DATA names",
            cites=("jadhav2024",),
        ),
        Source(
            "mouse_hematopoiesis.npz",
            _MOUSE,
            "42684be2e76b0cbf5f2b4a404e5507f73fc8f9659f8a8d173a19890121801574",
            "27993f648877bad248efe473fa87469efc72fb5fb156dc7b03cff2f84b4d8f7f",
            _make_mouse_hematopoiesis,
            cites=("weinreb2020",),
        ),
    )
}
"""The published files, by name: where they are, their SHA-256, and how to get those that cannot be downloaded."""


def fetch(name: str) -> Path:
    """Find a data file; download it, or make it from what is published, once if need be.

    Parameters
    ----------
    name : str
        One of ``wlmsim.datasets.SOURCES``.

    Returns
    -------
    Path
        The file, its SHA-256 checked, or that of its arrays if it was made here.

    Raises
    ------
    ParameterError
        If there is no file of that name.
    FileFormatError
        If the file found in ``WLMSIM_DATA``, or what it was made from, is not the published one, or if it can be
        had from nowhere; the message says how to get it.
    """
    source = SOURCES[check.choice("name", name, SOURCES)]
    folder = os.environ.get("WLMSIM_DATA")
    if folder and (path := Path(folder) / name).is_file():
        if source.sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != source.sha256:
            raise FileFormatError(f"{path}: its SHA-256 is not that of the published file")
        return path
    import pooch

    cache = Path(pooch.os_cache("wlmsim"))
    try:
        if source.make is not None:
            return _made(source, cache)
        if source.sha256 and not source.advice:
            return Path(pooch.retrieve(source.address, f"sha256:{source.sha256}", name, cache))
    except (OSError, ValueError, KeyError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(
            _refusal(source, folder, f"not to be had from {source.address} ({_short(error)})")
        ) from error
    raise FileFormatError(_refusal(source, folder, f"published at {source.address}"))


def arrays_of(name: str, path: str | Path | None, shapes: Mapping[str, int]) -> Arrays:
    """Read arrays from a published file, or from one of the same layout at `path`.

    Parameters
    ----------
    name : str
        One of `SOURCES`.
    path : str or Path or None
        Where to read instead.
    shapes : mapping
        The names of the arrays, and how many axes each has.

    Raises
    ------
    FileFormatError
        If an array is missing (the message lists those that are there) or has another number of axes.
    """
    found = Path(path) if path is not None else fetch(name)
    with tables.archive_columns(found) as archive:
        arrays: dict[str, Any] = {}
        for key, axes in shapes.items():
            if key not in archive:
                raise FileFormatError(
                    f"{found}: it has no array {key!r}; it has {', '.join(map(repr, archive)) or 'none'}"
                )
            arrays[key] = archive[key]
            if arrays[key].ndim != axes:
                raise FileFormatError(f"{found}: {key!r} must have {axes} axes; its shape is {arrays[key].shape}")
        return arrays


def provenance(name: str, path: str | Path | None) -> dict[str, Any]:
    """Metadata of data from a published file, which ask to be cited, or from one of the same layout at `path`."""
    if path is not None:
        return {"source": str(path)}
    return {"source": SOURCES[name].address, "cites": list(SOURCES[name].cites)}


def _made(source: Source, cache: Path) -> Path:
    """The file that an earlier call made, or a new one."""
    import pooch

    path = cache / source.name
    if path.is_file():
        with tables.archive_columns(path) as arrays:
            if digest(arrays) == source.contents:
                return path
    cache.mkdir(parents=True, exist_ok=True)
    assert source.make is not None
    arrays = source.make(lambda address: Path(pooch.retrieve(address, None, None, cache)))
    if digest(arrays) != source.contents:
        raise FileFormatError(f"{source.name}: what {source.address} gives is not what was published there before")
    with tables.atomic(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    return path


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Return the SHA-256 of names, types, shapes and values of arrays, whichever file they are in."""
    total = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        total.update(f"{name} {array.dtype.str} {array.shape} ".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _refusal(source: Source, folder: str | None, why: str) -> str:
    text = f"{source.name}: not in WLMSIM_DATA ({folder or 'not set'}) and {why}"
    return f"{text}: {source.advice}" if source.advice else text


def _short(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return type(error).__name__ + (f": {text[0][:120]}" if text else "")
