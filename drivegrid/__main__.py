"""``python -m drivegrid`` is ``drivegrid``."""

from drivegrid.cli.main import main

if __name__ == "__main__":
    main()
