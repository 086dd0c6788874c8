"""Learn the Lagrangian of a population from snapshots (torch)."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "differentiable": ["differentiable_simulate"],
        "dissipations": [
            "AverageDissipation",
            "LearnableAlignment",
            "LearnableDissipation",
            "LearnableSelfPropulsion",
        ],
        "functionals": [
            "AttentionPotential",
            "Average",
            "ExternalPotential",
            "LearnableFunctional",
            "LearnableStrength",
            "MeanFieldPotential",
            "PairPotential",
        ],
        "compare": ["Comparison", "candidates", "compare"],
        "leave_one_out": ["leave_one_out"],
        "losses": ["energy_divergence", "exact_transport", "sinkhorn_divergence", "sliced_transport"],
        "named": ["parameters_of", "with_parameters"],
        "parameters": ["FittedParameters", "fit_parameters"],
        "rollout": ["rollout", "torch_force"],
        "variation": ["first_variation"],
        "velocities": ["potential_velocities", "transport_velocities"],
        "wlm": ["WLM"],
    },
)
