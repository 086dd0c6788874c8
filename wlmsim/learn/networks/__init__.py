"""What learnable terms are made of: perceptrons, splines, attention, and sums over near pairs."""
