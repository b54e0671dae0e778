"""Adversarial examples: small changes that change the label, found in several ways."""
