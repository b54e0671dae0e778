"""Classifiers: the papers' models, pretrained and foreign ones, and one way to evaluate them."""
