"""Results beside the published numbers: records, verdicts, tables, figures, pages.

Nothing here needs TensorFlow, so a report can be drawn again wherever its folder was copied to:

    python -m reproduce.report outputs/szegedy/mnist/laptop/seed=0
"""
