"""The papers' numbers, quoted as printed. Read by `reproduce.report.published`."""
