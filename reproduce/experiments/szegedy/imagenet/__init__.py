"""Szegedy et al. 2014 on photographs: Figures 3 to 6 and Table 5."""
