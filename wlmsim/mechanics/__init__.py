"""What moves a population: Lagrangians and flows, dissipation, and forces that do no work."""
