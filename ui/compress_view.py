"""Smaller versions of a model: a button, then score against size, a table, and each version to download."""

from typing import Any

import streamlit as st

from evaluation import compress
from evaluation.compress import Point
from records import Run
from ui import downloads, identity, jobs, look, samples

BEST, BEATEN, OWN = "Best for its size", "Beaten", "The run's file"
SHORT = {"student_half": "Student ½", "student_quarter": "Student ¼"}
"""What stands beside a point where the whole title has no room."""
OVERHEAD = 80
"""Seconds, about, in which every version is asked in a clean process."""


def show(run: Run) -> None:
    """Offer to make the run's model smaller; afterwards show what each version gains and costs."""
    told, signature = run.read("deliverables.json") or {}, samples.signature(run)
    name, kept = next(((name, each) for name, each in told.items() if "format" not in each), ("", None))
    if signature is None or kept is None or not kept["checked"]:
        return
    look.section(
        "Make it smaller",
        "Versions with fewer weights or fewer bits, and smaller models that learn from this one. Each is compared "
        "with the run on the same validation rows, never on the sealed test part.",
    )
    if why := compress.unfit(signature):
        look.quiet(why)
        return
    made = sorted(each["sha256"] for each in compress.of_other_formats(told, name))
    question = {"deliverable": name, "model": kept["sha256"], "formats": made}
    again = any(each.get("variant_of") == name and each["model"] == kept["sha256"] for each in told.values())
    result = jobs.show(
        run, "compress", question, key="compress", icon="compress",
        label="Compare with the files made since" if again else "Make it smaller",
        about="" if again else f"About {look.duration(OVERHEAD + _seconds(run))}. What was learned stays as it is.",
    )  # fmt: skip
    if result is not None:
        _result(run, result)


def _seconds(run: Run) -> float:
    """Return how long the run itself trained: pruning and students take about as long."""
    state = run.state
    return max(0.0, state.ended - state.started) if state.ended and state.started else 0.0


def _result(run: Run, result: dict[str, Any]) -> None:
    points: list[Point] = result["points"]
    st.markdown(f"**{look.plain(result['sentence'])}**")
    own = points[0]
    rows = [_row(point) for point in points]
    best = [point["title"] for point in points if point["front"]]
    alt = f"{own['metric_title']} against size; best for their size are {', '.join(best)}"
    st.vega_lite_chart(rows, chart(own["metric_title"]), height=340, key="compress_chart", alt=alt)
    look.quiet(
        f"Thin lines: 95 % intervals on {look.counted(own['rows'], 'validation row')}. The green line joins the "
        "versions that no other one beats in both size and score."
    )
    st.table(
        [_line(own, point) for point in points], border="horizontal", hide_index=True, hide_header=False,
        alt="Size, pace and score of each version",
    )  # fmt: skip
    look.quiet("Pace: one example from raw values to the answer, on one thread of this computer. Zeros make a file "
               "smaller, not faster.")  # fmt: skip
    _take(run, points)
    for each in result["left_out"]:
        look.quiet(f"{look.symbol('block')} {look.plain(each['title'])}: {look.plain(each['sentence'])}")


