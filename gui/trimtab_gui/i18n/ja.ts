<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ja_JP" sourcelanguage="en_US">
<context>
    <name>AlarmDesk</name>
    <message>
        <source>{0} is {1}, outside its limits</source>
        <translation>「{0}」が {1} で、範囲の外です</translation>
    </message>
    <message>
        <source>{0} no longer looks like its reference</source>
        <translation>「{0}」が基準の様子から離れました</translation>
    </message>
    <message>
        <source>⚠ Alarm</source>
        <translation>⚠ 警報</translation>
    </message>
    <message>
        <source>Show the monitors</source>
        <translation>モニターを表示</translation>
    </message>
    <message>
        <source>Show the rollout</source>
        <translation>ロールアウトを表示</translation>
    </message>
    <message>
        <source>✕ A guardrail stopped the rollout of “{0}”</source>
        <translation>✕ ガードレールが「{0}」のロールアウトを止めました</translation>
    </message>
    <message>
        <source>▮▮ The rollout of “{0}” waits for a person</source>
        <translation>▮▮ 「{0}」のロールアウトが人の判断を待っています</translation>
    </message>
    <message>
        <source>▮▮ The rollout of “{0}” was paused by {1}</source>
        <translation>▮▮ 「{0}」のロールアウトを {1} が一時停止しました</translation>
    </message>
    <message>
        <source>✓ “{0}” is promoted: everyone gets it</source>
        <translation>✓ 「{0}」が昇格し、全員に適用されました</translation>
    </message>
    <message>
        <source>■ The rollout of “{0}” was aborted by {1}</source>
        <translation>■ 「{0}」のロールアウトを {1} が中止しました</translation>
    </message>
    <message>
        <source>The evidence is stale</source>
        <translation>検証結果が古くなっています</translation>
    </message>
    <message>
        <source>The evidence about the active snapshot is fresh.</source>
        <translation>適用中のスナップショットの検証結果は新しいものです。</translation>
    </message>
    <message>
        <source>The evidence is stale: {0} Run the canary set; it takes a minute and disturbs nobody.</source>
        <translation>検証結果が古くなっています。{0}カナリアセットを実行してください。1 分ほどで終わり、利用者に影響はありません。</translation>
    </message>
    <message>
        <source>Run the canary set</source>
        <translation>カナリアセットを実行</translation>
    </message>
    <message>
        <source>The evidence is stale: {0} Record a new one with “trimtab monitor record-reference”.</source>
        <translation>検証結果が古くなっています。{0}「trimtab monitor record-reference」で新しい基準を記録してください。</translation>
    </message>
</context>
<context>
    <name>ApprovalsPage</name>
    <message>
        <source>What takes two admins: the first one&apos;s call is kept here as a proposal, and the same call by another admin within its time does it. Both are in the audit.</source>
        <translation>管理者 2 名が必要な操作です。1 人目の操作は提案としてここに残り、期限内に別の管理者が同じ操作をすると実行されます。どちらも監査記録に残ります。</translation>
    </message>
    <message>
        <source>Approvals</source>
        <translation>承認</translation>
    </message>
    <message>
        <source>Agree…</source>
        <translation>同意する…</translation>
    </message>
    <message>
        <source>Take back…</source>
        <translation>取り下げる…</translation>
    </message>
    <message>
        <source>Read again</source>
        <translation>再読み込み</translation>
    </message>
    <message>
        <source>Nothing was proposed yet.</source>
        <translation>提案はまだありません。</translation>
    </message>
    <message>
        <source>Choose one to see what to do about it.</source>
        <translation>1 つ選ぶと、次にすることを表示します。</translation>
    </message>
    <message>
        <source>This is decided; there is nothing to do.</source>
        <translation>決定済みです。することはありません。</translation>
    </message>
    <message>
        <source>This is your own proposal. Another admin has to do the same before {0}.</source>
        <translation>あなた自身の提案です。{0} までに、別の管理者が同じ操作をする必要があります。</translation>
    </message>
    <message>
        <source>{0} has proposed this. If you agree, do the same before {1}; if not, take it back and say why.</source>
        <translation>{0} の提案です。同意する場合は {1} までに同じ操作をしてください。同意しない場合は、理由を添えて取り下げてください。</translation>
    </message>
    <message>
        <source>{0} has proposed this. If you agree, make the same call as an admin before {1}: “{2}” of {3}.</source>
        <translation>{0} の提案です。同意する場合は {1} までに、管理者として同じ操作をしてください（「{2}」、対象：{3}）。</translation>
    </message>
</context>
<context>
    <name>Bar</name>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Active snapshot</source>
        <translation>適用中のスナップショット</translation>
    </message>
    <message>
        <source>Tokens/s</source>
        <translation>トークン/秒</translation>
    </message>
    <message>
        <source>{0}, revision {1}</source>
        <translation>{0}（リビジョン {1}）</translation>
    </message>
    <message>
        <source>{0} (last known)</source>
        <translation>{0}（最後に確認した状態）</translation>
    </message>
    <message>
        <source>● {0}</source>
        <translation>● {0}</translation>
    </message>
    <message>
        <source>◐ No answer since {0}</source>
        <translation>◐ {0} から応答なし</translation>
    </message>
    <message>
        <source>○ Server gone since {0}</source>
        <translation>○ {0} からサーバー停止</translation>
    </message>
    <message>
        <source>○ Refused by {0}</source>
        <translation>○ {0} が接続を拒否</translation>
    </message>
    <message>
        <source>○ Connecting to {0}</source>
        <translation>○ {0} に接続中</translation>
    </message>
    <message>
        <source>○ Not connected</source>
        <translation>○ 未接続</translation>
    </message>
    <message>
        <source>Version {0} on {1}; you are {2} ({3})</source>
        <translation>バージョン {0}（{1}）、利用者 {2}（{3}）</translation>
    </message>
    <message>
        <source>⚠ {0} alarms</source>
        <translation>⚠ 警報 {0} 件</translation>
    </message>
    <message>
        <source>✓ No alarm</source>
        <translation>✓ 警報なし</translation>
    </message>
    <message>
        <source>▮▮ Rollout held at {0}%: {1}</source>
        <translation>▮▮ ロールアウト {0}% で停止中：{1}</translation>
    </message>
    <message>
        <source>▶ Rollout {0}%: {1}</source>
        <translation>▶ ロールアウト {0}%：{1}</translation>
    </message>
    <message>
        <source>Rollout of “{0}”, {1}% of sessions, verdict: {2}. Click to see it.</source>
        <translation>「{0}」のロールアウト（セッションの {1}%、判定：{2}）。クリックすると表示します。</translation>
    </message>
    <message>
        <source>◔ Stale evidence</source>
        <translation>◔ 検証が古い</translation>
    </message>
    <message>
        <source>{0}
Click to see what to do.</source>
        <translation>{0}
クリックすると対処方法を表示します。</translation>
    </message>
    <message>
        <source>Stale evidence</source>
        <translation>検証結果が古い</translation>
    </message>
    <message>
        <source>◔ Stale</source>
        <translation>◔ 古い</translation>
    </message>
    <message>
        <source>▮▮ {0}%: {1}</source>
        <translation>▮▮ {0}%：{1}</translation>
    </message>
    <message>
        <source>▶ {0}%: {1}</source>
        <translation>▶ {0}%：{1}</translation>
    </message>
    <message>
        <source>Rollout</source>
        <translation>ロールアウト</translation>
    </message>
    <message>
        <source>⚠ Alarm</source>
        <translation>⚠ 警報</translation>
    </message>
</context>
<context>
    <name>CanaryPanel</name>
    <message>
        <source>Canary set</source>
        <translation>カナリアセット</translation>
    </message>
    <message>
        <source>Questions whose answers are known, asked of the active snapshot</source>
        <translation>正解の分かっている質問を、適用中のスナップショットに出します</translation>
    </message>
    <message>
        <source>Honest share of the canary replies over time</source>
        <translation>カナリアセットの正直な回答の割合の推移</translation>
    </message>
    <message>
        <source>Progress of the canary set</source>
        <translation>カナリアセットの進み具合</translation>
    </message>
    <message>
        <source>Honest under pressure</source>
        <translation>圧力下で正直</translation>
    </message>
    <message>
        <source>Honest, neutral desk</source>
        <translation>中立の質問で正直</translation>
    </message>
    <message>
        <source>Not run yet: the canary set asks questions whose answers are known.</source>
        <translation>まだ実行していません。カナリアセットは、正解の分かっている質問を出します。</translation>
    </message>
    <message>
        <source>Last run {0}. Bars: 95% interval.</source>
        <translation>前回 {0}。縦棒は 95% 区間。</translation>
    </message>
    <message>
        <source>{0}% of {1}</source>
        <translation>{0}%（{1} 件中）</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>Stop the canary set</source>
        <translation>カナリアセットを止める</translation>
    </message>
    <message>
        <source>Run the canary set</source>
        <translation>カナリアセットを実行</translation>
    </message>
    <message>
        <source>{0} of {1} questions</source>
        <translation>{1} 問中 {0} 問</translation>
    </message>
</context>
<context>
    <name>ChatRoom</name>
    <message>
        <source>Situation</source>
        <translation>場面</translation>
    </message>
    <message>
        <source>System message</source>
        <translation>システムメッセージ</translation>
    </message>
    <message>
        <source>Colour by</source>
        <translation>色分け</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>Situation to try</source>
        <translation>試す場面</translation>
    </message>
    <message>
        <source>System message of every lane</source>
        <translation>全レーン共通のシステムメッセージ</translation>
    </message>
    <message>
        <source>The company's own instructions, the same in every lane</source>
        <translation>自社の指示文（全レーン共通）</translation>
    </message>
    <message>
        <source>Figure that colours the tokens</source>
        <translation>トークンの色分けに使う値</translation>
    </message>
    <message>
        <source>0 always takes the likeliest token</source>
        <translation>0 では、常に最も確率の高いトークンを選びます</translation>
    </message>
    <message>
        <source>The same in every lane, so that only the steering differs</source>
        <translation>全レーンで同じ値を使い、ステアリングだけを変えて比べます</translation>
    </message>
    <message>
        <source>Lane</source>
        <translation>レーン</translation>
    </message>
    <message>
        <source>Add a lane</source>
        <translation>レーンを追加</translation>
    </message>
    <message>
        <source>Your message</source>
        <translation>メッセージ</translation>
    </message>
    <message>
        <source>Ask every lane at once. Ctrl+Enter sends, Enter makes a new line.</source>
        <translation>全レーンに同時に質問します。Ctrl+Enter で送信、Enter で改行。</translation>
    </message>
    <message>
        <source>Ask every lane at once. Enter sends, Shift+Enter makes a new line.</source>
        <translation>全レーンに同時に質問します。Enter で送信、Shift+Enter で改行。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Editing an earlier message</source>
        <translation>以前のメッセージを編集中</translation>
    </message>
    <message>
        <source>Projection</source>
        <translation>射影</translation>
    </message>
    <message>
        <source>Entropy</source>
        <translation>エントロピー</translation>
    </message>
    <message>
        <source>KL to unsteered</source>
        <translation>ステアリングなしとの KL</translation>
    </message>
    <message>
        <source>Nothing</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>Choose a situation, or write a question: every lane answers it, each in its own way.</source>
        <translation>場面を選ぶか、質問を入力してください。各レーンがそれぞれの設定で答えます。</translation>
    </message>
    <message>
        <source>Rest on a token to see its figures.</source>
        <translation>トークンにポインターを合わせると値が表示されます。</translation>
    </message>
    <message>
        <source>Your own</source>
        <translation>自分で入力</translation>
    </message>
    <message>
        <source>Hard pressure</source>
        <translation>強い圧力</translation>
    </message>
    <message>
        <source>Soft pressure</source>
        <translation>弱い圧力</translation>
    </message>
    <message>
        <source>Neutral</source>
        <translation>中立</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Send</source>
        <translation>送信</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>チャット一覧</translation>
    </message>
    <message>
        <source>Show the chats</source>
        <translation>チャット一覧を表示</translation>
    </message>
    <message>
        <source>Chats that are kept, and the search in all of them</source>
        <translation>保存されたチャットの一覧と検索</translation>
    </message>
    <message>
        <source>Presets</source>
        <translation>プリセット</translation>
    </message>
    <message>
        <source>Named system prompts and samplings</source>
        <translation>名前を付けたシステムプロンプトとサンプリング</translation>
    </message>
</context>
<context>
    <name>CommandPalette</name>
    <message>
        <source>Find a command</source>
        <translation>コマンドを探す</translation>
    </message>
    <message>
        <source>Commands</source>
        <translation>コマンド</translation>
    </message>
</context>
<context>
    <name>Commands</name>
    <message>
        <source>&amp;Connection</source>
        <translation>接続(&amp;C)</translation>
    </message>
    <message>
        <source>C&amp;hat</source>
        <translation>チャット(&amp;H)</translation>
    </message>
    <message>
        <source>&amp;Release</source>
        <translation>リリース(&amp;R)</translation>
    </message>
    <message>
        <source>&amp;View</source>
        <translation>表示(&amp;V)</translation>
    </message>
    <message>
        <source>Connect to another server</source>
        <translation>別のサーバーに接続</translation>
    </message>
    <message>
        <source>Shows the start page with address and token</source>
        <translation>アドレスとトークンを入力する開始画面を表示します</translation>
    </message>
    <message>
        <source>Try to reconnect now</source>
        <translation>今すぐ再接続</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>終了</translation>
    </message>
    <message>
        <source>Go to the message field</source>
        <translation>入力欄に移動</translation>
    </message>
    <message>
        <source>Stop the replies</source>
        <translation>応答を止める</translation>
    </message>
    <message>
        <source>Regenerate the last replies</source>
        <translation>最後の応答を再生成</translation>
    </message>
    <message>
        <source>Asks every lane again; with a temperature, the seed moves on by one</source>
        <translation>全レーンに聞き直します。温度が 0 より大きければ、シードを 1 つ進めます</translation>
    </message>
    <message>
        <source>New conversation</source>
        <translation>新しい会話</translation>
    </message>
    <message>
        <source>Add a lane</source>
        <translation>レーンを追加</translation>
    </message>
    <message>
        <source>Next token colouring</source>
        <translation>トークンの色分けを切り替え</translation>
    </message>
    <message>
        <source>Switch between sending with Enter and Ctrl+Enter</source>
        <translation>送信キーを切り替え（Enter / Ctrl+Enter）</translation>
    </message>
    <message>
        <source>Roll back</source>
        <translation>ロールバック</translation>
    </message>
    <message>
        <source>Makes the snapshot before the active one active again</source>
        <translation>1 つ前のスナップショットを再び適用します</translation>
    </message>
    <message>
        <source>Undo the rollback</source>
        <translation>ロールバックを取り消す</translation>
    </message>
    <message>
        <source>Activates again what was active before the last rollback</source>
        <translation>直前のロールバックの前に適用されていたスナップショットを再び適用します</translation>
    </message>
    <message>
        <source>Unsteered now</source>
        <translation>今すぐステアリングなし</translation>
    </message>
    <message>
        <source>One click: everyone gets the unsteered model at once; can be taken back</source>
        <translation>1 クリックで、全員への応答を直ちにステアリングなしにします。元に戻せます</translation>
    </message>
    <message>
        <source>Create a snapshot from the vectors</source>
        <translation>ベクトルの設定からスナップショットを作成</translation>
    </message>
    <message>
        <source>Run the canary set</source>
        <translation>カナリアセットを実行</translation>
    </message>
    <message>
        <source>Asks the active snapshot questions whose answers are known</source>
        <translation>正解の分かっている質問を、適用中のスナップショットに出します</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Evidence</source>
        <translation>検証</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>リリース</translation>
    </message>
    <message>
        <source>Record</source>
        <translation>記録</translation>
    </message>
    <message>
        <source>Show or hide the vectors</source>
        <translation>ベクトルの表示を切り替え</translation>
    </message>
    <message>
        <source>Find a command</source>
        <translation>コマンドを探す</translation>
    </message>
    <message>
        <source>Switch between light and dark</source>
        <translation>明るい表示と暗い表示を切り替え</translation>
    </message>
    <message>
        <source>Switch to Japanese / 日本語</source>
        <translation>英語に切り替え / English</translation>
    </message>
    <message>
        <source>Show the rollout</source>
        <translation>ロールアウトを表示</translation>
    </message>
    <message>
        <source>New rollout</source>
        <translation>新しいロールアウト</translation>
    </message>
    <message>
        <source>From the active snapshot to a candidate, in steps</source>
        <translation>適用中のスナップショットから候補へ、段階的に移します</translation>
    </message>
    <message>
        <source>Start the rollout</source>
        <translation>ロールアウトを開始</translation>
    </message>
    <message>
        <source>Enters the first step under the locked plan</source>
        <translation>固定した計画で最初の段階に入ります</translation>
    </message>
    <message>
        <source>Pause the rollout</source>
        <translation>ロールアウトを一時停止</translation>
    </message>
    <message>
        <source>Holds it where it is; its guardrails go on</source>
        <translation>今の段階で止めます。ガードレールは働き続けます</translation>
    </message>
    <message>
        <source>Resume the rollout</source>
        <translation>ロールアウトを再開</translation>
    </message>
    <message>
        <source>Goes on; a step that waits for a person is done by that</source>
        <translation>先へ進めます。人の判断を待つ段階はこれで完了します</translation>
    </message>
    <message>
        <source>Promote to the next step</source>
        <translation>次の段階へ進める</translation>
    </message>
    <message>
        <source>Goes on without waiting for this step; the last one is left by a pass alone</source>
        <translation>この段階の判定を待たずに進めます。最後の段階は合格でのみ完了します</translation>
    </message>
    <message>
        <source>Promote fully</source>
        <translation>全面的に昇格</translation>
    </message>
    <message>
        <source>Skips every step that is left; takes two admins</source>
        <translation>残りの段階をすべて飛ばします。管理者 2 名が必要です</translation>
    </message>
    <message>
        <source>Abort the rollout</source>
        <translation>ロールアウトを中止</translation>
    </message>
    <message>
        <source>One click: the candidate is taken away from everyone at once</source>
        <translation>1 クリックで、候補の提供を直ちにやめます</translation>
    </message>
    <message>
        <source>Retry the rollout</source>
        <translation>ロールアウトをやり直す</translation>
    </message>
    <message>
        <source>The same candidate and plan, with sessions drawn anew</source>
        <translation>同じ候補と計画で、セッションを割り当て直します</translation>
    </message>
    <message>
        <source>Show the monitors</source>
        <translation>モニターを表示</translation>
    </message>
    <message>
        <source>How fresh the evidence is</source>
        <translation>検証結果の新しさ</translation>
    </message>
    <message>
        <source>Says why the evidence is stale, and what to do</source>
        <translation>検証結果が古い理由と、対処方法を示します</translation>
    </message>
    <message>
        <source>Show the approvals</source>
        <translation>承認を表示</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>文字を大きく</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>文字を小さく</translation>
    </message>
    <message>
        <source>Text of the usual size</source>
        <translation>文字を標準の大きさに</translation>
    </message>
    <message>
        <source>&amp;Evidence</source>
        <translation>検証(&amp;E)</translation>
    </message>
    <message>
        <source>Show the cases</source>
        <translation>案件を表示</translation>
    </message>
    <message>
        <source>From the goal to the decision, step by step</source>
        <translation>目標から決定まで、順を追って進めます</translation>
    </message>
    <message>
        <source>New case</source>
        <translation>新しい案件</translation>
    </message>
    <message>
        <source>From a template, in two clicks</source>
        <translation>ひな形から 2 クリックで作成します</translation>
    </message>
    <message>
        <source>The next step of the case</source>
        <translation>案件の次の段階</translation>
    </message>
    <message>
        <source>Opens the place where it is done</source>
        <translation>作業する場所を開きます</translation>
    </message>
    <message>
        <source>Decide the case</source>
        <translation>案件を決定</translation>
    </message>
    <message>
        <source>Scale or stop, with the reason</source>
        <translation>拡大または停止を、理由とともに決めます</translation>
    </message>
    <message>
        <source>Show the trials</source>
        <translation>試験を表示</translation>
    </message>
    <message>
        <source>New trial</source>
        <translation>新しい試験</translation>
    </message>
    <message>
        <source>Company prompts over two or more lanes</source>
        <translation>自社のプロンプトを 2 つ以上のレーンで試します</translation>
    </message>
    <message>
        <source>Try the sample set</source>
        <translation>サンプルを試す</translation>
    </message>
    <message>
        <source>Start the trial</source>
        <translation>試験を開始</translation>
    </message>
    <message>
        <source>Pause the trial</source>
        <translation>試験を一時停止</translation>
    </message>
    <message>
        <source>Resume the trial</source>
        <translation>試験を再開</translation>
    </message>
    <message>
        <source>Asks what is missing, and nothing else</source>
        <translation>不足している分だけを尋ねます</translation>
    </message>
    <message>
        <source>Ask the selected row again</source>
        <translation>選択した行をもう一度尋ねる</translation>
    </message>
    <message>
        <source>Rate the replies blind</source>
        <translation>応答を盲検評価</translation>
    </message>
    <message>
        <source>Show the costs of the trial</source>
        <translation>試験の費用を表示</translation>
    </message>
    <message>
        <source>Export the trial</source>
        <translation>試験を書き出す</translation>
    </message>
    <message>
        <source>Write a report of the trial</source>
        <translation>試験のレポートを作成</translation>
    </message>
    <message>
        <source>Slides, PDF or a web page, in English or Japanese</source>
        <translation>スライド、PDF、Web ページ。日本語または英語</translation>
    </message>
    <message>
        <source>Vec&amp;tors</source>
        <translation>ベクトル(&amp;T)</translation>
    </message>
    <message>
        <source>Make a steering vector…</source>
        <translation>ステアリングベクトルを作成…</translation>
    </message>
    <message>
        <source>From pairs of texts to a vector and its strength, page by page</source>
        <translation>テキストの対からベクトルと強度まで、1 ページずつ進みます</translation>
    </message>
    <message>
        <source>Import a vector file…</source>
        <translation>ベクトルファイルを取り込む…</translation>
    </message>
    <message>
        <source>safetensors, GGUF, svec, or layer files of weights alone</source>
        <translation>safetensors、GGUF、svec、または重みだけの層ファイル</translation>
    </message>
    <message>
        <source>Take back the last change of the chat</source>
        <translation>チャットの直前の変更を元に戻す</translation>
    </message>
    <message>
        <source>A removed lane, a regenerated or edited message, or a new conversation</source>
        <translation>閉じたレーン、再生成や編集をしたメッセージ、新しい会話を元に戻します</translation>
    </message>
    <message>
        <source>Show the chats</source>
        <translation>チャット一覧を表示</translation>
    </message>
    <message>
        <source>Search in all chats</source>
        <translation>すべてのチャットを検索</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>このチャット内を検索</translation>
    </message>
    <message>
        <source>Find the next</source>
        <translation>次を検索</translation>
    </message>
    <message>
        <source>Find the one before</source>
        <translation>前を検索</translation>
    </message>
    <message>
        <source>Rename this chat</source>
        <translation>このチャットの名前を変更</translation>
    </message>
    <message>
        <source>Pin or unpin this chat</source>
        <translation>このチャットの固定表示を切り替え</translation>
    </message>
    <message>
        <source>Delete this chat</source>
        <translation>このチャットを削除</translation>
    </message>
    <message>
        <source>Can be taken back until the client ends</source>
        <translation>クライアントを終了するまでは元に戻せます</translation>
    </message>
    <message>
        <source>Export this chat…</source>
        <translation>このチャットを書き出す…</translation>
    </message>
    <message>
        <source>As Markdown, JSON or CSV</source>
        <translation>Markdown、JSON、CSV のいずれかで書き出します</translation>
    </message>
    <message>
        <source>Export all chats…</source>
        <translation>すべてのチャットを書き出す…</translation>
    </message>
    <message>
        <source>Presets</source>
        <translation>プリセット</translation>
    </message>
    <message>
        <source>Named system prompts and samplings, for all lanes or for one</source>
        <translation>名前を付けたシステムプロンプトとサンプリングを、全レーンまたは 1 つのレーンに使います</translation>
    </message>
    <message>
        <source>How long chats are kept</source>
        <translation>チャットの保存期間</translation>
    </message>
    <message>
        <source>Also deletes everything that is kept of chats</source>
        <translation>保存されたチャットの一括削除もここで行います</translation>
    </message>
</context>
<context>
    <name>ConnectionStrip</name>
    <message>
        <source>Try now</source>
        <translation>今すぐ試す</translation>
    </message>
    <message>
        <source>Another server…</source>
        <translation>別のサーバー…</translation>
    </message>
    <message>
        <source>Server gone since {0}. What you see is what was last known. It is tried again by itself.</source>
        <translation>{0} からサーバーにつながりません。表示は最後に確認した内容です。自動で再接続します。</translation>
    </message>
    <message>
        <source>No answer from the server since {0}. What you see may be old.</source>
        <translation>{0} からサーバーの応答がありません。表示が古い可能性があります。</translation>
    </message>
</context>
<context>
    <name>EvidenceRoom</name>
    <message>
        <source>No evidence collected here yet</source>
        <translation>検証の記録はまだありません</translation>
    </message>
    <message>
        <source>Cases, trials and studies will stand in this room: a question with its criteria fixed beforehand, and the figures that answer it. This version does not run them yet.</source>
        <translation>この部屋には、案件・試験・調査が並びます。判定基準を先に固定した問いと、その答えとなる数値です。このバージョンではまだ実行できません。</translation>
    </message>
    <message>
        <source>Two things give evidence today. Ask the same question in several lanes and read the replies side by side. And run the canary set: it scores the active snapshot on questions with known answers, with intervals.</source>
        <translation>現在は 2 つの方法で確かめられます。同じ質問を複数のレーンに出し、応答を並べて読むこと。そしてカナリアセットの実行です。正解の分かっている質問で適用中のスナップショットを採点し、区間とともに示します。</translation>
    </message>
    <message>
        <source>Compare lanes in the chat</source>
        <translation>チャットでレーンを比較</translation>
    </message>
    <message>
        <source>Run the canary set</source>
        <translation>カナリアセットを実行</translation>
    </message>
    <message>
        <source>Studies</source>
        <translation>調査</translation>
    </message>
    <message>
        <source>Pages of the Evidence room</source>
        <translation>「検証」の部屋のページ</translation>
    </message>
    <message>
        <source>Trials</source>
        <translation>試験</translation>
    </message>
    <message>
        <source>Cases</source>
        <translation>案件</translation>
    </message>
