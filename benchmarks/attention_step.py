"""One training step of the attention potential at N = 1000, 5 marginals, beside plain torch: rollout, loss, gradient.

A cloud in 2-D is carried from the first of five marginals to the last by leapfrog, four steps an interval; the loss is
the mean over four targets of exact transport, and its gradient is that by all parameters. Both sides have the same
parameters, rollout and loss. "torch" is the usual transcription of the force: attention as a softmax of all pairs, the
gradient of the energy by `autograd.grad(..., create_graph=True)`, the whole graph kept. "wlmsim, batch 200" is our step
with 200 of the particles at a time, the default of `WLM`.
"""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

from benchmarks.forward_common import arguments, report, timed

N, MARGINALS, STEPS_AN_INTERVAL = 1000, 5, 4
BATCH = 200


class Step:
    """The data, the potential, and a step with one or the other force."""

    def __init__(self) -> None:
        import numpy as np
        import torch

        import wlmsim as wls
        from wlmsim.learn.functionals import Scales

        series = wls.systems.VortexDrifters(n=N, seed=0).exact(np.linspace(0, 1, MARGINALS)).snapshots(seed=0)
        self.clouds = [torch.tensor(np.asarray(x), dtype=torch.float32) for x in series.positions]
        self.velocities = torch.tensor(np.asarray(series[0].velocities), dtype=torch.float32) / (MARGINALS - 1)
        torch.manual_seed(0)
        self.potential = wls.learn.AttentionPotential()
        self.potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))

    def __call__(self, force: Callable[..., Any], n: int = N) -> tuple[float, list[Any]]:
        """Value of the loss, and its gradient."""
        import torch

        from wlmsim.learn import rollout
        from wlmsim.learn.losses import exact_transport

        w = torch.full((n,), 1.0 / n)
        start, *targets = (cloud[:n] for cloud in self.clouds)
        times = [float(k) for k in range(1, MARGINALS)]
        reached = rollout(
            lambda x, t: force(x, w, t), start, self.velocities[:n], times, start=0.0, dt=1.0 / STEPS_AN_INTERVAL
        )
        terms = [exact_transport(x, y, w, w) for (x, _), y in zip(reached, targets, strict=True)]
        loss = torch.stack(terms).mean()
        # the last biases do not matter to the force
        unknown = list(self.potential.parameters())
        return loss.item(), list(torch.autograd.grad(loss, unknown, allow_unused=True, materialize_grads=True))

    def plain_force(self, x: Any, w: Any, t: float) -> Any:
        """The same force, as one writes it in torch."""
        import torch

        x = x if x.requires_grad else x.detach().requires_grad_()
        potential = self.potential
        tokens = potential.embed(x)
        for block in potential.blocks:
            shape = len(x), 3, block.heads, -1
            query, key, value = block.project(block.before_attention(tokens)).view(shape).permute(1, 2, 0, 3)
            shares = torch.softmax(query @ key.transpose(1, 2) / query.shape[-1] ** 0.5, dim=-1)
            tokens = tokens + block.merge((shares @ value).transpose(0, 1).reshape(len(x), -1))
            tokens = tokens + block.perceptron(block.before_perceptron(tokens))
        energy = potential.read_out(tokens).mean()
        (gradient,) = torch.autograd.grad(energy, x, create_graph=True)
        return -gradient * len(x)


def main() -> None:
    parsed = arguments("attention_step", __doc__ or "")
    parsed.repeats = min(parsed.repeats, 5)
    step = Step()
    ours = step.potential.scaled_force
    (value, mine), (plain_value, plain) = step(ours), step(step.plain_force)
    off = max(float((a - b).norm() / b.norm()) for a, b in zip(mine, plain, strict=True) if b.norm() > 1e-6)
    seconds = timed(
        {
            "wlmsim": lambda: step(ours),
            "torch": lambda: step(step.plain_force),
            "wlmsim, batch 200": lambda: step(ours, BATCH),
        },
        parsed.repeats,
    )
    report(
        "attention_step",
        __doc__ or "",
        seconds,
        parsed,
        ratios={"torch": seconds["torch"] / seconds["wlmsim"]},
        loss_differs_by=f"{abs(value - plain_value) / plain_value:.1e}",
        gradient_differs_by=f"{off:.1e}",
        peak_gigabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )


if __name__ == "__main__":
    main()
