"""The documentation's build: `make docs`, with warnings as errors. See `make help`."""

from __future__ import annotations

import importlib.metadata
import os
import re
import sys
from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import gallery_pictures  # noqa: E402
import house  # noqa: E402
import reference_pages  # noqa: E402

reference_pages.write(HERE / "reference")
house.draw(HERE / "_generated" / "house.svg")

project = "wlmsim"
author = copyright = "The wlmsim developers"
release = version = importlib.metadata.version("wlmsim")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_gallery.gen_gallery",
]
templates_path = ["_templates"]

# --- pages
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

# --- reference: docstrings give types and defaults in words, so signatures stay short
autosummary_generate = True
autosummary_imported_members = True
autodoc_default_options = {
    "members": True,
    "inherited-members": "object, tuple, Exception, Module",
    "member-order": "bysource",
}
autodoc_typehints = "none"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "py:obj"

# --- gallery: examples run small unless a release asks for the pictures in full, with WLMSIM_GALLERY=full
os.environ.setdefault("PYVISTA_OFF_SCREEN", "true")
os.environ.setdefault("OMP_NUM_THREADS", "1")
sphinx_gallery_conf = {
    "examples_dirs": str(HERE.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "image_scrapers": ("gallery_pictures.left_in_output",),
    "reset_argv": "gallery_pictures.arguments",
    "reset_modules": (),
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_signature": False,
    "show_memory": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "write_computation_times": False,
    "abort_on_example_error": True,
}

# --- looks
html_math_renderer = "mathml"
html_theme = "pydata_sphinx_theme"
html_title = "wlmsim"
html_static_path = ["_static"]
html_extra_path = [str(gallery_pictures.FILMS.parent)]
html_css_files = ["wlmsim.css"]
html_show_sourcelink = False
html_theme_options = {
    "navigation_with_keys": False,
    "show_toc_level": 2,
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {page.stem: [] for page in HERE.glob("*.md")}  # sections of one page need none


@cache
def _documented(app: Sphinx) -> dict[str, str]:
    """Full names of all documented objects by their last part, where that is theirs alone."""
    names: dict[str, str] = {}
    for full, entry in app.env.domains["py"].objects.items():
        if entry.aliased:
            continue  # the module in which a public name happens to live
        short = full.rpartition(".")[2]
        names[short] = "" if short in names else full
    return names


def _short_name(app: Sphinx, env, node, contnode):
    """Resolve `Leapfrog` from anywhere to wlmsim.Leapfrog, as docstrings write it."""
    target = node.get("reftarget", "")
    full = _documented(app).get(target.rpartition(".")[2])
    if node.get("refdomain") != "py" or not full:
        return None
    domain = env.domains["py"]
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", full, node, contnode)


def _no_links_from_sizes(app: Sphinx, doctree: nodes.document) -> None:
    """Types are linked, but the letters in `ndarray, shape (n, d)` are not names of ours."""
    for reference in list(doctree.findall(pending_xref)):
        if reference.get("refspecific") and re.fullmatch("[a-z]+", reference["reftarget"]):
            reference.replace_self(reference.children)


LITERAL = re.compile(r"(``.+?``|`[^`]+`)")


def _absolute_values(app: Sphinx, what, name, obj, options, lines: list[str]) -> None:
    """Let |x| in docstrings be an absolute value, not a reStructuredText substitution."""
    for k, line in enumerate(lines):
        if "|" in line and not line.lstrip().startswith((">>>", "...")):
            parts = LITERAL.split(line)
            parts[::2] = [part.replace("|", r"\|") for part in parts[::2]]
            lines[k] = "".join(parts)


def _mathml(translator, node: nodes.Element) -> None:
    """Write formulas as MathML, which browsers draw by themselves."""
    block = isinstance(node, nodes.math_block)
    translator.body.append(tex2mathml(node.astext(), as_block=block))
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    app.add_html_math_renderer("mathml", (_mathml, None), (_mathml, None))
    app.connect("autodoc-process-docstring", _absolute_values)
    app.connect("doctree-read", _no_links_from_sizes)
    app.connect("missing-reference", _short_name)
    app.connect("source-read", gallery_pictures.titled)
