"""The smallest change that alters a label, for models of any kind.

    linear            the optimum, in closed form or by quadratic programming
    trees             the optimum, from the boxes of the leaves
    neighbours        the optimum for one nearest neighbour, from the cells of the points
    hop_skip_jump     a search that sees nothing but labels, for everything else
    single_feature    one feature alone, one bit alone

Where there is a gradient, `methods.adversarial` serves.
"""
