"""Files: everything that wlmsim reads or writes passes through here.

The layout of the files is described in docs/file_formats.md.
"""

from wlmsim.io.atomic import atomic
from wlmsim.io.h5md import load_trajectory, save_trajectory
from wlmsim.io.inspection import describe, kind
from wlmsim.io.snapshots_file import load_snapshots, save_snapshots

__all__ = [
    "atomic",
    "describe",
    "kind",
    "load_snapshots",
    "load_trajectory",
    "save_snapshots",
    "save_trajectory",
]
