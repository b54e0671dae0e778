"""Upper bounds on how far a change can be amplified (Szegedy et al. 2014, section 4.3)."""
