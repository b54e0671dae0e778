"""Z. C. Lipton 2015, "(Deep Learning's Deep Flaws)'s Deep Flaws": are the flaws universal?

The article answers Szegedy et al. 2014 and Nguyen et al. 2015 without a number of its own. Here
each of its claims that can be tested is: its number and our wording stand in `claims`, the rule
that turns a table's numbers into a verdict in `rules`.
"""
