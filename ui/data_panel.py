"""The left side of the Build screen: a sample or an upload, how it looks, what is to be learned, what was found."""

import datetime as dt
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

import streamlit as st
from PIL import Image

import datasets
from datasets import DataSet, Sample
from evaluation import tasks
from recipes import Column, Data, Finding, Recipe, Refusal, Schema, Shares
from recipes.schema import ColumnKind
from training import plan, shelf
from ui import look, many_panel, previews, settings_form, studio, upload
from ui import samples as pictures_of
from ui.draft import Draft, replace

SAMPLES, UPLOAD = "Samples", "Upload"
UPLOADS = "build_upload"
"""Key of the field that takes files."""
ROWS_SHOWN = 50
SAMPLES_OFFERED = 2
COMMON = ("image", "tabular")
"""Data types that most people begin with."""
PICTURES_LOOKED_AT = 240
CLASSES_SHOWN = 12
PICTURE_SIDE = 44
CELL_SIDE = 88
"""Pixels on the screen; twice as many are sent, for fine displays."""
SUPERVISED = ("classification", "regression")
PREDICT = "predict"
"""Of a table: learn one column from the others, be it classes or numbers."""


def samples() -> list[Sample]:
    """List the bundled samples of all data types."""
    return [sample for name in datasets.names() for sample in datasets.get(name).samples()]


def choose(draft: Draft) -> None:
    """Choose a sample, or bring files."""
    key = "build_data_source"
    brings = draft.data.get("file") or draft.reading or _was_refused() or upload.is_coming(UPLOADS)
    st.session_state.setdefault(key, UPLOAD if brings else SAMPLES)
    source = st.segmented_control(
        "Where the data come from",
        (SAMPLES, UPLOAD),
        key=key,
        required=True,
        label_visibility="collapsed",
        persist_state="session",
    )
    if source == SAMPLES:
        _choose_sample(draft)
    else:
        _upload(draft)


def resolved(draft: Draft) -> Data:
    """Return the draft's data with every setting written out; raises `Refusal`."""
    return plan.resolve(Recipe.of({"data": draft.data})).data


def type_of(draft: Draft) -> str:
    """Name the draft's data type as far as it is known before the data are opened; empty where it is not."""
    if name := draft.data.get("sample"):
        return next((sample.data_type for sample in samples() if sample.name == name), "")
    kind = draft.data.get("type")
    return kind if kind in datasets.names() else ""


def show(draft: Draft, dataset: DataSet) -> None:
    """Show what the data are: name, size, first rows or pictures."""
    schema = dataset.schema
    with st.container(gap=None):
        st.markdown(f"**{look.plain(_title(draft, schema))}**")
        st.caption(_size(schema))
    if schema.data_type in previews.names():
        previews.get(schema.data_type).show(dataset)
    elif schema.data_type == "image":
        _pictures(dataset)
    else:
        _rows(dataset)


def goal(draft: Draft, dataset: DataSet) -> Data:
    """Choose what is to be learned; returns the resolved data group with target and task."""
    schema = dataset.schema
    by_column = getattr(datasets.get(schema.data_type), "CHOOSES_TARGET", False)
    way = _choose_way(draft, dataset, by_column=by_column)
    if way == PREDICT and (candidates := _candidates(draft, schema)):
        _choose_target(draft, schema, candidates)
    elif way not in ("", PREDICT):
        _keep_or_drop(draft, "task", way, schema.task)
    return plan.complete(plan.resolve(Recipe.of({"data": draft.data})), schema).data


def has_goal(data: Data) -> bool:
    """Is it said what is to be learned?"""
    return bool(data.task) and bool(data.target or data.task not in SUPERVISED)


def balance(schema: Schema, data: Data, classes: dict[str, int]) -> None:
    """Draw how many rows each class of the chosen target has, or where its numbers lie."""
    if classes:
        _bars(classes)
    elif data.task == "regression":
        column = schema.column(data.target)
        if column.minimum is not None and column.maximum is not None and column.mean is not None:
            write = _day if column.kind == "date" else "{:,.4g}".format
            lowest, highest, mean = (write(value) for value in (column.minimum, column.maximum, column.mean))
            st.caption(f"From {lowest} to {highest}, {mean} on average.")


