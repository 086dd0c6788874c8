"""A set transformer as energy."""

from __future__ import annotations

from typing import Any

import torch

from wlmsim import _validation as check
from wlmsim.learn.functionals.base import TIME_STRETCH, LearnableFunctional, with_time
from wlmsim.learn.networks.density_attention import density_attention


class AttentionPotential(LearnableFunctional):
    """Learnable energy of the whole cloud, U[rho] = integral of u(x; rho) rho, u the output of a set transformer.

    Particles are the tokens. Each layer adds to a token's features what it attends to in the others, and then a
    perceptron of itself, each after a layer norm (pre-norm). Attention is an average over the density: particle j
    counts in proportion to w_j, so that the energy knows weights, and no order. Costs O(n^2) in time, O(n) in memory.

    Parameters
    ----------
    width : int
        Number of features of a token, a multiple of `heads`. Default 64.
    heads : int
        Attention heads. Default 4.
    layers : int
        Attention layers. Default 2.
    feed_forward : int
        Width of the perceptron of each layer. Default 128.
    dropout : float
        Share of the features dropped while training, in [0, 1). Default 0.
    time_dependent : bool
        Whether the energy depends on time. Default False.
    time_features : int
        Number of frequencies whose sines and cosines of time go through a linear layer and are added to every token,
        each half the one before, the fastest with a period of ten intervals between marginals. Default 0: time is a
        coordinate of the particles.

    References
    ----------
    J. Lee et al., Set Transformer, ICML 2019; R. Xiong et al., On layer normalization in the transformer
    architecture, ICML 2020.

    Examples
    --------
    >>> import wlmsim as wls
    >>> wls.learn.AttentionPotential(width=32, layers=1)
    AttentionPotential(width=32, heads=4, layers=1, feed_forward=128, dropout=0, time_dependent=False, time_features=0)
    """

    def __init__(
        self,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        feed_forward: int = 128,
        dropout: float = 0.0,
        *,
        time_dependent: bool = False,
        time_features: int = 0,
    ):
        super().__init__()
        self.width, self.heads = check.integer("width", width), check.integer("heads", heads)
        self.layers, self.feed_forward = check.integer("layers", layers), check.integer("feed_forward", feed_forward)
        if self.width % self.heads:
            raise check.fail("width", f"a multiple of heads = {self.heads}", width)
        self.dropout = check.nonnegative("dropout", dropout)
        if self.dropout >= 1:
            raise check.fail("dropout", "a number in [0, 1)", dropout)
        self.time_dependent = check.flag("time_dependent", time_dependent)
        self.time_features = check.integer("time_features", time_features, least=0)
        if self.time_features and not self.time_dependent:
            raise check.fail("time_features", "0 for an energy that does not depend on time", time_features)
        self.embed: Any = None
        self.embed_time: Any = None
        self.blocks: Any = torch.nn.ModuleList()
        self.read_out: Any = None

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments, plain values."""
        names = ("width", "heads", "layers", "feed_forward", "dropout", "time_dependent", "time_features")
        return {name: getattr(self, name) for name in names}

    def build(self, dim: int) -> None:
        """Create the transformer."""
        width = self.width
        self.embed = torch.nn.Linear(dim + self._time_is_coordinate, width)
        self.embed_time = torch.nn.Linear(2 * self.time_features, width, bias=False) if self.time_features else None
        self.blocks = torch.nn.ModuleList(
            _Block(width, self.heads, self.feed_forward, self.dropout) for _ in range(self.layers)
        )
        self.read_out = torch.nn.Sequential(torch.nn.LayerNorm(width), torch.nn.Linear(width, 1))

    def scaled_energy(self, x: torch.Tensor, w: torch.Tensor, t: Any) -> torch.Tensor:
        """Sum of w_i u_i."""
        tokens = self.embed(with_time(x, t) if self._time_is_coordinate else x)
        if self.time_features:
            tokens = tokens + self.embed_time(self._waves(x, t))
        for block in self.blocks:
            tokens = block(tokens, w)
        return w @ self.read_out(tokens).squeeze(-1)

    @property
    def _time_is_coordinate(self) -> bool:
        return self.time_dependent and not self.time_features

    def _waves(self, x: torch.Tensor, t: Any) -> torch.Tensor:
        """Sines and cosines of time."""
        angles = t * TIME_STRETCH * 0.5 ** torch.arange(self.time_features, dtype=x.dtype, device=x.device)
        return torch.cat([angles.sin(), angles.cos()])

    @property
    def latex(self) -> str:
        """LaTeX of the functional."""
        return r"\int u_\theta(x; \rho) \rho \, dx"

    def __repr__(self) -> str:
        about = ", ".join(f"{k}={v:g}" if k == "dropout" else f"{k}={v}" for k, v in self.settings().items())
        return f"AttentionPotential({about})"


class _Block(torch.nn.Module):
    """One pre-norm layer of a transformer over weighted particles."""

    def __init__(self, width: int, heads: int, feed_forward: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_perceptron = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.project = torch.nn.Linear(width, 3 * width)
        self.merge = torch.nn.Linear(width, width)
        self.perceptron = torch.nn.Sequential(
            torch.nn.Linear(width, feed_forward), torch.nn.SiLU(), torch.nn.Linear(feed_forward, width)
        )
        self.dropout = torch.nn.Dropout(dropout)

    def forward(self, tokens: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.dropout(self.merge(self._attend(self.before_attention(tokens), w)))
        return tokens + self.dropout(self.perceptron(self.before_perceptron(tokens)))

    def _attend(self, tokens: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
        """Averages of the values over the density, weighted by exp(query . key)."""
        n, width = tokens.shape
        query, key, value = self.project(tokens).view(n, 3, self.heads, -1).permute(1, 2, 0, 3)
        averages = density_attention(query, key, value, w, scale=(width / self.heads) ** -0.5)
        return averages.transpose(0, 1).reshape(n, width)
