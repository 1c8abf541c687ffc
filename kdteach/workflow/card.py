"""The model card: what a colleague reads, in Markdown and in HTML."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kdteach.files import printable
from kdteach.workflow.numbers import MEASURES, alike
from kdteach.workflow.trials import ARMS
from kdteach.workflow.usage import prepared, usage
from kdteach.workflow.words import HTML, MARKDOWN

if TYPE_CHECKING:
    from kdteach.plots import Figure

_DOLLAR = re.compile(r"([\\`*_{}\[\]<>|#$])")


def cards(
    report: Mapping[str, Any], pictures: Mapping[str, Figure], no_figures: str = ""
) -> tuple[str, str, dict[str, bytes]]:
    """Write the card.

    Args:
        report: all that was measured.
        pictures: name to figure.
        no_figures: why there are none.

    Returns:
        Markdown, HTML that needs no other file, and the figures that the Markdown shows,
        PNG by name.
    """
    from jinja2 import Environment

    files = {name: figure.png() for name, figure in pictures.items()}
    shown = [
        {"name": name, "alt": pictures[name].alt,
         "data": base64.b64encode(content).decode()}
        for name, content in files.items()
    ]  # fmt: skip
    content = {**_content(report), "figures": shown, "no_figures": no_figures}
    made = []
    for text, escaped in ((MARKDOWN, False), (HTML, True)):
        world = Environment(
            autoescape=escaped, trim_blocks=False, keep_trailing_newline=True
        )
        world.filters["md"] = lambda text: _DOLLAR.sub(r"\\\1", printable(str(text)))
        made.append(world.from_string(text).render(content))
    return made[0], made[1], files


def _content(report: Mapping[str, Any]) -> dict[str, Any]:
    numbers, costs, settings = report["numbers"], report["costs"], report["settings"]
    count = len(numbers["seeds"])
    master, pair = numbers["teacher"], numbers["exported"]
    rows = [
        {"name": f"teacher, {settings['teacher']}",
         "accuracy": _ends(master["interval"]), "nll": f"{master['nll']:.3f}",
         "ece": f"{master['ece']:.1f}"}
    ]  # fmt: skip
    for arm in ARMS:
        means = {name: _ends(_possible(ends, name), 3 if name == "nll" else 1)
                 for name, ends in numbers["means"][arm].items()}  # fmt: skip
        rows.append({"name": f"{arm} student, {settings['student']}", **means})
    compared = [
        f"{MEASURES[name][0]}: {found['text']}; {found['pairing']}"
        for name, found in numbers["comparisons"].items()
    ]
    if "auc" in numbers:
        compared += [
            f"area under the ROC curve, {name}: {_ends(ends, 3)}"
            for name, ends in numbers["auc"].items()
        ]
    return {
        "title": f"{settings['student']}, distilled from {settings['teacher']}",
        "verdict": report["verdict"],
        "images": f"{numbers['images']:,}",
        "accuracy": rows,
        "intervals": "In brackets: 95 % intervals, of the teacher over test pictures "
        f"(Wilson), of the students over {count} seeds (Student's t, cut at what is "
        "possible). The test pictures were used once, after everything was chosen. The "
        "settings were chosen once, too: how another search would have ended is not in "
        "these intervals.",
        "compared": compared,
        "exported": f"Exported is the distilled student of seed {pair['seed']}, the best "
        f"on validation: {pair['distilled']['accuracy']:.1f} % of the test pictures right. "
        f"It wins {pair['won']} of them from the label-trained student of this seed and "
        f"loses {pair['lost']} (McNemar's exact p = {pair['p']:.3g}, which speaks of "
        "these two networks, not of the methods).",
        "costs": _costs(report),
        "timed": f"Median of one picture on {costs['device']}, {costs['threads']} threads.",
        "notes": report["notes"],
        "made": report["made"],
        "trials": [
            {
                "arm": r["arm"],
                "chosen": r == report["chosen"][r["arm"]],
                "rate": f"{r['rate']:.3g}",
                "temperature": "" if (heat := r["temperature"]) is None else f"{heat:.3g}",
                "alpha": "" if r["alpha"] is None else f"{r['alpha']:.2g}",
                "accuracy": "diverged" if r["accuracy"] is None
                else f"{100 * r['accuracy']:.1f}",
            }
            for r in report["trials"]
        ],
        "prepared": prepared(settings["size"], settings["channels"]) + ".",
        "use": usage(report),
    }  # fmt: skip


def _costs(report: Mapping[str, Any]) -> list[dict[str, str]]:
    costs, numbers = report["costs"], report["numbers"]
    right = {
        "teacher": numbers["teacher"]["accuracy"],
        "student": numbers["exported"]["distilled"]["accuracy"],
    }
    rows = [
        {
            "name": name,
            "parameters": f"{costs[name]['parameters']:,}",
            "flops": "not counted" if costs[name]["flops"] is None
            else f"{costs[name]['flops']:,}",
            "bytes": f"{costs[name]['bytes']:,}",
            "ms": f"{costs[name]['ms']:.3g}",
            "right": f"{share:.1f}",
        }
        for name, share in right.items()
    ]  # fmt: skip
    small, onnx = costs["int8"], costs["onnx"]
    if "why" not in onnx:
        rows.append(
            {"name": "student in onnxruntime", "parameters": rows[1]["parameters"],
             "flops": rows[1]["flops"], "bytes": f"{onnx['bytes']:,}",
             "ms": f"{onnx['ms']:.3g}",
             "right": rows[1]["right"] if onnx["equal"] else "differs"}
        )  # fmt: skip
    if "why" not in small:
        share = 100 * (1 - small["errors"] / numbers["images"])
        rows.append(
            {"name": "student, dense layers in 8 bits", "parameters": rows[1]["parameters"],
             "flops": "", "bytes": f"{small['bytes']:,}", "ms": f"{small['ms']:.3g}",
             "right": f"{share:.1f}"}
        )  # fmt: skip
    return rows


def _possible(ends: list[float], name: str) -> list[float]:
    """An interval without what no network can reach: more than 100 % right, say."""
    mean, low, high = ends
    return [mean, max(low, 0.0), high if name == "nll" else min(high, 100.0)]


def _ends(ends: list[float], digits: int = 1) -> str:
    mean, low, high = ends
    if alike(low, high):
        return f"{mean:.{digits}f} (no spread)"
    while f"{low:.{digits}f}" == f"{high:.{digits}f}":  # an interval as narrow as that
        digits += 1
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