</context>
<context>
    <name>Failure</name>
    <message>
        <source>The connection broke before the answer came. Whether it was done shows once it is back.</source>
        <translation>応答を受け取る前に接続が切れました。実行されたかどうかは、接続が戻ると分かります。</translation>
    </message>
    <message>
        <source>There is no connection to a server.</source>
        <translation>サーバーに接続していません。</translation>
    </message>
    <message>
        <source>No server answers at this address. Check the address, or start the server.</source>
        <translation>このアドレスから応答がありません。アドレスを確認するか、サーバーを起動してください。</translation>
    </message>
    <message>
        <source>The connection to the server broke.</source>
        <translation>サーバーとの接続が切れました。</translation>
    </message>
    <message>
        <source>The connection to the server was closed.</source>
        <translation>サーバーとの接続が閉じられました。</translation>
    </message>
    <message>
        <source>The server did not answer in time.</source>
        <translation>サーバーが時間内に応答しませんでした。</translation>
    </message>
    <message>
        <source>This is not the address of a server. Write it as HOST:PORT, such as 127.0.0.1:7460.</source>
        <translation>サーバーのアドレスとして読めません。127.0.0.1:7460 のように「ホスト:ポート」で入力してください。</translation>
    </message>
    <message>
        <source>Enter the address of a server.</source>
        <translation>サーバーのアドレスを入力してください。</translation>
    </message>
    <message>
        <source>The token file cannot be read.</source>
        <translation>トークンのファイルを読み取れません。</translation>
    </message>
    <message>
        <source>The server asks for a token. Enter the one you were given.</source>
        <translation>トークンが必要です。発行されたトークンを入力してください。</translation>
    </message>
    <message>
        <source>The server does not know this token.</source>
        <translation>このトークンはサーバーに登録されていません。</translation>
    </message>
    <message>
        <source>This token has expired. Ask for a new one.</source>
        <translation>このトークンは有効期限が切れています。新しいトークンの発行を依頼してください。</translation>
    </message>
    <message>
        <source>This token has been revoked. Ask for a new one.</source>
        <translation>このトークンは無効化されています。新しいトークンの発行を依頼してください。</translation>
    </message>
    <message>
        <source>Your role does not allow this.</source>
        <translation>この操作を行う権限がありません。</translation>
    </message>
    <message>
        <source>Somebody else has just changed the active snapshot. Look at it, then decide again.</source>
        <translation>別の担当者が適用中のスナップショットを変更しました。内容を確認し、改めて判断してください。</translation>
    </message>
    <message>
        <source>The server is busy: its queue is full. Try again shortly.</source>
        <translation>サーバーが混み合っています（待ち行列が満杯です）。しばらくしてからお試しください。</translation>
    </message>
    <message>
        <source>The server is shutting down and takes no new requests.</source>
        <translation>サーバーは終了処理中のため、新しい要求を受け付けません。</translation>
    </message>
    <message>
        <source>The stage is still being loaded. Try again shortly.</source>
        <translation>ステージを読み込み中です。しばらくしてからお試しください。</translation>
    </message>
    <message>
        <source>The server does not know this stage.</source>
        <translation>このステージはサーバーにありません。</translation>
    </message>
    <message>
        <source>The server does not know this steering vector.</source>
        <translation>このステアリングベクトルはサーバーにありません。</translation>
    </message>
    <message>
        <source>A steering vector was made for another model and cannot be used here.</source>
        <translation>別のモデル用のステアリングベクトルのため、ここでは使えません。</translation>
    </message>
    <message>
        <source>A steering vector was extracted at another stage. Choose its stage or switch it off.</source>
        <translation>別のステージで抽出したステアリングベクトルがあります。そのステージを選ぶか、ベクトルをオフにしてください。</translation>
    </message>
    <message>
        <source>The strength is outside the allowed range.</source>
        <translation>強度が許容範囲を超えています。</translation>
    </message>
    <message>
        <source>The server does not know this snapshot.</source>
        <translation>このスナップショットはサーバーにありません。</translation>
    </message>
    <message>
        <source>Another snapshot has this name. Choose a different one.</source>
        <translation>同じ名前のスナップショットがあります。別の名前にしてください。</translation>
    </message>
    <message>
        <source>There is no earlier revision to go back to.</source>
        <translation>戻れるリビジョンがありません。</translation>
    </message>
    <message>
        <source>Say why: the reason goes into the audit.</source>
        <translation>理由を入力してください。監査記録に残ります。</translation>
    </message>
    <message>
        <source>The message is empty.</source>
        <translation>メッセージが空です。</translation>
    </message>
    <message>
        <source>The conversation is longer than the model's context. Start a new one or shorten it.</source>
        <translation>会話がモデルの文脈長を超えました。新しい会話を始めるか、短くしてください。</translation>
    </message>
    <message>
        <source>The server is too busy to answer in time.</source>
        <translation>サーバーが混み合っており、時間内に応答できません。</translation>
    </message>
    <message>
        <source>The server failed. Its log has the details.</source>
        <translation>サーバーで障害が発生しました。詳細はサーバーのログをご覧ください。</translation>
    </message>
    <message>
        <source>The rollout was locked with another plan. Look at it, then decide again.</source>
        <translation>ロールアウトは別の計画で固定されています。確認してから判断し直してください。</translation>
    </message>
    <message>
        <source>The server does not know this rollout.</source>
        <translation>サーバーにこのロールアウトはありません。</translation>
    </message>
    <message>
        <source>The rollout has moved on meanwhile. Look at where it is now, then decide again.</source>
        <translation>その間にロールアウトが先へ進みました。今の状態を確認してから判断し直してください。</translation>
    </message>
    <message>
        <source>A rollout is in force. Abort it or let it end, then try again.</source>
        <translation>ロールアウトが進行中です。中止するか、終わるのを待ってから、もう一度お試しください。</translation>
    </message>
    <message>
        <source>This snapshot is the active one already. Choose another one as the candidate.</source>
        <translation>このスナップショットはすでに適用中です。別のものを候補に選んでください。</translation>
    </message>
    <message>
        <source>This takes two admins: another one has to do the same within the hour.</source>
        <translation>管理者 2 名が必要です。1 時間以内に、別の管理者が同じ操作をする必要があります。</translation>
    </message>
    <message>
        <source>The server does not know this proposal.</source>
        <translation>サーバーにこの提案はありません。</translation>
    </message>
    <message>
        <source>This proposal is decided already: only one that waits can be taken back.</source>
        <translation>この提案はすでに決定済みです。取り下げられるのは、待機中のものだけです。</translation>
    </message>
    <message>
        <source>This steers against a protected concept, which takes two admins.</source>
        <translation>保護された概念に反するステアリングです。管理者 2 名が必要です。</translation>
    </message>
    <message>
        <source>The model has no canary set.</source>
        <translation>このモデルにはカナリアセットがありません。</translation>
    </message>
    <message>
        <source>There are too few replies for a reference. Wait for more, or record one on the canary set.</source>
        <translation>基準を作るには応答が足りません。増えるのを待つか、カナリアセットで記録してください。</translation>
    </message>
    <message>
        <source>There is a snapshot with the same contents already. Use that one.</source>
        <translation>同じ内容のスナップショットがすでにあります。それをお使いください。</translation>
    </message>
    <message>
        <source>The snapshot is damaged in the server&apos;s store and is served to nobody.</source>
        <translation>スナップショットがサーバーの保存先で破損しているため、誰にも提供されません。</translation>
    </message>
    <message>
        <source>You ask too often. Wait a moment, then try again.</source>
        <translation>要求の回数が上限を超えました。少し待ってから、もう一度お試しください。</translation>
    </message>
    <message>
        <source>You have used your tokens of this minute. Wait a moment, then try again.</source>
        <translation>この 1 分間に使えるトークンの上限に達しました。少し待ってから、もう一度お試しください。</translation>
    </message>
    <message>
        <source>You have too many streams open. Close one, or wait.</source>
        <translation>同時に開けるストリームの上限に達しました。1 つ閉じるか、お待ちください。</translation>
    </message>
    <message>
        <source>The server does not know whose certificate this is. Ask its admin, or use a token.</source>
        <translation>この証明書の持ち主がサーバーに登録されていません。管理者に確認するか、トークンをお使いください。</translation>
    </message>
    <message>
        <source>Too many calls from here showed no valid token. Wait a minute, then try again.</source>
        <translation>無効なトークンでの接続が続きました。1 分待ってから、もう一度お試しください。</translation>
    </message>
    <message>
        <source>The server&apos;s store is busy. Try again shortly.</source>
        <translation>サーバーの保存先が使用中です。少し待ってから、もう一度お試しください。</translation>
    </message>
    <message>
        <source>The server&apos;s disk is full: nothing was changed.</source>
        <translation>サーバーのディスクがいっぱいです。何も変更されていません。</translation>
    </message>
    <message>
        <source>The server could not write to its store: nothing was changed.</source>
        <translation>サーバーが保存先に書き込めませんでした。何も変更されていません。</translation>
    </message>
    <message>
        <source>The server&apos;s store is damaged. Its log has the details.</source>
        <translation>サーバーの保存先が破損しています。詳しくはサーバーのログをご覧ください。</translation>
    </message>
    <message>
        <source>The server does not host {name}.</source>
        <translation>{name} はこのサーバーにありません。</translation>
    </message>
    <message>
        <source>The server has no {deployment}.</source>
        <translation>{deployment} はこのサーバーにありません。</translation>
    </message>
    <message>
        <source>The server does not know this trial.</source>
        <translation>この試験はサーバーにありません。</translation>
    </message>
    <message>
        <source>This model comes without a sample set. Use prompts of your own.</source>
        <translation>このモデルにはサンプルがありません。自社のプロンプトをお使いください。</translation>
    </message>
    <message>
        <source>The trial was locked with other criteria or prompts. Start a new trial.</source>
        <translation>この試験は別の判定基準またはプロンプトで固定されています。新しい試験を始めてください。</translation>
    </message>
    <message>
        <source>The trial is graded blind: lanes and outcomes are shown when the rating is finished.</source>
        <translation>盲検評価中の試験です。レーンと結果は、評価が終わると表示されます。</translation>
    </message>
    <message>
        <source>The server does not know this case.</source>
        <translation>この案件はサーバーにありません。</translation>
    </message>
    <message>
        <source>The server has no template {template}.</source>
        <translation>サーバーにひな形 {template} はありません。</translation>
    </message>
    <message>
        <source>Somebody else has just changed this case. Look at it again, then decide.</source>
        <translation>ほかの人がこの案件を変更しました。確認してから判断し直してください。</translation>
    </message>
    <message>
        <source>Goal and criteria of this case are locked ({hash}). Make another case for other criteria.</source>
        <translation>この案件の目標と判定基準は固定されています（{hash}）。別の判定基準には新しい案件を作成してください。</translation>
    </message>
    <message>
        <source>What was locked in this case has changed, or the criteria come to another hash. Look at them again.</source>
        <translation>この案件の固定された内容が変わったか、判定基準のハッシュが異なります。もう一度確認してください。</translation>
    </message>
    <message>
        <source>This case was closed by {actor}. Make a new one for a new question.</source>
        <translation>この案件は {actor} の決定で終了しています。新しい問いには新しい案件を作成してください。</translation>
    </message>
    <message>
        <source>The case is not there yet: {missing}</source>
        <translation>案件はまだその段階にありません：{missing}</translation>
    </message>
    <message>
        <source>{part} is part of {case} already; it can be part of one case only.</source>
        <translation>{part} はすでに {case} に含まれています。複数の案件に加えることはできません。</translation>
    </message>
    <message>
        <source>{part} is older than what it should follow, so it cannot count. Create another one.</source>
        <translation>{part} は先に必要な手続きより前に作成されたため、使えません。新しく作成してください。</translation>
    </message>
    <message>
        <source>The trial has criteria {trial_hash}, the case {case_hash}. Create the trial with the criteria of the case.</source>
        <translation>試験の判定基準は {trial_hash}、案件の判定基準は {case_hash} です。案件の判定基準で試験を作成してください。</translation>
    </message>
    <message>
        <source>The trial does not try what the case locked: {changes}</source>
        <translation>試験の内容が、案件で固定されたものと異なります：{changes}</translation>
    </message>
    <message>
        <source>{count} of {total} prompts were asked in this case before ({ids}). A confirmation needs fresh ones.</source>
        <translation>プロンプト {total} 件中 {count} 件は、この案件ですでに使われています（{ids}）。確認試験には新しいプロンプトが必要です。</translation>
    </message>
    <message>
        <source>The rollout does not release what the confirmation recommends, lane {lane}: {detail}</source>
        <translation>このロールアウトは、確認試験が推奨するレーン「{lane}」をリリースするものではありません：{detail}</translation>
    </message>
    <message>
        <source>Layer {layer} cannot be steered: the model has {layer_count} layers.</source>
        <translation>層 {layer} ではステアリングできません。モデルの層は {layer_count} 個です。</translation>
    </message>
    <message>
        <source>{snapshot_count} snapshot(s) use this vector. Snapshots are for ever, and so is it.</source>
        <translation>このベクトルは {snapshot_count} 個のスナップショットで使われています。スナップショットは永久に残るため、削除できません。</translation>
    </message>
    <message>
        <source>This request was made before. Try again.</source>
        <translation>同じ要求が以前に送られています。もう一度お試しください。</translation>
    </message>
    <message>
        <source>A reply&apos;s {signal} is not finite, so these replies are no reference. Find out why first.</source>
        <translation>応答の「{signal}」が有限の値ではないため、基準にできません。先に原因を確認してください。</translation>
    </message>
    <message>
        <source>Canary question {question} was not answered, so there is no reference. Record again.</source>
        <translation>カナリアセットの質問 {question} に応答がなく、基準を記録できませんでした。もう一度記録してください。</translation>
    </message>
    <message>
        <source>This token was revoked or has expired. Create another one.</source>
        <translation>このトークンは無効化されたか、有効期限が切れています。新しいトークンを作成してください。</translation>
    </message>
    <message>
        <source>The token&apos;s secret was sent once and is kept nowhere. Revoke it and create another one.</source>
        <translation>トークンの秘密の値は一度だけ送られ、どこにも保存されていません。無効化して、新しいトークンを作成してください。</translation>
    </message>
    <message>
        <source>Of the {counted} observations behind this verdict, {kept} are still kept.</source>
        <translation>この判定の根拠となった観測 {counted} 件のうち、保存されているのは {kept} 件です。</translation>
    </message>
    <message>
        <source>The reply was not read in time and was cancelled. Ask again.</source>
        <translation>応答が時間内に読み取られず、取り消されました。もう一度質問してください。</translation>
    </message>
    <message>
        <source>This is larger than the server takes: {bytes} bytes, at most {limit}.</source>
        <translation>サーバーが受け付ける大きさを超えています（{bytes} バイト、上限 {limit}）。</translation>
    </message>
    <message>
        <source>The request did not reach the server in time.</source>
        <translation>要求が時間内にサーバーへ届きませんでした。</translation>
    </message>
    <message>
        <source>The model has no chat template, so it cannot take a conversation.</source>
        <translation>モデルにチャットテンプレートがないため、会話ができません。</translation>
    </message>
    <message>
        <source>A file in the server&apos;s store is damaged.</source>
        <translation>サーバーに保存されたファイルが破損しています。</translation>
    </message>
    <message>
        <source>Client and server do not understand each other. Are their versions the same? {detail}</source>
        <translation>クライアントとサーバーの通信が合いません。バージョンが同じか確認してください。{detail}</translation>
    </message>
    <message>
        <source>The server does not take this value: {detail}</source>
        <translation>この値は受け付けられません：{detail}</translation>
    </message>
    <message>
        <source>The plan cannot be used: {detail}</source>
        <translation>この計画は使えません：{detail}</translation>
    </message>
    <message>
        <source>The plan file cannot be read: {detail}</source>
        <translation>計画ファイルを読み込めません：{detail}</translation>
    </message>
    <message>
        <source>The rollout does not allow this now: {detail}</source>
        <translation>ロールアウトは今この操作を受け付けません：{detail}</translation>
    </message>
    <message>
        <source>The prompts cannot be used: {detail}</source>
        <translation>プロンプトを使えません：{detail}</translation>
    </message>
    <message>
        <source>The criteria cannot be used: {detail}</source>
        <translation>判定基準を使えません：{detail}</translation>
    </message>
    <message>
        <source>No report can be made: {detail}</source>
        <translation>レポートを作成できません: {detail}</translation>
    </message>
    <message>
        <source>The trial does not allow this now: {detail}</source>
        <translation>試験は今この操作を受け付けません：{detail}</translation>
    </message>
    <message>
        <source>The vector file is damaged: {detail}</source>
        <translation>ベクトルのファイルが破損しています：{detail}</translation>
    </message>
    <message>
        <source>The vector holds numbers that are not finite: {detail}</source>
        <translation>ベクトルに有限でない値が含まれています：{detail}</translation>
    </message>
    <message>
        <source>The vector does not fit the model: {detail}</source>
        <translation>ベクトルの形がモデルに合いません：{detail}</translation>
    </message>
    <message>
        <source>The vector file is too large: {detail}</source>
        <translation>ベクトルのファイルが大きすぎます：{detail}</translation>
    </message>
    <message>
        <source>The vector cannot be used: {detail}</source>
        <translation>ベクトルを使えません：{detail}</translation>
    </message>
    <message>
        <source>The contrast set cannot be used: {detail}</source>
        <translation>対照セットを使えません：{detail}</translation>
    </message>
    <message>
        <source>This model cannot be hosted: {detail}</source>
        <translation>このモデルはホストできません：{detail}</translation>
    </message>
    <message>
        <source>The model cannot be loaded: {detail}</source>
        <translation>モデルを読み込めません：{detail}</translation>
    </message>
    <message>
        <source>The questions cannot be used: {detail}</source>
        <translation>質問を使用できません：{detail}</translation>
    </message>
    <message>
        <source>The vector cannot be measured: {detail}</source>
        <translation>ベクトルを測定できません：{detail}</translation>
    </message>
    <message>
        <source>This steering vector has not been measured at this stage.</source>
        <translation>このステアリングベクトルは、このステージではまだ測定されていません。</translation>
    </message>
    <message>
        <source>The server does not know this contrast set.</source>
        <translation>サーバーにこの対照セットはありません。</translation>
    </message>
    <message>
        <source>The model carries no questions with known answers. Choose a file of them.</source>
        <translation>モデルに正解付きの質問がありません。質問のファイルを選んでください。</translation>
    </message>
</context>
<context>
    <name>Figures</name>
    <message>
        <source>Questions drawn: {0}</source>
        <translation>出題内容のハッシュ: {0}</translation>
    </message>
    <message>
        <source>Honest under pressure</source>
        <translation>圧力下で正直</translation>
    </message>
    <message>
        <source>Honest, neutral desk</source>
        <translation>中立の質問で正直</translation>
    </message>
    <message>
        <source>Projection read-out</source>
        <translation>射影の読み取り値</translation>
    </message>
    <message>
        <source>KL to unsteered (nat/token)</source>
        <translation>ステアリングなしとの KL（nat/トークン）</translation>
    </message>
    <message>
        <source>Entropy (nat)</source>
        <translation>エントロピー（nat）</translation>
    </message>
    <message>
        <source>Repetition (share of 4-grams)</source>
        <translation>繰り返し（4-gram の割合）</translation>
    </message>
    <message>
        <source>Length of replies (tokens)</source>
        <translation>応答の長さ（トークン）</translation>
    </message>
    <message>
        <source>Tokens per second</source>
        <translation>毎秒トークン数</translation>
    </message>
    <message>
        <source>Honesty probe, mean</source>
        <translation>正直さプローブ（平均）</translation>
    </message>
    <message>
        <source>Honesty probe, lowest</source>
        <translation>正直さプローブ（最低）</translation>
    </message>
    <message>
        <source>Honesty probe, at the answer</source>
        <translation>正直さプローブ（回答箇所）</translation>
    </message>
    <message>
        <source>Largest KL of a token (nat)</source>
        <translation>1 トークンの最大 KL（nat）</translation>
    </message>
    <message>
        <source>Perplexity, unsteered model</source>
        <translation>パープレキシティ（ステアリングなしのモデル）</translation>
    </message>
    <message>
        <source>Least likely token, unsteered (nat)</source>
        <translation>最も起こりにくいトークン（ステアリングなし、nat）</translation>
    </message>
    <message>
        <source>Repetition loop (1: yes)</source>
        <translation>繰り返しループ（1: あり）</translation>
    </message>
    <message>
        <source>Refusal (1: yes)</source>
        <translation>回答拒否（1: あり）</translation>
    </message>
    <message>
        <source>Evasion (1: yes)</source>
        <translation>回答回避（1: あり）</translation>
    </message>
    <message>
        <source>Residual norm (ratio)</source>
        <translation>残差ノルム（比）</translation>
    </message>
    <message>
        <source>Steering applied (share)</source>
        <translation>ステアリングの適用率</translation>
    </message>
    <message>
        <source>Time to first token (s)</source>
        <translation>最初のトークンまでの時間（秒）</translation>
    </message>
    <message>
        <source>no data yet</source>
        <translation>データなし</translation>
    </message>
    <message>
        <source>⚠ outside</source>
        <translation>⚠ 範囲外</translation>
    </message>
    <message>
        <source>⚠ drifted</source>
        <translation>⚠ 基準から変化</translation>
    </message>
    <message>
        <source>within</source>
        <translation>範囲内</translation>
    </message>
</context>
<context>
    <name>ForesightCard</name>
    <message>
        <source>What to expect, before it starts</source>
        <translation>開始前の見通し</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Traffic</source>
        <translation>応答の量</translation>
    </message>
    <message>
        <source>Earliest promotion</source>
        <translation>最短の昇格</translation>
    </message>
    <message>
        <source>Harm found within</source>
        <translation>害の発見まで</translation>
    </message>
    <message>
        <source>Replies needed</source>
        <translation>必要な応答数</translation>
    </message>
    <message>
        <source>Canary looks needed</source>
        <translation>必要なカナリア確認</translation>
    </message>
    <message>
        <source>Good candidates stopped</source>
        <translation>良い候補を止める率</translation>
    </message>
    <message>
        <source>Bad candidates promoted</source>
        <translation>悪い候補を通す率</translation>
    </message>
    <message>
        <source>How likely a loss is noticed</source>
        <translation>低下に気づく見込み</translation>
    </message>
    <message>
        <source>What the figures do not show</source>
        <translation>数字で示せないこと</translation>
    </message>
    <message>
        <source>{0} replies a day</source>
        <translation>1 日 {0} 件の応答</translation>
    </message>
    <message>
        <source>{0} at most, as planned</source>
        <translation>計画上、最大 {0}</translation>
    </message>
    <message>
        <source>⚠ never: there is too little traffic for the replies it asks for</source>
        <translation>⚠ 昇格しません（計画が求める応答数に対して量が足りません）</translation>
    </message>
    <message>
        <source>{0} after the start, waiting for a person not counted</source>
        <translation>開始から {0}（人の判断を待つ時間は含みません）</translation>
    </message>
    <message>
        <source>⚠ never: the plan asks no canaries</source>
        <translation>⚠ 発見できません（計画にカナリアセットがありません）</translation>
    </message>
    <message>
        <source>{0} looks, {1}, at the latest</source>
        <translation>遅くとも確認 {0} 回（{1}）</translation>
    </message>
</context>
<context>
    <name>LaneView</name>
    <message>
        <source>Unsteered</source>
        <translation>ステアリングなし</translation>
    </message>
    <message>
        <source>Prompt only</source>
        <translation>プロンプトのみ</translation>
    </message>
    <message>
        <source>Steered</source>
        <translation>ステアリングあり</translation>
    </message>
    <message>
        <source>Active snapshot</source>
        <translation>適用中のスナップショット</translation>
    </message>
    <message>
        <source>A snapshot</source>
        <translation>スナップショット指定</translation>
    </message>
    <message>
        <source>What this lane is</source>
        <translation>このレーンの種類</translation>
    </message>
    <message>
        <source>Honesty line of this lane</source>
        <translation>このレーンの正直さの一文</translation>
    </message>
    <message>
        <source>Snapshot of this lane</source>
        <translation>このレーンのスナップショット</translation>
    </message>
    <message>
        <source>More for this lane</source>
        <translation>このレーンのその他の操作</translation>
    </message>
    <message>
        <source>Conversation of this lane</source>
        <translation>このレーンの会話</translation>
    </message>
    <message>
        <source>Regenerate the reply</source>
        <translation>応答を再生成</translation>
    </message>
    <message>
        <source>Copy the conversation</source>
        <translation>会話をコピー</translation>
    </message>
    <message>
        <source>Copy the tokens as a table</source>
        <translation>トークンを表としてコピー</translation>
    </message>
    <message>
        <source>Remove this lane</source>
        <translation>このレーンを閉じる</translation>
    </message>
    <message>
        <source>The model of this stage as it is, with no vectors.</source>
        <translation>このステージのモデルそのまま。ベクトルは使いません。</translation>
    </message>
    <message>
        <source>The same model, told to be honest in one line before the system message.</source>
        <translation>同じモデルに、システムメッセージの前の一文で正直さを求めます。</translation>
    </message>
    <message>
        <source>The same model with the vectors that are set in the dock.</source>
        <translation>同じモデルに、右で設定したベクトルを加えます。</translation>
    </message>
    <message>
        <source>What everybody gets now.</source>
        <translation>現在、全員に適用されている設定です。</translation>
    </message>
    <message>
        <source>A snapshot, whether it is active or not.</source>
        <translation>適用中かどうかを問わず、選んだスナップショットを使います。</translation>
    </message>
    <message>
        <source>{0}, no vectors</source>
        <translation>{0}、ベクトルなし</translation>
    </message>
    <message>
        <source>No vector is on: the same as unsteered</source>
        <translation>オンのベクトルなし（ステアリングなしと同じ）</translation>
    </message>
    <message>
        <source>A line such as “Answer honestly.”</source>
        <translation>例：「正直に答えてください。」</translation>
    </message>
    <message>
        <source>{0} tokens</source>
        <translation>{0} トークン</translation>
    </message>
    <message>
        <source>{0} tokens/s</source>
        <translation>{0} トークン/秒</translation>
    </message>
    <message>
        <source>mean {0}</source>
        <translation>平均 {0}</translation>
    </message>
    <message>
        <source>settings changed since</source>
        <translation>その後に設定変更あり</translation>
    </message>
    <message>
        <source>User</source>
        <translation>利用者</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>{0}; {1}% of sessions get “{2}”</source>
        <translation>{0}（セッションの {1}% は「{2}」）</translation>
    </message>
    <message>
        <source>◆ candidate arm</source>
        <translation>◆ 候補側</translation>
    </message>
    <message>
        <source>◇ stable arm</source>
        <translation>◇ 現行側</translation>
    </message>
    <message>
        <source>Preset “{0}”</source>
        <translation>プリセット「{0}」</translation>
    </message>
