"""The page's style sheet; the colours are the palette's variables."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,"Segoe UI",Roboto,"Hiragino Sans",
"Yu Gothic UI","Noto Sans JP","Noto Sans CJK JP",sans-serif}
main{max-width:54rem;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;line-height:1.3;margin:0}h2{font-size:1.25rem;margin:2.5rem 0 .6rem;padding-top:.6rem;
border-top:1px solid var(--rule)}h3{font-size:1rem;margin:0 0 .3rem}
header p{margin:.2rem 0 0;overflow-wrap:anywhere}#answer h2{margin-top:1rem;border:0;padding:0}
p{margin:.5rem 0}.soft{color:var(--soft)}.lead{font-size:1.3rem;line-height:1.45;font-weight:600}
.card{border:1px solid var(--rule);border-left:6px solid var(--soft);border-radius:6px;padding:.7rem 1rem;
margin:.6rem 0;background:var(--panel);break-inside:avoid}
.card p{margin:.2rem 0}.card ul{margin:.3rem 0 0;padding-left:1.2rem;color:var(--soft);font-size:.9rem}
.verdict{border:1px solid currentColor;border-radius:4px;padding:0 .4rem;margin-right:.4rem;white-space:nowrap}
.confirmed{border-left-color:var(--third)}.confirmed .verdict{color:var(--third)}
.candidate{border-left-color:var(--second)}.candidate .verdict{color:var(--second)}
.none{border-left-color:var(--first)}.none .verdict{color:var(--first)}
nav ol{margin:0;padding-left:1.4rem;columns:2}a{color:var(--first)}
figure{margin:1.6rem 0;break-inside:avoid}
svg{display:block;width:100%;height:auto;font-family:inherit}
figcaption{margin:.5rem 0 .2rem;padding-left:.7rem;border-left:3px solid var(--rule)}
details{color:var(--soft)}summary{cursor:pointer;font-size:.9rem}
.table{overflow-x:auto}
table{border-collapse:collapse;font-size:.82rem;line-height:1.4;margin:.5rem 0;color:var(--ink)}
th,td{padding:.2rem .6rem;border-bottom:1px solid var(--rule);text-align:left;vertical-align:top}
th{font-weight:600}.figures td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.figures thead th:not(:first-child){text-align:right}.words td,.words th{overflow-wrap:anywhere}
@media print{main{max-width:none;padding:0}details:not([open]){display:none}nav{display:none}
h2,h3{break-after:avoid}body{font-size:11pt}}
@media(max-width:40rem){nav ol{columns:1}}
"""
