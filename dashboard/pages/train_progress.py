"""How a training goes: curves and pictures while it learns, then judging and promoting."""

from __future__ import annotations

from collections.abc import Mapping

import altair as alt
import streamlit as st
from drivegrid.dashboard.fine_tuning import CONFIG, FINE_TUNING
from drivegrid.dashboard.hub import Hub
from drivegrid.dashboard.judging import JUDGING
from drivegrid.dashboard.pages.job_list import ACTIVE, POLL_S, may_ask
from drivegrid.dashboard.pages.parts import page_at, plain, show_error, told
from drivegrid.dashboard.run_files import RunFiles, Series
from drivegrid.dashboard.service import Actor
from drivegrid.dashboard.store.evaluations import figures
from drivegrid.dashboard.store.jobs import Job, get_job, list_jobs
from drivegrid.dashboard.store.promotions import promoted

STOPPED = ("failed", "cancelled")
MOST = 200
"""Judgings that are looked through."""
HEIGHT = 210
HEADLINES = {"culane": "f1_50", "boxes": "f1_50", "points": "f1", "drivable": "miou"}
"""Rule to the figure that is shown of it."""
RULE_NAMES = {
    "culane": "Lanes, F1",
    "boxes": "Boxes, F1",
    "points": "Signs, F1",
    "drivable": "Drivable, IoU",
}
STEP_NAMES = {
    "loss": "loss",
    "grid/reward": "reward of proposals",
    "offset/reward": "reward of refinements",
}


def progress(shared: Hub, actor: Actor, job: Job) -> None:
    """Show a training: its curves and sheets of answers, live; what can be done with the result."""
    st.subheader(f"Training {job.id}")
    if job.state == "failed":
        show_error(job.message)
    if job.state in STOPPED:
        _go_on(actor, job)
    run_every = 2 * POLL_S if job.state in ACTIVE else None
    st.fragment(_curves, run_every=run_every)(shared, job)
    if job.state == "done":
        _judged(shared, actor, job)
        _promote(shared, actor, job)
    st.fragment(_sheets, run_every=run_every)(shared, job)
    asked = shared.tuner.folder(job.id) / CONFIG
    if asked.is_file():
        with st.expander("Settings that differ from the config nano-reviewed"):
            st.code(asked.read_text(encoding="utf-8"), language="yaml")


def _go_on(actor: Actor, job: Job) -> None:
    """Offer to take up a training that was stopped."""
    may = may_ask(actor, FINE_TUNING)
    if st.button("Go on from the last saved step", icon=":material/resume:", disabled=not may):
        with told():
            actor.resume(job.id)
        st.rerun()


def _curves(shared: Hub, job: Job) -> None:
    """Show what the files of a run tell now."""
    files: RunFiles = shared.tuner.files(job.id)
    left, right = st.columns(2, gap="medium")
    steps = {STEP_NAMES[n]: v for n, v in files.curves().items() if n in STEP_NAMES}
    rewarded = job.parameters["method"] != "sft"
    what = "reward" if rewarded else "loss"
    with left:
        st.markdown("**While it learns**")
        _curve({n: v for n, v in steps.items() if not rewarded or n != "loss"}, what, points=False)
    with right:
        st.markdown("**Held-out frames**")
        mean = files.judged_curves().get("mean", [])
        _curve({f"mean {what}": mean} if mean else {}, what, points=True)


def _curve(series: Series, what: str, *, points: bool) -> None:
    """Show values over steps; a place of the same height where there are none yet."""
    if not series:
        with st.container(height=HEIGHT, border=False, vertical_alignment="center"):
            st.caption("Nothing was told so far.", text_alignment="center")
        return
    rows = [
        {"step": step, what: value, "figure": name}
        for name, values in series.items()
        for step, value in values
    ]
    legend = alt.Legend(orient="top", labelLimit=240) if len(series) > 1 else None
    chart = alt.Chart(alt.Data(values=rows)).mark_line(point=points, strokeWidth=2)
    encoded = chart.encode(
        alt.X("step:Q", title="step", axis=alt.Axis(tickMinStep=1, format="d")),
        alt.Y(f"{what}:Q", title=what, scale=alt.Scale(zero=False)),
        alt.Color("figure:N", title=None, legend=legend),
        tooltip=["figure:N", "step:Q", alt.Tooltip(f"{what}:Q", format=".4f")],
    )
    st.altair_chart(encoded.properties(height=HEIGHT), width="stretch")