def chart(title: str) -> dict[str, Any]:
    """Return score against size, the undominated versions joined; rows are those of `_row`."""
    x = {
        "field": "size", "type": "quantitative", "title": "Size as downloaded (kB)",
        "scale": {"type": "log", "padding": 36, "nice": False}, "axis": {"grid": False, "tickCount": 5, "format": "~s"},
    }  # fmt: skip
    y = {"type": "quantitative", "title": title, "scale": {"zero": False, "padding": 12}, "axis": {"tickCount": 5}}
    colour = {
        "field": "kind", "type": "nominal",
        "scale": {"domain": [BEST, OWN, BEATEN],
                  "range": [look.colour("test"), look.colour("training"), look.colour("baseline")]},
        "legend": {"title": None, "orient": "top", "columns": 3, "symbolOpacity": 1, "symbolType": "circle"},
    }  # fmt: skip
    value = {"field": "value"} | y
    tooltip = [
        {"field": "name", "title": "Version"},
        {"field": "size", "title": "kB", "format": ",.0f"},
        {"field": "pace", "title": "Pace"},
        {"field": "value", "title": title, "format": ".4~g"},
        {"field": "low", "title": "From", "format": ".4~g"},
        {"field": "high", "title": "To", "format": ".4~g"},
    ]
    return {
        "encoding": {"x": x},
        "layer": [
            {"mark": {"type": "rule", "strokeWidth": 1.5, "opacity": 0.35},
             "encoding": {"y": {"field": "low"} | y, "y2": {"field": "high"}, "color": colour}},
            {"transform": [{"filter": "datum.front"}],
             "mark": {"type": "line", "strokeWidth": 2, "opacity": 0.6, "color": look.colour("test")},
             "encoding": {"y": value}},
            {"mark": {"type": "circle", "size": 110, "opacity": 1},
             "encoding": {"y": value, "color": colour, "tooltip": tooltip}},
            *(
                {"transform": [{"filter": {"field": "kind", "equal": kind}}],
                 "mark": {"type": "text", "dy": -12, "align": align, "fontSize": 12, "color": look.colour("ink")},
                 "encoding": {"y": value, "text": {"field": "label"}}}
                for kind, align in ((BEST, "left"), (OWN, "right"))
            ),
        ],
        "config": {"view": {"stroke": None}},
    }  # fmt: skip


def _row(point: Point) -> dict[str, Any]:
    is_own = point["name"] == compress.OWN
    return {
        "name": point["title"],
        "kind": OWN if is_own else BEST if point["front"] else BEATEN,
        "size": point["bytes"] / 1e3,
        "pace": _pace(point["milliseconds"]),
        "value": point["value"],
        "low": point["low"],
        "high": point["high"],
        "front": point["front"],
        "label": SHORT.get(point["name"], point["title"]),
    }


def _line(own: Point, point: Point) -> dict[str, str]:
    return {
        "Version": point["title"],
        "Size": _size(point["bytes"]),
        "Pace": _pace(point["milliseconds"]),
        own["metric_title"]: look.score(point["value"]),
        "Beside the run": _beside(own, point),
    }


def _beside(own: Point, point: Point) -> str:
    """Say whether a version is as good as the run, where chance is taken into account."""
    if point is own:
        return "–"
    words = {"equal": "the same", "second": "better", "first": "worse"}
    return words.get(point["verdict"], "as good within chance" if compress.is_as_good(own, point) else "may be worse")


def _take(run: Run, points: list[Point]) -> None:
    """Let a person choose a version, and download it once it has passed its check."""
    told = {each["file"]: each for each in (run.read("deliverables.json") or {}).values()}
    files = {
        point["name"]: point
        for point in points
        if told.get(point["file"], {}).get("variant") and (run.folder / point["file"]).exists()
    }
    if not files:
        return
    best = compress.recommended(points)
    default = best["name"] if best and best["name"] in files else next(iter(files))
    name = st.selectbox(
        "Version to take away", list(files), index=list(files).index(default), key="compress_take",
        format_func=lambda each: files[each]["title"],
    )  # fmt: skip
    point = files[name]
    st.markdown(look.plain(point["about"]))
    st.markdown(f":green[{look.symbol('verified')}] {look.plain(told[point['file']]['sentence'])}")
    file = run.folder / point["file"]
    label, key, icon = f"Download {file.name} · {_size(point['bytes'])}", "download_smaller", look.symbol("download")
    if point["bytes"] > downloads.LARGE and identity.WorkspaceCookie.is_installed:
        st.link_button(label, f"/api/runs/{run.id}/files/{file.name}", key=key, icon=icon)
    else:
        st.download_button(label, data=file.read_bytes, file_name=file.name, on_click="ignore", key=key, icon=icon)


def _pace(milliseconds: float) -> str:
    return f"{milliseconds:.2g}\u00a0ms" if milliseconds < 10 else f"{milliseconds:.0f}\u00a0ms"


def _size(count: int) -> str:
    return f"{count / 1e3:,.0f}\u00a0kB" if count < 1e6 else look.memory(count / 1e6).replace(" ", "\u00a0")
