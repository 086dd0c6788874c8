"""BibTeX of the software, of the methods that a model used, and of the data.

Every entry is typed once, below; models and data name theirs by key. Series keep the keys in ``metadata["cites"]``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

SOFTWARE, PAPER = "wlmsim", "guan2026"
"""Keys of what is always cited."""


class Entry(NamedTuple):
    """An entry of BibTeX.

    Attributes
    ----------
    kind : str
        Such as "article".
    key : str
        By which it is cited.
    fields : dict of str
        Author, title and so on, as LaTeX takes them.
    """

    kind: str
    key: str
    fields: dict[str, str]

    def bibtex(self) -> str:
        """Return it as BibTeX."""
        lines = [f"  {name} = {{{value}}},\n" for name, value in self.fields.items()]
        return f"@{self.kind}{{{self.key},\n{''.join(lines)}}}"


def citation(*used: Any) -> str:
    """Return BibTeX of wlmsim and its paper, and of all that was used with them.

    Parameters
    ----------
    *used : WLM, SnapshotSeries, Trajectory, Tracks or str
        A model, fitted or not: the loss, the terms and the data set that it was fitted to, if `wlmsim.datasets` found
        that by its name. Data: the data set. A string: the key of an entry, such as "moon2019".

    Returns
    -------
    str
        Entries, each once, with an empty line between them.

    Raises
    ------
    ParameterError
        If something is neither a model, nor data, nor a key.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.citation().splitlines()[0]
    '@misc{wlmsim,'
    >>> print(*wls.citation("loshchilov2019").splitlines()[-6:], sep=chr(10))
    @inproceedings{loshchilov2019,
      author = {Loshchilov, Ilya and Hutter, Frank},
      title = {Decoupled weight decay regularization},
      booktitle = {International Conference on Learning Representations (ICLR)},
      year = {2019},
    }
    """
    entries = {SOFTWARE: _software(), **ENTRIES}
    keys = [SOFTWARE, PAPER, *(key for thing in used for key in _keys(thing, entries))]
    known = (key for key in dict.fromkeys(keys) if key in entries)  # a later version may have written others
    return "\n\n".join(entries[key].bibtex() for key in known)


def cited_by(metadata: Mapping[str, Any]) -> list[str]:
    """Return the keys in the metadata of data."""
    given = metadata.get("cites")
    listed = given if isinstance(given, (list, tuple)) else [given]
    return [key for key in listed if isinstance(key, str)]


def _keys(thing: Any, entries: Mapping[str, Entry]) -> Iterable[str]:
    if hasattr(thing, "_cites"):  # as models have
        return thing._cites()
    if isinstance(metadata := getattr(thing, "metadata", None), Mapping):
        return cited_by(metadata)
    from wlmsim import _validation as check  # which loads NumPy

    if not isinstance(thing, str):
        raise check.fail("used", "models, data, or keys of entries", thing)
    return [check.choice("used", thing, entries)]


def _software() -> Entry:
    """The entry of this version; CITATION.cff says the same."""
    from wlmsim._about import version

    fields = {
        "author": "{The wlmsim developers}",
        "title": "wlmsim: simulate and learn population mechanics",
        "note": f"Python package, version {version()}",
    }
    return Entry("misc", SOFTWARE, fields)


ENTRIES = {
    entry.key: entry
    for entry in (
        Entry(
            "inproceedings",
            PAPER,
            {
                "author": "Guan, Vincent and Atanackovic, Lazar and Neklyudov, Kirill",
                "title": "A Call to {Lagrangian} Action: Learning Population Mechanics from Temporal Snapshots",
                "booktitle": "International Conference on Machine Learning (ICML)",
                "year": "2026",
                "eprint": "2605.08550",
                "archiveprefix": "arXiv",
            },
        ),
        # losses
        Entry(
            "article",
            "jonker1987",
            {
                "author": "Jonker, R. and Volgenant, A.",
                "title": "A shortest augmenting path algorithm for dense and sparse linear assignment problems",
                "journal": "Computing",
                "volume": "38",
                "pages": "325--340",
                "year": "1987",
            },
        ),
        Entry(
            "article",
            "bonneel2011",
            {
                "author": "Bonneel, Nicolas and van de Panne, Michiel and Paris, Sylvain and Heidrich, Wolfgang",
                "title": "Displacement interpolation using {Lagrangian} mass transport",
                "journal": "ACM Transactions on Graphics",
                "volume": "30",
                "number": "6",
                "pages": "158:1--158:12",
                "year": "2011",
            },
        ),
        Entry(
            "article",
            "flamary2021",
            {
                "author": r"Flamary, R{\'e}mi and Courty, Nicolas and Gramfort, Alexandre and Alaya, Mokhtar Z. and "
                r"Boisbunon, Aur{\'e}lie and Chambon, Stanislas and Chapel, Laetitia and Corenflos, Adrien and "
                r"Fatras, Kilian and Fournier, Nemo and Gautheron, L{\'e}o and Gayraud, Nathalie T. H. and "
                "Janati, Hicham and Rakotomamonjy, Alain and Redko, Ievgen and Rolet, Antoine and Schutz, Antony and "
                "Seguy, Vivien and Sutherland, Danica J. and Tavenard, Romain and Tong, Alexander and Vayer, Titouan",
                "title": "{POT}: {Python} optimal transport",
                "journal": "Journal of Machine Learning Research",
                "volume": "22",
                "number": "78",
                "pages": "1--8",
                "year": "2021",
            },
        ),
        Entry(
            "inproceedings",
            "cuturi2013",
            {
                "author": "Cuturi, Marco",
                "title": "{Sinkhorn} distances: lightspeed computation of optimal transport",
                "booktitle": "Advances in Neural Information Processing Systems",
                "volume": "26",
                "year": "2013",
            },
        ),
        Entry(
            "inproceedings",
            "feydy2019",
            {
                "author": r"Feydy, Jean and S{\'e}journ{\'e}, Thibault and Vialard, Fran{\c{c}}ois-Xavier and "
                r"Amari, Shun-ichi and Trouv{\'e}, Alain and Peyr{\'e}, Gabriel",
                "title": "Interpolating between optimal transport and {MMD} using {Sinkhorn} divergences",
                "booktitle": "International Conference on Artificial Intelligence and Statistics (AISTATS)",
                "year": "2019",
            },
        ),
        Entry(
            "article",
            "lehmann2022",
            {
                "author": r"Lehmann, Tobias and von Renesse, Max-K. and Sambale, Alexander and Uschmajew, Andr{\'e}",
                "title": "A note on overrelaxation in the {Sinkhorn} algorithm",
                "journal": "Optimization Letters",
                "volume": "16",
                "pages": "2209--2220",
                "year": "2022",
                "doi": "10.1007/s11590-021-01830-0",
            },
        ),
        Entry(
            "article",
            "schmitzer2019",
            {
                "author": "Schmitzer, Bernhard",
                "title": "Stabilized sparse scaling algorithms for entropy regularized transport problems",
                "journal": "SIAM Journal on Scientific Computing",
                "volume": "41",
                "number": "3",
                "pages": "A1443--A1481",
                "year": "2019",
                "doi": "10.1137/16M1106018",
            },
        ),
        Entry(
            "article",
            "bonneel2015",
            {
                "author": r"Bonneel, Nicolas and Rabin, Julien and Peyr{\'e}, Gabriel and Pfister, Hanspeter",
                "title": "Sliced and {Radon} {Wasserstein} barycenters of measures",
                "journal": "Journal of Mathematical Imaging and Vision",
                "volume": "51",
                "pages": "22--45",
                "year": "2015",
            },
        ),
        Entry(
            "article",
            "szekely2013",
            {
                "author": r"Sz{\'e}kely, G{\'a}bor J. and Rizzo, Maria L.",
                "title": "Energy statistics: a class of statistics based on distances",
                "journal": "Journal of Statistical Planning and Inference",
                "volume": "143",
                "pages": "1249--1272",
                "year": "2013",
            },
        ),
        # growth and noise
        Entry(
            "article",
            "liero2018",
            {
                "author": r"Liero, Matthias and Mielke, Alexander and Savar{\'e}, Giuseppe",
                "title": "Optimal entropy-transport problems and a new {Hellinger--Kantorovich} distance between "
                "positive measures",
                "journal": "Inventiones mathematicae",
                "volume": "211",
                "pages": "969--1117",
                "year": "2018",
            },
        ),
        Entry(
            "article",
            "chizat2018",
            {
                "author": r"Chizat, L{\'e}na{\"i}c and Peyr{\'e}, Gabriel and Schmitzer, Bernhard and "
                r"Vialard, Fran{\c{c}}ois-Xavier",
                "title": "Scaling algorithms for unbalanced optimal transport problems",
                "journal": "Mathematics of Computation",
                "volume": "87",
                "pages": "2563--2609",
                "year": "2018",
            },
        ),
        Entry(
            "article",
            "leonard2014",
            {
                "author": r"L{\'e}onard, Christian",
                "title": r"A survey of the {Schr{\"o}dinger} problem and some of its connections with optimal "
                "transport",
                "journal": "Discrete and Continuous Dynamical Systems A",
                "volume": "34",
                "pages": "1533--1574",
                "year": "2014",
            },
        ),
        Entry(
            "article",
            "chen2022",
            {
                "author": "Chen, Yongxin and Georgiou, Tryphon T. and Pavon, Michele",
                "title": r"The most likely evolution of diffusing and vanishing particles: {Schr{\"o}dinger} bridges "
                "with unbalanced marginals",
                "journal": "SIAM Journal on Control and Optimization",
                "volume": "60",
                "pages": "2016--2039",
                "year": "2022",
            },
        ),
        # terms and training
        Entry(
            "article",
            "tipping2001",
            {
                "author": "Tipping, Michael E.",
                "title": "Sparse {Bayesian} learning and the relevance vector machine",
                "journal": "Journal of Machine Learning Research",
                "volume": "1",
                "pages": "211--244",
                "year": "2001",
            },
        ),
        Entry(
            "article",
            "chen2018",
            {
                "author": "Chen, Yongxin and Conforti, Giovanni and Georgiou, Tryphon T.",
                "title": "Measure-valued spline curves: an optimal transport viewpoint",
                "journal": "SIAM Journal on Mathematical Analysis",
                "volume": "50",
                "pages": "5947--5968",
                "year": "2018",
            },
        ),
        Entry(
            "inproceedings",
            "lipman2023",
            {
                "author": "Lipman, Yaron and Chen, Ricky T. Q. and Ben-Hamu, Heli and Nickel, Maximilian and Le, Matt",
                "title": "Flow matching for generative modeling",
                "booktitle": "International Conference on Learning Representations",
                "year": "2023",
            },
        ),
        Entry(
            "inproceedings",
            "shi2023",
            {
                "author": "Shi, Yuyang and De Bortoli, Valentin and Campbell, Andrew and Doucet, Arnaud",
                "title": "Diffusion {Schroedinger} bridge matching",
                "booktitle": "Advances in Neural Information Processing Systems",
                "volume": "36",
                "year": "2023",
            },
        ),
        Entry(
            "article",
            "morozov1966",
            {
                "author": "Morozov, V. A.",
                "title": "On the solution of functional equations by the method of regularization",
                "journal": "Soviet Mathematics Doklady",
                "volume": "7",
                "pages": "414--417",
                "year": "1966",
            },
        ),
        Entry(
            "inproceedings",
            "lee2019",
            {
                "author": "Lee, Juho and Lee, Yoonho and Kim, Jungtaek and Kosiorek, Adam and Choi, Seungjin and "
                "Teh, Yee Whye",
                "title": "Set {Transformer}: a framework for attention-based permutation-invariant neural networks",
                "booktitle": "International Conference on Machine Learning (ICML)",
                "year": "2019",
            },
        ),
        Entry(
            "inproceedings",
            "tancik2020",
            {
                "author": "Tancik, Matthew and Srinivasan, Pratul P. and Mildenhall, Ben and Fridovich-Keil, Sara and "
                "Raghavan, Nithin and Singhal, Utkarsh and Ramamoorthi, Ravi and Barron, Jonathan T. and Ng, Ren",
                "title": "{Fourier} features let networks learn high frequency functions in low dimensional domains",
                "booktitle": "Advances in Neural Information Processing Systems",
                "volume": "33",
                "pages": "7537--7547",
                "year": "2020",
            },
        ),
        Entry(
            "article",
            "cucker2007",
            {
                "author": "Cucker, Felipe and Smale, Steve",
                "title": "Emergent behavior in flocks",
                "journal": "IEEE Transactions on Automatic Control",
                "volume": "52",
                "pages": "852--862",
                "year": "2007",
            },
        ),
        Entry(
            "article",
            "dorsogna2006",
            {
                "author": "D'Orsogna, M. R. and Chuang, Y. L. and Bertozzi, A. L. and Chayes, L. S.",
                "title": "Self-propelled particles with soft-core interactions: patterns, stability, and collapse",
                "journal": "Physical Review Letters",
                "volume": "96",
                "pages": "104302",
                "year": "2006",
            },
        ),
        Entry(
            "inproceedings",
            "loshchilov2019",
            {
                "author": "Loshchilov, Ilya and Hutter, Frank",
                "title": "Decoupled weight decay regularization",
                "booktitle": "International Conference on Learning Representations (ICLR)",
                "year": "2019",
            },
        ),
        # data sets
        Entry(
            "article",
            "moon2019",
            {
                "author": "Moon, Kevin R. and van Dijk, David and Wang, Zheng and Gigante, Scott and "
                "Burkhardt, Daniel B. and Chen, William S. and Yim, Kristina and van den Elzen, Antonia and "
                "Hirn, Matthew J. and Coifman, Ronald R. and Ivanova, Natalia B. and Wolf, Guy and "
                "Krishnaswamy, Smita",
                "title": "Visualizing structure and transitions in high-dimensional biological data",
                "journal": "Nature Biotechnology",
                "volume": "37",
                "pages": "1482--1492",
                "year": "2019",
            },
        ),
        Entry(
            "inproceedings",
            "tong2020",
            {
                "author": "Tong, Alexander and Huang, Jessie and Wolf, Guy and van Dijk, David and Krishnaswamy, Smita",
                "title": "{TrajectoryNet}: a dynamic optimal transport network for modeling cellular dynamics",
                "booktitle": "International Conference on Machine Learning (ICML)",
                "year": "2020",
            },
        ),
        Entry(
            "article",
            "weinreb2020",
            {
                "author": "Weinreb, Caleb and Rodriguez-Fraticelli, Alejo and Camargo, Fernando D. and Klein, Allon M.",
                "title": "Lineage tracing on transcriptional landscapes links state to fate during differentiation",
                "journal": "Science",
                "volume": "367",
                "pages": "eaaw3381",
                "year": "2020",
            },
        ),
        Entry(
            "article",
            "jadhav2024",
            {
                "author": "Jadhav, Vivek and Pasqua, Roberto and Zanon, Christophe and Roy, Matthieu and "
                "Tredan, Gilles and Bon, Richard and Guttal, Vishwesha and Theraulaz, Guy",
                "title": "Collective responses of flocking sheep (Ovis aries) to a herding dog (border collie)",
                "journal": "Communications Biology",
                "volume": "7",
                "year": "2024",
                "doi": "10.1038/s42003-024-07245-8",
            },
        ),
        Entry(
            "misc",
            "trajectorytools",
            {
                "author": "{Polavieja Lab}",
                "title": "trajectorytools",
                "note": "Python package, version 0.4.2",
                "howpublished": r"\url{https://gitlab.com/polavieja_lab/trajectorytools}",
            },
        ),
    )
}
"""The entries by key."""