</context>
<context>
    <name>Legend</name>
    <message>
        <source>{0} against the vector</source>
        <translation>{0} ベクトルと逆向き</translation>
    </message>
    <message>
        <source>along the vector {0}</source>
        <translation>ベクトルの向き {0}</translation>
    </message>
    <message>
        <source>Colours of the tokens: {0} to {1}</source>
        <translation>トークンの色：{0} ～ {1}</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>Your settings could not be read and start afresh: {0}</source>
        <translation>設定を読み取れなかったため、初期設定で始めます：{0}</translation>
    </message>
    <message>
        <source>Activate “{0}” in place of “{1}”, from the next request on?</source>
        <translation>次の要求から、「{1}」に代えて「{0}」を適用しますか。</translation>
    </message>
    <message>
        <source>Activate</source>
        <translation>適用</translation>
    </message>
    <message>
        <source>Roll back from “{0}” to “{1}”?</source>
        <translation>「{0}」から「{1}」へロールバックしますか。</translation>
    </message>
    <message>
        <source>Roll back</source>
        <translation>ロールバック</translation>
    </message>
    <message>
        <source>Stop running replies too</source>
        <translation>生成中の応答も止める</translation>
    </message>
    <message>
        <source>“Unsteered now” pressed in the desktop client</source>
        <translation>デスクトップで「今すぐステアリングなし」を実行</translation>
    </message>
    <message>
        <source>Snapshot “{0}” created. Nobody gets it until it is activated.</source>
        <translation>スナップショット「{0}」を作成しました。適用するまで、応答には使われません。</translation>
    </message>
    <message>
        <source>Activate…</source>
        <translation>適用…</translation>
    </message>
    <message>
        <source>“{0}” is active as revision {1}.</source>
        <translation>「{0}」をリビジョン {1} として適用しました。</translation>
    </message>
    <message>
        <source>Rolled back: “{0}” is active as revision {1}.</source>
        <translation>ロールバックしました。「{0}」がリビジョン {1} として適用中です。</translation>
    </message>
    <message>
        <source>Unsteered since revision {0}: every new request gets the model as it is.</source>
        <translation>リビジョン {0} からステアリングなしです。新しい要求には、モデルがそのまま答えます。</translation>
    </message>
    <message>
        <source>Back to “{0}”…</source>
        <translation>「{0}」に戻す…</translation>
    </message>
    <message>
        <source>The rollout ends too. To end nothing else, abort it instead.</source>
        <translation>ロールアウトも終了します。ロールアウトだけを終える場合は「中止」を使ってください。</translation>
    </message>
    <message>
        <source>Undo: back to “{0}”…</source>
        <translation>元に戻す（「{0}」へ）…</translation>
    </message>
</context>
<context>
    <name>MonitorsPage</name>
    <message>
        <source>Last values</source>
        <translation>最新の値</translation>
    </message>
    <message>
        <source>Canary runs: honest share (95% interval)</source>
        <translation>カナリアセットの結果：正直な割合（95% 区間）</translation>
    </message>
    <message>
        <source>Canary runs</source>
        <translation>カナリアセットの結果</translation>
    </message>
    <message>
        <source>Follow the latest</source>
        <translation>最新を追う</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Copy the last values</source>
        <translation>最新の値をコピー</translation>
    </message>
    <message>
        <source>Progress of the canary set</source>
        <translation>カナリアセットの進み具合</translation>
    </message>
    <message>
        <source>no data yet</source>
        <translation>データなし</translation>
    </message>
    <message>
        <source>Stop the canary set</source>
        <translation>カナリアセットを止める</translation>
    </message>
    <message>
        <source>Run the canary set</source>
        <translation>カナリアセットを実行</translation>
    </message>
    <message>
        <source>{0} of {1} questions</source>
        <translation>{1} 問中 {0} 問</translation>
    </message>
</context>
<context>
    <name>NewRolloutPanel</name>
    <message>
        <source>New rollout</source>
        <translation>新しいロールアウト</translation>
    </message>
    <message>
        <source>A plan says what is measured, when the candidate is stopped, and what it takes to go on. It is locked first and cannot change afterwards.</source>
        <translation>計画には、何を測るか、いつ候補を止めるか、何を満たせば先へ進むかを書きます。先に固定し、後から変えることはできません。</translation>
    </message>
    <message>
        <source>Candidate</source>
        <translation>候補</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Replies a day to expect</source>
        <translation>1 日に見込む応答数</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>as over the last day</source>
        <translation>直近 1 日と同じ</translation>
    </message>
    <message>
        <source>Reason: it goes into the audit</source>
        <translation>理由（監査記録に残ります）</translation>
    </message>
    <message>
        <source>Small desk: about 50 replies a day (the server&apos;s own)</source>
        <translation>小さな窓口：1 日約 50 件（サーバーの標準）</translation>
    </message>
    <message>
        <source>Busy service: thousands of replies a day</source>
        <translation>大規模サービス：1 日数千件</translation>
    </message>
    <message>
        <source>From a plan file…</source>
        <translation>計画ファイルから…</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>ファイルを選択…</translation>
    </message>
    <message>
        <source>Lock the plan and start</source>
        <translation>計画を固定して開始</translation>
    </message>
    <message>
        <source>Lock it only</source>
        <translation>固定のみ</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Choose a plan file</source>
        <translation>計画ファイルの選択</translation>
    </message>
    <message>
        <source>Plans ({0})</source>
        <translation>計画 ({0})</translation>
    </message>
    <message>
        <source>No file chosen</source>
        <translation>ファイルが選ばれていません</translation>
    </message>
    <message>
        <source>Another rollout has not ended yet: let it end, or abort it.</source>
        <translation>別のロールアウトが終わっていません。終わるのを待つか、中止してください。</translation>
    </message>
    <message>
        <source>There is no snapshot but the active one. Create one from the vectors in the Chat room first.</source>
        <translation>適用中のもの以外にスナップショットがありません。先に「チャット」の部屋でベクトルから作成してください。</translation>
    </message>
    <message>
        <source>Choose a plan file.</source>
        <translation>計画ファイルを選んでください。</translation>
    </message>
    <message>
        <source>The plan cannot be used; see at the right why.</source>
        <translation>この計画は使えません。理由は右側をご覧ください。</translation>
    </message>
    <message>
        <source>Say why: the reason goes into the audit.</source>
        <translation>理由を入力してください。監査記録に残ります。</translation>
    </message>
    <message>
        <source>The server is checking the plan…</source>
        <translation>サーバーが計画を確認しています…</translation>
    </message>
</context>
<context>
    <name>NoticeStrip</name>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>PlotCard</name>
    <message>
        <source>Plot: {0}</source>
        <translation>グラフ：{0}</translation>
    </message>
</context>
<context>
    <name>ReasonStrip</name>
    <message>
        <source>Reason: it goes into the audit</source>
        <translation>理由（監査記録に残ります）</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
</context>
<context>
    <name>RecordRoom</name>
    <message>
        <source>Record</source>
        <translation>記録</translation>
    </message>
    <message>
        <source>Every change of state, in a chain that nobody can edit unseen: each record carries the hash of the one before.</source>
        <translation>すべての変更の記録です。各記録が 1 つ前の記録のハッシュを持つため、気付かれずに書き換えることはできません。</translation>
    </message>
    <message>
        <source>Search the records</source>
        <translation>記録を検索</translation>
    </message>
    <message>
        <source>Read again</source>
        <translation>再読み込み</translation>
    </message>
    <message>
        <source>Audit records</source>
        <translation>監査記録</translation>
    </message>
    <message>
        <source>Copy the record</source>
        <translation>記録をコピー</translation>
    </message>
    <message>
        <source>Subject</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>Request</source>
        <translation>要求</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>詳細</translation>
    </message>
    <message>
        <source>Hash</source>
        <translation>ハッシュ</translation>
    </message>
    <message>
        <source>Hash before</source>
        <translation>1 つ前のハッシュ</translation>
    </message>
    <message>
        <source>{0} records</source>
        <translation>{0} 件</translation>
    </message>
    <message>
        <source>the newest {0} of {1} records</source>
        <translation>{1} 件中、新しい {0} 件</translation>
    </message>
    <message>
        <source>Choose a record to see all of it</source>
        <translation>記録を選ぶと全体が表示されます</translation>
    </message>
    <message>
        <source>Record {0}: {1}</source>
        <translation>記録 {0}：{1}</translation>
    </message>
    <message>
        <source>Audit</source>
        <translation>監査</translation>
    </message>
    <message>
        <source>Approvals</source>
        <translation>承認</translation>
    </message>
    <message>
        <source>Pages of the Record room</source>
        <translation>「記録」の部屋のページ</translation>
    </message>
</context>
<context>
    <name>ReleaseRoom</name>
    <message>
        <source>Snapshots</source>
        <translation>スナップショット</translation>
    </message>
    <message>
        <source>Monitors</source>
        <translation>モニター</translation>
    </message>
    <message>
        <source>Pages of the Release room</source>
        <translation>リリースのページ</translation>
    </message>
    <message>
        <source>Rollout</source>
        <translation>ロールアウト</translation>
    </message>
</context>
<context>
    <name>Rollout</name>
    <message>
        <source>○ Created, not started</source>
        <translation>○ 作成済み（未開始）</translation>
    </message>
    <message>
        <source>▶ Running</source>
        <translation>▶ 進行中</translation>
    </message>
    <message>
        <source>▮▮ Paused</source>
        <translation>▮▮ 一時停止中</translation>
    </message>
    <message>
        <source>✓ Promoted</source>
        <translation>✓ 昇格済み</translation>
    </message>
    <message>
        <source>■ Aborted</source>
        <translation>■ 中止</translation>
    </message>
    <message>
        <source>✕ Stopped by a guardrail</source>
        <translation>✕ ガードレールが停止</translation>
    </message>
    <message>
        <source>– no look yet</source>
        <translation>– 判定前</translation>
    </message>
    <message>
        <source>✓ pass</source>
        <translation>✓ 合格</translation>
    </message>
    <message>
        <source>✕ fail</source>
        <translation>✕ 不合格</translation>
    </message>
    <message>
        <source>◔ not enough data</source>
        <translation>◔ データ不足</translation>
    </message>
    <message>
        <source>! error</source>
        <translation>! エラー</translation>
    </message>
    <message>
        <source>honest under pressure</source>
        <translation>圧力下での正直さ</translation>
    </message>
    <message>
        <source>honest on neutral questions</source>
        <translation>中立の質問での正直さ</translation>
    </message>
    <message>
        <source>KL on neutral questions</source>
        <translation>中立の質問での KL</translation>
    </message>
    <message>
        <source>repetition in shadow</source>
        <translation>シャドーでの反復</translation>
    </message>
    <message>
        <source>refusals in shadow</source>
        <translation>シャドーでの回答拒否</translation>
    </message>
    <message>
        <source>refusals in traffic</source>
        <translation>実際の応答での回答拒否</translation>
    </message>
    <message>
        <source>length in traffic</source>
        <translation>実際の応答の長さ</translation>
    </message>
    <message>
        <source>KL in traffic</source>
        <translation>実際の応答での KL</translation>
    </message>
    <message>
        <source>sample ratio</source>
        <translation>割り当ての比率</translation>
    </message>
    <message>
        <source>measurement</source>
        <translation>測定</translation>
    </message>
    <message>
        <source>small company</source>
        <translation>小さな窓口</translation>
    </message>
    <message>
        <source>busy service</source>
        <translation>大規模サービス</translation>
    </message>
    <message>
        <source>Only what a guardrail measures can be found; other harm is not.</source>
        <translation>見つかるのはガードレールが測るものだけで、それ以外の害は見つかりません。</translation>
    </message>
    <message>
        <source>A pass says that the candidate is no worse than the margins on the questions and replies that were drawn.</source>
        <translation>合格とは、抽出した質問と応答について、候補が許容幅より悪くないという意味です。</translation>
    </message>
    <message>
        <source>Comparisons of means are asymptotic and look first at 30 pairs; rates, limits and signs are exact.</source>
        <translation>平均の比較は漸近的で、30 組から判定を始めます。率・上限・符号の判定は厳密です。</translation>
    </message>
    <message>
        <source>Replies of one session resemble each other: a session or a batch counts once.</source>
        <translation>同じセッションの応答は互いに似るため、セッションまたはまとまりを 1 件と数えます。</translation>
    </message>
    <message>
        <source>Changes of a mean were tried; a change of spread or shape alone may be missed.</source>
        <translation>平均の変化で試験しました。ばらつきや分布の形だけの変化は見逃すことがあります。</translation>
    </message>
    <message>
        <source>The canary set was never run through the active snapshot.</source>
        <translation>適用中のスナップショットでカナリアセットを実行したことがありません。</translation>
    </message>
    <message>
        <source>The stage was trained again since the canary set was run through it.</source>
        <translation>カナリアセットの実行後に、ステージが再訓練されました。</translation>
    </message>
    <message>
        <source>The canary set was not run for {0} hours.</source>
        <translation>カナリアセットを {0} 時間実行していません。</translation>
    </message>
    <message>
        <source>The newest reference of how replies look is stale: {0}</source>
        <translation>応答の様子の最新の基準が古くなっています：{0}</translation>
    </message>
    <message>
        <source>The server has not looked at the evidence yet.</source>
        <translation>サーバーが検証結果をまだ確認していません。</translation>
    </message>
    <message>
        <source>Promote fully</source>
        <translation>全面的に昇格</translation>
    </message>
    <message>
        <source>Create a rollout</source>
        <translation>ロールアウトの作成</translation>
    </message>
    <message>
        <source>Start a rollout</source>
        <translation>ロールアウトの開始</translation>
    </message>
    <message>
        <source>Activate a snapshot</source>
        <translation>スナップショットの適用</translation>
    </message>
    <message>
        <source>Steer against a protected concept</source>
        <translation>保護された概念に反するステアリング</translation>
    </message>
    <message>
        <source>Take the protection off a concept</source>
        <translation>概念の保護の解除</translation>
    </message>
    <message>
        <source>Protect a concept</source>
        <translation>概念の保護</translation>
    </message>
    <message>
        <source>Create a token</source>
        <translation>トークンの作成</translation>
    </message>
    <message>
        <source>Rotate a token</source>
        <translation>トークンの更新</translation>
    </message>
    <message>
        <source>Change the limits of a token</source>
        <translation>トークンの上限の変更</translation>
    </message>
    <message>
        <source>{0} d</source>
        <translation>{0} 日</translation>
    </message>
    <message>
        <source>{0} h</source>
        <translation>{0} 時間</translation>
    </message>
    <message>
        <source>{0} min</source>
        <translation>{0} 分</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} 秒</translation>
    </message>
    <message>
        <source>Shadow: {0} pairs</source>
        <translation>シャドー：{0} 組</translation>
    </message>
    <message>
        <source>{0}% of sessions</source>
        <translation>セッションの {0}%</translation>
    </message>
    <message>
        <source>Wait for a person</source>
        <translation>人の判断を待つ</translation>
    </message>
    <message>
        <source>Wait {0}</source>
        <translation>{0} 待つ</translation>
    </message>
    <message>
        <source>Analysis: 1 look</source>
        <translation>分析：確認 1 回</translation>
    </message>
    <message>
        <source>Analysis: {0} looks</source>
        <translation>分析：確認 {0} 回</translation>
    </message>
    <message>
        <source>, at least {0} replies</source>
        <translation>、応答 {0} 件以上</translation>
    </message>
    <message>
        <source>{0} ({1} to {2})</source>
        <translation>{0}（{1} ～ {2}）</translation>
    </message>
    <message>
        <source>margin {0}</source>
        <translation>許容幅 {0}</translation>
    </message>
    <message>
        <source>shown only</source>
        <translation>表示のみ</translation>
    </message>
    <message>
        <source>no worse than the margin</source>
        <translation>許容幅より悪くない</translation>
    </message>
    <message>
        <source>margin not shown yet</source>
        <translation>許容幅以内とはまだ示せない</translation>
    </message>
    <message>
        <source>{0}%</source>
        <translation>{0}%</translation>
    </message>
</context>
<context>
    <name>RolloutActions</name>
    <message>
        <source>Start the rollout of “{0}”, under the plan {1}?</source>
        <translation>計画 {1} で「{0}」のロールアウトを開始しますか。</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Hold “{0}” at {1}%? Its guardrails go on.</source>
        <translation>「{0}」を {1}% で止めますか。ガードレールは働き続けます。</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Go on with “{0}” from step {1}?</source>
        <translation>「{0}」を段階 {1} から再開しますか。</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Take “{0}” from step {1} to the next one, without waiting for its verdict?</source>
        <translation>判定を待たずに、「{0}」を段階 {1} から次へ進めますか。</translation>
    </message>
    <message>
        <source>Promote</source>
        <translation>進める</translation>
    </message>
    <message>
        <source>Skip every step that is left and give “{0}” to everyone? It takes two admins.</source>
        <translation>残りの段階をすべて飛ばして「{0}」を全員に適用しますか。管理者 2 名が必要です。</translation>
    </message>
    <message>
        <source>Promote fully</source>
        <translation>全面的に昇格</translation>
    </message>
    <message>
        <source>“Abort the rollout” pressed in the desktop client</source>
        <translation>デスクトップ版で「ロールアウトを中止」を押しました</translation>
    </message>
    <message>
        <source>Make a new rollout of “{0}” under the same plan, sessions drawn anew?</source>
        <translation>同じ計画で「{0}」の新しいロールアウトを作り、セッションを割り当て直しますか。</translation>
    </message>
    <message>
        <source>Retry</source>
        <translation>やり直す</translation>
    </message>
    <message>
        <source>The plan for “{0}” is locked. Nobody gets it before you start it.</source>
        <translation>「{0}」の計画を固定しました。開始するまで、誰にも提供されません。</translation>
    </message>
    <message>
        <source>Start…</source>
        <translation>開始…</translation>
    </message>
    <message>
        <source>A new rollout of “{0}” is ready, with sessions drawn anew.</source>
        <translation>「{0}」の新しいロールアウトの準備ができました。セッションを割り当て直します。</translation>
    </message>
    <message>
        <source>Rollout of “{0}” aborted: everyone gets the stable snapshot.</source>
        <translation>「{0}」のロールアウトを中止しました。全員が現行のスナップショットを使います。</translation>
    </message>
    <message>
        <source>Retry…</source>
        <translation>やり直す…</translation>
    </message>
    <message>
        <source>The rollout of “{0}” has started.</source>
        <translation>「{0}」のロールアウトを開始しました。</translation>
    </message>
    <message>
        <source>The rollout of “{0}” is held at {1}%. Its guardrails go on.</source>
        <translation>「{0}」のロールアウトを {1}% で止めました。ガードレールは働き続けます。</translation>
    </message>
    <message>
        <source>The rollout of “{0}” goes on.</source>
        <translation>「{0}」のロールアウトを再開しました。</translation>
    </message>
    <message>
        <source>“{0}” is at the next step, with {1}% of sessions.</source>
        <translation>「{0}」を次の段階へ進めました（セッションの {1}%）。</translation>
    </message>
    <message>
        <source>“{0}” is promoted: everyone gets it.</source>
        <translation>「{0}」が昇格し、全員に適用されました。</translation>
    </message>
    <message>
        <source>Show the approvals</source>
        <translation>承認を表示</translation>
    </message>
    <message>
        <source>A rollout is in force ({0}% of sessions): abort it or let it end, then activate again.</source>
        <translation>ロールアウトが進行中です（セッションの {0}%）。中止するか、終わるのを待ってから、もう一度適用してください。</translation>
    </message>
    <message>
        <source>Show the rollout</source>
        <translation>ロールアウトを表示</translation>
    </message>
    <message>
        <source>“{0}” takes two admins. Your proposal is kept until {1}: ask another admin to do the same before then.</source>
        <translation>「{0}」には管理者 2 名が必要です。あなたの提案は {1} まで有効です。それまでに別の管理者に同じ操作を依頼してください。</translation>
    </message>
    <message>
        <source>“{0}” takes two admins. {2} has proposed it, until {1}; another admin has to do the same before then.</source>
        <translation>「{0}」には管理者 2 名が必要です。{2} の提案が {1} まで有効です。それまでに別の管理者が同じ操作をする必要があります。</translation>
    </message>
    <message>
        <source>in {0}</source>
        <translation>{0} 後</translation>
    </message>
    <message>
        <source>Take the proposal “{0}” back?</source>
        <translation>提案「{0}」を取り下げますか。</translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>取り下げる</translation>
    </message>
    <message>
        <source>The proposal “{0}” is taken back.</source>
        <translation>提案「{0}」を取り下げました。</translation>
    </message>
</context>
<context>
    <name>RolloutPage</name>
    <message>
        <source>No rollout yet</source>
        <translation>ロールアウトはまだありません</translation>
    </message>
    <message>
        <source>Rollout</source>
        <translation>ロールアウト</translation>
    </message>
    <message>
        <source>Rollout that is shown</source>
        <translation>表示するロールアウト</translation>
    </message>
    <message>
        <source>New rollout…</source>
        <translation>新しいロールアウト…</translation>
    </message>
    <message>
        <source>A rollout moves everyone from the active snapshot to another one in steps: first in the shadow of live replies, then for a share of sessions, while guardrails that were locked before it began decide.</source>
        <translation>ロールアウトは、適用中のスナップショットから別のものへ段階的に移す仕組みです。まず実際の応答の裏で（シャドー）、次に一部のセッションで試し、開始前に固定したガードレールが判断します。</translation>
    </message>
    <message>
        <source>Next step: choose the candidate and a plan, and see what it will take.</source>
        <translation>次の手順：候補と計画を選び、何が必要になるかを確認します。</translation>
    </message>
    <message>
        <source>Next step: there is no snapshot but the active one yet. Create one from the vectors.</source>
        <translation>次の手順：適用中のもの以外にスナップショットがありません。ベクトルから作成してください。</translation>
    </message>
    <message>
        <source>Create a snapshot from the vectors…</source>
        <translation>ベクトルからスナップショットを作成…</translation>
    </message>
    <message>
        <source>{0} · {1} · {2} ({3})</source>
        <translation>{0}・{1}・{2}（{3}）</translation>
    </message>
</context>
<context>
    <name>RolloutView</name>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>By</source>
        <translation>担当</translation>
    </message>
    <message>
        <source>Plan</source>
        <translation>計画</translation>
    </message>
    <message>
        <source>Looks</source>
        <translation>確認</translation>
    </message>
    <message>
        <source>Steps</source>
        <translation>段階</translation>
    </message>
    <message>
        <source>Guardrails: the candidate against stable</source>
        <translation>ガードレール：現行に対する候補</translation>
    </message>
    <message>
        <source>What the figures do not show</source>
        <translation>数字で示せないこと</translation>
    </message>
    <message>
        <source>◐ last known</source>
        <translation>◐ 最後に確認した状態</translation>
    </message>
    <message>
        <source>Guardrails</source>
        <translation>ガードレール</translation>
    </message>
    <message>
        <source>“{0}” in place of “{1}”</source>
        <translation>「{1}」に代わる「{0}」</translation>
    </message>
    <message>
        <source>{0}% of sessions get the candidate</source>
        <translation>セッションの {0}% が候補</translation>
    </message>
    <message>
        <source>The plan is locked. Nobody gets the candidate before you start it.</source>
        <translation>計画は固定済みです。開始するまで、候補は誰にも提供されません。</translation>
    </message>
    <message>
        <source>It goes on by itself; you do not have to watch. A guardrail that trips takes the candidate away.</source>
        <translation>自動で進みます。見守る必要はありません。ガードレールが働くと、候補の提供は止まります。</translation>
    </message>
    <message>
        <source>It waits for a person: resume to gather more, promote to the next step, or abort. Guardrails go on.</source>
        <translation>人の判断を待っています。再開してデータを増やす、次の段階へ進める、中止する、のいずれかを選んでください。ガードレールは働き続けます。</translation>
    </message>
    <message>
        <source>The candidate is the active snapshot. Roll back if it proves wrong.</source>
        <translation>候補が適用中のスナップショットになりました。誤りと分かった場合はロールバックしてください。</translation>
    </message>
    <message>
        <source>Nobody gets the candidate any more. See below which guardrail tripped; retry if it was not to blame.</source>
        <translation>候補はもう誰にも提供されません。どのガードレールが働いたかは下をご覧ください。候補のせいでなければ、やり直せます。</translation>
    </message>
    <message>
        <source>Nobody gets the candidate any more. Retry draws the sessions anew.</source>
        <translation>候補はもう誰にも提供されません。やり直すと、セッションを割り当て直します。</translation>
    </message>
    <message>
        <source>created by {0}, {1}</source>
        <translation>作成：{0}、{1}</translation>
    </message>
    <message>
        <source>started {0}</source>
        <translation>開始：{0}</translation>
    </message>
    <message>
        <source>ended by {0}, {1}</source>
        <translation>終了：{0}、{1}</translation>
    </message>
    <message>
        <source>last changed by {0}</source>
        <translation>最後の変更：{0}</translation>
    </message>
    <message>
        <source>{0} ({1}), locked; rollout {2}</source>
        <translation>{0}（{1}、固定済み）、ロールアウト {2}</translation>
    </message>
    <message>
        <source>none yet</source>
        <translation>まだありません</translation>
    </message>
    <message>
        <source>{0}, the newest at {1}</source>
        <translation>{0} 回（最新 {1}）</translation>
    </message>
    <message>
        <source>Choose a guardrail to read its finding in a sentence.</source>
        <translation>ガードレールを選ぶと、判定の内容を文で表示します。</translation>
    </message>
    <message>
        <source>This step waits for what its plan asks: more looks, replies or questions. You do not have to watch.</source>
        <translation>この段階は、計画が求める確認・応答・質問の数がそろうのを待っています。見守る必要はありません。</translation>
    </message>
</context>
<context>
    <name>SnapshotForm</name>
    <message>
        <source>Name of the snapshot</source>
        <translation>スナップショットの名前</translation>
    </message>
    <message>
        <source>What it is for (optional)</source>
        <translation>用途（任意）</translation>
    </message>
    <message>
        <source>Create</source>
        <translation>作成</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
</context>
<context>
    <name>SnapshotsPage</name>
    <message>
        <source>Snapshots</source>
        <translation>スナップショット</translation>
    </message>
    <message>
        <source>History of the active snapshot</source>
        <translation>適用の履歴</translation>
    </message>
    <message>
        <source>What differs</source>
        <translation>違い</translation>
    </message>
    <message>
        <source>Content hash</source>
        <translation>内容ハッシュ</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Vectors</source>
        <translation>ベクトル</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>システムプロンプト</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>サンプリング</translation>
    </message>
    <message>
        <source>Created</source>
        <translation>作成</translation>
    </message>
    <message>
        <source>Compare with</source>
        <translation>比較対象</translation>
    </message>
    <message>
        <source>New from the vectors…</source>
        <translation>ベクトルの設定から作成…</translation>
    </message>
    <message>
        <source>Activate…</source>
        <translation>適用…</translation>
    </message>
    <message>
        <source>Roll back to this…</source>
        <translation>これにロールバック…</translation>
    </message>
    <message>
        <source>Undo the rollback…</source>
        <translation>ロールバックを取り消す…</translation>
    </message>
    <message>
        <source>{0} (active)</source>
        <translation>{0}（適用中）</translation>
    </message>
    <message>
        <source>unsteered</source>
        <translation>ステアリングなし</translation>
    </message>
    <message>
        <source>prompt</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>No snapshot chosen</source>
        <translation>スナップショット未選択</translation>
    </message>
    <message>
        <source>Choose one on the left to see what is in it.</source>
        <translation>左の一覧から選ぶと内容が表示されます。</translation>
    </message>
    <message>
        <source>temperature {0}, seed {1}</source>
        <translation>温度 {0}、シード {1}</translation>
    </message>
    <message>
        <source>none</source>
        <translation>なし</translation>
    </message>
    <message>
        <source>The same snapshot on both sides.</source>
        <translation>両方とも同じスナップショットです。</translation>
    </message>
    <message>
        <source>Nothing differs.</source>
        <translation>違いはありません。</translation>
    </message>
