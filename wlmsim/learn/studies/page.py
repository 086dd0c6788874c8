"""The report of a study as one page that needs nothing else."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from wlmsim import _validation as check
from wlmsim._about import version
from wlmsim.errors import WlmsimError
from wlmsim.io.atomic import atomic
from wlmsim.learn.studies import pictures, words
from wlmsim.learn.studies.figure import as_pdf
from wlmsim.learn.studies.ranking import rankings
from wlmsim.learn.studies.report import grid

DOTS = 110
"""Per inch, of the pictures."""
STYLE = """
body { color: #111827; background: #fff; margin: 0 auto; max-width: 64rem; padding: 1rem 1rem 3rem;
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.2rem; margin: 2.2rem 0 0.6rem; }
li { margin: 0.25rem 0; } ul { padding-left: 1.2rem; } .lead { font-size: 1.1rem; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
figure { margin: 0; break-inside: avoid; } figure img { width: 100%; max-width: 34rem; height: auto; }
figcaption { color: #4b5563; font-size: 0.9rem; }
.wide { overflow-x: auto; margin: 1rem 0; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
.wide td, .wide th { white-space: nowrap; }
.wide td:first-child, .wide th:first-child { text-align: left !important; }
pre { background: #f3f4f6; padding: 0.8rem; border-radius: 4px; font-size: 0.85rem; white-space: pre-wrap;
  overflow-wrap: anywhere; }
footer { margin-top: 3rem; color: #4b5563; font-size: 0.9rem; }
@media print { body { max-width: none; font-size: 10pt; } h2 { break-after: avoid; }
  pre { border: 1px solid #d1d5db; } }
"""
"""Of the page, which is printed and read on a phone as well."""


def write_page(study: Any, path: str | Path, printed: bytes | None = None) -> Path:
    """Write the report as one self-contained HTML page, wholly or not at all.

    Parameters
    ----------
    study : Study
        Finished.
    path : path
        Where to write; ends in .html or .htm.
    printed : bytes, optional
        The figure for a paper, where it has been drawn; see `as_pdf`.

    Returns
    -------
    Path
    """
    path = Path(path).expanduser()
    check.choice("path's suffix", path.suffix.lower(), (".html", ".htm"))
    with atomic(path) as temporary:
        temporary.write_text(page(study, printed), encoding="utf-8")
    return path


def page(study: Any, printed: bytes | None = None) -> str:
    """The page as HTML."""
    printed = as_pdf(study) if printed is None else printed
    title = html.escape(words.title(study))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        + "\n".join(_body(study, printed))
        + f"\n<footer>wlmsim {html.escape(version())}. {html.escape(' '.join(words.course(study)))}</footer>\n"
        "</body>\n</html>\n"
    )


def _body(study: Any, printed: bytes) -> Iterator[str]:
    yield from (f'<p class="lead">{html.escape(sentence)}</p>' for sentence in words.findings(study))
    yield _section("What was seen", study.seen.notes)
    yield _drawn(study, pictures.of_data)
    yield _section("What predicts best")
    yield from (f'<div class="wide">{grid(ranking)}</div>' for ranking in rankings(study))
    yield _drawn(study, pictures.of_rankings)
    yield _section("What was learned", words.learned(study))
    laws = (pictures.of_potential, pictures.of_pair_law, pictures.of_alignment, pictures.of_friction)
    yield _drawn(study, *laws)
    yield _section("What cannot be trusted", [*words.cautions(study), *words.calibration(study)])
    yield _drawn(study, pictures.of_trust)
    yield _section("Predictions beside data")
    yield _drawn(study, pictures.of_folds, pictures.of_future)
    yield _section("For a paper")
    yield _to_print(printed)
    yield _section("The same again")
    yield f"<pre>{html.escape(words.repeat(study))}</pre>"
    yield _section("To cite")
    yield f"<pre>{html.escape(study.citation())}</pre>"


def _section(heading: str, sentences: Sequence[str] = ()) -> str:
    items = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in sentences)
    return f"<h2>{html.escape(heading)}</h2>" + (f"<ul>{items}</ul>" if items else "")


def _drawn(study: Any, *kinds: Callable[[Any], Iterator[pictures.Picture]]) -> str:
    """The pictures of some kinds, beside each other where there is room; a word where one cannot be had."""
    cells: list[str] = []
    for kind in kinds:
        try:
            cells += [_figure(picture) for picture in kind(study)]
        except WlmsimError as error:
            cells.append(f"<p>A picture cannot be drawn: {html.escape(str(error))}</p>")
    return f'<div class="pictures">{"".join(cells)}</div>' if cells else ""


def _to_print(printed: bytes) -> str:
    """The figure for a paper, which lies in the page itself."""
    data = base64.b64encode(printed).decode("ascii")
    about = "Data, force, laws and scores in one figure, two columns wide (PDF)"
    return f'<p><a download="study.pdf" href="data:application/pdf;base64,{data}">{about}</a></p>'


def _figure(picture: pictures.Picture) -> str:
    buffer = io.BytesIO()
    picture.figure.savefig(buffer, format="png", dpi=DOTS)
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    caption = html.escape(picture.caption)
    return (
        f'<figure><img src="data:image/png;base64,{data}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'
    )
