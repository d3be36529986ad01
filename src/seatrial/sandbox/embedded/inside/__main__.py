"""Start of the zygote: `python -I -S __main__.py FD`, with the control socket inherited as FD."""

import importlib
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    importlib.import_module("inside.zygote").main(int(sys.argv[1]))