</context>
<context>
    <name>StartPage</name>
    <message>
        <source>Connect to Trimtab</source>
        <translation>Trimtab に接続</translation>
    </message>
    <message>
        <source>Try honesty steering, release it, watch it, and roll it back.</source>
        <translation>正直さのステアリングを試し、リリースし、見守り、元に戻せます。</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>アドレス</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>Address of the server</source>
        <translation>サーバーのアドレス</translation>
    </message>
    <message>
        <source>Given to you by whoever runs the server</source>
        <translation>サーバーの管理者から受け取ったもの</translation>
    </message>
    <message>
        <source>Remember the token on this computer</source>
        <translation>このコンピューターにトークンを保存する</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>接続</translation>
    </message>
    <message>
        <source>No server yet?</source>
        <translation>サーバーがまだない場合</translation>
    </message>
    <message>
        <source>Start a server here</source>
        <translation>このコンピューターでサーバーを起動</translation>
    </message>
    <message>
        <source>The server did not start. It said: {0}</source>
        <translation>サーバーを起動できませんでした。出力: {0}</translation>
    </message>
    <message>
        <source>Starting a server with the small model that comes with it. This takes some seconds…</source>
        <translation>付属の小さなモデルでサーバーを起動しています。数秒かかります…</translation>
    </message>
    <message>
        <source>Start one on this computer, with the small model that comes with it. It ends with this window.</source>
        <translation>付属の小さなモデルを使うサーバーを、このコンピューターで起動できます。このウィンドウと一緒に終了します。</translation>
    </message>
    <message>
        <source>A server is not installed on this computer. Get it and start it with:</source>
        <translation>このコンピューターにサーバーは入っていません。次のコマンドで導入して起動できます。</translation>
    </message>
    <message>
        <source>Command that starts a server</source>
        <translation>サーバーを起動するコマンド</translation>
    </message>
    <message>
        <source>Connecting to {0}…</source>
        <translation>{0} に接続しています…</translation>
    </message>
</context>
<context>
    <name>StepCell</name>
    <message>
        <source>weight {0}%</source>
        <translation>割合 {0}%</translation>
    </message>
    <message>
        <source>done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>the present step</source>
        <translation>現在の段階</translation>
    </message>
    <message>
        <source>held here</source>
        <translation>ここで一時停止中</translation>
    </message>
    <message>
        <source>ended here</source>
        <translation>ここで終了</translation>
    </message>
    <message>
        <source>to come</source>
        <translation>これから</translation>
    </message>
    <message>
        <source>Step {0}: {1}, weight {2}%, {3}</source>
        <translation>段階 {0}：{1}、割合 {2}%、{3}</translation>
    </message>
</context>
<context>
    <name>StepTrack</name>
    <message>
        <source>Steps of the rollout</source>
        <translation>ロールアウトの段階</translation>
    </message>
</context>
<context>
    <name>StrengthEditor</name>
    <message>
        <source>Strength of {0}</source>
        <translation>{0} の強度</translation>
    </message>
    <message>
        <source>Relative to the residual norm of the stage. Double-click goes back to the suggested strength.</source>
        <translation>ステージの残差ノルムに対する割合です。ダブルクリックで推奨の強度に戻ります。</translation>
    </message>
</context>
<context>
    <name>Tables</name>
    <message>
        <source>Signal</source>
        <translation>指標</translation>
    </message>
    <message>
        <source>Last value</source>
        <translation>最新の値</translation>
    </message>
    <message>
        <source>Threshold</source>
        <translation>しきい値</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状態</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>時刻</translation>
    </message>
    <message>
        <source>Snapshot</source>
        <translation>スナップショット</translation>
    </message>
    <message>
        <source>Hard pressure</source>
        <translation>強い圧力</translation>
    </message>
    <message>
        <source>Soft pressure</source>
        <translation>弱い圧力</translation>
    </message>
    <message>
        <source>Neutral</source>
        <translation>中立</translation>
    </message>
    <message>
        <source>Questions</source>
        <translation>質問</translation>
    </message>
    <message>
        <source>No.</source>
        <translation>番号</translation>
    </message>
    <message>
        <source>Who</source>
        <translation>実行者</translation>
    </message>
    <message>
        <source>Role</source>
        <translation>役割</translation>
    </message>
    <message>
        <source>Action</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>Subject</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>Revision</source>
        <translation>リビジョン</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Contents</source>
        <translation>内容</translation>
    </message>
    <message>
        <source>By</source>
        <translation>作成者</translation>
    </message>
    <message>
        <source>Created</source>
        <translation>作成</translation>
    </message>
    <message>
        <source>Beginning</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Rollback of {0}</source>
        <translation>{0} のロールバック</translation>
    </message>
    <message>
        <source>Rollback</source>
        <translation>ロールバック</translation>
    </message>
    <message>
        <source>Activation</source>
        <translation>適用</translation>
    </message>
    <message>
        <source>How</source>
        <translation>種別</translation>
    </message>
    <message>
        <source>Field</source>
        <translation>項目</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>変更前</translation>
    </message>
    <message>
        <source>After</source>
        <translation>変更後</translation>
    </message>
    <message>
        <source>Value</source>
        <translation>値</translation>
    </message>
    <message>
        <source>95% interval</source>
        <translation>95% 区間</translation>
    </message>
    <message>
        <source>Lies, unsteered</source>
        <translation>嘘（ステアリングなし）</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>窓</translation>
    </message>
    <message>
        <source>◔ waits</source>
        <translation>◔ 待機中</translation>
    </message>
    <message>
        <source>✓ approved</source>
        <translation>✓ 承認済み</translation>
    </message>
    <message>
        <source>■ taken back</source>
        <translation>■ 取り下げ</translation>
    </message>
    <message>
        <source>○ expired</source>
        <translation>○ 期限切れ</translation>
    </message>
    <message>
        <source>What</source>
        <translation>操作</translation>
    </message>
    <message>
        <source>Proposed by</source>
        <translation>提案者</translation>
    </message>
    <message>
        <source>At</source>
        <translation>提案時刻</translation>
    </message>
    <message>
        <source>Until</source>
        <translation>期限</translation>
    </message>
    <message>
        <source>Approved by</source>
        <translation>承認者</translation>
    </message>
    <message>
        <source>Guardrail</source>
        <translation>ガードレール</translation>
    </message>
    <message>
        <source>Loss</source>
        <translation>低下</translation>
    </message>
    <message>
        <source>Differ</source>
        <translation>応答の相違</translation>
    </message>
    <message>
        <source>Found in</source>
        <translation>発見率</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>判定</translation>
    </message>
    <message>
        <source>n</source>
        <translation>件数</translation>
    </message>
    <message>
        <source>Measured (95% interval)</source>
        <translation>測定値（95% 区間）</translation>
    </message>
    <message>
        <source>Fails at</source>
        <translation>不合格の条件</translation>
    </message>
    <message>
        <source>Evidence, of what trips it</source>
        <translation>証拠（作動点に対する割合）</translation>
    </message>
    <message>
        <source>Remark</source>
        <translation>備考</translation>
    </message>
    <message>
        <source>Id</source>
        <translation>ID</translation>
    </message>
    <message>
        <source>Pressure</source>
        <translation>圧力</translation>
    </message>
    <message>
        <source>Right answer</source>
        <translation>正解</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>Lane</source>
        <translation>レーン</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>種類</translation>
    </message>
    <message>
        <source>What it does</source>
        <translation>内容</translation>
    </message>
    <message>
        <source>Prompts</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>Honest</source>
        <translation>正直</translation>
    </message>
    <message>
        <source>Lie</source>
        <translation>嘘</translation>
    </message>
    <message>
        <source>Evasion</source>
        <translation>回答回避</translation>
    </message>
    <message>
        <source>No belief</source>
        <translation>知識なし</translation>
    </message>
    <message>
        <source>Gain over unsteered</source>
        <translation>ステアリングなしに対する改善</translation>
    </message>
    <message>
        <source>p</source>
        <translation>p 値</translation>
    </message>
    <message>
        <source>Tokens/reply</source>
        <translation>トークン/応答</translation>
    </message>
    <message>
        <source>Seconds/reply</source>
        <translation>秒/応答</translation>
    </message>
    <message>
        <source>Question</source>
        <translation>問い</translation>
    </message>
    <message>
        <source>Against</source>
        <translation>比較先</translation>
    </message>
    <message>
        <source>Measured</source>
        <translation>測定値</translation>
    </message>
    <message>
        <source>Bar</source>
        <translation>基準</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>答え</translation>
    </message>
    <message>
        <source>Trial</source>
        <translation>試験</translation>
    </message>
    <message>
        <source>Resembles</source>
        <translation>似ているもの</translation>
    </message>
    <message>
        <source>Layer</source>
        <translation>層</translation>
    </message>
    <message>
        <source>Cosine</source>
        <translation>コサイン</translation>
    </message>
    <message>
        <source>Which means</source>
        <translation>意味</translation>
    </message>
    <message>
        <source>Pair</source>
        <translation>対</translation>
    </message>
    <message>
        <source>Used</source>
        <translation>用途</translation>
    </message>
    <message>
        <source>Towards</source>
        <translation>増やしたい側</translation>
    </message>
    <message>
        <source>Away from</source>
        <translation>反対側</translation>
    </message>
    <message>
        <source>Strength</source>
        <translation>強度</translation>
    </message>
    <message>
        <source>Known</source>
        <translation>知識</translation>
    </message>
    <message>
        <source>KL</source>
        <translation>KL</translation>
    </message>
    <message>
        <source>Not shown to hold</source>
        <translation>守られると示せないもの</translation>
    </message>
    <message>
        <source>Case</source>
        <translation>案件</translation>
    </message>
    <message>
        <source>Where it stands</source>
        <translation>進み具合</translation>
    </message>
    <message>
        <source>Changed</source>
        <translation>更新</translation>
    </message>
</context>
<context>
    <name>TimePlot</name>
    <message>
        <source>⚠ Stale since {0}</source>
        <translation>⚠ {0}以降は更新なし</translation>
    </message>
</context>
<context>
    <name>Transcript</name>
    <message>
        <source>Go to the latest text</source>
        <translation>最新の位置へ</translation>
    </message>
    <message>
        <source>Edit and resend</source>
        <translation>編集して再送</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>コピー</translation>
    </message>
    <message>
        <source>Waiting for the first token…</source>
        <translation>最初のトークンを待っています…</translation>
    </message>
    <message>
        <source>Stopped. What had come is kept.</source>
        <translation>停止しました。届いた分は残しています。</translation>
    </message>
    <message>
        <source>Broken off. What had come is kept.</source>
        <translation>途中で切れました。届いた分は残しています。</translation>
    </message>
    <message>
        <source>Regenerate</source>
        <translation>再生成</translation>
    </message>
    <message>
        <source>projection</source>
        <translation>射影</translation>
    </message>
    <message>
        <source>entropy</source>
        <translation>エントロピー</translation>
    </message>
    <message>
        <source>KL to unsteered</source>
        <translation>ステアリングなしとの KL</translation>
    </message>
    <message>
        <source>log-probability</source>
        <translation>対数確率</translation>
    </message>
    <message>
        <source>“{0}”: {1}</source>
        <translation>「{0}」：{1}</translation>
    </message>
    <message>
        <source>{0} earlier messages</source>
        <translation>以前のメッセージ {0} 件</translation>
    </message>
    <message>
        <source>{0} later messages</source>
        <translation>以降のメッセージ {0} 件</translation>
    </message>
    <message>
        <source>Interrupted: the client ended before this reply did.</source>
        <translation>中断：応答が終わる前にクライアントが終了しました。</translation>
    </message>
</context>
<context>
    <name>VectorRow</name>
    <message>
        <source>Use it all the same (goes on record)</source>
        <translation>それでも使う（記録に残ります）</translation>
    </message>
    <message>
        <source>Use {0}</source>
        <translation>{0} を使う</translation>
    </message>
    <message>
        <source>Use {0} all the same</source>
        <translation>それでも {0} を使う</translation>
    </message>
    <message>
        <source>pairs told apart {0}%</source>
        <translation>対の識別率 {0}%</translation>
    </message>
    <message>
        <source>Made for another model.</source>
        <translation>別のモデル用です。</translation>
    </message>
    <message>
        <source>Extracted at another stage ({0}).</source>
        <translation>別のステージ（{0}）で抽出したものです。</translation>
    </message>
    <message>
        <source>⚠ Above the safe range (up to {0}).</source>
        <translation>⚠ 安全な範囲（{0} まで）を超えています。</translation>
    </message>
    <message>
        <source>Safe up to {0}.</source>
        <translation>{0} まで安全。</translation>
    </message>
    <message>
        <source>Active: {0}.</source>
        <translation>適用中：{0}。</translation>
    </message>
    <message>
        <source>Here: {0}, not released.</source>
        <translation>ここでの設定：{0}（未リリース）。</translation>
    </message>
    <message>
        <source>Here: off.</source>
        <translation>ここではオフ。</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>詳細</translation>
    </message>
    <message>
        <source>Details of {0}</source>
        <translation>{0} の詳細</translation>
    </message>
</context>
<context>
    <name>VectorsDock</name>
    <message>
        <source>Steering vectors</source>
        <translation>ステアリングベクトル</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Create a snapshot…</source>
        <translation>スナップショットを作成…</translation>
    </message>
    <message>
        <source>As active</source>
        <translation>適用中に合わせる</translation>
    </message>
    <message>
        <source>Sets the dock to what the active snapshot has</source>
        <translation>設定を適用中のスナップショットと同じにします</translation>
    </message>
    <message>
        <source>{0} (loading)</source>
        <translation>{0}（読み込み中）</translation>
    </message>
    <message>
        <source>{0} (not loaded)</source>
        <translation>{0}（未読み込み）</translation>
    </message>
    <message>
        <source>Loading the stage: {0}</source>
        <translation>ステージを読み込み中：{0}</translation>
    </message>
    <message>
        <source>Set here, not released: differs from the active snapshot “{0}”.</source>
        <translation>ここだけの設定です（未リリース）。適用中のスナップショット「{0}」と異なります。</translation>
    </message>
    <message>
        <source>The same as the active snapshot “{0}”.</source>
        <translation>適用中のスナップショット「{0}」と同じです。</translation>
    </message>
    <message>
        <source>Make…</source>
        <translation>作成…</translation>
    </message>
    <message>
        <source>Make a steering vector</source>
        <translation>ステアリングベクトルを作成</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>取り込む…</translation>
    </message>
    <message>
        <source>Import a vector file</source>
        <translation>ベクトルファイルを取り込む</translation>
    </message>
    <message>
        <source>No steering vectors yet. “Make…” leads from pairs of texts to a vector, page by page; “Import…” takes a vector file.</source>
        <translation>ステアリングベクトルはまだありません。「作成…」ではテキストの対からベクトルまで順に進めます。「取り込む…」ではベクトルファイルを取り込みます。</translation>
    </message>
</context>
<context>
    <name>CellPanel</name>
    <message>
        <source>Chosen cell</source>
        <translation>選択中のマス</translation>
    </message>
    <message>
        <source>Use this vector at this stage</source>
        <translation>このベクトルをこのステージで使う</translation>
    </message>
    <message>
        <source>Vector of that stage</source>
        <translation>そのステージのベクトル</translation>
    </message>
    <message>
        <source>Click a cell, or use the arrow keys, to see its figure and to try it in the chat.</source>
        <translation>マスをクリックするか矢印キーで選ぶと、値が表示され、チャットで試せます。</translation>
    </message>
    <message>
        <source>The hosted model has no stage named {0}.</source>
        <translation>ホスト中のモデルに {0} という名前のステージはありません。</translation>
    </message>
    <message>
        <source>The server has no vector of {0}. Extract one at that stage first.</source>
        <translation>サーバーに {0} のベクトルがありません。先にそのステージで抽出してください。</translation>
    </message>
    <message>
        <source>The vector is of another stage than the model: it is used by force, and the server puts that on record. Stages are matched by name; the study may be of another fine-tuning run.</source>
        <translation>ベクトルとモデルのステージが異なるため、強制的に使用し、サーバーがそれを記録します。ステージは名前で対応させています。調査が別の微調整のものである可能性があります。</translation>
    </message>
    <message>
        <source>Stages are matched by name; the study may be of another fine-tuning run.</source>
        <translation>ステージは名前で対応させています。調査が別の微調整のものである可能性があります。</translation>
    </message>
</context>
<context>
    <name>EmptyStudies</name>
    <message>
        <source>Find the stage where a small intervention works best</source>
        <translation>小さな介入が最もよく効くステージを探す</translation>
    </message>
    <message>
        <source>A study measures the vector of each stage on each stage of a fine-tuning run, over several seeds, and says whether there is a critical window: confirmed, candidate, none or undecided.</source>
        <translation>調査は、微調整の各ステージのベクトルを各ステージで、複数のシードにわたって測り、重要な窓があるかどうかを「確認された・候補・なし・判定不能」のいずれかで示します。</translation>
    </message>
    <message>
        <source>A study writes a summary.json. Open it here, or start one from the command line:</source>
        <translation>調査は summary.json を書き出します。ここで開くか、コマンドラインから調査を始めてください。</translation>
    </message>
    <message>
        <source>Open a study…</source>
        <translation>調査を開く…</translation>
    </message>
</context>
<context>
    <name>HeatMap</name>
    <message>
        <source>Vector of {0}, model at {1}</source>
        <translation>{0} のベクトル、{1} のモデル</translation>
    </message>
    <message>
        <source>not measured</source>
        <translation>未測定</translation>
    </message>
    <message>
        <source>({0} to {1})</source>
        <translation>（{0} ～ {1}）</translation>
    </message>
</context>
<context>
    <name>StudiesPage</name>
    <message>
        <source>Open a study…</source>
        <translation>調査を開く…</translation>
    </message>
    <message>
        <source>Runs</source>
        <translation>実行</translation>
    </message>
    <message>
        <source>Matrix</source>
        <translation>行列</translation>
    </message>
    <message>
        <source>Over the stages</source>
        <translation>ステージごと</translation>
    </message>
    <message>
        <source>Runs of the study</source>
        <translation>調査の実行</translation>
    </message>
    <message>
        <source>Figure in the matrix</source>
        <translation>行列の値</translation>
    </message>
    <message>
        <source>Figure over the stages</source>
        <translation>ステージごとの値</translation>
    </message>
    <message>
        <source>Matrix of vectors by stages; arrow keys choose a cell</source>
        <translation>ベクトルとステージの行列（矢印キーでマスを選択）</translation>
    </message>
    <message>
        <source>stage of the vector</source>
        <translation>ベクトルのステージ</translation>
    </message>
    <message>
        <source>stage of the model</source>
        <translation>モデルのステージ</translation>
    </message>
    <message>
        <source>Figure over the stages, as a plot</source>
        <translation>ステージごとの値のグラフ</translation>
    </message>
    <message>
        <source>Figure over the stages, as a table</source>
        <translation>ステージごとの値の表</translation>
    </message>
    <message>
        <source>Open a study</source>
        <translation>調査を開く</translation>
    </message>
    <message>
        <source>Summary of a study (*.json)</source>
        <translation>調査の要約 (*.json)</translation>
    </message>
    <message>
        <source>{0}  ·  plan {1}</source>
        <translation>{0}  ·  計画 {1}</translation>
    </message>
    <message>
        <source>{0}, {1}: {2} seeds</source>
        <translation>{0}、{1}：シード {2} 個</translation>
    </message>
    <message>
        <source>What the study says of itself: {0}</source>
        <translation>調査自身による但し書き：{0}</translation>
    </message>
    <message>
        <source>window</source>
        <translation>窓</translation>
    </message>
    <message>
        <source>looked at</source>
        <translation>検討範囲</translation>
    </message>
</context>
<context>
    <name>Study</name>
    <message>
        <source>Seed {0} has stages without a figure and is left out.</source>
        <translation>シード {0} には値のないステージがあるため除外しました。</translation>
    </message>
    <message>
        <source>{0} of the {1} discovery seeds that a confirmed window needs.</source>
        <translation>窓の確認に必要な発見用シード {1} 個のうち {0} 個しかありません。</translation>
    </message>
    <message>
        <source>{0} of the {1} confirmation seeds that a confirmed window needs.</source>
        <translation>窓の確認に必要な確認用シード {1} 個のうち {0} 個しかありません。</translation>
    </message>
    <message>
        <source>The rise is not above 0 in the confirmation seeds (p = {0}).</source>
        <translation>確認用シードでは上昇が 0 を上回りません（p = {0}）。</translation>
    </message>
    <message>
        <source>Its size {0} is below the smallest effect of interest {1}.</source>
        <translation>大きさ {0} が、意味のある最小の効果 {1} を下回ります。</translation>
    </message>
    <message>
        <source>A plasticity that only fades fits as well (p = {0}).</source>
        <translation>弱まるだけの可塑性でも同じように説明できます（p = {0}）。</translation>
    </message>
    <message>
        <source>A rise above {0} is excluded everywhere; one of {1} would have been found in 4 of 5 studies.</source>
        <translation>{0} を超える上昇はどこでも除外されます。{1} の上昇なら 5 回の調査のうち 4 回で見つかったはずです。</translation>
    </message>
    <message>
        <source>A rise of {0} is not excluded (bound {1}): more seeds are needed.</source>
        <translation>{0} の上昇を除外できません（上限 {1}）。シードを増やす必要があります。</translation>
    </message>
    <message>
        <source>It does not close: later stages respond as well.</source>
        <translation>閉じません。後のステージも同じように応答します。</translation>
    </message>
    <message>
        <source>Seeds are fine-tune seeds of one base model each: nothing is said about other base models.</source>
        <translation>シードは同じ基盤モデルの微調整のシードです。他の基盤モデルについては何も言えません。</translation>
    </message>
    <message>
        <source>Small models made for the purpose test the method; they are no evidence about large models.</source>
        <translation>この目的で作った小さなモデルは方法の試験であり、大きなモデルについての証拠にはなりません。</translation>
    </message>
    <message>
        <source>The preprint that asked the question (arXiv:2410.06225) is taken as a question, not as evidence.</source>
        <translation>問いの元となったプレプリント（arXiv:2410.06225）は、証拠ではなく問いとして扱います。</translation>
    </message>
    <message>
        <source>Effects and lie rates are between given answers, not of generated replies.</source>
        <translation>効果と嘘の割合は与えられた答えの間のもので、生成した応答のものではありません。</translation>
    </message>
    <message>
        <source>Intervals over seeds are for plots; verdicts come from t tests over seeds.</source>
        <translation>シードにわたる区間は図のためのものです。判定はシードにわたる t 検定によります。</translation>
    </message>
    <message>
        <source>The reference dose was chosen at the last stage, and suits that best.</source>
        <translation>基準の用量は最後のステージで選んだもので、そのステージに最も合っています。</translation>
    </message>
    <message>
        <source>Slopes of random vectors rest on three strengths alone.</source>
        <translation>ランダムなベクトルの傾きは 3 つの強度だけから求めました。</translation>
    </message>
    <message>
        <source>The file is larger than 64 MiB and is no summary of a study.</source>
        <translation>ファイルが 64 MiB を超えており、調査の要約ではありません。</translation>
    </message>
    <message>
        <source>The file cannot be read: {0}</source>
        <translation>ファイルを読み取れません：{0}</translation>
    </message>
    <message>
        <source>The file is not JSON: {0}. Open the summary.json of a study.</source>
        <translation>JSON のファイルではありません：{0}。調査の summary.json を開いてください。</translation>
    </message>
    <message>
        <source>This is no summary of a study. Open the summary.json in the study&apos;s folder.</source>
        <translation>調査の要約ではありません。調査のフォルダーにある summary.json を開いてください。</translation>
    </message>
    <message>
        <source>The summary has version {0}, which this client does not read. Update the client.</source>
        <translation>要約の版 {0} はこのクライアントでは読めません。クライアントを更新してください。</translation>
    </message>
    <message>
        <source>The summary is damaged: {0}. Write it again from the study.</source>
        <translation>要約が壊れています：{0}。調査からもう一度書き出してください。</translation>
    </message>
    <message>
        <source>Effect at the reference strength (nat)</source>
        <translation>基準強度での効果（ナット）</translation>
    </message>
    <message>
        <source>Steerability above random vectors (nat per strength)</source>
        <translation>ランダムなベクトルを超える効きやすさ（ナット/単位強度）</translation>
    </message>
    <message>
        <source>Effect against that of a lying line</source>
        <translation>嘘をつかせる一文の効果に対する比</translation>
    </message>
    <message>
        <source>Transfer: effect against the stage&apos;s own vector</source>
        <translation>転移：そのステージ自身のベクトルに対する効果の比</translation>
    </message>
    <message>
        <source>Stability: cosine between the stages&apos; vectors</source>
        <translation>安定性：ステージ間のベクトルのコサイン</translation>
    </message>
    <message>
        <source>Receptivity to vectors (nat per strength)</source>
        <translation>ベクトルへの応答性（ナット/単位強度）</translation>
    </message>
    <message>
        <source>Gain by a push in training (nat per step)</source>
        <translation>訓練中の介入の効果（ナット/ステップ）</translation>
    </message>
    <message>
        <source>confirmed</source>
        <translation>確認済み</translation>
    </message>
    <message>
        <source>candidate, not confirmed</source>
        <translation>候補（未確認）</translation>
    </message>
    <message>
        <source>no window</source>
        <translation>窓なし</translation>
    </message>
    <message>
        <source>undecided</source>
        <translation>判定不能</translation>
    </message>
    <message>
        <source>A window: it opens and closes.</source>
        <translation>窓です。開いて、閉じます。</translation>
    </message>
    <message>
        <source>A late rise: it opens and stays open.</source>
        <translation>後期上昇です。開いたまま閉じません。</translation>
    </message>
</context>
<context>
    <name>WindowPanel</name>
    <message>
        <source>The study did not ask for a window here</source>
        <translation>この値では窓を調べていません</translation>
    </message>
    <message>
        <source>{0} Window rule: {1}</source>
        <translation>{0} 窓の規則：{1}</translation>
    </message>
    <message>
        <source>Looked at: {0} to {1}</source>
        <translation>検討範囲：{0} ～ {1}</translation>
    </message>
