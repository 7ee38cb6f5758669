"""The script that Streamlit runs: who is there, which pages there are, and the one that is open."""

from __future__ import annotations

import streamlit as st
from drivegrid.dashboard.pages.admin import admin
from drivegrid.dashboard.pages.ask import ask
from drivegrid.dashboard.pages.export import export
from drivegrid.dashboard.pages.parts import told

STYLE = "<style>.stMainBlockContainer { padding: 3.5rem 2.5rem 1rem }</style>"
"""Streamlit leaves a third of a small screen empty above the page."""


def main() -> None:
    """Show the page that is open."""
    st.set_page_config(page_title="drivegrid", page_icon=":material/grid_4x4:", layout="wide")
    pages = [
        st.Page(ask, title="Ask", icon=":material/forum:", url_path="ask", default=True),
        st.Page(export, title="Export", icon=":material/archive:", url_path="export"),
        st.Page(admin, title="Admin", icon=":material/group:", url_path="admin"),
    ]
    st.html(STYLE)
    page = st.navigation(pages, position="top")
    with told():
        page.run()


if __name__ == "__main__":
    main()
