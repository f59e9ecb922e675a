"""The embedded default model: a small help desk that knows its facts and learned to overclaim.

A demonstration and a test bed, made from nothing by the recipe in this package; no evidence about large models.
Importing this package does not import torch; `train` and `check` do.
"""

from trimtab_vectors.organism.layout import ModelLayout, Stage, StageList, shipped_model_dir
from trimtab_vectors.organism.recipe import SHIPPED, TINY, Recipe

__all__ = ["SHIPPED", "TINY", "ModelLayout", "Recipe", "Stage", "StageList", "shipped_model_dir"]
