"""Fooling images by MAP-Elites (Nguyen et al. 2015, section 2.2): archive, encodings, scoring."""
