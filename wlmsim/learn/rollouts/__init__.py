"""Differentiable simulation: rollouts, their adjoint, and their recordings as CUDA graphs."""
