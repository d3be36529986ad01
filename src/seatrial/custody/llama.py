"""llama.cpp as a server process: `python -m seatrial.custody.llama WEIGHTS PORT KEY_FILE`.

Serves the one GGUF file in WEIGHTS (of a model in parts, the first part) with the OpenAI wire format on loopback,
until it is told to end. Its library is the optional extra `weights`; on accelerators, start another server instead.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

CONTEXT_TOKENS = 0
"""0 is what the model was trained with."""


def main(weights: Path, port: int, key_file: Path) -> int:
    """Serve until SIGTERM; 2 when there is nothing to serve with or from."""
    try:
        import xllamacpp  # noqa: PLC0415 - an optional extra
    except ImportError:
        sys.stderr.write("seatrial: install seatrial[weights] to serve GGUF files here\n")
        return 2
    models = sorted(weights.rglob("*.gguf"))
    if not models:
        sys.stderr.write("seatrial: there is no GGUF file among these weights\n")
        return 2
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(models[0])
    parameters.hostnames, parameters.port = ["127.0.0.1"], port
    parameters.api_keys = [key_file.read_text()]
    parameters.n_ctx = CONTEXT_TOKENS
    parameters.offline, parameters.ui = True, False
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(parameters)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del server
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