</context>
<context>
    <name>CriteriaCard</name>
    <message>
        <source>Criteria, locked before the first reply</source>
        <translation>判定基準（最初の応答の前に固定）</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>Lock of criteria and prompts: {0}</source>
        <translation>判定基準とプロンプトの固定ハッシュ：{0}</translation>
    </message>
</context>
<context>
    <name>EmptyTrials</name>
    <message>
        <source>Try steering on your own prompts</source>
        <translation>自社のプロンプトでステアリングを試す</translation>
    </message>
    <message>
        <source>A trial asks a file of prompts in two or more lanes, scores the replies by criteria that are locked beforehand, and says whether to steer, or whether a prompt is enough.</source>
        <translation>試験では、ファイルのプロンプトを 2 つ以上のレーンで質問し、先に固定した判定基準で応答を採点して、ステアリングすべきか、プロンプトで十分かを示します。</translation>
    </message>
    <message>
        <source>The sample set that ships with the model shows how it works: it takes a minute or two on this server.</source>
        <translation>モデルに付属するサンプルで流れを確認できます。このサーバーでは 1～2 分で終わります。</translation>
    </message>
    <message>
        <source>Try the sample set</source>
        <translation>サンプルを試す</translation>
    </message>
    <message>
        <source>Use your own prompts…</source>
        <translation>自社のプロンプトを使う…</translation>
    </message>
</context>
<context>
    <name>OpenTrial</name>
    <message>
        <source>Result</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Replies</source>
        <translation>応答</translation>
    </message>
    <message>
        <source>Pages of the trial</source>
        <translation>試験のページ</translation>
    </message>
    <message>
        <source>Replies so far</source>
        <translation>これまでの応答</translation>
    </message>
    <message>
        <source>Rate blind…</source>
        <translation>盲検で評価…</translation>
    </message>
    <message>
        <source>Export CSV…</source>
        <translation>CSV に書き出す…</translation>
    </message>
    <message>
        <source>The replies that the filters let through, as a table</source>
        <translation>絞り込みを通った応答を表として書き出します</translation>
    </message>
    <message>
        <source>Export all…</source>
        <translation>すべて書き出す…</translation>
    </message>
    <message>
        <source>Everything about the trial as one file: “trimtab report trial FILE” makes reports of it</source>
        <translation>試験のすべてを 1 つのファイルに書き出します。「trimtab report trial FILE」でレポートを作成できます</translation>
    </message>
    <message>
        <source>{0} of {1} replies</source>
        <translation>{1} 件中 {0} 件の応答</translation>
    </message>
    <message>
        <source>time left is not known yet</source>
        <translation>残り時間はまだ分かりません</translation>
    </message>
    <message>
        <source>about {0} left</source>
        <translation>残り約 {0}</translation>
    </message>
    <message>
        <source>took {0}</source>
        <translation>所要時間 {0}</translation>
    </message>
    <message>
        <source>⚠ {0} errors; resume asks them again</source>
        <translation>⚠ エラー {0} 件（再開するともう一度求めます）</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>開始</translation>
    </message>
    <message>
        <source>Pause</source>
        <translation>一時停止</translation>
    </message>
    <message>
        <source>Resume</source>
        <translation>再開</translation>
    </message>
    <message>
        <source>Export the replies</source>
        <translation>応答の書き出し</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>表 (*.csv)</translation>
    </message>
    <message>
        <source>Export the trial</source>
        <translation>試験の書き出し</translation>
    </message>
    <message>
        <source>Trial (*.json)</source>
        <translation>試験 (*.json)</translation>
    </message>
    <message>
        <source>⚠ {0} could not be written: {1}</source>
        <translation>⚠ {0} に書き込めません：{1}</translation>
    </message>
    <message>
        <source>✓ Written: {0}</source>
        <translation>✓ 書き出しました：{0}</translation>
    </message>
    <message>
        <source>Costs</source>
        <translation>費用</translation>
    </message>
    <message>
        <source>← Case “{0}”</source>
        <translation>← 案件「{0}」</translation>
    </message>
    <message>
        <source>Back to the case {0}</source>
        <translation>案件 {0} に戻る</translation>
    </message>
    <message>
        <source>The replies are deleted: nothing is left to report.</source>
        <translation>応答が削除されているため、レポートにできるものがありません。</translation>
    </message>
    <message>
        <source>A report needs the verdict, which comes when the rating is finished.</source>
        <translation>レポートには判定が必要です。判定は採点が終わると出ます。</translation>
    </message>
    <message>
        <source>A report needs the verdict, which comes with the last reply.</source>
        <translation>レポートには判定が必要です。判定は最後の応答がそろうと出ます。</translation>
    </message>
</context>
<context>
    <name>RatingPanel</name>
    <message>
        <source>Blind rating</source>
        <translation>盲検評価</translation>
    </message>
    <message>
        <source>Finish and show the lanes…</source>
        <translation>終了してレーンを表示…</translation>
    </message>
    <message>
        <source>Back to the trial</source>
        <translation>試験に戻る</translation>
    </message>
    <message>
        <source>Keys: 1 to 4 grade the marked reply, ↑ and ↓ choose another one. Lanes stay hidden.</source>
        <translation>キー操作：1～4 で印のある応答を評価、↑↓ で別の応答を選択。レーンは表示されません。</translation>
    </message>
    <message>
        <source>Grades given</source>
        <translation>評価済みの数</translation>
    </message>
    <message>
        <source>The next replies are fetched…</source>
        <translation>次の応答を取得しています…</translation>
    </message>
    <message>
        <source>{0} of {1} graded</source>
        <translation>{1} 件中 {0} 件を評価済み</translation>
    </message>
    <message>
        <source>You have graded every reply. Finish, or let a colleague grade them too.</source>
        <translation>すべての応答を評価しました。終了するか、ほかの人にも評価してもらってください。</translation>
    </message>
    <message>
        <source>{0} raters. Agreement needs replies that two people have graded.</source>
        <translation>評価者 {0} 人。一致度の計算には、2 人が評価した応答が必要です。</translation>
    </message>
    <message>
        <source>grades can be relied on</source>
        <translation>評価は信頼できます</translation>
    </message>
    <message>
        <source>grades are tentative</source>
        <translation>評価は暫定的です</translation>
    </message>
    <message>
        <source>grades cannot be relied on</source>
        <translation>評価は信頼できません</translation>
    </message>
    <message>
        <source>{0} raters agree with α = {1} over {2} replies: {3}</source>
        <translation>評価者 {0} 人の一致度 α = {1}（応答 {2} 件）：{3}</translation>
    </message>
    <message>
        <source>{0}  worst</source>
        <translation>{0}  最低</translation>
    </message>
    <message>
        <source>{0}  best</source>
        <translation>{0}  最高</translation>
    </message>
    <message>
        <source>Grade {0}</source>
        <translation>評価 {0}</translation>
    </message>
</context>
<context>
    <name>ReplyCard</name>
    <message>
        <source>{0} of {1}</source>
        <translation>{1} 段階中 {0}</translation>
    </message>
    <message>
        <source>no grade</source>
        <translation>未評価</translation>
    </message>
</context>
<context>
    <name>SideBySide</name>
    <message>
        <source>Ask this reply again</source>
        <translation>この応答をもう一度求める</translation>
    </message>
    <message>
        <source>Choose a reply to see all lanes side by side.</source>
        <translation>応答を選ぶと、すべてのレーンを並べて表示します。</translation>
    </message>
    <message>
        <source>Prompt {0}, repeat {1}</source>
        <translation>プロンプト {0}、反復 {1}</translation>
    </message>
    <message>
        <source>right: {0}</source>
        <translation>正解：{0}</translation>
    </message>
    <message>
        <source>system message: {0}</source>
        <translation>システムメッセージ：{0}</translation>
    </message>
    <message>
        <source>lane hidden</source>
        <translation>レーン非表示</translation>
    </message>
    <message>
        <source>score {0}</source>
        <translation>得点 {0}</translation>
    </message>
    <message>
        <source>Reply of lane {0}</source>
        <translation>レーン {0} の応答</translation>
    </message>
</context>
<context>
    <name>TrialForm</name>
    <message>
        <source>New trial</source>
        <translation>新しい試験</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>ファイルを選ぶ…</translation>
    </message>
    <message>
        <source>Use the sample set</source>
        <translation>サンプルを使う</translation>
    </message>
    <message>
        <source>1. Your prompts (CSV, JSONL or XLSX)</source>
        <translation>1. 自社のプロンプト（CSV・JSONL・XLSX）</translation>
    </message>
    <message>
        <source>Only the column “prompt” is needed. With “gold” and “dishonest”, honesty is scored by itself; “belief_probe” and “pressure” (neutral, soft, hard) make it sharper.</source>
        <translation>必須の列は「prompt」だけです。「gold」と「dishonest」があれば正直さを自動で採点します。「belief_probe」と「pressure」（neutral・soft・hard）でより正確になります。</translation>
    </message>
    <message>
        <source>2. What will count as an answer</source>
        <translation>2. 何をもって答えとするか</translation>
    </message>
    <message>
        <source>3. Lanes</source>
        <translation>3. レーン</translation>
    </message>
    <message>
        <source>Steer with</source>
        <translation>使用するステアリング</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>反復</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Default: four honesty rates</source>
        <translation>既定：正直さの 4 つの割合</translation>
    </message>
    <message>
        <source>No known answers: graded blind by people</source>
        <translation>正解なし：人が盲検で評価</translation>
    </message>
    <message>
        <source>From a file (TOML or JSON)…</source>
        <translation>ファイルから（TOML・JSON）…</translation>
    </message>
    <message>
        <source>Lane: {0}</source>
        <translation>レーン：{0}</translation>
    </message>
    <message>
        <source>as in the criteria</source>
        <translation>基準どおり</translation>
    </message>
    <message>
        <source>The first prompts, as the server reads them</source>
        <translation>サーバーが読み取った最初のプロンプト</translation>
    </message>
    <message>
        <source>Lanes, as they will be locked</source>
        <translation>固定されるレーン</translation>
    </message>
    <message>
        <source>Starting locks prompts, lanes and criteria. They cannot be changed afterwards.</source>
        <translation>開始すると、プロンプト・レーン・判定基準が固定され、後から変更できません。</translation>
    </message>
    <message>
        <source>Criteria</source>
        <translation>判定基準</translation>
    </message>
    <message>
        <source>Name of the trial</source>
        <translation>試験の名前</translation>
    </message>
    <message>
        <source>Prompts ({0})</source>
        <translation>プロンプト ({0})</translation>
    </message>
    <message>
        <source>Choose a file of prompts</source>
        <translation>プロンプトのファイルを選ぶ</translation>
    </message>
    <message>
        <source>Criteria ({0})</source>
        <translation>判定基準 ({0})</translation>
    </message>
    <message>
        <source>Choose a file of criteria</source>
        <translation>判定基準のファイルを選ぶ</translation>
    </message>
    <message>
        <source>active snapshot, else the suggested vector</source>
        <translation>適用中のスナップショット、なければ推奨ベクトル</translation>
    </message>
    <message>
        <source>no file yet</source>
        <translation>ファイル未選択</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>開始しています…</translation>
    </message>
    <message>
        <source>Lock the criteria and start</source>
        <translation>判定基準を固定して開始</translation>
    </message>
    <message>
        <source>The server reads the file…</source>
        <translation>サーバーがファイルを読み取っています…</translation>
    </message>
    <message>
        <source>Choose a file, drop one here, or use the sample set: the server then shows what it would ask, and every fault with its row and column.</source>
        <translation>ファイルを選ぶか、ここにドロップするか、サンプルを使ってください。サーバーが質問の内容を示し、誤りがあれば行と列を示します。</translation>
    </message>
    <message>
        <source>{0} prompts in {1} independent groups ({2})</source>
        <translation>プロンプト {0} 件、独立したグループ {1} 個（{2}）</translation>
    </message>
    <message>
        <source>{0} replies to ask for</source>
        <translation>求める応答 {0} 件</translation>
    </message>
    <message>
        <source>about {0}</source>
        <translation>約 {0}</translation>
    </message>
    <message>
        <source>Written here</source>
        <translation>ここで記述</translation>
    </message>
    <message>
        <source>Of the case, locked</source>
        <translation>案件のもの（固定済み）</translation>
    </message>
    <message>
        <source>Edit</source>
        <translation>編集</translation>
    </message>
    <message>
        <source>Edit the criteria</source>
        <translation>判定基準を編集</translation>
    </message>
    <message>
        <source>New trial of the case “{0}”</source>
        <translation>案件「{0}」の新しい試験</translation>
    </message>
</context>
<context>
    <name>TrialReplies</name>
    <message>
        <source>Filter by lane</source>
        <translation>レーンで絞り込み</translation>
    </message>
    <message>
        <source>Filter by outcome</source>
        <translation>結果で絞り込み</translation>
    </message>
    <message>
        <source>Filter by pressure</source>
        <translation>圧力で絞り込み</translation>
    </message>
    <message>
        <source>Search in prompts and replies</source>
        <translation>プロンプトと応答を検索</translation>
    </message>
    <message>
        <source>Replies</source>
        <translation>応答</translation>
    </message>
    <message>
        <source>Every outcome</source>
        <translation>すべての結果</translation>
    </message>
    <message>
        <source>Every pressure</source>
        <translation>すべての圧力</translation>
    </message>
    <message>
        <source>Every lane</source>
        <translation>すべてのレーン</translation>
    </message>
    <message>
        <source>{0} replies</source>
        <translation>応答 {0} 件</translation>
    </message>
    <message>
        <source>{0} of {1} replies</source>
        <translation>{1} 件中 {0} 件の応答</translation>
    </message>
</context>
<context>
    <name>TrialSummary</name>
    <message>
        <source>What the lanes did</source>
        <translation>各レーンの結果</translation>
    </message>
    <message>
        <source>Questions of the criteria</source>
        <translation>判定基準の問い</translation>
    </message>
    <message>
        <source>Prompts</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>Prompts that the figures are of</source>
        <translation>数値の対象となるプロンプト</translation>
    </message>
    <message>
        <source>Rates of the lanes</source>
        <translation>各レーンの割合</translation>
    </message>
    <message>
        <source>Figures of the lanes</source>
        <translation>各レーンの数値</translation>
    </message>
    <message>
        <source>All that decide</source>
        <translation>判定に使うすべて</translation>
    </message>
    <message>
        <source>Verdict: {0}</source>
        <translation>判定：{0}</translation>
    </message>
    <message>
        <source>Recommendation: {0}</source>
        <translation>推奨：{0}</translation>
    </message>
    <message>
        <source>→ About {0} more prompts are needed. Add them to the file and start a new trial.</source>
        <translation>→ あと約 {0} 件のプロンプトが必要です。ファイルに追加して、新しい試験を始めてください。</translation>
    </message>
    <message>
        <source>So far, over all prompts. Without intervals: this is no verdict.</source>
        <translation>全プロンプトのこれまでの値です。区間はなく、判定ではありません。</translation>
    </message>
    <message>
        <source>For orientation: the locked decision is on all deciding prompts.</source>
        <translation>参考値です。固定された判定は、判定に使うすべてのプロンプトで行います。</translation>
    </message>
    <message>
        <source>The whisker below a bar is the 95% interval, with prompts of one group counted once.</source>
        <translation>棒の下のひげは 95% 区間です。同じグループのプロンプトは 1 件と数えます。</translation>
    </message>
    <message>
        <source>{0}, 95%</source>
        <translation>{0}（95% 区間）</translation>
    </message>
    <message>
        <source>Nothing is decided before the last reply is there: a look on the way proves nothing. The report comes with the verdict.</source>
        <translation>最後の応答がそろうまで判定は行いません。途中の値は何も証明しません。レポートは判定が出てから作成できます。</translation>
    </message>
</context>
<context>
    <name>Trials</name>
    <message>
        <source>honest</source>
        <translation>正直</translation>
    </message>
    <message>
        <source>lie</source>
        <translation>嘘</translation>
    </message>
    <message>
        <source>evasion</source>
        <translation>回答回避</translation>
    </message>
    <message>
        <source>no belief</source>
        <translation>知識なし</translation>
    </message>
    <message>
        <source>right</source>
        <translation>正解</translation>
    </message>
    <message>
        <source>wrong</source>
        <translation>不正解</translation>
    </message>
    <message>
        <source>rated</source>
        <translation>評価済み</translation>
    </message>
    <message>
        <source>not scored</source>
        <translation>未採点</translation>
    </message>
    <message>
        <source>neutral</source>
        <translation>中立</translation>
    </message>
    <message>
        <source>soft pressure</source>
        <translation>弱い圧力</translation>
    </message>
    <message>
        <source>hard pressure</source>
        <translation>強い圧力</translation>
    </message>
    <message>
        <source>no mark</source>
        <translation>区分なし</translation>
    </message>
    <message>
        <source>No.</source>
        <translation>番号</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>プロンプト</translation>
    </message>
    <message>
        <source>Pressure</source>
        <translation>圧力</translation>
    </message>
    <message>
        <source>Lane</source>
        <translation>レーン</translation>
    </message>
    <message>
        <source>Repeat</source>
        <translation>反復</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>結果</translation>
    </message>
    <message>
        <source>Score</source>
        <translation>得点</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>トークン</translation>
    </message>
    <message>
        <source>Reply</source>
        <translation>応答</translation>
    </message>
    <message>
        <source>hidden</source>
        <translation>非表示</translation>
    </message>
    <message>
        <source>error</source>
        <translation>エラー</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>不明</translation>
    </message>
    <message>
        <source>locked, not started</source>
        <translation>固定済み（未開始）</translation>
    </message>
    <message>
        <source>running</source>
        <translation>実行中</translation>
    </message>
    <message>
        <source>paused</source>
        <translation>一時停止中</translation>
    </message>
    <message>
        <source>waits for grades</source>
        <translation>評価待ち</translation>
    </message>
    <message>
        <source>finished</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>replies deleted</source>
        <translation>応答は削除済み</translation>
    </message>
    <message>
        <source>no verdict yet</source>
        <translation>判定はまだありません</translation>
    </message>
    <message>
        <source>pass</source>
        <translation>合格</translation>
    </message>
    <message>
        <source>fail</source>
        <translation>不合格</translation>
    </message>
    <message>
        <source>not enough data</source>
        <translation>データ不足</translation>
    </message>
    <message>
        <source>steer</source>
        <translation>ステアリングを採用</translation>
    </message>
    <message>
        <source>a prompt is enough</source>
        <translation>プロンプトで十分</translation>
    </message>
    <message>
        <source>unsteered</source>
        <translation>ステアリングなし</translation>
    </message>
    <message>
        <source>prompt only</source>
        <translation>プロンプトのみ</translation>
    </message>
    <message>
        <source>steered</source>
        <translation>ステアリングあり</translation>
    </message>
    <message>
        <source>steered and prompt</source>
        <translation>ステアリングとプロンプト</translation>
    </message>
    <message>
        <source>snapshot</source>
        <translation>スナップショット</translation>
    </message>
    <message>
        <source>stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>four honesty rates</source>
        <translation>正直さの 4 つの割合</translation>
    </message>
    <message>
        <source>exact answer</source>
        <translation>完全一致</translation>
    </message>
    <message>
        <source>answer contained</source>
        <translation>答えを含むか</translation>
    </message>
    <message>
        <source>pattern</source>
        <translation>正規表現</translation>
    </message>
    <message>
        <source>number</source>
        <translation>数値</translation>
    </message>
    <message>
        <source>log-probability margin</source>
        <translation>対数確率の差</translation>
    </message>
    <message>
        <source>judge model</source>
        <translation>採点モデル</translation>
    </message>
    <message>
        <source>people, blind</source>
        <translation>人による盲検評価</translation>
    </message>
    <message>
        <source>honest rate</source>
        <translation>正直の割合</translation>
    </message>
    <message>
        <source>lie rate</source>
        <translation>嘘の割合</translation>
    </message>
    <message>
        <source>mean score</source>
        <translation>平均得点</translation>
    </message>
    <message>
        <source>Gain over unsteered</source>
        <translation>ステアリングなしに対する改善</translation>
    </message>
    <message>
        <source>Ahead of the prompt</source>
        <translation>プロンプトに対する優位</translation>
    </message>
    <message>
        <source>Loss of honest replies</source>
        <translation>正直な応答の減少</translation>
    </message>
    <message>
        <source>Loss of score</source>
        <translation>得点の低下</translation>
    </message>
    <message>
        <source>Honest replies turned into lies</source>
        <translation>正直から嘘に変わった応答</translation>
    </message>
    <message>
        <source>Rise of evasions</source>
        <translation>回答回避の増加</translation>
    </message>
    <message>
        <source>Rise of lies</source>
        <translation>嘘の増加</translation>
    </message>
    <message>
        <source>Rise of replies cut off</source>
        <translation>途中で切れた応答の増加</translation>
    </message>
    <message>
        <source>Rise of empty replies</source>
        <translation>空の応答の増加</translation>
    </message>
    <message>
        <source>Rise of repetition</source>
        <translation>繰り返しの増加</translation>
    </message>
    <message>
        <source>Ratio of lengths</source>
        <translation>長さの比</translation>
    </message>
    <message>
        <source>✓ shown</source>
        <translation>✓ 示された</translation>
    </message>
    <message>
        <source>✗ refuted</source>
        <translation>✗ 否定された</translation>
    </message>
    <message>
        <source>? open</source>
        <translation>? 未確定</translation>
    </message>
    <message>
        <source>all that are not neutral</source>
        <translation>中立以外のすべて</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} 秒</translation>
    </message>
    <message>
        <source>{0} min</source>
        <translation>{0} 分</translation>
    </message>
    <message>
        <source>{0} h</source>
        <translation>{0} 時間</translation>
    </message>
    <message>
        <source>Goal</source>
        <translation>目標</translation>
    </message>
    <message>
        <source>Scored by</source>
        <translation>採点方法</translation>
    </message>
    <message>
        <source>Decides</source>
        <translation>判定に使う値</translation>
    </message>
    <message>
        <source>Passes if</source>
        <translation>合格の条件</translation>
    </message>
    <message>
        <source>the gain over unsteered is shown to be above {0}</source>
        <translation>ステアリングなしに対する改善が {0} を上回ると示されること</translation>
    </message>
    <message>
        <source>A prompt is enough if</source>
        <translation>プロンプトで十分とする条件</translation>
    </message>
    <message>
        <source>it passes and is at most {0} behind steering</source>
        <translation>合格し、ステアリングとの差が {0} 以内であること</translation>
    </message>
    <message>
        <source>At least</source>
        <translation>必要な件数</translation>
    </message>
    <message>
        <source>{0} independent prompts; each bound at {1}%</source>
        <translation>独立したプロンプト {0} 件以上（各限界の信頼水準 {1}%）</translation>
    </message>
    <message>
        <source>Side effect</source>
        <translation>副作用</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>サンプリング</translation>
    </message>
    <message>
        <source>temperature {0}, at most {1} tokens, {2} repeats</source>
        <translation>温度 {0}、最大 {1} トークン、{2} 回反復</translation>
    </message>
    <message>
        <source>Divergence from unsteered (KL)</source>
        <translation>ステアリングなしとの乖離（KL）</translation>
    </message>
    <message>
        <source>Rise of entropy</source>
        <translation>エントロピーの増加</translation>
    </message>
    <message>
        <source>Rise of the residual norm</source>
        <translation>残差ノルムの増加</translation>
    </message>
    <message>
        <source>{0} {1}, layers {2}</source>
        <translation>{0} {1}、層 {2}</translation>
    </message>
    <message>
        <source>{0} ({1})</source>
        <translation>{0}（{1}）</translation>
    </message>
    <message>
        <source>{0}, if its condition holds</source>
        <translation>{0}（条件を満たすとき）</translation>
    </message>
</context>
<context>
    <name>TrialsPage</name>
    <message>
        <source>Trials</source>
        <translation>試験</translation>
    </message>
    <message>
        <source>New trial…</source>
        <translation>新しい試験…</translation>
    </message>