def columns(draft: Draft, schema: Schema) -> None:
    """Show how each column is used, and let it be changed."""
    kinds = [kind for kind in get_args(ColumnKind) if kind != "picture"]
    said = dict(draft.data.get("columns", {}))
    ignored = sum(said.get(column.name, column.kind) == "ignore" for column in schema.columns)
    title = f"{look.counted(len(schema.columns) - ignored, 'column')} used"
    with st.expander(
        f"{title}, {ignored} left out" if ignored else title,
        icon=look.symbol("view_column"),
        type="compact",
        key="build_columns",
    ):
        rows = [
            {
                "Column": column.name,
                "Used as": said.get(column.name, column.kind),
                "Empty": column.missing,
                "Why": column.reason,
            }
            for column in schema.columns
        ]
        edited = st.data_editor(
            rows,
            hide_index=True,
            disabled=["Column", "Empty", "Why"],
            column_config={"Used as": st.column_config.SelectboxColumn(options=kinds, required=True)},
            key=f"build_columns_editor_{schema.fingerprint[:12]}",
            alt="How each column is used",
        )
        own: dict[Any, str] = {column.name: column.kind for column in schema.columns}
        changed = {row["Column"]: row["Used as"] for row in edited if row["Used as"] != own[row["Column"]]}
        _keep_or_drop(draft, "columns", changed, {})


def more(draft: Draft, data_type: str) -> tuple[str, ...]:
    """Draw the data type's own settings and the shares that are kept back."""
    if not data_type:
        return ()
    config = datasets.get(data_type).Config
    said = {name: value for name, value in draft.data.items() if name in config.model_fields}
    kept_back = {name: value for name, value in draft.data.items() if name in Shares.model_fields}
    groups = [
        settings_form.Group(
            config, said, "build_data", hidden=("columns",), several=many_panel.lists(draft, many_panel.DATA)
        ),
        settings_form.Group(Shares, kept_back, "build_data", several=many_panel.lists(draft, many_panel.SHARES)),
    ]
    own, shares = settings_form.show(groups, "build_data", panel="data")
    many_panel.keep(draft, many_panel.DATA, own, config, "data")
    many_panel.keep(draft, many_panel.SHARES, shares, Shares, "data")
    for name in (*config.model_fields, *Shares.model_fields):
        _keep_or_drop(draft, name, (own.said | shares.said).get(name), None)
    return own.errors + shares.errors


def findings(found: list[Finding]) -> bool:
    """Show what a look at the data found; says whether something stands in the way of training."""
    count = {severity: sum(finding.severity == severity for finding in found) for severity in look.SEVERITIES}
    for finding in found:
        if finding.severity == "problem":
            look.failed(f"{finding.sentence} {finding.cure}".strip())
    words = [look.counted(count["notice"] + count["warning"], "notice"), look.counted(count["problem"], "problem")]
    icon = "error" if count["problem"] else "warning" if count["warning"] else "check_circle"
    title = ", ".join(words)
    with st.expander(title, icon=look.symbol(icon), type="compact", key="build_findings"):
        for finding in found:
            if finding.severity != "pass":
                st.markdown(look.severity_line(finding))
        if count["pass"]:
            _passed([finding.sentence for finding in found if finding.severity == "pass"])
    return count["problem"] > 0


def _passed(sentences: list[str]) -> None:
    """Tell in one quiet paragraph what is well."""
    _, icon, tone = look.SEVERITIES["pass"]
    checks = look.counted(len(sentences), "check")
    st.markdown(f":{tone}[{look.symbol(icon)} {checks} passed.] :gray[{look.plain(' '.join(sentences))}]")


# Choosing


