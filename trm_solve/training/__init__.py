"""Training: data, the supervision step, optimisers, runs that survive."""
