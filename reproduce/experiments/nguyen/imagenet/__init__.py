"""Nguyen et al. 2015, "Deep neural networks are easily fooled", on a network of photographs."""
