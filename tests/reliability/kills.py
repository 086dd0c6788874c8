"""Kill simulations, fits, studies and exports at random moments, and look at what is left.

    python -m tests.reliability.kills --kills 100 --seed 0

Of every piece of work it is promised that its file is absent, the version of before, or whole; that doing it again ends
where it would have without the kill, to the bit; and that nothing stays behind: no process, semaphore or temporary
file. A study ends when its time is over, so that its numbers depend on the machine: of it is asked that every file is
whole, and that it ends well when it is done again over what there is.
"""

from __future__ import annotations

import argparse
import collections
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

KILLED = (signal.SIGKILL, signal.SIGTERM)
OLD = b"the version of before"
ENDS = {".html": b"</html>", ".pdf": b"%%EOF", ".json": b"}"}
"""How whole files of a study end."""
PATIENCE = 30.0
"""Seconds in which processes have seen that nobody waits for them any more."""


def simulate(folder: Path) -> None:
    """A run that is written as it goes."""
    import wlmsim as wls

    swarm = wls.systems.HarmonicOscillator(n=200, seed=0)
    swarm.simulate(times=np.linspace(0, 20, 2001), dt=0.001, save=folder / "run.h5")


def fit(folder: Path) -> None:
    """A fit that keeps its state after every step."""
    import wlmsim as wls
    from tests.models import quick

    data = wls.systems.HarmonicOscillator(n=40, seed=0).simulate(times=[0.0, 0.5, 1.0], dt=0.05).snapshots(seed=0)
    keep = wls.learn.Checkpoint(path=folder / "fit.checkpoint", every=0.0)
    model = quick(wls.learn.ExternalPotential(hidden=(8,)), steps=12, processes=1, checkpoint=keep).fit(data)
    model.save(folder / "fit.model")


def ensemble(folder: Path) -> None:
    """A fit of two members, each in a process of its own."""
    import wlmsim as wls
    from tests.models import quick

    data = wls.systems.HarmonicOscillator(n=20, seed=0).exact([0.0, 0.5, 1.0]).snapshots(seed=0)
    keep = wls.learn.Checkpoint(path=folder / "ensemble.checkpoint", every=0.0)
    network = wls.learn.ExternalPotential(hidden=(8,))
    quick(network, steps=12, members=2, processes=2, checkpoint=keep).fit(data).save(folder / "ensemble.model")


def export(folder: Path) -> None:
    """The same clouds in every format."""
    from tests.reliability import specimens
    from wlmsim import io

    for _ in range(3):
        for name in ("a.h5", "a.csv", "a.npz", "a.nc", "a.h5ad"):
            io.export(specimens.snapshots(), folder / name)


def study(folder: Path) -> None:
    """A short study, and its folder."""
    import wlmsim as wls

    spring = wls.systems.HarmonicOscillator(n=20, velocity_width=1.0, seed=0)
    steady = wls.learn.SeriesPotential(order=2, waves=0)
    model = wls.learn.WLM(steady, optimiser=wls.learn.AdamW(steps=20), rollouts=None, members=1, progress=False)
    data = spring.exact(np.linspace(0, 3, 5)).snapshots(seed=0)
    wls.learn.study(data, budget=2, candidates={"spring": model}, progress=False).save(folder)


def _numbers(path: Path) -> Any:
    """What a file holds, but for when it was written and how long that took; of a study, whether it is whole."""
    import wlmsim as wls
    from tests.reliability import specimens

    with warnings.catch_warnings(action="ignore"):
        if path.name == "study.model":
            return wls.learn.WLM.load(path).fitted
        if path.suffix in ENDS:
            return path.read_bytes().rstrip().endswith(ENDS[path.suffix])
        if path.suffix == ".model":
            model = wls.learn.WLM.load(path)
            total = hashlib.sha256(model.losses_.tobytes())
            for member in model._fitted_members:
                for parameter in member.parameters():
                    total.update(parameter.detach().numpy().tobytes())
            return total.hexdigest()
        if path.suffix == ".checkpoint":
            from wlmsim.learn import files

            return len(files.read(path, "wlmsim-checkpoint"))
        return specimens.digest_of((wls.Trajectory if path.name == "run.h5" else wls.SnapshotSeries).load(path))


WORK: dict[str, Callable[[Path], None]] = {
    "simulate": simulate,
    "fit": fit,
    "ensemble": ensemble,
    "export": export,
    "study": study,
}
"""What is killed, by name."""
RESUMED = {"fit", "ensemble"}
"""What goes on from where it was, and is killed again."""
IN_PROCESSES = {"ensemble", "study"}
"""What starts processes: semaphores of one that was done before would be kept for its children."""
BY_TIME = {"study"}
"""What ends when its time is over, with other numbers each time, and writes its files then."""


