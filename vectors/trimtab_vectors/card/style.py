"""The card's style sheet: light and dark, one language shown, fit to print."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root{color-scheme:light dark;--paper:#fbfbf9;--ink:#1d2327;--soft:#5c666d;--rule:#d9dcd8;--panel:#ffffff;
--up:#0b6e4f;--down:#a8412b;--blue:#2c5d9b;--amber:#8a6100;--band:#e9ebe8;--safe:#dcefe4;--cliff:#f6dcd5}
@media (prefers-color-scheme:dark){:root{--paper:#15191c;--ink:#e6e9e7;--soft:#9aa5ab;--rule:#343b40;--panel:#1c2226;
--up:#5cc79c;--down:#ec8a72;--blue:#86b2ea;--amber:#dcb252;--band:#2a3135;--safe:#1c352a;--cliff:#45261f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.55 system-ui,-apple-system,"Segoe UI","Hiragino Sans","Noto Sans CJK JP","Noto Sans JP",Meiryo,sans-serif}
main{max-width:940px;margin:0 auto;padding:12px 20px 60px}
.switch{position:absolute;opacity:0}
.choice{max-width:940px;margin:0 auto;padding:14px 20px 0;text-align:right}
.choice label{cursor:pointer;color:var(--soft);padding:2px 10px;border:1px solid var(--rule);border-radius:4px}
#en:checked~.choice label[for=en],#ja:checked~.choice label[for=ja]{color:var(--ink);border-color:var(--ink)}
#en:focus-visible~.choice label[for=en],#ja:focus-visible~.choice label[for=ja]{outline:2px solid var(--blue)}
#en:checked~main .ja,#ja:checked~main .en{display:none}
h1{font-size:27px;margin:6px 0 0;line-height:1.25}
h2{font-size:18px;margin:34px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}
h3{font-size:14px;margin:16px 0 6px}
p{margin:6px 0}.id{color:var(--soft);font:12px ui-monospace,monospace;overflow-wrap:anywhere}
.note,.soft{color:var(--soft)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 18px;margin:14px 0}dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
.glance{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:6px 18px}
.glance li{margin:6px 0}.warning{color:var(--down);font-weight:600}
.columns{display:grid;grid-template-columns:1fr 1fr;gap:6px 28px}
@media (max-width:640px){.columns{grid-template-columns:1fr}}
.tokens{display:flex;flex-wrap:wrap;gap:5px;margin:0 0 6px;padding:0;list-style:none}
.tokens li{border:1px solid var(--rule);border-radius:4px;padding:0 7px;background:var(--panel);white-space:pre-wrap}
.tokens b{font-weight:500}.tokens small{color:var(--soft);margin-left:6px;font-size:11px}
.up li{border-left:3px solid var(--up)}.down li{border-left:3px solid var(--down)}
.table{overflow-x:auto;margin:10px 0 18px}table{border-collapse:collapse;width:100%;font-size:13.5px}
th{color:var(--soft);font-weight:500;text-align:right;vertical-align:bottom}th:first-child,td:first-child{text-align:left}
th,td{padding:4px 10px;border-bottom:1px solid var(--rule)}td{text-align:right;font-variant-numeric:tabular-nums}
tr.used td{font-weight:600}.faint{opacity:.5}
details summary{cursor:pointer;color:var(--blue);margin:8px 0}
.texts{list-style:none;margin:0;padding:0}
.texts li{padding:7px 0;border-bottom:1px solid var(--rule);overflow-wrap:anywhere}
.texts b{font-variant-numeric:tabular-nums;margin-right:8px}
.tag{font-size:11px;border:1px solid currentColor;border-radius:3px;padding:0 5px;margin-right:8px;white-space:nowrap}
.positive{color:var(--up)}.negative{color:var(--down)}.neutral{color:var(--soft)}.given{color:var(--blue)}
.pass{color:var(--up)}.fail{color:var(--down)}.warn,.not-enough-data{color:var(--amber)}
svg{width:100%;height:auto;display:block;margin:8px 0}svg text{fill:var(--ink);font-size:13px}
svg .tick,svg .note{fill:var(--soft);font-size:12px}.grid{stroke:var(--rule)}.rule{stroke:var(--rule)}
.band{fill:var(--band)}.safe{fill:var(--safe)}.cliff{fill:var(--cliff)}
.dot circle{fill:var(--panel);stroke:var(--blue);stroke-width:1.5}.dot text{font-size:11px}
.dot.used circle{fill:var(--blue)}.dot.used text{fill:var(--panel)}
.dot.weak circle{fill:var(--panel);stroke:var(--soft);stroke-dasharray:2 2}.dot.weak text{fill:var(--soft)}
.stroke{fill:none;stroke-width:2}.interval{opacity:.14;stroke:none}
.curve0{stroke:var(--up);fill:var(--up)}.curve1{stroke:var(--blue);fill:var(--blue)}
.curve2{stroke:var(--amber);fill:var(--amber)}.kl{stroke:var(--down);fill:var(--down)}
polyline.stroke,line.stroke{fill:none}svg text.legend{stroke:none}
svg text.curve0{fill:var(--up)}svg text.curve1{fill:var(--blue)}svg text.curve2{fill:var(--amber)}
svg text.kl{fill:var(--down)}.limit{stroke:var(--down);stroke-dasharray:5 4}
.recommended{stroke:var(--ink);stroke-width:1.5}
@media print{.choice{display:none}h2{break-after:avoid}}
"""
