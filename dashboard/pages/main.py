"""The script that Streamlit runs: who is there, which pages there are, and the one that is open."""

from __future__ import annotations

import numpy as np
import streamlit as st
from drivegrid.dashboard.pages.admin import admin
from drivegrid.dashboard.pages.ask import ask
from drivegrid.dashboard.pages.browse import browse
from drivegrid.dashboard.pages.compare import compare
from drivegrid.dashboard.pages.data import data
from drivegrid.dashboard.pages.errors import errors
from drivegrid.dashboard.pages.export import export
from drivegrid.dashboard.pages.frame import frame
from drivegrid.dashboard.pages.parts import told
from drivegrid.dashboard.pages.review import review
from drivegrid.dashboard.pages.train import train
from PIL import Image

# Streamlit leaves much of a small screen empty above a page; its bar there is 3.75rem high.
STYLE = "<style>.stMainBlockContainer { padding: 4.25rem 2.5rem 1rem }</style>"
# A lattice of four cells a side. A name of Google's icons would be fetched from there.
CELL = np.pad(np.full((6, 6), 1, np.uint8), 1)
ICON = Image.fromarray(np.tile(CELL, (4, 4))[..., None] * np.array([0, 114, 178], np.uint8))


def main() -> None:
    """Show the page that is open."""
    st.set_page_config(page_title="drivegrid", page_icon=ICON, layout="wide")
    first = st.Page(ask, title="Ask", icon=":material/forum:", url_path="ask")

    def home() -> None:
        st.switch_page(first, query_params=st.query_params.to_dict())

    pages = [
        # The default page has no address of its own; so that Ask has one, it is another.
        st.Page(home, title="drivegrid", default=True, visibility="hidden"),
        first,
        st.Page(browse, title="Browse", icon=":material/grid_view:", url_path="browse"),
        st.Page(review, title="Review", icon=":material/rate_review:", url_path="review"),
        st.Page(compare, title="Compare", icon=":material/compare_arrows:", url_path="compare"),
        st.Page(errors, title="Errors", icon=":material/error:", url_path="errors"),
        st.Page(data, title="Data", icon=":material/database:", url_path="data"),
        st.Page(train, title="Train", icon=":material/model_training:", url_path="train"),
        st.Page(export, title="Export", icon=":material/archive:", url_path="export"),
        st.Page(admin, title="Admin", icon=":material/group:", url_path="admin"),
        st.Page(frame, title="Frame", url_path="frame", visibility="hidden"),
    ]
    st.html(STYLE)
    page = st.navigation(pages, position="top")
    with told():
        page.run()


if __name__ == "__main__":
    main()
