"""The card as one HTML file: nothing is fetched, nothing runs, both languages are inside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from trimtab_vectors.card import wording
from trimtab_vectors.card.charts import dose_chart, resemblance_chart
from trimtab_vectors.card.extremes import Projected
from trimtab_vectors.card.lens import TokenScore
from trimtab_vectors.card.style import STYLE
from trimtab_vectors.card.vector_card import VectorCard
from trimtab_vectors.card.wording import Language, Words
from trimtab_vectors.evaluation.sweep import DoseCurve, SweepResult


def render_card(card: VectorCard, language: Language = "en") -> str:
    """A whole HTML document; `language` is the one shown first."""
    name = card.vector.display_name or card.vector.concept
    parts = [
        f"<h1>{both(wording.TITLE)}: {escape(name)}</h1>",
        f'<p class="id">{card.vector.id}</p>',
        _facts(card),
        _glance(card),
        _tokens(card),
        _resemblance(card),
        _extremes(card),
        _figures(card),
        "" if card.sweep is None else _sweep(card.sweep),
    ]
    checked = {name: " checked" if name == language else "" for name in ("en", "ja")}
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(name)} · {card.vector.id[:12]}</title><style>{STYLE}</style></head><body>"
        f'<input class="switch" type="radio" name="language" id="en"{checked["en"]}>'
        f'<input class="switch" type="radio" name="language" id="ja"{checked["ja"]}>'
        '<div class="choice"><label for="en">English</label> <label for="ja" lang="ja">日本語</label></div>'
        f"<main>{''.join(parts)}</main></body></html>\n"
    )


def both(words: Words) -> str:
    """Both languages; the style sheet shows one."""
    return f'<span class="en" lang="en">{escape(words.en)}</span><span class="ja" lang="ja">{escape(words.ja)}</span>'


def _facts(card: VectorCard) -> str:
    vector, own = card.vector, card.setting
    setting = wording.SETTING.filled(
        strength=own.strength, layers=_layers(own.layers), positions=own.positions
    )
    rows = {
        "concept": escape(vector.concept),
        "stage": escape(vector.stage),
        "looked_at": escape(f"{card.model} / {card.stage}"),
        "setting": both(setting),
        "method": escape(vector.method),
        "position": escape(vector.position),
        "model": escape(f"{vector.model.architecture}, {vector.model.digest[:16]}"),
        "data": escape(vector.data_hash),
        "made_by": escape(vector.created_by),
        "license": escape(vector.license),
    }
    return (
        f"<dl>{''.join(f'<dt>{both(wording.FACTS[k])}</dt><dd>{v}</dd>' for k, v in rows.items() if v)}</dl>"
    )


def _glance(card: VectorCard) -> str:
    effect, told = card.effect, card.extremes.separation
    lines = [
        both(wording.CHANGED.filled(changed=effect.changed, contexts=effect.contexts, kl=effect.kl)),
        both(wording.NOT_TOLD)
        if told is None
        else both(
            wording.TOLD_APART.filled(
                layer=card.extremes.layer, value=told.value, low=told.low, high=told.high
            )
        ),
        _alike(card),
        *_harm_lines(card),
    ]
    return f'<h2>{both(wording.GLANCE)}</h2><ul class="glance">{"".join(f"<li>{x}</li>" for x in lines)}</ul>'


def _alike(card: VectorCard) -> str:
    found = list({own.concept: own for own in reversed(card.resembling())}.values())
    if not found:
        return both(wording.UNLIKE)
    names = {
        lang: ", ".join(
            f"{getattr(wording.CONCEPTS[own.concept], lang).partition(' (')[0]} ({own.cosine:+.2f})"
            for own in sorted(found, key=lambda own: -abs(own.cosine))
        )
        for lang in ("en", "ja")
    }
    return both(
        Words(
            wording.ALIKE.en.format(concepts=names["en"], concept=card.vector.concept),
            wording.ALIKE.ja.format(concepts=names["ja"], concept=card.vector.concept),
        )
    )


def _harm_lines(card: VectorCard) -> list[str]:
    if card.sweep is None:
        return [f'<span class="warning">{both(wording.NO_SWEEP)}</span>']
    curve = next((own for own in card.sweep.curves if own.layers == card.setting.layers), None)
    if curve is None:
        return [f'<span class="warning">{both(wording.NO_SWEEP)}</span>']
    if curve.safe_strength is None:
        return [f'<span class="warning">{both(wording.NOT_SAFE)}</span>']
    lines = [both(wording.SAFE.filled(safe=curve.safe_strength))]
    if card.setting.strength > curve.safe_strength:
        lines.append(f'<span class="warning">{both(wording.BEYOND)}</span>')
    return lines


def _tokens(card: VectorCard) -> str:
    effect = card.effect
    parts = [
        f"<h2>{both(wording.TOKENS)}</h2>",
        f"<h3>{both(wording.MEASURED)}</h3>",
        _token_columns(wording.RAISED, effect.raised, wording.LOWERED, effect.lowered, "{:+.3f}"),
        f'<p class="soft">{both(wording.LENS_NOTE) if card.lens_refusal is None else escape(card.lens_refusal)}</p>',
    ]
    for layer, reading in card.tokens.items():
        used = layer in card.setting.layers
        mark = f' <span class="tag given">{both(wording.USED)}</span>' if used else ""
        agreement = both(wording.AGREEMENT.filled(value=effect.lens_agreement[layer]))
        body = _token_columns(
            wording.PROMOTED, reading.promoted, wording.SUPPRESSED, reading.suppressed, "{:+.1f}"
        )
        parts.append(
            f"<details{' open' if used else ''}><summary>{both(wording.LENS.filled(layer=layer))}{mark} "
            f'<span class="soft">{agreement}</span></summary>{body}</details>'
        )
    return "".join(parts)


def _token_columns(
    left: Words, ups: Sequence[TokenScore], right: Words, downs: Sequence[TokenScore], form: str
) -> str:
    def column(title: Words, tokens: Sequence[TokenScore], kind: str) -> str:
        items = "".join(
            f"<li><b>{escape(visible(own.token))}</b><small>{form.format(own.score)}</small></li>"
            for own in tokens
        )
        return f'<div><h3>{both(title)}</h3><ul class="tokens {kind}">{items}</ul></div>'

    return f'<div class="columns">{column(left, ups, "up")}{column(right, downs, "down")}</div>'


def visible(token: str) -> str:
    """Blanks and control characters made visible."""
    shown = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
    return "".join(
        shown.get(character) or (character if character.isprintable() else f"\\u{ord(character):04x}")
        for character in token
    )


def _resemblance(card: VectorCard) -> str:
    rows = (
        (
            (
                both(wording.CONCEPTS[own.concept]),
                str(own.layer),
                f"{own.cosine:+.2f}",
                "–"
                if own.ceiling is None
                else f"{own.ceiling:.2f}" + (f" ({both(wording.WEAK)})" if own.weak else ""),
                "–" if own.corrected is None else f"{own.corrected:+.2f}",
                "–" if own.pair_accuracy is None else f"{own.pair_accuracy:.2f}",
            ),
            " ".join(["used"] * (own.layer in card.setting.layers) + ["faint"] * own.weak),
        )
        for own in card.resemblances
    )
    return (
        f'<h2>{both(wording.RESEMBLANCE)}</h2><p class="soft">{both(wording.RESEMBLANCE_NOTE)}</p>'
        f"{resemblance_chart(card.resemblances, card.setting.layers, card.chance)}"
        f"<details><summary>{both(wording.ALL_FIGURES)}</summary>"
        f"{_table(wording.RESEMBLANCE_COLUMNS, rows)}</details>"
    )


def _extremes(card: VectorCard) -> str:
    found = card.extremes

    def column(title: Words, texts: Iterable[Projected]) -> str:
        items = "".join(
            f'<li><b>{own.projection:+.3f}</b><span class="tag {own.origin}">{both(wording.ORIGINS[own.origin])}'
            f"</span>{escape(_shortened(own.text))}</li>"
            for own in texts
        )
        return f'<div><h3>{both(title)}</h3><ul class="texts">{items}</ul></div>'

    note = wording.EXTREMES_NOTE.filled(layer=found.layer, texts=found.texts)
    return (
        f'<h2>{both(wording.EXTREMES)}</h2><p class="soft">{both(note)}</p>'
        f'<div class="columns">{column(wording.HIGHEST, found.highest)}{column(wording.LOWEST, found.lowest)}</div>'
    )


def _figures(card: VectorCard) -> str:
    known = [
        name for name in wording.FIGURE_COLUMNS if any(getattr(own, name) is not None for own in card.figures)
    ]
    rows = (
        (
            (
                str(own.layer),
                *("–" if getattr(own, name) is None else f"{getattr(own, name):.3g}" for name in known),
            ),
            "used" if own.layer in card.setting.layers else "",
        )
        for own in card.figures
    )
    columns = (wording.RESEMBLANCE_COLUMNS[1], *(wording.FIGURE_COLUMNS[name] for name in known))
    return f"<h2>{both(wording.FIGURES)}</h2>{_table(columns, rows)}"


def _sweep(sweep: SweepResult) -> str:
    own = sweep.recommended
    shown = sweep.curve(own.layers) if own is not None else max(sweep.curves, key=_best)
    gates = sweep.plan.gates
    parts = [
        f"<h2>{both(wording.SWEEP)}</h2>",
        f'<p class="soft">{both(wording.SWEEP_NOTE.filled(layers=_layers(shown.layers)))}</p>',
        dose_chart(shown, None if own is None else own.strength, (gates.kl_warn, gates.kl_stop)),
    ]
    if own is None:
        parts.append(f'<p class="warning">{escape(sweep.reason)}</p>')
    else:
        parts.append(_harm_table(sweep))
    parts.append(_table(wording.SWEEP_COLUMNS, (_curve_row(curve, shown) for curve in sweep.curves)))
    return "".join(parts)


def _harm_table(sweep: SweepResult) -> str:
    rows = (
        (
            (
                both(wording.GATES[gate.name]),
                f"{gate.value:.4g}",
                f"{gate.upper:.4g}",
                f"{gate.limit:g}",
                f'<span class="{gate.verdict.replace(" ", "-")}">'
                f"{both(wording.VERDICTS[gate.verdict])}</span>",
            ),
            "",
        )
        for gate in sweep.point.gates
    )
    return _table(wording.HARM_COLUMNS, rows)


def _curve_row(curve: DoseCurve, shown: DoseCurve) -> tuple[tuple[str, ...], str]:
    safe = both(wording.NONE) if curve.safe_strength is None else f"{curve.safe_strength:g}"
    cliff = both(wording.NO_CLIFF)
    if curve.cliff is not None:
        cliff = f"{curve.cliff.after:g} – {curve.cliff.at:g}"
    cells = (_layers(curve.layers), safe, cliff, f"{_best(curve):.2f}")
    return cells, "used" if curve.layers == shown.layers else ""


def _best(curve: DoseCurve) -> float:
    return max(point.worst for point in curve.points)


def _table(columns: Sequence[Words], rows: Iterable[tuple[Sequence[str], str]]) -> str:
    head = "".join(f"<th>{both(column)}</th>" for column in columns)
    body = "".join(
        f'<tr class="{kind}">{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>' for cells, kind in rows
    )
    return f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _layers(layers: Sequence[int]) -> str:
    return ", ".join(map(str, layers))


def _shortened(text: str, most: int = 320) -> str:
    """The end is where it is read, so the beginning goes."""
    return text if len(text) <= most else f"…{text[-most:]}"