def _choose_sample(draft: Draft) -> None:
    known = {sample.name: sample for sample in samples()}
    key = "build_data_sample"
    st.session_state.setdefault(key, draft.data.get("sample"))

    st.selectbox(
        "Sample",
        list(known),
        index=None,
        placeholder="Choose a sample",
        format_func=lambda name: known[name].title,
        key=key,
        on_change=lambda: _take_sample(draft, st.session_state[key]),
        label_visibility="collapsed",
        persist_state="session",
    )
    if name := draft.data.get("sample"):
        st.caption(known[name].sentence)
    elif not draft.has_data:
        _offer(draft)


def _offer(draft: Draft) -> None:
    """Offer some samples of each data type, on a screen where nothing is chosen yet."""
    look.quiet("Choose a sample to look around, or bring a file of your own.")
    for name in sorted(datasets.names(), key=lambda name: (name not in COMMON, name)):
        for sample in datasets.get(name).samples()[: SAMPLES_OFFERED if name in COMMON else 1]:
            st.button(
                sample.title,
                icon=look.type_icon(name),
                help=sample.sentence,
                width="stretch",
                key=f"build_offer_{sample.name}",
                on_click=_take_sample,
                args=(draft, sample.name),
            )


def _take_sample(draft: Draft, name: str | None) -> None:
    """Go on with a sample, or with nothing where the field was emptied."""
    forget_refusal()
    fresh = draft.model_copy(deep=True)
    if name:
        fresh.use_sample(name)
    else:
        fresh.data = {}
        fresh.start_again()
    replace(fresh, studio.workspace(), studio.owner())


def forget_refusal() -> None:
    """Other data were chosen: what was wrong with the last upload is of no interest any more."""
    if "upload" in st.session_state:
        st.session_state["upload"]["refused"] = ""


def _was_refused() -> bool:
    """Did the last upload end with a sentence that the visitor has to read?"""
    return bool(st.session_state.get("upload", {}).get("refused"))


def _upload(draft: Draft) -> None:
    state = st.session_state.setdefault("upload", {"refused": ""})
    try:
        file = upload.ask(
            "A table (CSV, Excel, Parquet, JSON), a text, or a zip of pictures, sounds, clips or texts", UPLOADS,
            endings=upload.endings(), several=True, disabled=bool(draft.reading),
        )  # fmt: skip
        if file is not None and file.is_dir():
            upload.check_together(file)
    except Refusal as refusal:
        state["refused"] = str(refusal)
        replace(draft, studio.workspace(), studio.owner())
        st.rerun()
    if file is not None:
        _start_reading(draft, file, "", state)
    elif draft.data.get("file") and not draft.reading:
        _read_otherwise(draft, state)
    if draft.reading:
        _wait_for_reading(draft, state)
    if state["refused"]:
        look.failed(state["refused"])
        if draft.has_data:
            st.caption("What you had before is still here.")


def _start_reading(draft: Draft, file: Path, data_type: str, state: dict[str, Any]) -> None:
    """Have an upload read; without a data type, the reader finds out which one it is."""
    try:
        recipe = Recipe.of({"data": {"file": str(file)} | ({"type": data_type} if data_type else {})})
        job = shelf.start_reading((plan.resolve(recipe) if data_type else recipe).data, studio.workspace())
    except Refusal as refusal:
        state["refused"] = str(refusal)
    else:
        state["refused"] = ""
        draft.reading = {"job": str(job), "file": str(file), "type": data_type}
    replace(draft, studio.workspace(), studio.owner())
    st.rerun()


def _read_otherwise(draft: Draft, state: dict[str, Any]) -> None:
    """Offer the other kinds of data as which this upload could be read."""
    file = Path(draft.data["file"])
    able = shelf.kinds(file)
    if len(able) < 2:
        return
    now = draft.data["type"]
    chosen = st.selectbox(
        "Read as", able, index=able.index(now) if now in able else None, key=f"build_read_as_{file.parent.name}",
        format_func=lambda name: datasets.get(name).TITLE, help="What kind of data this file holds.",
    )  # fmt: skip
    if chosen and chosen != now:
        _start_reading(draft, file, chosen, state)


