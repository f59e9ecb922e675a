"""The card's words in English and Japanese, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Language = Literal["en", "ja"]


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    en: str
    ja: str

    def filled(self, **values: object) -> Words:
        return Words(self.en.format(**values), self.ja.format(**values))


TITLE: Final = Words("Vector card", "ベクトルカード")
FACTS: Final[dict[str, Words]] = {
    "concept": Words("concept", "概念"),
    "stage": Words("extracted at stage", "抽出したステージ"),
    "looked_at": Words("looked at on", "調べた対象"),
    "method": Words("method", "方法"),
    "position": Words("read at", "読み取り位置"),
    "setting": Words("measured at", "測定した設定"),
    "model": Words("model", "モデル"),
    "data": Words("contrast set (SHA-256)", "対照セット (SHA-256)"),
    "made_by": Words("made by", "作成者"),
    "license": Words("licence", "ライセンス"),
}
SETTING: Final = Words(
    "strength {strength:g} of the residual norm, layers {layers}, positions: {positions}",
    "残差ノルムの {strength:g} 倍の強度、層 {layers}、位置: {positions}",
)

GLANCE: Final = Words("At a glance", "概要")
CHANGED: Final = Words(
    "At this setting the most likely next token changes on {changed:.0%} of {contexts} prompts; "
    "KL(unsteered ‖ steered) there is {kl:.3f} nat.",
    "この設定では {contexts} 個のプロンプトのうち {changed:.0%} で最も確からしい次のトークンが変わります。"
    "そこでの KL(ステアリングなし ‖ ステアリングあり) は {kl:.3f} nat です。",
)
TOLD_APART: Final = Words(
    "Held-out pairs are told apart at layer {layer} with AUROC {value:.2f} [{low:.2f}, {high:.2f}]. "
    "That is reading, and no proof of steering.",
    "取り置いた対は層 {layer} で AUROC {value:.2f} [{low:.2f}, {high:.2f}] で見分けられます。"
    "これは読み取りの性能で、操れることの証明ではありません。",
)
NOT_TOLD: Final = Words(
    "No contrast set was at hand, so whether it tells held-out pairs apart was not looked at.",
    "対照セットが手元にないため、取り置いた対を見分けられるかは調べていません。",
)
ALIKE: Final = Words(
    "It lies partly along {concepts}, the sign telling which way: what is put down to {concept} may be that.",
    "一部は {concepts} の方向です (符号は向き)。{concept} の効果に見えるものが、実はこれかもしれません。",
)
UNLIKE: Final = Words(
    "At the layers used it resembles none of the built-in concepts more than a random direction would.",
    "使用する層では、どの組み込み概念とも、ランダムな方向以上には似ていません。",
)
NO_SWEEP: Final = Words(
    "No sweep was given: harm and the safe range were NOT measured.",
    "スイープの結果がないため、副作用と安全な範囲は測定されていません。",
)
SAFE: Final = Words(
    "By the sweep it is safe up to strength {safe:g}.", "スイープによる安全な上限は強度 {safe:g} です。"
)
NOT_SAFE: Final = Words("By the sweep no strength is safe.", "スイープでは安全な強度が見つかりませんでした。")
BEYOND: Final = Words(
    "The strength of this card lies above the safe range.", "このカードの強度は安全な範囲を超えています。"
)

TOKENS: Final = Words("Tokens", "トークン")
MEASURED: Final = Words("Measured: change of the next token's probability", "実測: 次のトークンの確率の変化")
LENS: Final = Words(
    "Read off the weights (logit lens), layer {layer}", "重みから読んだもの (ロジットレンズ)、層 {layer}"
)
LENS_NOTE: Final = Words(
    "The lens looks at the weights as if no later block existed; numbers are standard deviations over the "
    "vocabulary. Agreement is its rank correlation with the measured change: near 0, believe the measurement "
    "alone.",
    "ロジットレンズは後続のブロックがないものとして重みを見ます。数値は語彙全体での標準偏差です。"
    "一致度は実測の変化との順位相関で、0 に近ければ実測だけを信じてください。",
)
AGREEMENT: Final = Words("agreement with the measurement: {value:+.2f}", "実測との一致度: {value:+.2f}")
USED: Final = Words("used", "使用")
PROMOTED: Final = Words("promoted", "促進")
SUPPRESSED: Final = Words("suppressed", "抑制")
RAISED: Final = Words("more likely", "増加")
LOWERED: Final = Words("less likely", "減少")

RESEMBLANCE: Final = Words("Resemblance to other concepts", "他の概念との類似")
RESEMBLANCE_NOTE: Final = Words(
    "Cosine at each layer (the number in the dot; filled: a layer used). Grey band: where 95% of random "
    "directions lie. Dashed dots: the concept's own direction is weak there (split-half ceiling below 0.5), so the "
    "cosine says nothing. Directions are made on the spot from small built-in sets.",
    "各層でのコサイン (点の中の数字が層、塗りつぶしは使用する層)。灰色の帯はランダムな方向の 95% が入る範囲です。"
    "破線の点は、その概念自体の方向が弱い (折半上限が 0.5 未満) ため、コサインに意味がありません。"
    "方向は小さな組み込みセットからその場で作ります。",
)
CONCEPTS: Final[dict[str, Words]] = {
    "length": Words("length (+ long)", "長さ (+ 長い)"),
    "refusal": Words("refusal (+ refused)", "拒否 (+ 拒否される)"),
    "language": Words("language (+ Japanese)", "言語 (+ 日本語)"),
    "sentiment": Words("sentiment (+ pleasant)", "感情 (+ 快)"),
}
RESEMBLANCE_COLUMNS: Final = (
    Words("concept", "概念"),
    Words("layer", "層"),
    Words("cosine", "コサイン"),
    Words("ceiling of the concept", "概念の折半上限"),
    Words("corrected for both ceilings", "両方の上限で補正"),
    Words("concept's held-out pairs", "概念の取り置き対の正答率"),
)
ALL_FIGURES: Final = Words("All figures", "すべての数値")
WEAK: Final = Words("weak", "弱い")

FIGURES: Final = Words("The vector, layer by layer", "層ごとの数値")
FIGURE_COLUMNS: Final[dict[str, Words]] = {
    "pair_accuracy": Words("pair accuracy", "対の正答率"),
    "separation": Words("separation d′", "分離度 d′"),
    "agreement": Words("agreement of pairs", "対の一致度"),
    "explained_variance": Words("explained variance", "説明率"),
    "noise_ceiling": Words("noise ceiling", "折半上限"),
    "raw_norm": Words("raw norm", "元のノルム"),
    "residual_norm": Words("residual norm", "残差ノルム"),
}

EXTREMES: Final = Words("Texts at both ends", "両端のテキスト")
EXTREMES_NOTE: Final = Words(
    "Projection at the last token after block {layer}, in residual norms; the extremes of {texts} texts.",
    "ブロック {layer} の後、最後のトークンでの射影 (残差ノルム単位)。{texts} 個のテキストの両端です。",
)
HIGHEST: Final = Words("highest", "最も高い")
LOWEST: Final = Words("lowest", "最も低い")
ORIGINS: Final[dict[str, Words]] = {
    "positive": Words("positive side", "正の側"),
    "negative": Words("negative side", "負の側"),
    "neutral": Words("neutral text", "中立"),
    "given": Words("your text", "指定のテキスト"),
}

SWEEP: Final = Words("Dose and harm", "用量と副作用")
SWEEP_NOTE: Final = Words(
    "Figures on dev questions, for choosing: too good for reporting. Layers {layers}.",
    "選ぶための開発用質問での数値で、報告には甘すぎます。層 {layers}。",
)
CURVES: Final[dict[str, Words]] = {
    "honest": Words("honest, worst group", "正直 (最も悪い群)"),
    "knowledge": Words("knows the answer unpressed", "圧力なしでの正答"),
    "coherence": Words("coherent", "まとまった応答"),
}
SAFE_RANGE: Final = Words("safe range", "安全な範囲")
RECOMMENDED: Final = Words("recommended", "推奨")
CLIFF: Final = Words("collapse", "崩壊")
KL_AXIS: Final = Words("KL, neutral text (nat/token)", "中立テキストの KL (nat/トークン)")
STRENGTH: Final = Words("strength", "強度")
LIMIT: Final = Words("limit", "上限")
SWEEP_COLUMNS: Final = (
    Words("layers", "層"),
    Words("safe up to", "安全な上限"),
    Words("collapse between", "崩壊の範囲"),
    Words("best honest rate, worst group", "正直率の最良値 (最も悪い群)"),
)
NONE: Final = Words("none", "なし")
NO_CLIFF: Final = Words("not on the grid", "格子内になし")
HARM_COLUMNS: Final = (
    Words("side effect at the recommended setting", "推奨設定での副作用"),
    Words("estimate", "推定値"),
    Words("95% upper bound", "95% 上限"),
    Words("limit", "許容値"),
    Words("verdict", "判定"),
)
GATES: Final[dict[str, Words]] = {
    "kl": Words("KL on neutral text", "中立テキストでの KL"),
    "perplexity_ratio": Words("perplexity ratio", "パープレキシティ比"),
    "capability_loss": Words("capability lost", "能力の低下"),
    "harm_flips": Words("honest before, a lie after", "正直から嘘への変化"),
    "evasion_increase": Words("more evasions", "回答回避の増加"),
    "anti_steerable": Words("moved the wrong way", "逆方向に動いた割合"),
}
VERDICTS: Final[dict[str, Words]] = {
    "pass": Words("pass", "合格"),
    "warn": Words("warning", "警告"),
    "fail": Words("fail", "不合格"),
    "not enough data": Words("not enough data", "データ不足"),
}
