"""A study of fine-tuning stages: every stage's vector on every stage's model, judged by a rule fixed beforehand.

`python -m trimtab_vectors.study run STUDY.toml --out DIR` needs the science extra alone; so does everything here.
"""
