"""What is observed or simulated: clouds, series of snapshots, tracks and trajectories."""
