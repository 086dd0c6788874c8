"""The Lennard-Jones fluid."""

from __future__ import annotations

import numpy as np

from wlmsim import _validation as check
from wlmsim.data.population import Population
from wlmsim.functionals import Pairwise, laws
from wlmsim.mechanics.lagrangian import Lagrangian
from wlmsim.systems.base import System

FACE_CENTRED = np.array([[0.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
"""Places of the four particles in a cell of the face-centred cubic lattice."""


class LennardJonesFluid(System):
    """Particles of mass 1 in a periodic box under the Lennard-Jones law W(r) = 4 (1 / r^12 - 1 / r^6), reduced units.

    Lengths are in sigma, energies and temperatures in epsilon, times in sigma (m / epsilon)^(1/2). The law is cut off
    with a shifted force, see `Pairwise`. Pair forces carry weights 1/n, so that the law of the Lagrangian has the
    strength n, and the Lagrangian's energies are those of one particle. Particles start on a lattice, with Maxwellian
    velocities at the temperature and without momentum; the fluid that melts from it is colder: let it come to rest
    with a thermostat, ``BAOAB(temperature)`` with friction, before measuring. Time steps of 0.005 are usual.

    Parameters
    ----------
    n : int
        Number of particles, at least 2. 4 m^3 fill the face-centred cubic lattice in space, m^d the square one
        otherwise; others leave places of it empty at random. Default 500.
    dim : int
        Dimension of space. Default 3.
    density : float
        Particles in a unit volume, positive [1 / length^d]. Default 0.8.
    temperature : float
        Of the start, at least 0 [energy]. Default 1.
    cutoff : float, optional
        Where the force ends, positive and at most half the box [length]. Default: 2.5, or half the box if that is
        shorter.
    seed : int, optional
        Seed of the initial population.

    References
    ----------
    J. K. Johnson, J. A. Zollweg, K. E. Gubbins, Mol. Phys. 78, 591 (1993), for the equation of state; D. Frenkel and
    B. Smit, Understanding Molecular Simulation (2002), for pressure and tail corrections.

    Examples
    --------
    >>> import numpy as np, wlmsim as wls
    >>> fluid = wls.systems.LennardJonesFluid(n=108, density=0.7, seed=0)
    >>> run = fluid.simulate(np.linspace(0.0, 0.5, 6), dt=0.005)
    >>> bool(np.ptp(run.energy()) < 0.01)
    True
    >>> bool(fluid.kinetic_temperature(run[-1]) < 0.8)
    True
    """

    def __init__(
        self,
        n: int = 500,
        dim: int = 3,
        *,
        density: float = 0.8,
        temperature: float = 1.0,
        cutoff: float | None = None,
        seed: int | None = None,
    ):
        super().__init__(check.integer("n", n, least=2), dim, seed)
        self.density = check.positive("density", density)
        self.temperature = check.nonnegative("temperature", temperature)
        self.cutoff = min(2.5, self.box / 2) if cutoff is None else check.positive("cutoff", cutoff)
        if self.cutoff > self.box / 2:
            raise check.fail("cutoff", f"at most half the box, which is {self.box:g} long", cutoff)
        self.pairs = Pairwise(laws.LennardJones(float(self.n)), cutoff=self.cutoff, box=self.box)

    @property
    def box(self) -> float:
        """Side of the periodic box, (n / density)^(1/d) [length]."""
        return float((self.n / self.density) ** (1 / self.dim))

    @property
    def lagrangian(self) -> Lagrangian:
        """Pair forces between nearest images."""
        return Lagrangian(self.pairs)

    def kinetic_temperature(self, population: Population) -> float:
        """Temperature from the velocities about their mean, which have d (n - 1) degrees of freedom [energy].

        That of the centre of mass counts for nothing, be it at rest or moved by a thermostat.
        """
        w, v = population.weights, population.velocities
        assert v is not None
        about_mean = population.with_velocities(v - w @ v)
        return 2 * self.lagrangian.kinetic_energy(about_mean) / (self.dim * (1 - 1 / self.n))

    def _check_start(self, start: Population) -> None:
        if len(start) != self.n:  # by which the strength of the law goes
            raise check.fail(
                "start", f"of {self.n} particles: another fluid is LennardJonesFluid(n={len(start)})", start
            )

    def energy_per_particle(self, population: Population, *, corrected: bool = False) -> float:
        """Potential energy of one particle [energy].

        Parameters
        ----------
        population : Population
            A state of the fluid.
        corrected : bool
            Whether for the full law, as tables give it: without shift, and with what lies beyond the cutoff at the
            mean density; in space. Default False: of the law that the particles move by.
        """
        if not corrected:
            return self.pairs.energy(population.positions, population.weights)
        return self._tail(1 / 3, 8 / 3) + self.pairs.unshifted(population.positions, population.weights)[0]

    def pressure(self, population: Population, *, corrected: bool = False) -> float:
        """Pressure by the virial, density (T + virial / d) [energy / length^d].

        Arguments as of `energy_per_particle`.
        """
        thermal = self.kinetic_temperature(population)
        if not corrected:
            return self.density * (thermal + self.pairs.virial(population.positions, population.weights) / self.dim)
        tail = self._tail(2 / 3, 16 / 3)
        virial = self.pairs.unshifted(population.positions, population.weights)[1]
        return self.density * (thermal + virial / self.dim + tail)

    def _tail(self, repulsion: float, factor: float) -> float:
        """What uniform density beyond the cutoff adds: factor pi density (repulsion / r_c^9 - 1 / r_c^3)."""
        if self.dim != 3:
            raise check.fail("dim", "3 for a correction by the tail of the law", self.dim)
        return factor * np.pi * self.density * (repulsion / self.cutoff**9 - self.cutoff**-3)

    def _draw(self, rng: np.random.Generator) -> Population:
        basis = FACE_CENTRED if self.dim == 3 else np.zeros((1, self.dim))
        cells = int(np.ceil((self.n / len(basis)) ** (1 / self.dim) - 1e-9))
        corners = np.stack(np.meshgrid(*[np.arange(cells)] * self.dim, indexing="ij"), -1).reshape(-1, 1, self.dim)
        places = (corners + basis).reshape(-1, self.dim)
        chosen = np.sort(rng.permutation(len(places))[: self.n])
        velocities = rng.standard_normal((self.n, self.dim))
        velocities -= velocities.mean(0)
        moving = Population(places[chosen] * (self.box / cells), velocities)
        scale = np.sqrt(self.temperature / self.kinetic_temperature(moving))
        return moving.with_velocities(scale * velocities)
