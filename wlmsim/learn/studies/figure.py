"""What a study found on one page that a paper can print: data, force, laws, and scores beside baselines."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.dates import in_words
from wlmsim.errors import WlmsimError
from wlmsim.io.atomic import atomic
from wlmsim.io.paths import local
from wlmsim.learn.studies import pictures, words
from wlmsim.learn.studies.ranking import rankings
from wlmsim.learn.studies.trust import Agreement, fits, potentials

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".pdf", ".svg", ".eps", ".png")
WIDTH, HEIGHT, ROW = 7.2, 9.6, 2.6
"""Of a page of two columns: width, most height, and height of a row of panels [inch]."""
LETTERS: Any = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6.5,
    "hatch.linewidth": 0.5,
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
    "svg.fonttype": "none",
}
"""Sizes that journals ask for [points]; text stays text, which an editor can change."""
FINER = 0.6
"""Lines and dots of a panel beside those of a picture of its own."""
SMALLEST = 1.5
"""Area of a dot [points^2]."""
HEAVY = 3000
"""More dots than this are pixels, under text and lines that are vectors."""

Draw = Callable[[Any], Any]


def figure(study: Any) -> Figure:
    """The page: panels with letters, two beside each other.

    Parameters
    ----------
    study : Study
        Finished.

    Returns
    -------
    matplotlib.figure.Figure
    """
    import matplotlib
    from matplotlib.figure import Figure

    panels = list(_panels(study))
    rows = -(-len(panels) // 2)
    with matplotlib.rc_context(LETTERS):
        page = Figure(figsize=(WIDTH, min(ROW * rows, HEIGHT)), layout="compressed")
        layout: Any = page.get_layout_engine()
        layout.set(w_pad=0.08, h_pad=0.08)
        axes = page.subplots(rows, 2, squeeze=False).ravel()
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        for letter, (title, draw), ax in zip("abcdefghij", panels, axes, strict=False):
            try:
                draw(ax)
            except WlmsimError as error:
                ax.text(0.5, 0.5, textwrap.fill(f"cannot be drawn: {error}", 40), ha="center", va="center")
            _refine(ax)
            ax.set_title("")
            ax.set_title(title, loc="left")
            where: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
            ax.annotate(letter, (0, 1), xytext=(-26, 5), weight="bold", size=9, annotation_clip=False, **where)
    return page


def as_pdf(study: Any) -> bytes:
    """The figure, which a paper can print."""
    buffer = io.BytesIO()
    save(figure(study), buffer, words.title(study), "pdf")
    return buffer.getvalue()


def write_figure(study: Any, path: str | Path) -> Path:
    """Write the page, wholly or not at all.

    Parameters
    ----------
    study : Study
        Finished.
    path : path
        Where to write; ends in .pdf, .svg, .eps or .png.

    Returns
    -------
    Path
    """
    path = local(path)
    check.choice("path's suffix", path.suffix.lower(), FORMATS)
    page = figure(study)
    with atomic(path) as temporary:
        save(page, temporary, words.title(study))
    return path


def save(page: Figure, file: Any, title: str, kind: str | None = None) -> None:
    """Write the page with its letters as text, and its title where the format has a place for it."""
    import matplotlib

    kind = kind or Path(file).suffix[1:].lower()
    about: Any = {} if kind == "eps" else {"metadata": {"Title": title}}
    with matplotlib.rc_context(LETTERS):
        page.savefig(file, format=kind, dpi=300, **about)


def _panels(study: Any) -> Iterator[tuple[str, Draw]]:
    """Titles of the panels and what draws them."""
    from wlmsim.visual import plot_pair_law, plot_potential, plot_snapshots

    yield "Data", lambda ax: plot_snapshots(study.data, ax=ax, max_points=6000)
    terms = study.model.mechanics_.potential.terms
    time = pictures.moments(study)[-1]
    when = in_words([time], study.data, study.data.times)[0]
    name = "velocity" if study.chosen.first_order else "force"
    if len(potentials(study)) > 1:
        agreement = Agreement.of(study)
        yield (
            f"Learned {name}, {when} (hatched: unknown)",
            lambda ax: pictures.draw_trust(agreement, time, ax, name),
        )
    if any(term.degree == 1 for term in terms):
        if len(potentials(study)) > 1:
            for axis in range(min(study.data.dim, 2)):
                along = f"Learned potential along {pictures.axis_name(study, axis)}"
                yield along, partial(pictures.draw_cut, study, axis)
        else:
            yield f"Learned potential, {when}", lambda ax: plot_potential(study.model, study.data, time=time, ax=ax)
    if any(term.degree == 2 for term in terms):
        laws = [fit.mechanics_ for fit in fits(study)]
        yield "Learned pair potential", lambda ax: plot_pair_law(laws, data=study.data, ax=ax)
    if rates := pictures.alignments(study):
        yield "Learned alignment", lambda ax: pictures.draw_alignment(study, rates, ax)
    yield from _scored(study)


def _scored(study: Any) -> Iterator[tuple[str, Draw]]:
    """A blind prediction for each goal, and how all ways scored."""
    for ranking in rankings(study):
        guess, truth = pictures.blind(study, ranking, 0)
        if guess is not None:
            by = ranking.used.name if ranking.used else ""
            title = (
                f"{words.DONE[ranking.goal]} of {in_words(truth.times[:1], study.data, study.data.times)[0]} by {by}"
            )
            yield title, partial(_draw_prediction, guess, truth)
        if np.isfinite(list(ranking.mean.values())).any():
            title = f"{words.DONE[ranking.goal]} by all ways"
            yield title, partial(_draw_scores, ranking)


def _draw_prediction(guess: Any, truth: Any, ax: Axes) -> None:
    from wlmsim.visual import plot_forecast

    plot_forecast(guess, truth, ax=[ax])


def _draw_scores(ranking: Any, ax: Axes) -> None:
    pictures.draw_ranking(ranking, ax)
    for name in list(ax.texts):
        name.remove()  # of the best naive way, whose row says it


def _refine_legend(legend: Any) -> None:
    """Small letters and marks, over a pale ground: a panel is narrow, and what is drawn may pass behind."""
    legend.set_frame_on(True)
    legend.get_frame().set(facecolor="white", edgecolor="none", alpha=0.8)
    for text in (*legend.get_texts(), legend.get_title()):
        text.set_size(LETTERS["legend.fontsize"])
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set_sizes([8.0])
        if hasattr(handle, "set_markersize"):
            handle.set_markersize(FINER * handle.get_markersize())


def _refine(ax: Axes) -> None:
    """Lines and dots of a large picture, for a small panel."""
    for line in (*ax.get_xgridlines(), *ax.get_ygridlines()):
        line.set_linewidth(0.4)
    if ax.get_legend() is not None:
        _refine_legend(ax.get_legend())
    for line in ax.lines:
        line.set_linewidth(FINER * line.get_linewidth())
        line.set_markersize(FINER * line.get_markersize())
    every: Any = ax.collections
    for dots in every:
        if hasattr(dots, "get_sizes") and len(dots.get_sizes()):
            dots.set_sizes(np.clip(FINER**2 * dots.get_sizes(), SMALLEST, None))
            dots.set_rasterized(len(dots.get_offsets()) > HEAVY)
