"""A very small language model with random weights, in GGUF (version 3): it loads, serves and says nothing of sense."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np

U32, F32, TEXT, LIST, I32 = 4, 6, 8, 9, 5
"""Types of values in GGUF."""
ALIGNMENT = 32
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
"""Types of tokens."""


@dataclass(frozen=True)
class Shape:
    """How large the model is."""

    width: int = 64
    layers: int = 2
    heads: int = 4
    inner: int = 128
    context: int = 2048


def write(path: Path, seed: int, shape: Shape = Shape()) -> bytes:
    """Write the model; returns 64 bytes of its weights, by which a copy of it would be found."""
    vocabulary, kinds = _vocabulary()
    tensors = _tensors(np.random.default_rng(seed), shape, len(vocabulary))
    values = [
        ("general.architecture", TEXT, "llama"),
        ("general.name", TEXT, "tiny"),
        ("llama.context_length", U32, shape.context),
        ("llama.embedding_length", U32, shape.width),
        ("llama.block_count", U32, shape.layers),
        ("llama.feed_forward_length", U32, shape.inner),
        ("llama.attention.head_count", U32, shape.heads),
        ("llama.attention.layer_norm_rms_epsilon", F32, 1e-5),
        ("llama.rope.dimension_count", U32, shape.width // shape.heads),
        ("tokenizer.ggml.model", TEXT, "llama"),
        ("tokenizer.ggml.tokens", (LIST, TEXT), vocabulary),
        ("tokenizer.ggml.scores", (LIST, F32), [0.0] * len(vocabulary)),
        ("tokenizer.ggml.token_type", (LIST, I32), kinds),
        ("tokenizer.ggml.bos_token_id", U32, 1),
        ("tokenizer.ggml.eos_token_id", U32, 2),
        ("tokenizer.ggml.unknown_token_id", U32, 0),
    ]
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    head += b"".join(_text(name) + _value(kind, value) for name, kind, value in values)
    body = bytearray()
    for name, array in tensors.items():
        extents = b"".join(struct.pack("<Q", extent) for extent in reversed(array.shape))
        head += _text(name) + struct.pack("<I", array.ndim) + extents + struct.pack("<IQ", 0, len(body))
        body += _padded(array.astype("<f4").tobytes())
    path.write_bytes(_padded(head) + body)
    return bytes(body[4096:4160])


def _vocabulary() -> tuple[list[str], list[int]]:
    letters = ["\u2581", *(chr(code) for code in range(33, 127))]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    kinds = [UNKNOWN, CONTROL, CONTROL, *[BYTE] * 256, *[NORMAL] * len(letters)]
    return ["<unk>", "<s>", "</s>", *bytes_, *letters], kinds


def _tensors(source: np.random.Generator, shape: Shape, words: int) -> dict[str, np.ndarray]:
    width, inner = shape.width, shape.inner
    matrices = {"token_embd": (words, width), "output": (words, width)}
    norms = ["output_norm"]
    for layer in range(shape.layers):
        block = f"blk.{layer}"
        norms += [f"{block}.attn_norm", f"{block}.ffn_norm"]
        matrices |= {f"{block}.attn_{part}": (width, width) for part in ("q", "k", "v", "output")}
        matrices |= {f"{block}.ffn_{part}": (inner, width) for part in ("gate", "up")}
        matrices[f"{block}.ffn_down"] = (width, inner)
    drawn = {f"{name}.weight": source.normal(0, 0.1, size) for name, size in matrices.items()}
    return drawn | {f"{name}.weight": np.ones(width) for name in norms}


def _value(kind: int | tuple[int, int], value: object) -> bytes:
    if isinstance(kind, tuple):
        assert isinstance(value, list)
        items = b"".join(_value(kind[1], item)[4:] for item in value)
        return struct.pack("<IIQ", LIST, kind[1], len(value)) + items
    packed = _text(str(value)) if kind == TEXT else struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)
    return struct.pack("<I", kind) + packed


def _text(text: str) -> bytes:
    return struct.pack("<Q", len(text.encode())) + text.encode()


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % ALIGNMENT)