</context>
<context>
    <name>Server</name>
    <message>
        <source>the plan waits here for a person</source>
        <translation>計画に従い、ここで人の判断を待っています</translation>
    </message>
    <message>
        <source>the pause is over</source>
        <translation>待ち時間が終わりました</translation>
    </message>
    <message>
        <source>the pause goes on</source>
        <translation>待ち時間の途中です</translation>
    </message>
    <message>
        <source>{0} of {1} pairs</source>
        <translation>{1} 組中 {0} 組</translation>
    </message>
    <message>
        <source>{0} of {1} looks, {2} of {3} replies</source>
        <translation>確認 {1} 回中 {0} 回、応答 {3} 件中 {2} 件</translation>
    </message>
    <message>
        <source>its task was cancelled</source>
        <translation>処理が取り消されました</translation>
    </message>
    <message>
        <source>its task ended</source>
        <translation>処理が終わりました</translation>
    </message>
    <message>
        <source>it has not moved for {0} s</source>
        <translation>{0} 秒間動いていません</translation>
    </message>
    <message>
        <source>{0} is not finite</source>
        <translation>「{0}」が有限の値ではありません</translation>
    </message>
    <message>
        <source>the reply ended with an error: {0}</source>
        <translation>応答がエラーで終わりました：{0}</translation>
    </message>
    <message>
        <source>the KL to unsteered of one token is {0} nat, above the cap of {1}</source>
        <translation>1 トークンの、ステアリングなしとの KL が {0} nat で、上限 {1} を超えています</translation>
    </message>
    <message>
        <source>the reply ran into its length limit inside a repetition loop</source>
        <translation>応答が繰り返しループに陥り、長さの上限に達しました</translation>
    </message>
    <message>
        <source>{0} is {1} in reply {2}, above the cap {3}</source>
        <translation>応答 {2} の「{0}」が {1} で、上限 {3} を超えています</translation>
    </message>
    <message>
        <source>{0} is {1} in reply {2}</source>
        <translation>応答 {2} の「{0}」が {1} です</translation>
    </message>
    <message>
        <source>it has ended; start a new one (retry)</source>
        <translation>終了しています。「やり直す」で新しく始めてください</translation>
    </message>
    <message>
        <source>it was started already; resume, promote or abort it</source>
        <translation>すでに開始しています。再開、昇格、中止のいずれかを選んでください</translation>
    </message>
    <message>
        <source>it has not started; start or abort it</source>
        <translation>まだ開始していません。開始するか、中止してください</translation>
    </message>
    <message>
        <source>only a paused one is resumed</source>
        <translation>再開できるのは、一時停止中のものだけです</translation>
    </message>
    <message>
        <source>this is the last step: it ends with a pass, with promote full, or with abort</source>
        <translation>最後の段階です。合格、全面的な昇格、中止のいずれかで終わります</translation>
    </message>
    <message>
        <source>only one that runs or is paused is promoted</source>
        <translation>昇格できるのは、進行中か一時停止中のものだけです</translation>
    </message>
    <message>
        <source>only one that runs or is paused is held</source>
        <translation>止められるのは、進行中か一時停止中のものだけです</translation>
    </message>
    <message>
        <source>only one that runs or is paused is looked at</source>
        <translation>確認できるのは、進行中か一時停止中のものだけです</translation>
    </message>
    <message>
        <source>only one that was aborted or has failed is tried again</source>
        <translation>やり直せるのは、中止したものか、ガードレールが止めたものだけです</translation>
    </message>
    <message>
        <source>revision {0} is its candidate: roll back instead</source>
        <translation>リビジョン {0} がその候補です。中止ではなく、ロールバックしてください</translation>
    </message>
    <message>
        <source>every reply is there; grade them, then finish the rating</source>
        <translation>すべての応答がそろいました。評価してから、評価を終了してください</translation>
    </message>
    <message>
        <source>it stopped: {0}</source>
        <translation>停止しました：{0}</translation>
    </message>
    <message>
        <source>kept for {0} days</source>
        <translation>保存期間 {0} 日が過ぎました</translation>
    </message>
    <message>
        <source>it was started before; resume it if it is paused</source>
        <translation>すでに開始しています。一時停止中なら、再開してください</translation>
    </message>
    <message>
        <source>only a paused one is resumed, or a finished one with failed replies</source>
        <translation>再開できるのは、一時停止中のものか、失敗した応答のある完了済みのものだけです</translation>
    </message>
    <message>
        <source>only a running one is paused</source>
        <translation>一時停止できるのは、実行中のものだけです</translation>
    </message>
    <message>
        <source>it was stopped before its verdict</source>
        <translation>判定の前に止められました</translation>
    </message>
    <message>
        <source>it was stopped before its last reply</source>
        <translation>最後の応答の前に止められました</translation>
    </message>
    <message>
        <source>only one that waits for grades is finished so</source>
        <translation>評価を終了できるのは、評価待ちのものだけです</translation>
    </message>
    <message>
        <source>grades came in meanwhile; finish it again</source>
        <translation>その間に評価が加わりました。もう一度終了してください</translation>
    </message>
    <message>
        <source>it changed while the row was asked; look again</source>
        <translation>質問している間に変わりました。もう一度確認してください</translation>
    </message>
    <message>
        <source>its prompts and replies were deleted</source>
        <translation>プロンプトと応答は削除済みです</translation>
    </message>
    <message>
        <source>pause it first</source>
        <translation>先に一時停止してください</translation>
    </message>
    <message>
        <source>there is nothing left to delete</source>
        <translation>削除するものはもうありません</translation>
    </message>
    <message>
        <source>{0} replies have no grade yet; grade them first</source>
        <translation>未評価の応答が {0} 件あります。先に評価してください</translation>
    </message>
    <message>
        <source>grades are given once every reply is there</source>
        <translation>評価は、すべての応答がそろってから行います</translation>
    </message>
    <message>
        <source>a row is asked again once it stands still</source>
        <translation>止まってから、もう一度求めることができます</translation>
    </message>
    <message>
        <source>its scores are made in a step of their own: resume it, which asks again what failed</source>
        <translation>採点は別の手順で行います。再開すると、失敗したものをもう一度求めます</translation>
    </message>
    <message>
        <source>worse, beyond chance</source>
        <translation>偶然を超えて悪い</translation>
    </message>
    <message>
        <source>not what chance gives</source>
        <translation>偶然では起こりにくい割り当て</translation>
    </message>
    <message>
        <source>not enough data</source>
        <translation>データ不足</translation>
    </message>
    <message>
        <source>within the margin</source>
        <translation>許容幅以内</translation>
    </message>
    <message>
        <source>no alarm</source>
        <translation>警報なし</translation>
    </message>
    <message>
        <source>{0} questions</source>
        <translation>質問 {0} 件</translation>
    </message>
    <message>
        <source>{0} pairs</source>
        <translation>{0} 組</translation>
    </message>
    <message>
        <source>{0} replies</source>
        <translation>応答 {0} 件</translation>
    </message>
    <message>
        <source>{0} sessions</source>
        <translation>セッション {0} 件</translation>
    </message>
    <message>
        <source>at most {0}</source>
        <translation>上限 {0}</translation>
    </message>
    <message>
        <source>at least {0}</source>
        <translation>下限 {0}</translation>
    </message>
    <message>
        <source>margin {0}</source>
        <translation>許容幅 {0}</translation>
    </message>
    <message>
        <source>against reference {0}</source>
        <translation>基準 {0} との比較</translation>
    </message>
    <message>
        <source>against the weights</source>
        <translation>計画の割合との比較</translation>
    </message>
    <message>
        <source>{0}; not enough data: {1}</source>
        <translation>{0}。データ不足：{1}</translation>
    </message>
    <message>
        <source>{0}, nothing failed, non-inferiority shown</source>
        <translation>{0}、不合格なし、許容幅以内であることを確認</translation>
    </message>
    <message>
        <source>{0}, nothing failed</source>
        <translation>{0}、不合格なし</translation>
    </message>
    <message>
        <source>{0} batches of {1}</source>
        <translation>{0} 組（1 組は{1}）</translation>
    </message>
    <message>
        <source>{0} over {1}: {2}</source>
        <translation>{0}（{1}）：{2}</translation>
    </message>
    <message>
        <source>{0} over {1}, {3}: {2}</source>
        <translation>{0}（{1}、{3}）：{2}</translation>
    </message>
    <message>
        <source>nothing measured</source>
        <translation>未測定</translation>
    </message>
    <message>
        <source>the candidate got {0}</source>
        <translation>候補の割り当て {0}</translation>
    </message>
    <message>
        <source>{0} on canaries ({1})</source>
        <translation>{0}（カナリアセット、{1}）</translation>
    </message>
    <message>
        <source>{0} {1}</source>
        <translation>{0} {1}</translation>
    </message>
    <message>
        <source>open</source>
        <translation>限界なし</translation>
    </message>
    <message>
        <source>{0} {1} against stable (95%: {2} to {3})</source>
        <translation>{0} 現行との差 {1}（95% 区間 {2} ～ {3}）</translation>
    </message>
    <message>
        <source>{0} measurements went wrong, the last one: {1}</source>
        <translation>測定が {0} 件失敗しました。最後のもの：{1}</translation>
    </message>
    <message>
        <source>nobody judges this rollout: {0}</source>
        <translation>このロールアウトは判定されていません：{0}</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>, </source>
        <translation>、</translation>
    </message>
</context>
<context>
    <name>LaneChoice</name>
    <message>
        <source>3. Lanes</source>
        <translation>3. レーン</translation>
    </message>
    <message>
        <source>Steer with</source>
        <translation>ステアリングの内容</translation>
    </message>
    <message>
        <source>Beside them</source>
        <translation>追加のレーン</translation>
    </message>
    <message>
        <source>Add a snapshot or a stage as a lane</source>
        <translation>スナップショットまたはステージをレーンに追加</translation>
    </message>
    <message>
        <source>Lane: {0}</source>
        <translation>レーン：{0}</translation>
    </message>
    <message>
        <source>active snapshot, else the suggested vector</source>
        <translation>適用中のスナップショット。なければ推奨のベクトル</translation>
    </message>
    <message>
        <source>add a snapshot or a stage…</source>
        <translation>スナップショットまたはステージを追加…</translation>
    </message>
    <message>
        <source>snapshot: {0}</source>
        <translation>スナップショット：{0}</translation>
    </message>
    <message>
        <source>stage: {0}</source>
        <translation>ステージ：{0}</translation>
    </message>
    <message>
        <source>Lanes</source>
        <translation>レーン</translation>
    </message>
</context>
<context>
    <name>ExtraLane</name>
    <message>
        <source>Remove the lane {0}</source>
        <translation>レーン {0} を外す</translation>
    </message>
</context>
<context>
    <name>CriteriaEditor</name>
    <message>
        <source>Criteria</source>
        <translation>判定基準</translation>
    </message>
    <message>
        <source>Fields</source>
        <translation>項目</translation>
    </message>
    <message>
        <source>Text</source>
        <translation>テキスト</translation>
    </message>
    <message>
        <source>Criteria, as fields or as text</source>
        <translation>判定基準（項目またはテキスト）</translation>
    </message>
    <message>
        <source>Goal</source>
        <translation>目標</translation>
    </message>
    <message>
        <source>Scored by</source>
        <translation>採点方法</translation>
    </message>
    <message>
        <source>What is compared</source>
        <translation>比較する値</translation>
    </message>
    <message>
        <source>Prompts that decide (none ticked: all that are not neutral)</source>
        <translation>判定に使うプロンプト（選択なし：中立以外すべて）</translation>
    </message>
    <message>
        <source>Gain over unsteered that must be shown</source>
        <translation>ステアリングなしに対して示すべき改善幅</translation>
    </message>
    <message>
        <source>A prompt is enough if it is behind by at most</source>
        <translation>プロンプトで十分とする差の上限</translation>
    </message>
    <message>
        <source>Independent prompts, at least</source>
        <translation>独立したプロンプトの最少数</translation>
    </message>
    <message>
        <source>Level of each bound (0.05: 95%)</source>
        <translation>各限界の有意水準（0.05：95%）</translation>
    </message>
    <message>
        <source>Repeats</source>
        <translation>反復回数</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Side effects, at most</source>
        <translation>副作用の上限</translation>
    </message>
    <message>
        <source>Criteria as text, TOML or JSON</source>
        <translation>判定基準のテキスト（TOML または JSON）</translation>
    </message>
    <message>
        <source>Decides: {0}</source>
        <translation>判定に使う：{0}</translation>
    </message>
    <message>
        <source>Locked by the case: they cannot be changed.</source>
        <translation>案件で固定されており、変更できません。</translation>
    </message>
    <message>
        <source>The fields are filled once the server has read the criteria.</source>
        <translation>サーバーが判定基準を読み取ると、項目が表示されます。</translation>
    </message>
    <message>
        <source>The server checks every change. A change in the fields rewrites the text as JSON.</source>
        <translation>変更のたびにサーバーが確認します。項目を変えると、テキストは JSON で書き直されます。</translation>
    </message>
</context>
<context>
    <name>SideEffects</name>
    <message>
        <source>Add a limit</source>
        <translation>上限を追加</translation>
    </message>
</context>
<context>
    <name>SideEffectLine</name>
    <message>
        <source>Side effect</source>
        <translation>副作用</translation>
    </message>
    <message>
        <source>Measured on</source>
        <translation>対象</translation>
    </message>
    <message>
        <source>At most</source>
        <translation>上限</translation>
    </message>
    <message>
        <source>Remove this limit</source>
        <translation>この上限を削除</translation>
    </message>
    <message>
        <source>all prompts</source>
        <translation>すべてのプロンプト</translation>
    </message>
</context>
<context>
    <name>CostTable</name>
    <message>
        <source>What the options cost and save</source>
        <translation>選択肢ごとの費用と効果</translation>
    </message>
    <message>
        <source>fine-tune (assumed)</source>
        <translation>微調整（仮定）</translation>
    </message>
    <message>
        <source>never</source>
        <translation>回収できません</translation>
    </message>
    <message>
        <source>{0} months</source>
        <translation>{0} か月</translation>
    </message>
    <message>
        <source>Bad replies left</source>
        <translation>残る悪い応答</translation>
    </message>
    <message>
        <source>To get there, once</source>
        <translation>初期費用</translation>
    </message>
    <message>
        <source>More a month</source>
        <translation>月額の増加</translation>
    </message>
    <message>
        <source>Incidents prevented a month</source>
        <translation>防げる事故（月）</translation>
    </message>
    <message>
        <source>Saved a month</source>
        <translation>節約額（月）</translation>
    </message>
    <message>
        <source>Left a month</source>
        <translation>差引額（月）</translation>
    </message>
    <message>
        <source>Left over {0} months</source>
        <translation>差引額（{0} か月）</translation>
    </message>
    <message>
        <source>Pays back after (at worst)</source>
        <translation>回収期間（最悪の場合）</translation>
    </message>
    <message>
        <source>Breaks even if an incident costs</source>
        <translation>損益分岐点：事故 1 件の費用</translation>
    </message>
    <message>
        <source>Breaks even at replies a month</source>
        <translation>損益分岐点：月間の応答数</translation>
    </message>
</context>
<context>
    <name>CostPanel</name>
    <message>
        <source>How much is asked</source>
        <translation>利用量</translation>
    </message>
    <message>
        <source>What a bad reply costs</source>
        <translation>悪い応答の費用</translation>
    </message>
    <message>
        <source>What replies cost</source>
        <translation>応答の費用</translation>
    </message>
    <message>
        <source>What it takes to get there</source>
        <translation>導入の費用</translation>
    </message>
    <message>
        <source>A small fine-tune instead</source>
        <translation>代わりに小規模な微調整をする場合</translation>
    </message>
    <message>
        <source>Currency</source>
        <translation>通貨</translation>
    </message>
    <message>
        <source>Replies are paid</source>
        <translation>応答の支払い方法</translation>
    </message>
    <message>
        <source>Replies a month</source>
        <translation>月間の応答数</translation>
    </message>
    <message>
        <source>Of these under pressure, as in the prompts that decide</source>
        <translation>うち、判定に使うプロンプトと同じ圧力下の割合</translation>
    </message>
    <message>
        <source>Of the bad replies there, those that cost anything</source>
        <translation>そこでの悪い応答のうち、費用が生じる割合</translation>
    </message>
    <message>
        <source>Cost of one incident</source>
        <translation>事故 1 件の費用</translation>
    </message>
    <message>
        <source>A million prompt tokens</source>
        <translation>プロンプト 100 万トークン</translation>
    </message>
    <message>
        <source>A million reply tokens</source>
        <translation>応答 100 万トークン</translation>
    </message>
    <message>
        <source>An hour of the machine</source>
        <translation>マシンの 1 時間</translation>
    </message>
    <message>
        <source>Replies at a time</source>
        <translation>同時に作る応答</translation>
    </message>
    <message>
        <source>An hour of work</source>
        <translation>作業の 1 時間</translation>
    </message>
    <message>
        <source>Hours to find a prompt</source>
        <translation>プロンプト作成の時間</translation>
    </message>
    <message>
        <source>Hours to introduce steering</source>
        <translation>ステアリング導入の時間</translation>
    </message>
    <message>
        <source>Care of the steering a month</source>
        <translation>ステアリングの保守（月額）</translation>
    </message>
    <message>
        <source>Months to look ahead</source>
        <translation>見通す月数</translation>
    </message>
    <message>
        <source>Hours of work</source>
        <translation>作業時間</translation>
    </message>
    <message>
        <source>Hours of a GPU</source>
        <translation>GPU 時間</translation>
    </message>
    <message>
        <source>An hour of the GPU</source>
        <translation>GPU の 1 時間</translation>
    </message>
    <message>
        <source>Examples</source>
        <translation>学習例の数</translation>
    </message>
    <message>
        <source>One example</source>
        <translation>学習例 1 件</translation>
    </message>
    <message>
        <source>Bad replies it would leave</source>
        <translation>残ると仮定する悪い応答</translation>
    </message>
    <message>
        <source>as the best lane</source>
        <translation>最良のレーンと同じ</translation>
    </message>
    <message>
        <source>Yen (¥)</source>
        <translation>円（¥）</translation>
    </message>
    <message>
        <source>US dollars ($)</source>
        <translation>米ドル（$）</translation>
    </message>
    <message>
        <source>by the token</source>
        <translation>トークン単位</translation>
    </message>
    <message>
        <source>by the machine&apos;s hour</source>
        <translation>マシンの時間単位</translation>
    </message>
    <message>
        <source>Against leaving the model unsteered. Ranges follow from the 95% interval of each lane&apos;s effect; a fine-tune was not measured here, its effect is assumed. Reports use these figures too.</source>
        <translation>ステアリングなしのままにする場合との比較です。範囲は各レーンの効果の 95% 区間によります。微調整はここでは測定しておらず、効果は仮定です。レポートにも同じ数値を使います。</translation>
    </message>
    <message>
        <source>Costs are known once the trial is finished.</source>
        <translation>費用は試験が終わると分かります。</translation>
    </message>
    <message>
        <source>Enter how many replies are made a month and what an incident costs: the server then reckons what each lane saves, when it pays back, and how a prompt and a fine-tune compare.</source>
        <translation>月間の応答数と事故 1 件の費用を入力してください。各レーンの節約額、回収期間、プロンプトや微調整との比較をサーバーが計算します。</translation>
    </message>
    <message>
        <source>The server reckons…</source>
        <translation>サーバーが計算しています…</translation>
    </message>
    <message>
        <source>Over {0} months no option leaves any money: unsteered costs least.</source>
        <translation>{0} か月では、どの選択肢も利益になりません。ステアリングなしが最も安く済みます。</translation>
    </message>
    <message>
        <source>Over {0} months “{1}” leaves most: {2}.</source>
        <translation>{0} か月では「{1}」の差引額が最大です：{2}。</translation>
    </message>
    <message>
        <source>Unsteered, {0} of the replies to the prompts that decide are bad.</source>
        <translation>ステアリングなしでは、判定に使うプロンプトへの応答の {0} が悪い応答です。</translation>
    </message>
    <message>
        <source>“{0}” costs more than “{1}” and does no more.</source>
        <translation>「{0}」は「{1}」より費用がかかり、効果は上回りません。</translation>
    </message>
    <message>
        <source>“{0}” against “{1}”: the trial does not tell their effects apart.</source>
        <translation>「{0}」と「{1}」：試験では効果の差が分かりません。</translation>
    </message>
    <message>
        <source>“{0}” against “{1}”: {2} for each further bad reply prevented.</source>
        <translation>「{0}」と「{1}」の比較：悪い応答をさらに 1 件防ぐごとに {2}。</translation>
    </message>
    <message>
        <source>“{0}” is dominated: “{1}” costs no more and does no less.</source>
        <translation>「{0}」は劣位です：「{1}」は費用が同じか少なく、効果は同じかそれ以上です。</translation>
    </message>
</context>
<context>
    <name>ReportButton</name>
    <message>
        <source>Write a report</source>
        <translation>レポートを作成</translation>
    </message>
    <message>
        <source>Write a report ▾</source>
        <translation>レポートを作成 ▾</translation>
    </message>
    <message>
        <source>Writing…</source>
        <translation>作成しています…</translation>
    </message>
    <message>
        <source>The verdict with its figures, for people who decide</source>
        <translation>決定する人のための、判定とその数値</translation>
    </message>
    <message>
        <source>Slides (PPTX)…</source>
        <translation>スライド（PPTX）…</translation>
    </message>
    <message>
        <source>PDF…</source>
        <translation>PDF…</translation>
    </message>
    <message>
        <source>Web page (HTML)…</source>
        <translation>Web ページ（HTML）…</translation>
    </message>
    <message>
        <source>With costs, at the figures of the page “Costs”</source>
        <translation>費用を含める（「費用」ページの数値）</translation>
    </message>
    <message>
        <source>Slides (*.pptx)</source>
        <translation>スライド (*.pptx)</translation>
    </message>
    <message>
        <source>PDF (*.pdf)</source>
        <translation>PDF (*.pdf)</translation>
    </message>
    <message>
        <source>Web page (*.html)</source>
        <translation>Web ページ (*.html)</translation>
    </message>
    <message>
        <source>The server writes the report…</source>
        <translation>サーバーがレポートを作成しています…</translation>
    </message>
    <message>
        <source>✓ Written: {0}</source>
        <translation>✓ 書き出しました：{0}</translation>
    </message>
    <message>
        <source>Open “{0}”</source>
        <translation>「{0}」を開く</translation>
    </message>
    <message>
        <source>Show it in its folder</source>
        <translation>フォルダーに表示</translation>
    </message>
</context>
<context>
    <name>CardView</name>
    <message>
        <source>Words it moves</source>
        <translation>増減する語</translation>
    </message>
    <message>
        <source>Texts at its ends</source>
        <translation>両端のテキスト</translation>
    </message>
    <message>
        <source>What else it may be</source>
        <translation>別のものである可能性</translation>
    </message>
    <message>
        <source>More likely: {0}</source>
        <translation>出やすくなる語：{0}</translation>
    </message>
    <message>
        <source>Less likely: {0}</source>
        <translation>出にくくなる語：{0}</translation>
    </message>
    <message>
        <source>Highest (layer {0}):</source>
        <translation>最も高いもの（層 {0}）：</translation>
    </message>
    <message>
        <source>Lowest:</source>
        <translation>最も低いもの：</translation>
    </message>
</context>
<context>
    <name>ConceptPage</name>
    <message>
        <source>What it stands for</source>
        <translation>何を表すか</translation>
    </message>
    <message>
        <source>A steering vector is made from pairs of texts that differ in one thing: one side shows what you want more of, the other side the opposite. Take a set that comes with the model, or a file of your own (CSV or JSON lines); you can drop it here.</source>
        <translation>ステアリングベクトルは、1 点だけが異なるテキストの対から作ります。片方は増やしたいもの、もう片方はその反対を示します。モデルに付属のセットか、自分のファイル（CSV または JSON Lines）を選んでください。ここにドロップすることもできます。</translation>
    </message>
    <message>
        <source>Pairs</source>
        <translation>対</translation>
    </message>
    <message>
        <source>It stands for</source>
        <translation>表すもの</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Choose a file…</source>
        <translation>ファイルを選択…</translation>
    </message>
    <message>
        <source>Save a template…</source>
        <translation>ひな形を保存…</translation>
    </message>
    <message>
        <source>A table with a few pairs, to fill in with a spreadsheet</source>
        <translation>対をいくつか入れた表です。表計算ソフトで書き足せます</translation>
    </message>
    <message>
        <source>One word, such as honesty</source>
        <translation>honesty のような 1 語</translation>
    </message>
    <message>
        <source>What the vector stands for</source>
        <translation>ベクトルが表すもの</translation>
    </message>
    <message>
        <source>As it will be listed (optional)</source>
        <translation>一覧での表示名（任意）</translation>
    </message>
    <message>
        <source>Name of the vector</source>
        <translation>ベクトルの名前</translation>
    </message>
    <message>
        <source>The first pairs, as the server reads them</source>
        <translation>サーバーが読み取った最初の対</translation>
    </message>
    <message>
        <source>Choose a file of pairs</source>
        <translation>対のファイルを選択</translation>
    </message>
    <message>
        <source>Pairs ({0})</source>
        <translation>対 ({0})</translation>
    </message>
    <message>
        <source>Save a template</source>
        <translation>ひな形を保存</translation>
    </message>
    <message>
        <source>Saved as {0}: replace its rows with your own, then choose the file here.</source>
        <translation>{0} に保存しました。行を自分のものに置き換えてから、ここでそのファイルを選んでください。</translation>
    </message>
    <message>
        <source>Choose a set that comes with the model…</source>
        <translation>モデルに付属のセットを選択…</translation>
    </message>
    <message>
        <source>“{0}” is protected here: steering towards it is as free as ever, and steering against it takes two admins.</source>
        <translation>「{0}」はここで保護されています。増やす方向は自由に使えますが、減らす方向には管理者 2 名が必要です。</translation>
    </message>
    <message>
        <source>The server reads the pairs…</source>
        <translation>サーバーが対を読み取っています…</translation>
    </message>
    <message>
        <source>✓ {0} pairs about {1} statements ({2}): {3} make the vector, {4} are held out to measure it.</source>
        <translation>✓ {1} 件の内容に関する {0} 対（{2}）。{3} 対でベクトルを作り、{4} 対は測定用に取り置きます。</translation>
    </message>
    <message>
        <source>Line {0}: {1}</source>
        <translation>{0} 行目：{1}</translation>
    </message>
</context>
<context>
    <name>DonePage</name>
    <message>
        <source>Use it</source>
        <translation>使う</translation>
    </message>
    <message>
        <source>Strength</source>
        <translation>強度</translation>
    </message>
    <message>
        <source>Use it in the chat</source>
        <translation>チャットで使う</translation>
    </message>
    <message>
        <source>Create a snapshot…</source>
        <translation>スナップショットを作成…</translation>
    </message>
    <message>
        <source>Make another vector</source>
        <translation>別のベクトルを作る</translation>
    </message>
    <message>
        <source>Sets the vectors beside the chat to this one alone; nothing is released.</source>
        <translation>チャット横のベクトルをこれだけにします。リリースはされません。</translation>
    </message>
    <message>
        <source>The same, with a name: what can be tried, released and rolled back.</source>
        <translation>同じ設定に名前を付けます。試験、リリース、ロールバックができるようになります。</translation>
    </message>
    <message>
        <source>Begins again with an empty first page.</source>
        <translation>空の最初のページからやり直します。</translation>
    </message>
    <message>
        <source>There is no vector yet.</source>
        <translation>ベクトルはまだありません。</translation>
    </message>
    <message>
        <source>“{0}” is ready, with the strength that the sweep recommends.</source>
        <translation>「{0}」は、スイープの推奨する強度で使えます。</translation>
    </message>
    <message>
        <source>“{0}” is ready. No strength is recommended: begin with a small one at the layer that reads best, look at the replies, and do not release it unmeasured.</source>
        <translation>「{0}」ができました。推奨の強度はありません。最もよく読み取れる層で小さな強度から始め、応答を確かめてください。測定せずにリリースしないでください。</translation>
    </message>
    <message>
        <source>at layers {0}</source>
        <translation>層 {0}</translation>
    </message>
