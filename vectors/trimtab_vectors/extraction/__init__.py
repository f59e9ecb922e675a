"""Making steering vectors: contrast sets, states captured by hooks, directions and their figures."""

from trimtab_vectors.extraction.capture import (
    Reading,
    block_outputs,
    capture,
    capture_last,
    token_batches,
)
from trimtab_vectors.extraction.contrast_files import read_contrast_set
from trimtab_vectors.extraction.contrast_set import (
    ContrastPair,
    ContrastPrompt,
    ContrastSet,
    ContrastSetError,
    write_contrast_set,
)
from trimtab_vectors.extraction.extractor import LayerDirections, extract, make_directions
from trimtab_vectors.extraction.methods import METHODS, Method, MethodName, named_method
from trimtab_vectors.extraction.neutral_texts import NEUTRAL_TEXTS
from trimtab_vectors.extraction.pair_states import PairStates, capture_pair_states
from trimtab_vectors.extraction.positions import POSITIONS, Position, reading
from trimtab_vectors.extraction.prompt_tokens import prompt_tokens, text_tokens
from trimtab_vectors.extraction.residual_norms import median_residual_norms
from trimtab_vectors.extraction.splits import splits_by_statement
from trimtab_vectors.extraction.state_cache import StateCache, StateCacheError

__all__ = [
    "METHODS",
    "NEUTRAL_TEXTS",
    "POSITIONS",
    "ContrastPair",
    "ContrastPrompt",
    "ContrastSet",
    "ContrastSetError",
    "LayerDirections",
    "Method",
    "MethodName",
    "PairStates",
    "Position",
    "Reading",
    "StateCache",
    "StateCacheError",
    "block_outputs",
    "capture",
    "capture_last",
    "capture_pair_states",
    "extract",
    "make_directions",
    "median_residual_norms",
    "named_method",
    "prompt_tokens",
    "read_contrast_set",
    "reading",
    "splits_by_statement",
    "text_tokens",
    "token_batches",
    "write_contrast_set",
]
