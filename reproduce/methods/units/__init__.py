"""Single units and random directions in feature space (Szegedy et al. 2014, section 3)."""
