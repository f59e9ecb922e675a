"""Neutral texts: everyday prose in English and Japanese with no stake in any concept.

The residual norms that strengths are relative to are measured on these, wherever they are measured. They
are part of what a strength means: changing a text changes every dose a little, so do not.
"""

from __future__ import annotations

from typing import Final

NEUTRAL_TEXTS: Final[tuple[str, ...]] = (
    "The morning train leaves the station at seven and follows the river for most of the way.",
    "She put the kettle on, opened the window and sat down at the table with a book.",
    "A small garden behind the house is full of herbs, and a cat sleeps on the stone wall.",
    "The museum is closed on Mondays. On other days it opens at ten and closes at half past five.",
    "To make the soup, chop two onions, fry them slowly in butter, then add water and salt.",
    "Snow had fallen overnight, and the children walked to school along the middle of the road.",
    "The library keeps its maps on the second floor, beside the reading room for newspapers.",
    "He cleaned the brushes, put the lids back on the paint and hung his coat by the door.",
    "Two roads lead to the village: one over the hill, the other around the lake.",
    "The concert began with a slow piece for strings and ended with a dance.",
    "On the shelf there were three cups, a clock, a photograph and a bowl of apples.",
    "In autumn the days grow shorter and the leaves of the maple trees turn red.",
    "朝の電車は七時に駅を出て、しばらく川に沿って走ります。",
    "彼女は窓を開けて、お茶を入れ、机に向かって本を読み始めた。",
    "図書館の二階には地図の部屋があり、その隣に新聞を読む部屋があります。",
    "昨夜は雪が降ったので、子どもたちは道の真ん中を歩いて学校へ行った。",
    "玉ねぎを二つ刻み、バターでゆっくり炒めてから、水と塩を加えます。",
    "村へ行く道は二つあります。一つは丘を越え、もう一つは湖を回ります。",
    "秋になると日が短くなり、かえでの葉が赤くなる。",
    "棚の上には茶わんが三つと、時計と、古い写真が置いてあった。",
)
