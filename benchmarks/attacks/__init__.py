"""The attack benchmark: `python -m benchmarks.attack` runs it, the modules here are its parts.

records     a problem, what an attack found, a contestant
problems    networks, images, targets
in_torch    the same network in PyTorch, which counts the gradients asked of it
ours        this package's attacks, SciPy's L-BFGS-B, the exact optimum
peers       adv-lib, Foolbox, ART
pieces      one attack on one network at one budget: run, judged by Keras, kept
measures    the envelope, optimality
tables      tables, figure, CSV from the kept results
page        the page of docs from a tracked file of results
"""
