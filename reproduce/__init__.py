"""Szegedy et al. 2014 and Nguyen et al. 2015, rebuilt and set beside the published numbers."""
