"""The agent's process: `python3 -m emulator.agent STATE_FILE STATE`, inside the agent container.

STATE, the JSON of a `DesiredState`, is what it begins with where the file is not there yet.
"""

import gc
import sys
from pathlib import Path

OBJECTS_BETWEEN_COLLECTIONS = 100_000

if __name__ == "__main__":
    # Importing makes hundreds of thousands of objects that stay. Looking through them for garbage, as Python does after
    # every 700 new ones, took a tenth of the time until the agent listens.
    usual = gc.get_threshold()
    gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
    from emulator.agent.process import main

    gc.freeze()
    gc.set_threshold(*usual)
    main(Path(sys.argv[1]), sys.argv[2])