def _wait_for_reading(draft: Draft, state: dict[str, Any]) -> None:
    job = Path(draft.reading["job"])
    if not job.exists():
        draft.reading = {}
        return

    def tick() -> None:
        try:
            told = shelf.reading(job)
        except shelf.LeftError:  # the server was started again meanwhile
            _start_reading(draft, Path(draft.reading["file"]), draft.reading["type"], state)
            return
        st.progress(min(1.0, told["done"]), text=look.plain(told["text"]))
        if told["done"] < 1:
            return
        fresh = draft.model_copy(deep=True)
        if told["refused"]:
            state["refused"] = told["refused"]
            fresh.reading = {}
        else:
            fresh.use_file(draft.reading["file"], told["type"])
        replace(fresh, studio.workspace(), studio.owner())
        st.rerun()

    st.fragment(tick, run_every=0.4)()


def _choose_way(draft: Draft, dataset: DataSet, *, by_column: bool) -> str:
    """Let a person choose where these data allow more than one task; empty where nothing can be learned yet."""
    able = datasets.tasks(dataset)
    schema = dataset.schema
    ways = [PREDICT, *(task for task in able if task not in SUPERVISED)] if by_column else list(able)
    if len(ways) < 2:
        return ways[0] if ways else ""
    said = draft.data.get("task") or schema.task or ways[0]
    key = f"build_data_way_{schema.fingerprint[:12]}"
    st.session_state.setdefault(key, PREDICT if by_column and said in SUPERVISED else said)
    chosen = st.segmented_control(
        "What it learns", ways, key=key, required=True, persist_state="session",
        format_func=lambda way: "Predict a column" if way == PREDICT else tasks.get(way).TITLE,
        help="What the model is to do with these data. In recipes: `task`.",
    )  # fmt: skip
    return chosen or ways[0]


def _candidates(draft: Draft, schema: Schema) -> list[str]:
    """Name the columns that can be learned; the one chosen already stays, whatever its kind became."""
    chosen = draft.data.get("target") or schema.target
    return [
        column.name
        for column in schema.columns
        if column.name == chosen or _kind(draft, column) not in ("ignore", "picture", "text")
    ]


def _kind(draft: Draft, column: Column) -> str:
    return draft.data.get("columns", {}).get(column.name, column.kind)


def _choose_target(draft: Draft, schema: Schema, candidates: list[str]) -> None:
    left, right = st.columns([3, 2])
    key = "build_data_target"
    before = draft.data.get("target") or schema.target or None
    st.session_state.setdefault(key, before)
    with left:
        target = st.selectbox(
            "What to learn",
            candidates,
            index=0 if schema.target else None,
            placeholder="Choose a column",
            key=key,
            help="The column that the model will answer. In recipes: `target`.",
            persist_state="session",
        )
    if target != before:
        draft.data.pop("task", None)
    _keep_or_drop(draft, "target", target, schema.target)
    proposed = schema.task if target == schema.target else _task_of(draft, schema, target)
    able = [task for task in SUPERVISED if task in datasets.get(schema.data_type).TASKS]
    key = f"build_data_task_{target}"
    said = draft.data.get("task")
    st.session_state.setdefault(key, said if said in SUPERVISED else proposed)
    with right:
        task = st.selectbox(
            "The answer is",
            able,
            format_func=lambda task: tasks.get(task).TITLE,
            key=key,
            help="A class: one of a few kinds (classification). A number: how much (regression). In recipes: `task`.",
            persist_state="session",
        )
    _keep_or_drop(draft, "task", task, schema.task if target == schema.target else None)


def _task_of(draft: Draft, schema: Schema, target: str | None) -> str:
    """Propose the task for a column that was not the proposed target."""
    if target is None:
        return schema.task or "classification"
    column = schema.column(target)
    return "regression" if _kind(draft, column) in ("number", "date") and column.unique > 10 else "classification"


def _keep_or_drop(draft: Draft, name: str, value: Any, proposed: Any) -> None:
    """Say it in the draft only where it differs from what would be taken anyway."""
    if value in (proposed, None):
        draft.data.pop(name, None)
    else:
        draft.data[name] = value


# Showing