def _sheets(shared: Hub, job: Job) -> None:
    """Show what the model answers about held-out frames, at one of the steps it was judged."""
    found = shared.tuner.files(job.id).pictures()
    sheets = {int(path.stem.removeprefix("step-")): path for path in found}
    if not sheets:
        st.caption("Answers about held-out frames are drawn whenever they are judged.")
        return
    steps = list(sheets)
    step = steps[-1]
    if len(steps) > 1:
        step = st.select_slider(
            "Answers after step", steps, value=steps[-1], key=f"train-sheet-{len(steps)}"
        )
    st.image(sheets[step].read_bytes(), width="stretch")


def _judged(shared: Hub, actor: Actor, job: Job) -> None:
    """Show how it does against what it began with, or offer to find out."""
    st.markdown("**Against the checkpoint it began with, on the held-out frames**")
    of_this = [
        one
        for one in list_jobs(shared.database, MOST, kinds=[JUDGING])
        if one.parameters.get("training") == job.id
    ]
    if not of_this:
        if st.button(
            "Evaluate", icon=":material/query_stats:", disabled=not may_ask(actor, JUDGING)
        ):
            with told():
                actor.enqueue(JUDGING, {"training": job.id})
            st.rerun()
        return
    newest = of_this[0]
    if newest.state in ACTIVE:
        st.fragment(_judging, run_every=POLL_S)(shared, actor, newest.id)
    elif newest.result is not None:
        _scores(shared, newest)
    else:
        show_error(newest.message or newest.state)


def _judging(shared: Hub, actor: Actor, job_id: int) -> None:
    job = get_job(shared.database, job_id)
    if job.state not in ACTIVE:
        st.rerun()
    bar, stop = st.columns([0.8, 0.2], vertical_alignment="center")
    waiting = "waiting until the runs before it are done"
    bar.progress(job.progress, text=plain(job.message or waiting))
    if stop.button("Cancel", width="stretch", disabled=not may_ask(actor, JUDGING)):
        with told():
            actor.cancel(job_id)
        st.rerun()


def _scores(shared: Hub, job: Job) -> None:
    """Show the headline of each rule, before and after, and where to see more."""
    made: Mapping[str, list[int]] = job.result["evaluations"]
    for column, (rule, (before, after)) in zip(st.columns(len(made)), made.items(), strict=True):
        name = HEADLINES[rule]
        old, new = (figures(shared.database, one).figures[name] for one in (before, after))
        delta = None if old is None or new is None else f"{100 * (new - old):+.1f}"
        shown = "-" if new is None else f"{100 * new:.1f}"
        column.metric(RULE_NAMES[rule], shown, delta, delta_color="off", border=True)
        column.page_link(
            page_at("compare"), label="Compare", icon=":material/compare_arrows:",
            query_params={
                "dataset": str(job.result["dataset_id"]), "first": str(before),
                "second": str(after),
            },
        )  # fmt: skip
    st.caption("Percent; below, what changed. Few frames say little: see the intervals.")


def _promote(shared: Hub, actor: Actor, job: Job) -> None:
    """Let the result answer on the page Ask, or go back to the packaged model."""
    if shared.settings.checkpoint is not None:
        st.caption(plain(f"The dashboard was started with {shared.settings.checkpoint}."))
        return
    last = promoted(shared.database)
    may = may_ask(actor, FINE_TUNING)
    if last is not None and last.job_id == job.id:
        if last.checkpoint is not None and last.checkpoint.is_dir():
            st.success(f"Answers on the page Ask. Promoted by {plain(last.user)}.")
        else:
            show_error(f"Its checkpoint is gone, so that nothing answers ({last.checkpoint}).")
        if st.button("Go back to the packaged model", disabled=not may):
            with told():
                actor.promote(None)
            st.rerun()
        return
    if st.button("Promote: let it answer on Ask", icon=":material/publish:", disabled=not may):
        with told():
            actor.promote(job.id)
        st.rerun()
