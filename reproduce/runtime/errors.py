"""What a user can put right: told in one clear line, without a traceback."""


class UserError(ValueError):
    """What was expected, what came, what to do. run.py prints it and exits with 2."""


class NotAvailable(UserError):
    """What an artefact needs and has not: weights, photographs, a package, a network of some make.

    The artefact that needed them is listed under `not_run`, and the others go on.
    """
