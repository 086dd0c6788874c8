"""One training step of the attention potential at N = 1000, 5 marginals, beside plain torch.

A cloud in 2-D is carried from the first of five marginals to the last by leapfrog, four steps an interval; the loss is
the mean over four targets of exact transport, its gradient is that by all parameters, and AdamW takes a step at the
default rate of `WLM`. Each side trains by itself, from the same parameters, and is timed from its twelfth step on.
"torch" is the usual transcription: attention as a softmax of all pairs, the gradient of the energy by
`autograd.grad(..., create_graph=True)`, the whole graph kept, plans by POT's network simplex. "torch, our plans" begins
each plan with the duals of the step before, as a fit by `WLM` does. "wlmsim, batch 200" is our step with 200 of the
particles at a time, the default of `WLM`. The gradients are those of the first step.
"""

from __future__ import annotations

import resource
from typing import Any

from benchmarks.forward_common import arguments, report, timed

N, MARGINALS, STEPS_AN_INTERVAL = 1000, 5, 4
BATCH = 200
BEFORE = 9
"""Steps of each side before those that warm up and are timed: what changes fast at first also changes plans."""


class Training:
    """The data, the potential, and steps with one or the other force, with duals that are kept or not."""

    def __init__(self, *, plain: bool = False, duals: bool = True, n: int = N) -> None:
        import numpy as np
        import torch

        import wlmsim as wls
        from wlmsim.learn.functionals import Scales

        series = wls.systems.VortexDrifters(n=N, seed=0).exact(np.linspace(0, 1, MARGINALS)).snapshots(seed=0)
        self.clouds = [torch.tensor(np.asarray(x[:n]), dtype=torch.float32) for x in series.positions]
        velocities = np.asarray(series[0].velocities[:n]) / (MARGINALS - 1)
        self.velocities = torch.tensor(velocities, dtype=torch.float32)
        torch.manual_seed(0)
        self.potential = wls.learn.AttentionPotential()
        self.potential.prepare(2, Scales((0.0, 0.0), 1.0, 0.0, 1.0))
        self.force = self.plain_force if plain else self.potential.scaled_force
        # as in a fit by WLM: compiled loops use all threads, torch one
        self.threads = torch.get_num_threads() if plain else 1
        self.duals: list[Any] = [{} if duals else None for _ in range(MARGINALS - 1)]
        self.optimiser = torch.optim.AdamW(self.potential.parameters(), lr=wls.learn.AdamW().learning_rate)

    def __call__(self) -> None:
        """A step of training."""
        import torch

        torch.set_num_threads(self.threads)
        for parameter, gradient in zip(self.potential.parameters(), self.gradient()[1], strict=True):
            parameter.grad = gradient
        self.optimiser.step()

    def gradient(self) -> tuple[float, list[Any]]:
        """Value of the loss, and its gradient."""
        import torch

        from wlmsim.learn import exact_transport, rollout

        start, *targets = self.clouds
        w = torch.full((len(start),), 1.0 / len(start))
        times = [float(k) for k in range(1, MARGINALS)]
        reached = rollout(
            lambda x, t: self.force(x, w, t), start, self.velocities, times, start=0.0, dt=1.0 / STEPS_AN_INTERVAL
        )
        ends = zip(reached, targets, self.duals, strict=True)
        loss = torch.stack([exact_transport(x, y, w, w, duals=duals) for (x, _), y, duals in ends]).mean()
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
    ours, plain = Training(), Training(plain=True, duals=False)
    (value, mine), (plain_value, theirs) = ours.gradient(), plain.gradient()
    off = max(float((a - b).norm() / b.norm()) for a, b in zip(mine, theirs, strict=True) if b.norm() > 1e-6)
    works = {
        "wlmsim": ours,
        "torch": plain,
        "torch, our plans": Training(plain=True),
        "wlmsim, batch 200": Training(n=BATCH),
    }
    for step in works.values():
        for _ in range(BEFORE):
            step()
    seconds = timed(works, parsed.repeats)
    report(
        "attention_step",
        __doc__ or "",
        seconds,
        parsed,
        ratios={name: seconds[name] / seconds["wlmsim"] for name in ("torch", "torch, our plans")},
        loss_differs_by=f"{abs(value - plain_value) / plain_value:.1e}",
        gradient_differs_by=f"{off:.1e}",
        peak_gigabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    )


if __name__ == "__main__":
    main()
