"""Goodfellow, Shlens & Szegedy 2015, "Explaining and harnessing adversarial examples", on MNIST.

    fast_gradient_sign     sections 4, 6, 8: error and confidence on images one step away
    logistic               section 5, Figure 2: 3 against 7, where the method is exact
    adversarial_training   section 6: clean errors with and without
    figure4                section 8: logits along the step
    class_agreement        section 8: do other models give the same wrong class?
    rubbish                appendix: Gaussian noise as a digit

models holds what they share: the paper's models by the rows of its tables.
"""
