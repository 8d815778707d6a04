"""What programs import of copilot-local: `copilot_local.testing`. The package that implements it is `emulator`."""

from emulator import __version__

__all__ = ["__version__"]
