"""Making steering vectors: contrast sets, capture of states by hooks, DiffMean, residual norms."""

from trimtab_vectors.extraction.capture import block_outputs, capture_last, token_batches
from trimtab_vectors.extraction.contrast_set import (
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    read_contrast_set,
    write_contrast_set,
)
from trimtab_vectors.extraction.diff_mean import extract_diff_mean, pair_accuracies
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens, text_tokens
from trimtab_vectors.extraction.residual_norms import median_residual_norms

__all__ = [
    "NEUTRAL_TEXTS",
    "ContrastPair",
    "ContrastPrompt",
    "ContrastSet",
    "ContrastSetError",
    "block_outputs",
    "capture_last",
    "extract_diff_mean",
    "median_residual_norms",
    "pair_accuracies",
    "prompt_tokens",
    "read_contrast_set",
    "text_tokens",
    "token_batches",
    "write_contrast_set",
]
