"""A study in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wlmsim.learn.studies.study import Study


def text(study: Study) -> str:
    """The report for a terminal."""
    lines = [*study.seen.notes]
    for goal in study.goals:
        lines.append(f"{goal}: {study.winners.get(goal)}")
        for entry in sorted(study.entries, key=lambda e: e.mean(goal)):
            if goal in entry.scores:
                lines.append(
                    f"   {entry.name:45s} {entry.mean(goal):.4g}  " + " ".join(f"{x:.4g}" for x in entry.scores[goal])
                )
    lines += [f"untried: {study.untried}", repr(study.model), f"{study.seconds:.1f} s"]
    return "\n".join(lines)