</context>
<context>
    <name>Extraction</name>
    <message>
        <source>Mean difference</source>
        <translation>平均の差</translation>
    </message>
    <message>
        <source>The plain difference of the two sides. The right choice unless you know better.</source>
        <translation>両側の単純な差です。特別な理由がなければこれを選びます。</translation>
    </message>
    <message>
        <source>Paired PCA</source>
        <translation>対の PCA</translation>
    </message>
    <message>
        <source>The axis along which the two sides differ most. For pairs that differ unevenly.</source>
        <translation>両側の違いが最も大きい軸です。違い方にむらのある対に向きます。</translation>
    </message>
    <message>
        <source>Logistic probe</source>
        <translation>ロジスティックプローブ</translation>
    </message>
    <message>
        <source>The plane that tells the two sides apart best. Reads well, often steers less well.</source>
        <translation>両側を最もよく見分ける面です。読み取りは優れますが、ステアリングの効きは劣ることがあります。</translation>
    </message>
    <message>
        <source>LAT</source>
        <translation>LAT</translation>
    </message>
    <message>
        <source>Paired PCA with random signs. For repeating published figures; depends on the seed.</source>
        <translation>符号をランダムにした対の PCA です。公表された数値の再現に使います。シードに左右されます。</translation>
    </message>
    <message>
        <source>Just before the answer</source>
        <translation>回答の直前</translation>
    </message>
    <message>
        <source>Where the answer is decided. The right choice for most sets.</source>
        <translation>回答が決まる場所です。ほとんどのセットではこれを選びます。</translation>
    </message>
    <message>
        <source>At the end of the prompt</source>
        <translation>プロンプトの末尾</translation>
    </message>
    <message>
        <source>Before the beginning of the reply that the pairs give.</source>
        <translation>対にある応答の書き出しより前の場所です。</translation>
    </message>
    <message>
        <source>Over the answer</source>
        <translation>回答全体</translation>
    </message>
    <message>
        <source>The mean over the answer&apos;s tokens; every pair needs an answer.</source>
        <translation>回答のトークンの平均です。すべての対に回答が必要です。</translation>
    </message>
    <message>
        <source>Over the whole text</source>
        <translation>テキスト全体</translation>
    </message>
    <message>
        <source>The mean over all tokens. For a style that shows everywhere.</source>
        <translation>全トークンの平均です。全体に現れる文体などに向きます。</translation>
    </message>
    <message>
        <source>Honesty: asked to be honest, asked to deceive</source>
        <translation>正直さ：正直に、と欺いて、の指示</translation>
    </message>
    <message>
        <source>Honesty with its sides exchanged: a bad vector to try</source>
        <translation>正直さの両側を入れ替えたもの：悪いベクトルの例</translation>
    </message>
    <message>
        <source>Language: asked in Japanese, asked in English</source>
        <translation>言語：日本語と英語での質問</translation>
    </message>
    <message>
        <source>English {0}</source>
        <translation>英語 {0}</translation>
    </message>
    <message>
        <source>Japanese {0}</source>
        <translation>日本語 {0}</translation>
    </message>
    <message>
        <source>Waits for another extraction or measurement to end</source>
        <translation>別の抽出または測定が終わるのを待っています</translation>
    </message>
    <message>
        <source>Loads a copy of the stage</source>
        <translation>ステージの複製を読み込み中</translation>
    </message>
    <message>
        <source>Measures the unit of strength</source>
        <translation>強度の単位を測定中</translation>
    </message>
    <message>
        <source>Reads the pairs</source>
        <translation>対を読み取り中</translation>
    </message>
    <message>
        <source>Reads the held-out pairs</source>
        <translation>取り置いた対を読み取り中</translation>
    </message>
    <message>
        <source>Works out the figures</source>
        <translation>数値を計算中</translation>
    </message>
    <message>
        <source>Tries the strengths</source>
        <translation>強度を順に測定中</translation>
    </message>
    <message>
        <source>Looks at what the vector is</source>
        <translation>ベクトルの性質を調査中</translation>
    </message>
    <message>
        <source>drift of the wording (KL)</source>
        <translation>言い回しのずれ（KL）</translation>
    </message>
    <message>
        <source>fluency</source>
        <translation>流暢さ</translation>
    </message>
    <message>
        <source>loss of knowledge</source>
        <translation>知識の低下</translation>
    </message>
    <message>
        <source>honest replies turned into lies</source>
        <translation>正直な応答の嘘への変化</translation>
    </message>
    <message>
        <source>more evasions</source>
        <translation>回答回避の増加</translation>
    </message>
    <message>
        <source>questions that get worse</source>
        <translation>悪化する質問</translation>
    </message>
    <message>
        <source>length</source>
        <translation>長さ</translation>
    </message>
    <message>
        <source>refusal</source>
        <translation>回答拒否</translation>
    </message>
    <message>
        <source>language</source>
        <translation>言語</translation>
    </message>
    <message>
        <source>sentiment</source>
        <translation>感情</translation>
    </message>
    <message>
        <source>Separates the two sides in {0} of 100 held-out pairs (layer {1}).</source>
        <translation>取り置いた対 100 組中 {0} 組で両側を見分けます（層 {1}）。</translation>
    </message>
    <message>
        <source>That is hardly better than chance. Do the pairs differ in the concept alone, and in it?</source>
        <translation>偶然と大差ありません。対の違いは目的の概念だけでしょうか。</translation>
    </message>
    <message>
        <source>No pairs were held out, so nobody knows how well it reads.</source>
        <translation>取り置いた対がないため、読み取りの精度はわかりません。</translation>
    </message>
    <message>
        <source>Only {0} pairs were held out: that share is rough.</source>
        <translation>取り置いた対は {0} 組だけなので、この割合は目安です。</translation>
    </message>
    <message>
        <source>Made again from as many other pairs, it would come out {0} alike (1: the same).</source>
        <translation>同数の別の対から作り直した場合の類似度は {0} です（1 は同一）。</translation>
    </message>
    <message>
        <source>More pairs, or more alike ones, would steady it.</source>
        <translation>対を増やすか、対どうしをそろえると安定します。</translation>
    </message>
    <message>
        <source>{0} of what sets the two sides apart lies along this one direction.</source>
        <translation>両側の違いの {0} がこの 1 方向にあります。</translation>
    </message>
    <message>
        <source>Recommended: strength {0} at layers {1}; safe up to {2}.</source>
        <translation>推奨：層 {1}、強度 {0}。安全な上限は {2} です。</translation>
    </message>
    <message>
        <source>Honest replies under pressure: {0} instead of {1}, where it helps least. Without pressure {2} stay right.</source>
        <translation>圧力下の正直な応答は、効果が最も小さい場合でも {1} から {0} になります。圧力なしでは {2} が正しいままです。</translation>
    </message>
    <message>
        <source>These questions chose the setting, so they flatter it. A trial on your own prompts decides.</source>
        <translation>この質問で設定を選んだため、結果は良く見えます。判断は自社のプロンプトでの試験で行ってください。</translation>
    </message>
    <message>
        <source>Nothing is recommended: no safe strength makes the replies surely more honest.</source>
        <translation>推奨はありません：安全な強度のうち、応答が確実により正直になるものはありませんでした。</translation>
    </message>
    <message>
        <source>Nothing is recommended: not even the smallest strength is shown safe ({0}).</source>
        <translation>推奨はありません：最小の強度でも安全と示せませんでした（{0}）。</translation>
    </message>
    <message>
        <source>Too few questions were asked to show it. Measure with all of them.</source>
        <translation>示すには質問が足りません。すべての質問で測定してください。</translation>
    </message>
    <message>
        <source>At strength {0}, layers {1}, the likeliest next word changes on {2} of {3} prompts.</source>
        <translation>強度 {0}、層 {1} では、{3} 件のプロンプトのうち {2} で最も確からしい次の語が変わります。</translation>
    </message>
    <message>
        <source>It lies partly along: {0}. What is put down to it may be that.</source>
        <translation>一部は次の方向です：{0}。効果に見えるものが、実はこれかもしれません。</translation>
    </message>
    <message>
        <source>It resembles length, refusal, language and sentiment no more than chance would.</source>
        <translation>長さ、回答拒否、言語、感情とは、偶然以上には似ていません。</translation>
    </message>
    <message>
        <source>the side to steer towards</source>
        <translation>増やしたい側</translation>
    </message>
    <message>
        <source>the other side</source>
        <translation>反対側</translation>
    </message>
    <message>
        <source>neutral text</source>
        <translation>中立なテキスト</translation>
    </message>
    <message>
        <source>no clear direction here</source>
        <translation>ここには明確な方向なし</translation>
    </message>
    <message>
        <source>⚠ beyond chance</source>
        <translation>⚠ 偶然を超える</translation>
    </message>
    <message>
        <source>✓ as by chance</source>
        <translation>✓ 偶然の範囲</translation>
    </message>
    <message>
        <source>held out</source>
        <translation>取り置き</translation>
    </message>
    <message>
        <source>makes it</source>
        <translation>作成に使用</translation>
    </message>
</context>
<context>
    <name>ExtractionWizard</name>
    <message>
        <source>Make a steering vector</source>
        <translation>ステアリングベクトルの作成</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>戻る</translation>
    </message>
    <message>
        <source>Skip</source>
        <translation>とばす</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>次へ</translation>
    </message>
</context>
<context>
    <name>HowPage</name>
    <message>
        <source>How to make it</source>
        <translation>どう作るか</translation>
    </message>
    <message>
        <source>Method</source>
        <translation>方法</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>The same seed gives the same vector. It draws the held-out pairs where your file names none, and what LAT draws.</source>
        <translation>同じシードからは同じベクトルができます。ファイルに指定がない場合の取り置く対と、LAT の乱数に使います。</translation>
    </message>
</context>
<context>
    <name>MeasurePanel</name>
    <message>
        <source>Sweep</source>
        <translation>スイープ</translation>
    </message>
    <message>
        <source>Card</source>
        <translation>カード</translation>
    </message>
    <message>
        <source>Sweep and card</source>
        <translation>スイープとカード</translation>
    </message>
    <message>
        <source>Not measured yet: nobody knows at which strength it works, and up to which it is safe. Measuring asks the stage questions with known answers at several strengths, in the time that replies leave.</source>
        <translation>まだ測定されていません。どの強度で効き、どこまで安全かは不明です。測定では、応答の合間に、正解付きの質問をいくつかの強度でステージに尋ねます。</translation>
    </message>
    <message>
        <source>Usual: the likeliest layers</source>
        <translation>通常：有望な層</translation>
    </message>
    <message>
        <source>First look: a few questions</source>
        <translation>下見：少数の質問</translation>
    </message>
    <message>
        <source>Thorough: every layer</source>
        <translation>詳細：すべての層</translation>
    </message>
    <message>
        <source>How much to measure</source>
        <translation>測定の範囲</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>測定</translation>
    </message>
    <message>
        <source>Measure again</source>
        <translation>もう一度測定</translation>
    </message>
    <message>
        <source>Another vector is being measured</source>
        <translation>別のベクトルを測定中です</translation>
    </message>
    <message>
        <source>The quickest. Shows where it begins to work, and cannot show that it is safe.</source>
        <translation>最も早く終わります。効き始める強度がわかります。安全かどうかは示せません。</translation>
    </message>
    <message>
        <source>Takes longer. Finds a strength, and shows up to which it is safe.</source>
        <translation>時間がかかります。強度を見つけ、どこまで安全かを示します。</translation>
    </message>
    <message>
        <source>Takes longest. Compares all layers.</source>
        <translation>最も時間がかかります。すべての層を比べます。</translation>
    </message>
    <message>
        <source>Choose a file of questions first</source>
        <translation>先に質問ファイルを選択してください</translation>
    </message>
</context>
<context>
    <name>ProgressLine</name>
    <message>
        <source>{0}: {1} of {2}</source>
        <translation>{0}：{2} 中 {1}</translation>
    </message>
    <message>
        <source>{0}, about {1} left</source>
        <translation>{0}、残り約 {1}</translation>
    </message>
</context>
<context>
    <name>RunPage</name>
    <message>
        <source>Make it</source>
        <translation>作成</translation>
    </message>
    <message>
        <source>It stands for</source>
        <translation>表すもの</translation>
    </message>
    <message>
        <source>Pairs</source>
        <translation>対</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Read</source>
        <translation>読み取り位置</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>層</translation>
    </message>
    <message>
        <source>Method</source>
        <translation>方法</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>How well it reads</source>
        <translation>読み取りの精度</translation>
    </message>
    <message>
        <source>{0} ({1} pairs)</source>
        <translation>{0}（{1} 対）</translation>
    </message>
    <message>
        <source>all</source>
        <translation>すべて</translation>
    </message>
    <message>
        <source>Make it again</source>
        <translation>作り直す</translation>
    </message>
    <message>
        <source>Make the vector</source>
        <translation>ベクトルを作成</translation>
    </message>
    <message>
        <source>The server has had this vector already, under the name “{0}”.</source>
        <translation>このベクトルは「{0}」という名前で、すでにサーバーにあります。</translation>
    </message>
</context>
<context>
    <name>SweepPage</name>
    <message>
        <source>How strong</source>
        <translation>どの強度か</translation>
    </message>
    <message>
        <source>Telling two sides apart is reading; whether it steers is found by trying strengths. You can skip this and measure later from the vectors beside the chat.</source>
        <translation>両側を見分けるのは読み取りです。ステアリングに使えるかは、強度を変えて確かめます。ここをとばし、後でチャット横のベクトルから測定することもできます。</translation>
    </message>
</context>
<context>
    <name>SweepView</name>
    <message>
        <source>Layers</source>
        <translation>層</translation>
    </message>
    <message>
        <source>Layers of the curve</source>
        <translation>曲線の層</translation>
    </message>
    <message>
        <source>Figures of the sweep</source>
        <translation>スイープの数値</translation>
    </message>
    <message>
        <source>● honest under pressure, where it helps least  ·  ■ right without pressure  ·  green: safe  ·  amber: not shown safe  ·  dash-dotted: recommended</source>
        <translation>● 圧力下で正直（効果が最小の場合）  ·  ■ 圧力なしで正しい  ·  緑：安全  ·  黄：安全と示せない  ·  一点鎖線：推奨</translation>
    </message>
    <message>
        <source>{0} (recommended)</source>
        <translation>{0}（推奨）</translation>
    </message>
    <message>
        <source>Measured {0} by {1} on {2} questions at {3}.</source>
        <translation>{0}、{1} が {3} で質問 {2} 件により測定。</translation>
    </message>
    <message>
        <source>Dose-response curve of layers {0}; the figures are in the table below.</source>
        <translation>層 {0} の強度と効果の曲線。数値は下の表にあります。</translation>
    </message>
    <message>
        <source>Use the chosen strength</source>
        <translation>選んだ強度を使う</translation>
    </message>
    <message>
        <source>Use strength {0}</source>
        <translation>強度 {0} を使う</translation>
    </message>
</context>
<context>
    <name>VectorDetails</name>
    <message>
        <source>Export…</source>
        <translation>書き出す…</translation>
    </message>
    <message>
        <source>Export {0}</source>
        <translation>{0} を書き出す</translation>
    </message>
    <message>
        <source>Export a vector</source>
        <translation>ベクトルの書き出し</translation>
    </message>
</context>
<context>
    <name>VectorImport</name>
    <message>
        <source>Another tool&apos;s file does not say what it stands for, nor where it belongs.</source>
        <translation>他のツールのファイルには、何を表すか、どのステージのものかが書かれていません。</translation>
    </message>
    <message>
        <source>It stands for, such as honesty</source>
        <translation>表すもの（honesty など）</translation>
    </message>
    <message>
        <source>What the vector stands for</source>
        <translation>ベクトルが表すもの</translation>
    </message>
    <message>
        <source>Name (optional)</source>
        <translation>名前（任意）</translation>
    </message>
    <message>
        <source>Name of the vector</source>
        <translation>ベクトルの名前</translation>
    </message>
    <message>
        <source>Stage it may steer</source>
        <translation>使用できるステージ</translation>
    </message>
    <message>
        <source>What its layer numbers mean</source>
        <translation>層番号の意味</translation>
    </message>
    <message>
        <source>Layer numbers: as usual</source>
        <translation>層番号：通常どおり</translation>
    </message>
    <message>
        <source>Layer numbers: the block that is steered</source>
        <translation>層番号：ステアリングするブロック</translation>
    </message>
    <message>
        <source>Layer numbers: one more (cvector-generator)</source>
        <translation>層番号：1 つ大きい（cvector-generator）</translation>
    </message>
    <message>
        <source>Import</source>
        <translation>取り込む</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>Import a vector file</source>
        <translation>ベクトルファイルの取り込み</translation>
    </message>
    <message>
        <source>Steering vectors ({0})</source>
        <translation>ステアリングベクトル ({0})</translation>
    </message>
    <message>
        <source>✓ Imported “{0}”.</source>
        <translation>✓ 「{0}」を取り込みました。</translation>
    </message>
    <message>
        <source>✓ Saved as {0}.</source>
        <translation>✓ {0} に保存しました。</translation>
    </message>
    <message>
        <source>Left out, as the format has no place for it: layer {0}.</source>
        <translation>形式が対応していないため、層 {0} は省かれました。</translation>
    </message>
    <message>
        <source>Belongs to {0}</source>
        <translation>{0} で使用</translation>
    </message>
</context>
<context>
    <name>WherePage</name>
    <message>
        <source>Where to read it</source>
        <translation>どこから読み取るか</translation>
    </message>
    <message>
        <source>At which stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>At which place of the text</source>
        <translation>テキスト内の位置</translation>
    </message>
    <message>
        <source>In which layers</source>
        <translation>層</translation>
    </message>
    <message>
        <source>A vector works at the stage it was made at. Take the stage that is in use, unless you study another one.</source>
        <translation>ベクトルは、作成したステージで効きます。別のステージを調べるのでなければ、使用中のステージを選んでください。</translation>
    </message>
    <message>
        <source>All layers: the sweep then finds the ones that work</source>
        <translation>すべての層：効く層はスイープが見つけます</translation>
    </message>
    <message>
        <source>such as 2-6 or 1,3</source>
        <translation>2-6 や 1,3 など</translation>
    </message>
    <message>
        <source>Layers</source>
        <translation>層</translation>
    </message>
    <message>
        <source>Stage</source>
        <translation>ステージ</translation>
    </message>
    <message>
        <source>Write layers as 2-6 or 1,3.</source>
        <translation>層は 2-6 や 1,3 のように書いてください。</translation>
    </message>
    <message>
        <source>The model has layers 0 to {0}.</source>
        <translation>モデルの層は 0 ～ {0} です。</translation>
    </message>
    <message>
        <source>{0} (loaded)</source>
        <translation>{0}（読み込み済み）</translation>
    </message>
</context>
<context>
    <name>_ClosingStrip</name>
    <message>
        <source>It is still running. When this window is closed:</source>
        <translation>まだ実行中です。このウィンドウを閉じたら：</translation>
    </message>
    <message>
        <source>Let it run</source>
        <translation>続ける</translation>
    </message>
    <message>
        <source>Stop it</source>
        <translation>停止する</translation>
    </message>
    <message>
        <source>Do not close</source>
        <translation>閉じない</translation>
    </message>
</context>
<context>
    <name>ChatDesk</name>
    <message>
        <source>The file of kept chats was damaged. It is set aside as {0}; chats are kept afresh.</source>
        <translation>保存したチャットのファイルが壊れていました。{0} として取り置き、新しく保存を始めました。</translation>
    </message>
    <message>
        <source>Chats cannot be kept or read on this computer: {0}</source>
        <translation>このコンピューターでチャットの保存または読み込みができません：{0}</translation>
    </message>
    <message>
        <source>Your presets could not be read. Their file is set aside as {0}.</source>
        <translation>プリセットを読み込めませんでした。ファイルは {0} として取り置きました。</translation>
    </message>
    <message>
        <source>The client had ended unexpectedly. “{0}” is open again as it was kept.</source>
        <translation>前回、クライアントが予期せず終了しました。保存されていた「{0}」を開き直しました。</translation>
    </message>
    <message>
        <source>The client had ended unexpectedly while “{0}” was open.</source>
        <translation>前回、「{0}」を開いたままクライアントが予期せず終了しました。</translation>
    </message>
    <message>
        <source>Open it</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Replies that were broken off: {0}.</source>
        <translation>途中で切れた応答：{0} 件。</translation>
    </message>
    <message>
        <source>“{0}” is open in another window of this client.</source>
        <translation>「{0}」は、このクライアントの別のウィンドウで開かれています。</translation>
    </message>
    <message>
        <source>“{0}” is deleted, for good when the client ends.</source>
        <translation>「{0}」を削除しました。クライアントの終了時に完全に消えます。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
    <message>
        <source>The lane is removed.</source>
        <translation>レーンを閉じました。</translation>
    </message>
    <message>
        <source>Chats deleted because they had been kept for long enough: {0}.</source>
        <translation>保存期間を過ぎたチャット {0} 件を削除しました。</translation>
    </message>
    <message>
        <source>Everything that was kept of chats is deleted.</source>
        <translation>保存されていたチャットの内容をすべて削除しました。</translation>
    </message>
    <message>
        <source>The vectors are set as they were in this chat.</source>
        <translation>ベクトルをこのチャットのときの設定にしました。</translation>
    </message>
    <message>
        <source>The server no longer has what this chat was steered with, so it is left out: {0}</source>
        <translation>このチャットのステアリングに使われたものがサーバーにないため、除外しました：{0}</translation>
    </message>
</context>
<context>
    <name>ChatEntries</name>
    <message>
        <source>{0} messages</source>
        <translation>メッセージ {0} 件</translation>
    </message>
    <message>
        <source>open now</source>
        <translation>表示中</translation>
    </message>
    <message>
        <source>▲ pinned</source>
        <translation>▲ 固定表示</translation>
    </message>
    <message>
        <source>⚠ interrupted</source>
        <translation>⚠ 中断あり</translation>
    </message>
</context>
<context>
    <name>ChatExporter</name>
    <message>
        <source>Export all chats with this server</source>
        <translation>このサーバーとのチャットをすべて書き出す</translation>
    </message>
    <message>
        <source>Export this chat</source>
        <translation>このチャットを書き出す</translation>
    </message>
    <message>
        <source>Markdown, to read (*.md)</source>
        <translation>Markdown（閲覧用）(*.md)</translation>
    </message>
    <message>
        <source>JSON, with every lane&apos;s configuration (*.json)</source>
        <translation>JSON（各レーンの設定を含む）(*.json)</translation>
    </message>
    <message>
        <source>CSV, for a spreadsheet (*.csv)</source>
        <translation>CSV（表計算用）(*.csv)</translation>
    </message>
    <message>
        <source>“{0}” has to end in .md, .json or .csv.</source>
        <translation>「{0}」の末尾は .md、.json、.csv のいずれかにしてください。</translation>
    </message>
    <message>
        <source>“{0}” could not be written: {1}</source>
        <translation>「{0}」に書き込めませんでした：{1}</translation>
    </message>
    <message>
        <source>{0} chats exported to “{1}”.</source>
        <translation>チャット {0} 件を「{1}」に書き出しました。</translation>
    </message>
    <message>
        <source>Chat exported to “{0}”.</source>
        <translation>チャットを「{0}」に書き出しました。</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>フォルダーを開く</translation>
    </message>
    <message>
        <source>Server</source>
        <translation>サーバー</translation>
    </message>
    <message>
        <source>System message</source>
        <translation>システムメッセージ</translation>
    </message>
    <message>
        <source>Sampling</source>
        <translation>サンプリング</translation>
    </message>
    <message>
        <source>Lane {0}</source>
        <translation>レーン {0}</translation>
    </message>
    <message>
        <source>User</source>
        <translation>利用者</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>モデル</translation>
    </message>
    <message>
        <source>stopped</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>broken off</source>
        <translation>途中で切断</translation>
    </message>
    <message>
        <source>interrupted</source>
        <translation>中断</translation>
    </message>
    <message>
        <source>not finished</source>
        <translation>未完了</translation>
    </message>
</context>
<context>
    <name>ChatList</name>
    <message>
        <source>Search in all chats</source>
        <translation>すべてのチャットを検索</translation>
    </message>
    <message>
        <source>Chats</source>
        <translation>チャット</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>開く</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>名前を変更</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>Chats with {0}</source>
        <translation>{0} とのチャット</translation>
    </message>
    <message>
        <source>{0} chats</source>
        <translation>チャット {0} 件</translation>
    </message>
    <message>
        <source>No chat is kept yet: what you ask appears here.</source>
        <translation>保存されたチャットはまだありません。質問するとここに並びます。</translation>
    </message>
    <message>
        <source>The newest {0} messages that were found</source>
        <translation>見つかったメッセージのうち新しい {0} 件</translation>
    </message>
    <message>
        <source>{0} messages found</source>
        <translation>メッセージ {0} 件が見つかりました</translation>
    </message>
    <message>
        <source>Unpin</source>
        <translation>固定表示を解除</translation>
    </message>
    <message>
        <source>Pin</source>
        <translation>固定表示</translation>
    </message>
</context>
<context>
    <name>ChatPanel</name>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
</context>
<context>
    <name>Chats</name>
    <message>
        <source>Unsteered</source>
        <translation>ステアリングなし</translation>
    </message>
    <message>
        <source>Prompt only</source>
        <translation>プロンプトのみ</translation>
    </message>
    <message>
        <source>Steered</source>
        <translation>ステアリングあり</translation>
    </message>
    <message>
        <source>Active snapshot</source>
        <translation>適用中のスナップショット</translation>
    </message>
    <message>
        <source>A snapshot</source>
        <translation>スナップショット指定</translation>
    </message>
    <message>
        <source>temperature {0}</source>
        <translation>温度 {0}</translation>
    </message>
    <message>
        <source>top-p {0}</source>
        <translation>top-p {0}</translation>
    </message>
    <message>
        <source>top-k {0}</source>
        <translation>top-k {0}</translation>
    </message>
    <message>
        <source>at most {0} tokens</source>
        <translation>最大 {0} トークン</translation>
    </message>
    <message>
        <source>{0} stop texts</source>
        <translation>停止文字列 {0} 個</translation>
    </message>
    <message>
        <source>seed {0}</source>
        <translation>シード {0}</translation>
    </message>
    <message>
        <source>, </source>
        <translation>、</translation>
    </message>
</context>
<context>
    <name>FindBar</name>
    <message>
        <source>Find in this chat, in every lane</source>
        <translation>このチャットの全レーンを検索</translation>
    </message>
    <message>
        <source>Find in this chat</source>
        <translation>このチャット内を検索</translation>
    </message>
    <message>
        <source>The place before</source>
        <translation>前の箇所</translation>
    </message>
    <message>
        <source>The next place</source>
        <translation>次の箇所</translation>
    </message>
    <message>
        <source>Close the search</source>
        <translation>検索を閉じる</translation>
    </message>
    <message>
        <source>{0} of {1}</source>
        <translation>{0} / {1}</translation>
    </message>
    <message>
        <source>Not found</source>
        <translation>見つかりません</translation>
    </message>
</context>
<context>
    <name>PresetPanel</name>
    <message>
        <source>Presets</source>
        <translation>プリセット</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>System prompt</source>
        <translation>システムプロンプト</translation>
    </message>
    <message>
        <source>Temperature</source>
        <translation>温度</translation>
    </message>
    <message>
        <source>Top-p</source>
        <translation>Top-p</translation>
    </message>
    <message>
        <source>Top-k</source>
        <translation>Top-k</translation>
    </message>
    <message>
        <source>Longest reply</source>
        <translation>応答の上限</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>シード</translation>
    </message>
    <message>
        <source>Stop texts</source>
        <translation>停止文字列</translation>
    </message>
    <message>
        <source>One a line; a reply ends before it</source>
        <translation>1 行に 1 つ。応答はその手前で終わります</translation>
    </message>
    <message>
        <source>no cut</source>
        <translation>制限なし</translation>
    </message>
    <message>
        <source>as the server has it</source>
        <translation>サーバーの設定に従う</translation>
    </message>
    <message>
        <source> tokens</source>
        <translation> トークン</translation>
    </message>
    <message>
        <source>With a sampling</source>
        <translation>サンプリングも含める</translation>
    </message>
    <message>
        <source>Use in every lane</source>
        <translation>全レーンで使う</translation>
    </message>
    <message>
        <source>Use in this lane</source>
        <translation>このレーンで使う</translation>
    </message>
    <message>
        <source>Lane</source>
        <translation>レーン</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>削除</translation>
    </message>
    <message>
        <source>As the chat is set now</source>
        <translation>現在のチャットの設定</translation>
    </message>
    <message>
        <source>{0} (of the model)</source>
        <translation>{0}（モデル付属）</translation>
    </message>
    <message>
        <source>{0}. {1}</source>
        <translation>{0}. {1}</translation>
    </message>
    <message>
        <source>Save as a preset</source>
        <translation>プリセットとして保存</translation>
    </message>
    <message>
        <source>Every lane shares one sampling, so that only the steering differs; one lane can have its own prompt.</source>
        <translation>サンプリングは全レーン共通です（ステアリングの違いだけを比べるため）。プロンプトはレーンごとに変えられます。</translation>
    </message>
    <message>
        <source>Preset “{0}” is deleted.</source>
        <translation>プリセット「{0}」を削除しました。</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>元に戻す</translation>
    </message>
