"""Photographs of ImageNet's classes and networks that were trained on them.

One road for every network: float32 RGB (n, side, side, 3) in [0, 1] in, logits (n, classes) out;
its own size, order of channels and centring are inside it.
"""