def _worker(names: list[str]) -> None:
    """In a process of its own: import everything, then do a piece of work whenever one is asked for, in a child."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(action="ignore"):
        for name in set(names) - IN_PROCESSES or {
            "fit"
        }:  # what is compiled and imported here need not be in each child
            WORK[name](Path(folder))
    for line in sys.stdin:
        name, folder = line.split("\t")
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            try:
                with warnings.catch_warnings(action="ignore"):
                    WORK[name](Path(folder.strip()))
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


class Worker:
    """Starts pieces of work without importing everything anew; their temporary files go to a folder of their own."""

    def __init__(self, names: list[str], temporary: Path) -> None:
        command = [sys.executable, "-m", "tests.reliability.kills", "--worker", "--work", *names]
        surroundings = {**os.environ, "TMPDIR": str(temporary)}
        self.temporary = temporary
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=surroundings
        )

    def run(self, name: str, folder: Path, after: float | None, by: int) -> tuple[int, float]:
        """Do a piece of work, and kill it after some seconds; its exit code and how long it took."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(f"{name}\t{folder}\n")
        self.process.stdin.flush()
        child, began = int(self.process.stdout.readline()), time.monotonic()
        if after is not None:
            time.sleep(after)
            with suppress(ProcessLookupError):
                os.kill(child, by)
        code = int(self.process.stdout.readline())
        took = time.monotonic() - began
        end = time.monotonic() + PATIENCE
        while left := _left_behind(child, self.temporary):
            assert time.monotonic() < end, f"{name} left {left}"
            time.sleep(0.02)
        return code, took

    def end(self) -> None:
        """Let it go."""
        self.process.communicate("")


def _left_behind(leader: int, temporary: Path) -> list[str]:
    """Processes of a group that still run, their semaphores and their temporary files."""
    found = [path.name for path in Path("/dev/shm").glob(f"sem.loky-{leader}-*")]
    found += [path.name for path in temporary.iterdir() if not path.name.startswith("torchinductor")]  # torch's cache
    for entry in Path("/proc").iterdir() if Path("/proc").is_dir() else ():
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except (OSError, IndexError):
            continue
        if entry.name.isdigit() and int(fields[2]) == leader and fields[0] != "Z":
            found.append(f"process {entry.name}")
    return found


def kills(count: int, seed: int, names: list[str], folder: Path) -> dict[str, collections.Counter[str]]:
    """Kill these kinds of work so many times altogether, and return what the files were found to be."""
    rng = np.random.default_rng(seed)
    temporary = folder / "temporary"
    temporary.mkdir()
    worker = Worker(names, temporary)
    found: dict[str, collections.Counter[str]] = {name: collections.Counter() for name in names}
    wholes: dict[str, dict[str, Any]] = {}
    seconds: dict[str, float] = {}
    for name in names:
        place = folder / f"{name}-whole"
        place.mkdir()
        code, _ = worker.run(name, place, None, 0)
        assert code == 0, name
        wholes[name] = {path.name: _numbers(path) for path in place.iterdir()}
        _, seconds[name] = worker.run(name, place, None, 0)  # now with everything compiled
    for turn in itertools.count():
        if sum(counts["killed"] for counts in found.values()) >= count:
            break
        name = names[turn % len(names)]
        place = folder / f"{name}-{turn}"
        place.mkdir()
        old = bool(rng.integers(2))
        for path in wholes[name] if old else ():
            (place / path).write_bytes(OLD)
        for _ in range(4 if name in RESUMED else 1):
            by = int(KILLED[int(rng.integers(2))])
            until = 0.95 if name in BY_TIME else 0.7
            code, _ = worker.run(name, place, float(rng.uniform(0, until * seconds[name])), by)
            found[name]["killed" if code == -by else "done before"] += 1
            for path in place.iterdir():
                if path.name.startswith(".wlmsim-"):
                    found[name]["temporary files until it is done again"] += 1
                elif path.read_bytes() == OLD:
                    found[name]["files of before"] += 1
                else:
                    numbers = _numbers(path)
                    assert path.suffix == ".checkpoint" or numbers == wholes[name][path.name], path
                    found[name]["whole files"] += 1
        code, _ = worker.run(name, place, None, 0)
        assert code == 0, name
        assert {path.name: _numbers(path) for path in place.iterdir()} == wholes[name], sorted(place.iterdir())
        found[name]["done again" if name in BY_TIME else "done again, to the bit"] += 1
    worker.end()
    return found


def main() -> None:
    """Kill from a shell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs="*", default=list(WORK), choices=list(WORK))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        _worker(options.work)
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, counts in kills(options.kills, options.seed, options.work, Path(folder)).items():
            print(name, dict(counts))


if __name__ == "__main__":
    main()
