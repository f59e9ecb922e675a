"""Vector cards: what a direction promotes, resembles and does, so that a person can say what it is."""

from trimtab_vectors.card.concept_pairs import CONCEPTS, Concept, concept_set
from trimtab_vectors.card.extremes import Extremes, LabelledText, extremes
from trimtab_vectors.card.lens import LensError, LensReading, lens
from trimtab_vectors.card.push_effect import PushEffect, push_effect
from trimtab_vectors.card.resemblance import Resemblance, resemblances
from trimtab_vectors.card.vector_card import CardSetting, VectorCard, make_card

__all__ = [
    "CONCEPTS",
    "CardSetting",
    "Concept",
    "Extremes",
    "LabelledText",
    "LensError",
    "LensReading",
    "PushEffect",
    "Resemblance",
    "VectorCard",
    "concept_set",
    "extremes",
    "lens",
    "make_card",
    "push_effect",
    "resemblances",
]
