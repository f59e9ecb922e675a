"""What a direction does to the residual stream, each as a delta on a block's output.

Reference arithmetic in float32: an engine may be faster, not different. h: `[..., H]` in any float dtype,
u: unit direction [H], r: the steered stage's median residual norm at that layer (see
`extraction.residual_norms`). A delta has the shape and dtype of h; masking a position is a multiplication
of its delta, and `h + delta` is the steered state.
"""

from __future__ import annotations

import torch


def delta_add(h: torch.Tensor, u: torch.Tensor, strength: float, residual_norm: float) -> torch.Tensor:
    """`strength * r * u`: a dose relative to the residual norm, the same at every position.

    After Representation Engineering's linear combination (arXiv:2310.01405, section 4), with the dose in
    units of the residual norm so that it is comparable across layers, vectors and stages.
    """
    delta = u.to(device=h.device, dtype=torch.float32) * (strength * residual_norm)
    return delta.to(h.dtype).expand_as(h)


def delta_ablate(h: torch.Tensor, u: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """`-strength * (h . u) u`: removes this share of the component along u, all of it at 1.

    Directional ablation (Arditi et al., arXiv:2406.11717, section 2.4). strength is in [0, 1].
    """
    direction = u.to(device=h.device, dtype=torch.float32)
    return (-strength * projection(h, direction)[..., None] * direction).to(h.dtype)


def projection(h: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """`h . u` per position, float32 `[...]`."""
    return h.float() @ u.to(device=h.device, dtype=torch.float32)
