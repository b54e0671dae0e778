"""What runs the rest and cannot change a number: store, sweeps, progress, errors."""
