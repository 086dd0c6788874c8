"""The exceptions that wlmsim raises on purpose."""


class WlmsimError(Exception):
    """Base of every exception that wlmsim raises on purpose."""


class ParameterError(WlmsimError, ValueError):
    """An argument is unusable; the message names it, what was given and what was expected."""


class SimulationError(WlmsimError, RuntimeError):
    """A simulation or a fit cannot go on, for example because a trajectory blew up."""


class NotFittedError(WlmsimError, ValueError, AttributeError):
    """A fitted value was asked of an estimator that has not been fitted."""


class FileFormatError(WlmsimError, OSError):
    """A file is truncated, foreign, or written under a newer schema; the message names the file and the reason."""


class MissingPackageError(WlmsimError, ImportError):
    """A format or a peer needs a package that is not installed; the message says what to install."""


class DataWarning(UserWarning):
    """Something in the data was set aside, for example rows that held NaN."""


class AccuracyWarning(UserWarning):
    """A result is likely to be less accurate than wanted, for example because no time step was chosen."""
