"""The report of a study for a terminal and for a notebook."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from wlmsim import _html
from wlmsim.learn.studies import words
from wlmsim.learn.studies.ranking import Ranking, is_naive, rankings
from wlmsim.learn.studies.search import Entry

WIDTH = 100
"""Of the report in a terminal [characters]."""
NAIVE = "(no mechanics)"
"""Mark of what predicts without mechanics."""


def sections(study: Any) -> list[tuple[str, list[str]]]:
    """The report in sentences, under headings."""
    return [
        ("What was seen", study.seen.notes),
        ("What predicts best", words.findings(study)),
        ("What was learned", words.learned(study)),
        ("What cannot be trusted", words.cautions(study)),
        ("How it went", words.course(study)),
    ]


def text(study: Any) -> str:
    """The report for a terminal.

    Parameters
    ----------
    study : Study
        Finished.

    Returns
    -------
    str
    """
    parts = [words.title(study)]
    for heading, sentences in sections(study):
        parts.append("\n".join([heading, *map(_item, sentences)]))
        if heading == "What predicts best":
            parts += [_printed(table(ranking)) for ranking in rankings(study)]
    parts.append("\n".join(["The same again, `study.citation()` cites it", _item(words.repeat(study), "  ")]))
    return "\n\n".join(parts)


def _item(sentence: str, mark: str = "- ") -> str:
    return textwrap.fill(sentence, WIDTH, initial_indent=mark, subsequent_indent="  ", break_on_hyphens=False)


def table(ranking: Ranking) -> Any:
    """A rich table: mechanics and naive ways, the best first, with W1 on each fold."""
    from rich.markup import escape
    from rich.table import Table

    shown = Table(title=escape(headline(ranking)))
    first, *others = columns(ranking)
    shown.add_column(first)
    for name in others:
        shown.add_column(escape(name), justify="right")
    for entry in ranking.entries:
        cells = [escape(cell) for cell in row(ranking, entry)]
        shown.add_row(*(f"[bold]{cell}[/bold]" for cell in cells) if entry is ranking.best else cells)
    return shown


def headline(ranking: Ranking) -> str:
    """What a table shows."""
    unit = f" [{ranking.length_unit}]" if ranking.length_unit else ""
    return f"{ranking.goal}: W1{unit} on what was left out"


def columns(ranking: Ranking) -> list[str]:
    """Names of the columns."""
    return ["", "mean", "worse than best by", *ranking.held()]


def row(ranking: Ranking, entry: Entry) -> list[str]:
    """The cells of one way to predict."""
    name = f"{entry.name} {NAIVE}" if is_naive(entry) else entry.name
    scores = [words.number(w1) for w1 in entry.scores[ranking.goal]]
    return [name, words.number(ranking.mean[entry.name]), _worse(ranking, entry), *scores]


def _worse(ranking: Ranking, entry: Entry) -> str:
    best = ranking.best
    if best is None or entry is best or not np.isfinite(ranking.mean[entry.name]):
        return ""
    difference = f"{ranking.mean[entry.name] - ranking.mean[best.name]:.2g}"
    error = ranking.standard_error(entry.name, than=best.name)
    return difference if np.isnan(error) else f"{difference} +- {error:.1g}"


def _printed(shown: Any) -> str:
    from rich.console import Console

    console = Console(width=WIDTH)
    with console.capture() as capture:
        console.print(shown)
    return capture.get().rstrip()


def summary_html(study: Any) -> str:
    """The report for a notebook.

    Parameters
    ----------
    study : Study
        Finished.

    Returns
    -------
    str
        HTML.
    """
    rows = [(heading, _lines(sentences)) for heading, sentences in sections(study) if sentences]
    rows.append(("The same again", _html.Markup(f"<code>{_html.text(words.repeat(study))}</code>")))
    picture = _html.clouds(study.data.positions, study.data.times)
    return "".join([_html.card(words.title(study), rows, picture), *map(grid, rankings(study))])


def grid(ranking: Ranking) -> _html.Markup:
    """The table of a goal in HTML."""
    rows = [_bold(row(ranking, entry), entry is ranking.best) for entry in ranking.entries]
    return _html.grid(headline(ranking), columns(ranking), rows, "The best is bold.")


def _bold(cells: Sequence[str], best: bool) -> list[str]:
    return [_html.Markup(f"<b>{_html.text(cell)}</b>") if best else cell for cell in cells]


def _lines(sentences: Sequence[str]) -> _html.Markup:
    return _html.Markup("<br>".join(_html.text(sentence) for sentence in sentences))
