"""Reports for people who decide: trials, rollouts and studies as HTML, PDF and slides, in English and Japanese.

    record = read_trial_record(Path("trial.json"))
    Path("report.html").write_text(render_html(trial_report(record, "ja")), encoding="utf-8")
    Path("slides.pptx").write_bytes(render_pptx(trial_deck(record, "ja")))

Each is made from plain records and needs no server; `files.write` writes any of the three forms. What needs scipy,
reportlab or python-pptx is imported from its own module.
"""