def _day(days: float) -> str:
    """Write days since 1970 as a date."""
    return (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()


def _title(draft: Draft, schema: Schema) -> str:
    if name := draft.data.get("sample"):
        return datasets.find_sample(name).title
    return Path(draft.data["file"]).name if draft.data.get("file") else schema.name


def _size(schema: Schema) -> str:
    kind = datasets.get(schema.data_type)
    told = [look.counted(schema.rows, kind.NOUN)]
    if getattr(kind, "CHOOSES_TARGET", False):
        told.append(look.counted(len(schema.columns), "column"))
    elif schema.classes:
        told.append(look.counted(len(schema.classes), "class", "classes"))
    return " · ".join(told)


def _rows(dataset: DataSet) -> None:
    """Show the first rows as a table; a cell that holds a picture shows it."""
    rows = [
        {name: pictures_of.link(pictures_of.tile(cell, CELL_SIDE)) if isinstance(cell, Image.Image) else cell
         for name, cell in row.items()}
        for row in _preview(dataset, tuple(range(min(ROWS_SHOWN, dataset.schema.rows))))
    ]  # fmt: skip
    drawn = {name for row in rows for name, cell in row.items() if str(cell).startswith("data:image/png;base64,")}
    st.dataframe(
        rows, hide_index=True, height=212, key="build_rows", alt="The first rows", row_height=48 if drawn else None,
        column_config={name: st.column_config.ImageColumn(width="small") for name in drawn},
    )  # fmt: skip


def _pictures(dataset: DataSet) -> None:
    """Show a row of pictures for each of the first classes."""
    step = max(1, dataset.schema.rows // PICTURES_LOOKED_AT)
    shown = defaultdict(list)
    for sample in _preview(dataset, tuple(range(0, dataset.schema.rows, step))[:PICTURES_LOOKED_AT]):
        shown[str(sample[dataset.schema.target])].append(sample["picture"])
    for number, label in enumerate(sorted(shown)[:CLASSES_SHOWN]):
        pictures = [pictures_of.tile(picture, 2 * PICTURE_SIDE) for picture in shown[label][:6]]
        told = [f"{label}, example {place + 1}" for place in range(len(pictures))]
        with st.container(key=f"build_class_{number}", gap=None):
            st.caption(look.plain(label))
            st.image(pictures, width=PICTURE_SIDE, alt=told)
    if len(shown) > CLASSES_SHOWN:
        st.caption(f"… and {look.counted(len(shown) - CLASSES_SHOWN, 'more class', 'more classes')}.")


@st.cache_resource(max_entries=32, show_spinner=False, hash_funcs={DataSet: lambda dataset: str(dataset.folder)})
def _preview(dataset: DataSet, rows: tuple[int, ...]) -> list[dict[str, Any]]:
    return datasets.get(dataset.schema.data_type).preview(dataset, rows)


def _bars(classes: dict[str, int]) -> None:
    first = sorted(classes.items(), key=lambda item: -item[1])[:CLASSES_SHOWN]
    rows = [{"class": name, "rows": count} for name, count in first]
    axis = {"title": None, "labelLimit": 110, "ticks": False, "domain": False, "labelPadding": 8, "labelOverlap": False}
    base = {
        "y": {"field": "class", "type": "nominal", "sort": None, "axis": axis},
        "x": {"field": "rows", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1.2 * first[0][1]]}},
        "tooltip": [{"field": "class", "title": "Class"}, {"field": "rows", "title": "Rows", "format": ","}],
    }
    bar = {
        "mark": {"type": "bar", "color": look.colour("training"), "cornerRadiusEnd": 3, "size": 12},
        "encoding": base,
    }
    text = {
        "mark": {"type": "text", "align": "left", "dx": 6, "color": look.colour("quiet")},
        "encoding": base | {"text": {"field": "rows", "format": ","}},
    }
    spec = {"layer": [bar, text], "height": {"step": 24}, "config": {"view": {"stroke": None}}}
    st.vega_lite_chart(rows, spec, key="build_balance", alt="Rows per class")
    if len(classes) > CLASSES_SHOWN:
        st.caption(f"… and {look.counted(len(classes) - CLASSES_SHOWN, 'more class', 'more classes')}.")
