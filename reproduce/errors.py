"""What a user can put right: told in one clear line, without a traceback."""


class UserError(ValueError):
    """What was expected, what came, what to do. run.py prints it and exits with 2."""


class NotAvailable(UserError):
    """Weights, photographs or a package that are not at hand: what to get, and where to put it.

    The artefact that needed them is listed under `not_run`, and the others go on.
    """