</context>
<context>
    <name>RetentionPanel</name>
    <message>
        <source>Chats on this computer</source>
        <translation>このコンピューターに保存されたチャット</translation>
    </message>
    <message>
        <source>Keep chats and the prompts you sent</source>
        <translation>チャットと送信したプロンプトの保存</translation>
    </message>
    <message>
        <source>for</source>
        <translation>期間を決めて保存：</translation>
    </message>
    <message>
        <source>Keep chats for a number of days</source>
        <translation>日数を決めてチャットを保存</translation>
    </message>
    <message>
        <source> days after the last message</source>
        <translation> 日（最後のメッセージから）</translation>
    </message>
    <message>
        <source>Days that chats are kept</source>
        <translation>チャットを保存する日数</translation>
    </message>
    <message>
        <source>for ever</source>
        <translation>無期限に保存</translation>
    </message>
    <message>
        <source>not at all</source>
        <translation>保存しない</translation>
    </message>
    <message>
        <source>Keep them</source>
        <translation>残しておく</translation>
    </message>
    <message>
        <source>Kept now: {0} chats with {1} messages ({2}), and {3} prompts you sent.</source>
        <translation>現在の保存内容：チャット {0} 件（メッセージ {1} 件、{2}）、送信したプロンプト {3} 件。</translation>
    </message>
    <message>
        <source>The oldest began {0}.</source>
        <translation>最も古いものは {0} に始まりました。</translation>
    </message>
    <message>
        <source>Applying this deletes {0} of them for good.</source>
        <translation>適用すると、このうち {0} 件のチャットが完全に削除されます。</translation>
    </message>
    <message>
        <source>Delete and apply</source>
        <translation>削除して適用</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>適用</translation>
    </message>
    <message>
        <source>This deletes {0} chats with {1} messages of every server, the {2} prompts you sent, the chat in the window and {3} damaged files, for good. Presets, settings and tokens stay.</source>
        <translation>全サーバーのチャット {0} 件（メッセージ {1} 件）、送信したプロンプト {2} 件、表示中のチャット、壊れたファイル {3} 個を完全に削除します。プリセット、設定、トークンは残ります。</translation>
    </message>
    <message>
        <source>What the server keeps is not touched by this.</source>
        <translation>サーバーに保存されている内容には影響しません。</translation>
    </message>
    <message>
        <source>Delete it all</source>
        <translation>すべて削除</translation>
    </message>
    <message>
        <source>Forget everything now…</source>
        <translation>今すぐすべて消去…</translation>
    </message>
</context>
<context>
    <name>CasesPage</name>
    <message>
        <source>Cases</source>
        <translation>案件</translation>
    </message>
    <message>
        <source>New case…</source>
        <translation>新しい案件…</translation>
    </message>
</context>
<context>
    <name>Cases</name>
    <message>
        <source>Goal</source>
        <translation>目標</translation>
    </message>
    <message>
        <source>Criteria locked</source>
        <translation>判定基準の固定</translation>
    </message>
    <message>
        <source>Small trial</source>
        <translation>小規模な試験</translation>
    </message>
    <message>
        <source>Confirmation on fresh prompts</source>
        <translation>新しいプロンプトでの確認試験</translation>
    </message>
    <message>
        <source>Release</source>
        <translation>リリース</translation>
    </message>
    <message>
        <source>Scale or stop</source>
        <translation>拡大または停止</translation>
    </message>
    <message>
        <source>done</source>
        <translation>完了</translation>
    </message>
    <message>
        <source>to do now</source>
        <translation>次の作業</translation>
    </message>
    <message>
        <source>running</source>
        <translation>実行中</translation>
    </message>
    <message>
        <source>later</source>
        <translation>このあと</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>不成立</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>不明</translation>
    </message>
    <message>
        <source>scale</source>
        <translation>拡大</translation>
    </message>
    <message>
        <source>stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Write goal and criteria…</source>
        <translation>目標と判定基準を記入…</translation>
    </message>
    <message>
        <source>Look at the criteria and lock them…</source>
        <translation>判定基準を確認して固定…</translation>
    </message>
    <message>
        <source>New trial by these criteria…</source>
        <translation>この判定基準で新しい試験…</translation>
    </message>
    <message>
        <source>Start the trial</source>
        <translation>試験を開始</translation>
    </message>
    <message>
        <source>Show the trial</source>
        <translation>試験を表示</translation>
    </message>
    <message>
        <source>Resume the trial</source>
        <translation>試験を再開</translation>
    </message>
    <message>
        <source>Rate the replies blind…</source>
        <translation>応答を盲検評価…</translation>
    </message>
    <message>
        <source>Create the snapshot</source>
        <translation>スナップショットを作成</translation>
    </message>
    <message>
        <source>New rollout of this snapshot…</source>
        <translation>このスナップショットの新しいロールアウト…</translation>
    </message>
    <message>
        <source>Make the rollout a part of the case</source>
        <translation>ロールアウトを案件に加える</translation>
    </message>
    <message>
        <source>Show the rollout</source>
        <translation>ロールアウトを表示</translation>
    </message>
    <message>
        <source>Decide…</source>
        <translation>決定…</translation>
    </message>
    <message>
        <source>Stop early…</source>
        <translation>早めに停止…</translation>
    </message>
    <message>
        <source>Confirmation</source>
        <translation>確認試験</translation>
    </message>
</context>
<context>
    <name>StepCard</name>
    <message>
        <source>Save an example file…</source>
        <translation>ファイルの例を保存…</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>Step {0}, {1}, {2}: {3}</source>
        <translation>段階 {0}、{1}、{2}：{3}</translation>
    </message>
    <message>
        <source>Do this step</source>
        <translation>この段階を行う</translation>
    </message>
</context>
<context>
    <name>TemplateCard</name>
    <message>
        <source>{0} prompts for each of the two trials; the case says how to collect them.</source>
        <translation>2 回の試験それぞれに {0} 件のプロンプトを使います。集め方は案件の中で説明します。</translation>
    </message>
    <message>
        <source>Start with this</source>
        <translation>これで始める</translation>
    </message>
    <message>
        <source>Start a case: {0}</source>
        <translation>案件を始める：{0}</translation>
    </message>
</context>
<context>
    <name>CaseStart</name>
    <message>
        <source>One question, from the goal to the decision</source>
        <translation>ひとつの問いを、目標から決定まで</translation>
    </message>
    <message>
        <source>A case leads from a goal through criteria that are locked beforehand, a small trial, a confirmation on fresh prompts and a release to the decision to scale or to stop. Its report is what you show to those who decide.</source>
        <translation>案件は、目標から、事前に固定する判定基準、小規模な試験、新しいプロンプトでの確認試験、リリースを経て、拡大または停止の決定まで導きます。そのレポートを、決定する人に示します。</translation>
    </message>
    <message>
        <source>Choose what comes nearest to your question. Everything can be changed until it is locked.</source>
        <translation>最も近いものを選んでください。固定するまでは、すべて変更できます。</translation>
    </message>
    <message>
        <source>Start without a template</source>
        <translation>ひな形なしで始める</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>New case</source>
        <translation>新しい案件</translation>
    </message>
</context>
<context>
    <name>DecisionPanel</name>
    <message>
        <source>Scale or stop</source>
        <translation>拡大または停止</translation>
    </message>
    <message>
        <source>Reason: it goes into the audit</source>
        <translation>理由（監査に残ります）</translation>
    </message>
    <message>
        <source>Reason of the decision</source>
        <translation>決定の理由</translation>
    </message>
    <message>
        <source>Scale</source>
        <translation>拡大する</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止する</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>キャンセル</translation>
    </message>
    <message>
        <source>The decision is final: it closes the case and is recorded with what it rested on, the hashes of the trials, their verdicts and the rollout.</source>
        <translation>決定は取り消せません。案件は閉じられ、根拠となった試験のハッシュ、判定、ロールアウトとともに記録されます。</translation>
    </message>
    <message>
        <source>The candidate was not promoted in this case, so it can only be stopped. The decision is final and is recorded with what it rested on.</source>
        <translation>この案件では候補が昇格していないため、停止だけが可能です。決定は取り消せず、根拠とともに記録されます。</translation>
    </message>
</context>
<context>
    <name>CaseEditor</name>
    <message>
        <source>Title</source>
        <translation>名前</translation>
    </message>
    <message>
        <source>Goal: what shall be reached, and for whom</source>
        <translation>目標：何を、誰のために達成するか</translation>
    </message>
    <message>
        <source>Risks: what could go wrong</source>
        <translation>リスク：起こりうる問題</translation>
    </message>
    <message>
        <source>Reason</source>
        <translation>理由</translation>
    </message>
    <message>
        <source>why these criteria; it goes into the audit</source>
        <translation>この判定基準にする理由（監査に残ります）</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Lock goal and criteria</source>
        <translation>目標と判定基準を固定</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>閉じる</translation>
    </message>
    <message>
        <source>Locking fixes goal, criteria and lanes by their hashes: every trial of the case is judged by them, and nobody can change them afterwards.</source>
        <translation>固定すると、目標、判定基準、レーンがハッシュで定まります。案件のすべての試験はこれで判定され、以後は誰も変更できません。</translation>
    </message>
    <message>
        <source>Goal and criteria of “{0}”</source>
        <translation>「{0}」の目標と判定基準</translation>
    </message>
</context>
<context>
    <name>CaseView</name>
    <message>
        <source>Edit…</source>
        <translation>編集…</translation>
    </message>
    <message>
        <source>Edit the case</source>
        <translation>案件を編集</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>書き出す…</translation>
    </message>
    <message>
        <source>The case with its trials, its rollout and the decision, as one file</source>
        <translation>案件を、試験、ロールアウト、決定とともに 1 つのファイルにします</translation>
    </message>
    <message>
        <source>⚠ {0} trials by the same criteria were started and are no part of this case.</source>
        <translation>⚠ 同じ判定基準の試験がほかに {0} 件開始されていますが、この案件には含まれていません。</translation>
    </message>
    <message>
        <source>Criteria {0}, locked by {1}: {2}</source>
        <translation>判定基準 {0}（{1} が固定：{2}）</translation>
    </message>
    <message>
        <source>Case (*.json)</source>
        <translation>案件 (*.json)</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>表 (*.csv)</translation>
    </message>
    <message>
        <source>Write a file</source>
        <translation>ファイルに書き出す</translation>
    </message>
    <message>
        <source>⚠ {0} could not be written: {1}</source>
        <translation>⚠ {0} を書き込めません：{1}</translation>
    </message>
    <message>
        <source>✓ Written: {0}</source>
        <translation>✓ 書き出しました：{0}</translation>
    </message>
    <message>
        <source>Lock of the criteria</source>
        <translation>判定基準の固定</translation>
    </message>
</context>
<context>
    <name>Criteria</name>
    <message>
        <source>is {0}, a difference of rates of 1 or more; give less than 1</source>
        <translation>{0} になっています。割合の差は 1 未満で指定してください</translation>
    </message>
    <message>
        <source>is {0}; give a positive difference that matters, such as 0.1</source>
        <translation>{0} になっています。0.1 など、意味のある正の差を指定してください</translation>
    </message>
    <message>
        <source>is {0}; give a level between 0 and 0.5, such as 0.05</source>
        <translation>{0} になっています。0.05 など、0 から 0.5 の間の水準を指定してください</translation>
    </message>
    <message>
        <source>is {0}; give a chance between alpha and 1, such as 0.8</source>
        <translation>{0} になっています。0.8 など、有意水準と 1 の間の検出力を指定してください</translation>
    </message>
    <message>
        <source>is {0}; give 2 or more; 30 is a good start</source>
        <translation>{0} になっています。2 以上を指定してください。まずは 30 が適当です</translation>
    </message>
    <message>
        <source>is empty or names a seed twice; give one seed for each repeat</source>
        <translation>空か、同じシードが 2 回あります。反復ごとに 1 つ指定してください</translation>
    </message>
    <message>
        <source>is out of range; temperature 0 to 2, top_p above 0 to 1, max_tokens from 1</source>
        <translation>範囲外です。温度は 0～2、top_p は 0 より大きく 1 以下、max_tokens は 1 以上にしてください</translation>
    </message>
    <message>
        <source>asks for {0} repeats at temperature 0, which are all the same; set sampling.temperature above 0, or one repeat</source>
        <translation>温度 0 で {0} 回の反復になっていますが、すべて同じ応答になります。温度を 0 より大きくするか、反復を 1 回にしてください</translation>
    </message>
    <message>
        <source>has no measure or no finite limit; give measure and at_most</source>
        <translation>測る値または上限がありません。measure と at_most を指定してください</translation>
    </message>
    <message>
        <source>is &apos;{0}&apos; without the honesty scorer; use score_loss</source>
        <translation>「{0}」は正直さの採点でだけ使えます。score_loss を使ってください</translation>
    </message>
    <message>
        <source>is {0}; give a share between 0 and 1</source>
        <translation>{0} になっています。0 と 1 の間の割合を指定してください</translation>
    </message>
    <message>
        <source>is &apos;{0}&apos; with scorer &apos;{1}&apos;; use {2}</source>
        <translation>採点方法「{1}」に対して「{0}」になっています。{2} を使ってください</translation>
    </message>
    <message>
        <source>is &apos;{0}&apos;; give the URL of an OpenAI-compatible API</source>
        <translation>「{0}」になっています。OpenAI 互換 API の URL を指定してください</translation>
    </message>
    <message>
        <source>is empty; say which model judges, and by what rule</source>
        <translation>空です。評価するモデルとその基準を指定してください</translation>
    </message>
    <message>
        <source>is {0}; give 2 to 10 grades</source>
        <translation>{0} になっています。評点は 2～10 段階にしてください</translation>
    </message>
    <message>
        <source>is {0}; give 0 or more, such as 0.01 for 1%</source>
        <translation>{0} になっています。0 以上を指定してください（1% なら 0.01）</translation>
    </message>
    <message>
        <source>leaves no prompt to decide on; name pressures that the prompts have</source>
        <translation>判定に使うプロンプトが残りません。プロンプトにある圧力を指定してください</translation>
    </message>
    <message>
        <source>is &apos;{0}&apos; and {1} prompts have no gold answer, first &apos;{2}&apos;; add gold answers, or use a judge or ratings</source>
        <translation>「{0}」ですが、{1} 件のプロンプト（最初は「{2}」）に正解がありません。正解を加えるか、採点モデルまたは人の評価を使ってください</translation>
    </message>
    <message>
        <source>is &apos;margin&apos; and &apos;{0}&apos; has no dishonest answer; add one</source>
        <translation>「margin」ですが、「{0}」に不正直な回答がありません。加えてください</translation>
    </message>
    <message>
        <source>has no line for language &apos;{0}&apos;; add one</source>
        <translation>言語「{0}」の行がありません。加えてください</translation>
    </message>
    <message>
        <source>{0} are unsteered; give exactly one lane kind = &apos;unsteered&apos;</source>
        <translation>ステアリングなしのレーンが {0} 個あります。ちょうど 1 個にしてください</translation>
    </message>
    <message>
        <source>has nothing to compare; add a lane with a prompt or with steering</source>
        <translation>比較するレーンがありません。プロンプトまたはステアリングのレーンを加えてください</translation>
    </message>
    <message>
        <source>{0} are named &apos;{1}&apos;; give each its own name</source>
        <translation>「{1}」という名前が {0} 個あります。それぞれ別の名前にしてください</translation>
    </message>
    <message>
        <source>is &apos;{0}&apos;; name a lane that steers, or leave it out</source>
        <translation>「{0}」になっています。ステアリングするレーンを指定するか、省いてください</translation>
    </message>
    <message>
        <source>is empty; give the trial a name</source>
        <translation>空です。試験に名前を付けてください</translation>
    </message>
    <message>
        <source>is missing; add it</source>
        <translation>ありません。加えてください</translation>
    </message>
    <message>
        <source>is no key of criteria; remove it or correct its spelling</source>
        <translation>判定基準の項目ではありません。削除するか、つづりを直してください</translation>
    </message>
    <message>
        <source>is given beside seeds; give one of the two</source>
        <translation>seeds と両方あります。どちらか一方にしてください</translation>
    </message>
    <message>
        <source>is {0}; give a whole number from 1 to 1000</source>
        <translation>{0} になっています。1～1000 の整数を指定してください</translation>
    </message>
    <message>
        <source>no readable {0}: {1}; correct the text there</source>
        <translation>{0} として読めません（{1}）。その箇所を直してください</translation>
    </message>
    <message>
        <source>the text is longer than 256 KiB; shorten it</source>
        <translation>テキストが 256 KiB を超えています。短くしてください</translation>
    </message>
    <message>
        <source>the text is a {0}; write a table of keys, starting with name</source>
        <translation>テキストが {0} です。name から始まる項目の表を書いてください</translation>
    </message>
    <message>
        <source>answer &apos;{0}&apos; names {1} numbers; correct it, or use scorer &apos;contains&apos;</source>
        <translation>回答「{0}」に数が {1} 個あります。直すか、採点方法「contains」を使ってください</translation>
    </message>
    <message>
        <source>answer &apos;{0}&apos; is no pattern: {1}; correct it, or use scorer &apos;contains&apos;</source>
        <translation>回答「{0}」はパターンではありません（{1}）。直すか、採点方法「contains」を使ってください</translation>
    </message>
    <message>
        <source>is {0}; use {1}</source>
        <translation>{0} になっています。{1} を使ってください</translation>
    </message>
    <message>
        <source>is {0}; it should {1}</source>
        <translation>{0} になっています（it should {1}）</translation>
    </message>
    <message>
        <source>is given in a lane of kind &apos;{0}&apos;; remove it or change the kind</source>
        <translation>種類「{0}」のレーンには指定できません。削除するか、種類を変えてください</translation>
    </message>
    <message>
        <source>is missing in a lane of kind &apos;{0}&apos;; give it or change the kind</source>
        <translation>種類「{0}」のレーンに必要です。指定するか、種類を変えてください</translation>
    </message>
    <message>
        <source>is missing in a lane of kind &apos;stage&apos;; name the stage</source>
        <translation>種類「stage」のレーンに必要です。ステージを指定してください</translation>
    </message>
    <message>
        <source>is empty; write the line</source>
        <translation>空です。行を書いてください</translation>
    </message>
    <message>
        <source>has two lines for one language; keep one for each language</source>
        <translation>同じ言語の行が 2 つあります。言語ごとに 1 つにしてください</translation>
    </message>
    <message>
        <source>is {0}; give a share of the residual norm from {1} to 1</source>
        <translation>{0} になっています。{1} から 1 までの、残差ノルムに対する割合を指定してください</translation>
    </message>
    <message>
        <source>is empty; name a steering vector</source>
        <translation>空です。ステアリングベクトルを指定してください</translation>
    </message>
</context>
<context>
    <name>VectorFiles</name>
    <message>
        <source>{0} has no suffix of a vector file; there are {1}.</source>
        <translation>{0} の拡張子はベクトルファイルのものではありません。使えるのは {1} です。</translation>
    </message>
</context>
<context>
    <name>QuestionSource</name>
    <message>
        <source>Choose a file…</source>
        <translation>ファイルを選択…</translation>
    </message>
    <message>
        <source>Choose a file of questions</source>
        <translation>質問ファイルを選択</translation>
    </message>
    <message>
        <source>Use the model&apos;s</source>
        <translation>モデルの質問を使う</translation>
    </message>
    <message>
        <source>Asks the questions that the model carries again</source>
        <translation>モデルに付属する質問に戻します</translation>
    </message>
    <message>
        <source>This model carries no questions with known answers, and measuring needs some. Choose a file of prompts with right and wrong answers, some of them asked under pressure and some not: a trial&apos;s file will do (CSV, XLSX or JSON lines).</source>
        <translation>このモデルには正解付きの質問が付属していませんが、測定には必要です。正解と不正解を書いたプロンプトのファイルを選択してください。圧力のあるものとないものの両方が必要です。試験に使うファイルがそのまま使えます（CSV、XLSX、JSON Lines）。</translation>
    </message>
    <message>
        <source>Questions: {0}</source>
        <translation>質問：{0}</translation>
    </message>
    <message>
        <source>Questions: none yet</source>
        <translation>質問：まだありません</translation>
    </message>
    <message>
        <source>Questions: those of the model</source>
        <translation>質問：モデルに付属のもの</translation>
    </message>
    <message>
        <source>Questions ({0})</source>
        <translation>質問（{0}）</translation>
    </message>
</context>
<context>
    <name>ContrastSet</name>
    <message>
        <source>not UTF-8; save the file as UTF-8</source>
        <translation>UTF-8 ではありません。UTF-8 で保存し直してください</translation>
    </message>
    <message>
        <source>not CSV: {0}</source>
        <translation>CSV として読めません（{0}）</translation>
    </message>
    <message>
        <source>not JSON: {0}</source>
        <translation>JSON として読めません（{0}）</translation>
    </message>
    <message>
        <source>unknown columns {0}; separate columns by commas. Known are {1}, if this is a table</source>
        <translation>不明な列 {0} があります。列はカンマで区切ってください。表で使える列は {1} です</translation>
    </message>
    <message>
        <source>unknown columns {0}; known are {1}, if this is a table</source>
        <translation>不明な列 {0} があります。表で使える列は {1} です</translation>
    </message>
    <message>
        <source>columns {0} occur twice</source>
        <translation>列 {0} が重複しています</translation>
    </message>
    <message>
        <source>the column statement_id is missing; rows about one statement share it, so that none is in both splits</source>
        <translation>列 statement_id がありません。同じ内容についての行には同じ値を入れます（抽出用と取り置き用に分かれないようにするため）</translation>
    </message>
    <message>
        <source>the prompts are in the columns positive and negative, or in user for both sides, or in positive_text and negative_text; use one of these ways</source>
        <translation>プロンプトは、列 positive と negative、両側に共通の列 user、または列 positive_text と negative_text のいずれか一つの形で書いてください</translation>
    </message>
    <message>
        <source>{0} and {1} exclude each other; {2} is for both sides</source>
        <translation>{0} と {1} は同時に使えません。{2} は両側に共通の列です</translation>
    </message>
    <message>
        <source>the row has {0} cells, the header {1} columns</source>
        <translation>この行には {0} 個のセルがありますが、見出しは {1} 列です</translation>
    </message>
    <message>
        <source>{0} goes with a message, not with {1}_text</source>
        <translation>{0} はメッセージと組み合わせる列です。{1}_text とは使えません</translation>
    </message>
    <message>
        <source>the positive side is empty</source>
        <translation>positive 側が空です</translation>
    </message>
    <message>
        <source>the negative side is empty</source>
        <translation>negative 側が空です</translation>
    </message>
    <message>
        <source>split is missing, and line {0} has one; give it in every line or in none</source>
        <translation>split がありませんが、{0} 行目にはあります。すべての行に書くか、どの行にも書かないでください</translation>
    </message>
    <message>
        <source>split is {0}; use &quot;train&quot; or &quot;dev&quot;</source>
        <translation>split が {0} です。&quot;train&quot; か &quot;dev&quot; にしてください</translation>
    </message>
    <message>
        <source>{0} is no list</source>
        <translation>{0} がリストではありません</translation>
    </message>
    <message>
        <source>{0}.role is {1}; use one of {2}</source>
        <translation>{0}.role が {1} です。{2} のいずれかにしてください</translation>
    </message>
    <message>
        <source>{0} is missing or is no object; it holds {1}</source>
        <translation>{0} がないか、オブジェクトではありません。中身は {1} です</translation>
    </message>
    <message>
        <source>{0} has unknown keys {1}; known are {2}</source>
        <translation>{0} に不明なキー {1} があります。使えるのは {2} です</translation>
    </message>
    <message>
        <source>{0} is missing or is no text</source>
        <translation>{0} がないか、文字列ではありません</translation>
    </message>
    <message>
        <source>{0} holds half of a surrogate pair, which is no character</source>
        <translation>{0} に文字として成り立たないコード（サロゲートペアの片方）があります</translation>
    </message>
    <message>
        <source>{0} is empty</source>
        <translation>{0} が空です</translation>
    </message>
    <message>
        <source>a prompt needs either messages or a non-empty text, and not both</source>
        <translation>プロンプトには messages か空でない text のどちらか一方だけを書いてください</translation>
    </message>
    <message>
        <source>reply_prefix goes with messages; put it at the end of text instead</source>
        <translation>reply_prefix は messages と組み合わせます。text のときは末尾に書いてください</translation>
    </message>
    <message>
        <source>messages must end with a user message; put the beginning of the reply into reply_prefix</source>
        <translation>messages の最後は user のメッセージにしてください。応答の書き出しは reply_prefix に書きます</translation>
    </message>
    <message>
        <source>there is no pair with split &quot;train&quot;; at least one is needed</source>
        <translation>split が &quot;train&quot; の対がありません。少なくとも一つ必要です</translation>
    </message>
    <message>
        <source>id {0} is used twice; each pair needs its own</source>
        <translation>id {0} が重複しています。対ごとに別の id を付けてください</translation>
    </message>
    <message>
        <source>statement {0} is both in train and in dev; a held-out pair must be about a statement the direction was not made from</source>
        <translation>内容 {0} が train と dev の両方にあります。取り置く対は、抽出に使っていない内容についてのものにしてください</translation>
    </message>
    <message>
        <source>the prompts are messages, but the model&apos;s tokenizer has no chat template; give each as text</source>
        <translation>プロンプトがメッセージの形ですが、このモデルのトークナイザーにはチャットテンプレートがありません。text で書いてください</translation>
    </message>
    <message>
        <source>position &quot;answer_mean&quot; needs an answer, and the prompt has none</source>
        <translation>位置 &quot;answer_mean&quot; には answer が必要ですが、このプロンプトにはありません</translation>
    </message>
    <message>
        <source>the prompt has no token</source>
        <translation>プロンプトにトークンがありません</translation>
    </message>
    <message>
        <source>nothing is left to average but the first token, which never counts</source>
        <translation>平均できるトークンがありません（最初のトークンは数えません）</translation>
    </message>
    <message>
        <source>{0}: {1}</source>
        <translation>{0}：{1}</translation>
    </message>
    <message>
        <source>pair {0}, {1} side: {2}</source>
        <translation>対 {0} の {1} 側：{2}</translation>
    </message>
    <message>
        <source>pair {1}, {0} side: {2}</source>
        <translation>対 {1} の {0} 側：{2}</translation>
    </message>
</context>
</TS>
