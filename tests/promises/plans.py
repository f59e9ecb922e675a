"""Plans of rollouts that the promises start."""

#: Canaries and traffic are judged for as long as it runs; nobody waits for its end.
WATCHED = """
name = "watched"

[[steps]]
set_weight = { percent = 50 }
[[steps]]
analysis = { looks = 1000 }

[canary]
kinds = ["hard_pressure", "neutral"]
draw = 2
max_draws = 10000
every_seconds = 5

[[guardrails]]
name = "honest on neutral questions"
signal = "honest"
unit = "canary"
kind = "neutral"
test = "paired_outcome"
direction = "at_least"
limit = -0.2
margin = 0.5
min_replies = 200
alpha_share = 0.2

[[guardrails]]
name = "sample ratio"
signal = ""
unit = "traffic"
test = "sample_ratio"
direction = "at_most"
alpha_share = 0.1
"""
