"""Read many damaged files, each as a user would, and count what comes of it.

    python -m tests.reliability.sweep --files 20000 --seed 0

A process of its own reads, so that one that ends or hangs is counted and replaced. `GOOD` outcomes are those that
docs/reliability.md promises.
"""

from __future__ import annotations

import argparse
import collections
import json
import multiprocessing
import resource
import tempfile
import warnings
from collections.abc import Iterable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from tests.reliability import specimens
from tests.reliability.mutations import mutated

WHOLE, OTHER, REFUSED = "loads as written", "loads as other numbers", "refused by name"
NAMELESS, FOREIGN = "does not name the file", "another error"
ENDED, HANGS, GREEDY = "ends the process", "hangs", "takes more than 1 GiB"
OUTCOMES = (WHOLE, REFUSED, OTHER, NAMELESS, FOREIGN, ENDED, HANGS, GREEDY)
GOOD = (WHOLE, REFUSED)
CHECKED = ("series", "trajectory", "tracks", "H5MD", "model", "checkpoint", "npz", "csv.gz")
"""Kinds with checksums: never may they load as other numbers."""
PATIENCE = 120.0
"""Seconds after which a reader hangs, on a machine that has other work."""
BEGINNING = 600.0
"""Seconds within which a reader must have imported what it needs."""
ROOM = 2**30
"""Bytes that reading may take beyond what the process took before."""


def outcome(kind: str, path: Path, digest: str) -> tuple[str, str]:
    """What comes of reading a file, and the error if there was one."""
    from wlmsim.errors import WlmsimError

    try:
        with warnings.catch_warnings(action="ignore"):
            found = specimens.digest_of(specimens.KINDS[kind][2](path))
    except WlmsimError as error:
        return (REFUSED if path.name in str(error) else NAMELESS), f"{type(error).__name__}: {error}"
    except Exception as error:
        return FOREIGN, f"{type(error).__name__}: {error}"
    return (WHOLE if found == digest else OTHER), ""


def _reader(connection: Connection, digests: dict[str, str], folder: Path) -> None:
    """In a process of its own: read what is asked for, and answer."""
    with warnings.catch_warnings(action="ignore"):  # warm: what is imported and compiled counts for no file
        for kind, (name, _, load) in specimens.KINDS.items():
            if kind in digests:
                load(folder / "whole" / name)
    connection.send("ready")
    while True:
        kind, path = connection.recv()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = outcome(kind, Path(path), digests[kind])
        grown = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        connection.send((*found, grown))


def sweep(files: int, seed: int, kinds: Iterable[str], folder: Path, keep: Path | None = None) -> list[dict[str, Any]]:
    """Read so many damaged files, in turn of each kind, and return what came of each."""
    kinds = list(kinds)
    (folder / "whole").mkdir()
    whole = specimens.write(folder / "whole")
    with warnings.catch_warnings(action="ignore"):
        digests = {kind: specimens.digest_of(specimens.KINDS[kind][2](whole[kind])) for kind in kinds}
    results = []
    connection = process = None
    context = multiprocessing.get_context("spawn")
    for index in range(files):
        kind = kinds[index % len(kinds)]
        rng = np.random.default_rng([seed, index])
        change, data = mutated(whole[kind].read_bytes(), rng)
        path = folder / f"{index}-{whole[kind].name}"
        path.write_bytes(data)
        if process is None:
            connection, other = context.Pipe()
            process = context.Process(target=_reader, args=(other, digests, folder), daemon=True)
            process.start()
            other.close()
            assert connection.poll(BEGINNING) and connection.recv() == "ready"
        assert connection is not None
        error, grown = "", 0
        try:
            connection.send((kind, str(path)))
            if connection.poll(PATIENCE):
                found, error, grown = connection.recv()
                if grown > ROOM:
                    found = GREEDY
            else:
                found = HANGS
                process.kill()
        except (EOFError, OSError):
            found = ENDED
        if found in (ENDED, HANGS):
            process.join()
            error = f"exit code {process.exitcode}"
            process = None
        result = {"index": index, "kind": kind, "change": change, "outcome": found, "error": error, "grown": grown}
        results.append(result)
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
            if found not in GOOD:
                (keep / path.name).write_bytes(data)
            with (keep / "results.jsonl").open("a") as log:
                log.write(json.dumps(result) + "\n")
        path.unlink()
    if process is not None:
        process.terminate()
        process.join()
    return results


def table(results: list[dict[str, Any]]) -> str:
    """The counts as a table in Markdown."""
    counts = collections.Counter((result["kind"], result["outcome"]) for result in results)
    kinds = list(dict.fromkeys(result["kind"] for result in results))
    lines = ["| kind | files | " + " | ".join(OUTCOMES) + " |", "| :--- |" + " ---: |" * (len(OUTCOMES) + 1)]
    for kind in kinds:
        row = [counts[kind, found] for found in OUTCOMES]
        lines.append(f"| {kind} | {sum(row)} | " + " | ".join(map(str, row)) + " |")
    total = [sum(counts[kind, found] for kind in kinds) for found in OUTCOMES]
    lines.append(f"| all | {sum(total)} | " + " | ".join(map(str, total)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run a sweep from a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="*", default=list(specimens.KINDS), choices=list(specimens.KINDS))
    parser.add_argument("--keep", type=Path, help="a folder for results and files that break promises")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = sweep(options.files, options.seed, options.kinds, Path(folder), options.keep)
    print(table(results))
    print(f"most memory taken by one file: {max(r['grown'] for r in results) / 2**20:.0f} MiB")


if __name__ == "__main__":
    main()
