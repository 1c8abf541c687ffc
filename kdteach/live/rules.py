"""How the live figures look, beside the colours that they share with the diagrams."""

from kdteach.diagrams.theme import DARK_PLACES
from kdteach.live.drawing_rules import DRAWING

RULES = (
    ".kd-live{border:1px solid var(--kd-edge);border-radius:12px;padding:12px 16px;"
    "background:var(--kd-page);color:var(--kd-ink)}"
    ".kd-live svg{display:block;width:100%;height:auto;max-width:520px}"
    ".kd-live text{font-family:inherit;font-size:13px;fill:var(--kd-ink)}"
    ".kd-live .kd-small{fill:var(--kd-soft)}"
    ".kd-live .kd-number{font-size:10.5px}"
    ".kd-live .kd-title{margin:.9em 0 .2em;font-weight:650}"
    ".kd-live .kd-words{margin:.6em 0 0;min-height:3em}"
    ".kd-live .kd-row{display:flex;flex-wrap:wrap;gap:8px 24px;align-items:center}"
    ".kd-live .kd-row>div:last-child{flex:1 1 300px}"
    ".kd-live .kd-picture canvas{width:130px;height:130px}"
    ".kd-live .kd-choices{border:0;padding:0;margin:0;min-width:0}"
    ".kd-live .kd-choices legend{font-weight:650;font-size:1em;margin:0}"
    ".kd-live .kd-choices label{display:inline-block;position:relative;margin:3px}"
    ".kd-live .kd-choices input{position:absolute;opacity:0;inset:0;width:100%;"
    "height:100%;margin:0;cursor:pointer}"
    ".kd-live .kd-choices canvas{display:block;width:44px;height:44px}"
    ".kd-live .kd-choices label{outline:1px solid var(--kd-edge);border-radius:6px}"
    ".kd-live .kd-choices label:has(:checked){outline:3px solid var(--kd-accent-edge)}"
    ".kd-live .kd-choices label:has(:focus-visible){outline:3px solid var(--kd-baseline)}"
    ".kd-live .kd-slider{display:flex;gap:12px;align-items:center;margin:.5em 0}"
    ".kd-live .kd-slider input{flex:1;min-width:0;accent-color:var(--kd-teacher)}"
    ".kd-live .kd-slider output{min-width:3.2em;text-align:right;"
    "font-variant-numeric:tabular-nums}"
    ".kd-live .kd-columns{display:grid;gap:6px 22px;grid-template-columns:"
    "repeat(auto-fit,minmax(220px,1fr))}"
    ".kd-live .kd-note{margin:0;color:var(--kd-soft);font-size:.9em}"
    # ink is black on nothing: dark pages turn it
    + ",".join(f"{place} .kd-ink" for place in DARK_PLACES)
    + "{filter:invert(1)}"
    + DRAWING
)
