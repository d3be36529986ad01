"""Start of the zygote: `python -I -S __main__.py FD`, with the control socket inherited as FD."""

import importlib
import os
import sys

if __name__ == "__main__":
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    importlib.import_module("inside.zygote").main(int(sys.argv[1]))
