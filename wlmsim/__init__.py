"""wlmsim: simulate populations from first principles, and learn their mechanics from snapshots."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submodules=[
        "datasets",
        "errors",
        "evaluation",
        "functionals",
        "io",
        "learn",
        "quantum",
        "systems",
        "transport",
        "visual",
    ],
    submod_attrs={
        "dissipation": ["Alignment", "Friction", "SelfPropulsion"],
        "flow": ["Flow", "GradientFlow"],
        "functionals": [
            "Entropy",
            "External",
            "GaussianEntropy",
            "GaussianQuantumPressure",
            "Gravity",
            "ManyInteractingWorlds",
            "MeanField",
            "Pairwise",
            "QuantumPressure",
            "SlopePotential",
            "laws",
            "score",
        ],
        "incompressible": ["LambOseenFlow", "StreamFlow", "VortexFlow"],
        "integrators": [
            "BAOAB",
            "Boris",
            "ConstantSpeedEuler",
            "DormandPrince",
            "EulerMaruyama",
            "ExactOrnsteinUhlenbeck",
            "GaussLegendre",
            "Leapfrog",
            "RungeKutta4",
            "Substepped",
            "VicsekUpdate",
            "Yoshida4",
        ],
        "lagrangian": ["Lagrangian"],
        "magnetic": ["MagneticField"],
        "population": ["Population"],
        "simulation": ["simulate"],
        "snapshots": ["SnapshotSeries"],
        "standardisation": ["Standardisation"],
        "tracks": ["Tracks"],
        "trajectory": ["Trajectory"],
    },
)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("wlmsim")
    except PackageNotFoundError:
        return "0+unknown"
